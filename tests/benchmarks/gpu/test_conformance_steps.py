"""The steps of `make gpu` that run rows of the operator's conformance suite, in processes with a fake GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdfl.benchmarks.gpu import steps
from sdfl.benchmarks.gpu.record import FAILED, PASSED
from sdfl.benchmarks.gpu.run import run_step
from sdfl.benchmarks.gpu.workplace import NotRun, Step, Workplace


def named(place: Workplace, name: str) -> Step:
    (found,) = [each for each in steps.all_steps(place) if each.name == name]
    return found


def test_counts_of_the_tests_marked_gpu(place: Workplace) -> None:
    place.folder.mkdir(parents=True)
    report = place.folder / "pytest_CUDA.xml"
    errors = "".join(f'<property name="epsilons_float16" value="{value}"/>' for value in ("0.12345", "0.5", "nan"))
    report.write_text(
        f"<t><testcase><properties>{errors}</properties></testcase><testcase><failure/></testcase>"
        '<testcase><skipped message="no nvcc"/></testcase></t>'
    )
    counts = {"passed": 1, "failed": 1, "skipped": 1, "skipped_because": ["no nvcc"]}
    assert steps.read_tests("CUDA", place, []) == counts | {"epsilons_float16": 0.5}
    report.write_text('<t><testcase><skipped message="no nvcc"/></testcase></t>')
    with pytest.raises(NotRun, match="every test was skipped: no nvcc"):
        steps.read_tests("CUDA", place, [])
    report.unlink()
    with pytest.raises(ValueError, match="pytest wrote no report"):
        steps.read_tests("CUDA", place, [])


FAKES = {
    "cuda/__init__.py": "",
    "cuda/bindings/__init__.py": "",
    "cuda/bindings/runtime.py": "import sys\nfrom fake_cuda import FakeCuda\nsys.modules[__name__] = FakeCuda()\n",
    "tensorrt.py": "import os, sys\nfrom fake_cuda import FakeCuda\nfrom fake_tensorrt import FakeTensorRt\n"
    "from importlib import import_module\n"
    "library = FakeTensorRt('10.3.0', import_module('cuda.bindings.runtime'))\n"
    "library.libraries[os.environ['SDFL_TENSORRT_PLUGIN']] = {('SparseGraphConv', '1', 'sdfl')}\n"
    "sys.modules[__name__] = library\n",
}


@pytest.fixture
def fake_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU and TensorRT for every process that is started."""
    for name, text in FAKES.items():
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))


def make(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()


PLUGIN_TESTS, KERNEL_TESTS = "tests: plugin in engines of one node", "tests: kernel"


@pytest.mark.slow
def test_the_plugin_passes_its_test_vectors_in_engines_of_one_node(place: Workplace, fake_packages: None) -> None:
    make(place.plugin)
    result = run_step(place, named(place, PLUGIN_TESTS), left_s=300)
    assert (result.outcome, result.reason) == (PASSED, "")
    figures = result.figures
    assert (figures["passed"], figures["failed"], figures["skipped"]) == (25, 0, 0)
    assert 0 < figures["epsilons_float32"] <= 4
    assert 0 < figures["epsilons_float16"] <= 0.51
    assert set(figures) == {"passed", "failed", "skipped", "epsilons_float32", "epsilons_float16"}


@pytest.mark.slow
def test_a_kernel_library_that_does_not_load_fails_and_is_named(place: Workplace, fake_packages: None) -> None:
    make(place.kernel)
    result = run_step(place, named(place, KERNEL_TESTS), left_s=300)
    assert result.outcome == FAILED
    assert "SDFL_CUDA_LIBRARY names" in result.reason
    assert (result.figures["passed"], result.figures["failed"]) == (0, 50)


def test_tensorrt_rtx_takes_no_plugin(place: Workplace) -> None:
    make(place.plugin)
    rtx = replace(place, machine=replace(place.machine, tensorrt={"tensorrt-rtx": "1.7.1"}))
    with pytest.raises(NotRun, match="no module tensorrt, and TensorRT-RTX takes no plugins"):
        named(rtx, PLUGIN_TESTS).prepare(rtx)
