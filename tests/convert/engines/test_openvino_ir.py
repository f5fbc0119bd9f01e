"""`sdfl build --target openvino`: an IR that carries its passport, and runs like its source."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_model
from toy_engine import quiet
from typer.testing import CliRunner

from sdfl.artifacts.model_file import read_built, read_spec
from sdfl.cli import app
from sdfl.convert.engines import run_build
from sdfl.convert.engines.plan import make_plan
from sdfl.errors import ArtifactError, ConfigError
from sdfl.runtime.backends import open_backend
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.runtime.zoo import resolve_model


def build_ir(source: Path, out: Path, precision: str | None = None) -> Path:
    return run_build(make_plan(source, "openvino", out=out, precision=precision), quiet).path


@pytest.fixture
def ir(toy: Path, tmp_path: Path) -> Path:
    return build_ir(toy, tmp_path / "toy.xml", "fp32")


def test_it_computes_what_the_source_computes(ir: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, toy_model.SIZE, toy_model.SIZE, 3), dtype=np.uint8)
    got, want = (
        OpenVinoBackend(ir, precision="f32").infer(crops),
        toy_model.numpy_reference(crops, toy_model.make_weights()),
    )
    np.testing.assert_allclose(got.points, want.points, atol=1e-4)
    np.testing.assert_allclose(got.presence, want.presence, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "precision", "megabytes"),
    [
        pytest.param("medium", "fp16", 7.2, id="fp16: half of 14 MB"),
        pytest.param("medium_int8", "int8", 4.2, id="int8: a quarter and scales"),
    ],
)
def test_weights_are_stored_small(tmp_path: Path, name: str, precision: str, megabytes: float) -> None:
    path = build_ir(resolve_model(name), tmp_path / "m.xml")
    assert path.with_suffix(".bin").stat().st_size < megabytes * 1e6
    passport = read_built(path)
    assert passport is not None
    assert (passport.target, passport.precision, passport.source) == ("openvino", precision, f"{name}.onnx")
    assert read_spec(path).precision == precision
    assert read_spec(path).nme_percent == read_spec(resolve_model(name)).nme_percent
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.bin", "m.xml"]


def test_the_command_line_takes_it_as_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.xml"
    built = CliRunner().invoke(app, ["build", "medium_int8", "--target", "openvino", "-o", str(path)])
    assert built.exit_code == 0, built.output
    assert "int8 for openvino" in built.output
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    seen = CliRunner().invoke(app, ["track", "sample", "--frames", "1", "--model", str(path)])
    assert seen.exit_code == 0, seen.output
    assert '"points"' in seen.output


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda xml: xml.write_text(xml.read_text()[:-200]), "not a complete OpenVINO IR", id="cut off"),
        pytest.param(lambda xml: xml.with_suffix(".bin").unlink(), r"toy\.bin are missing", id="bin missing"),
        pytest.param(lambda xml: xml.write_text("<net/>"), "was not made by `sdfl build`", id="some other IR"),
    ],
)
def test_damaged_files_are_one_line(ir: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(ir)
    with pytest.raises(ArtifactError, match=rf"toy\.xml: .*{message}") as caught:
        open_backend(ir)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("rename", "message"),
    [
        pytest.param(1, None, id="before both"),
        pytest.param(2, r"toy\.bin: is not what toy\.xml was built with .*sdfl build", id="between them"),
    ],
)
def test_a_kill_at_a_rename_is_seen_and_repaired(ir: Path, toy: Path, rename: int, message: str | None) -> None:
    script = (
        "import os, signal\n"
        "from sdfl import files\n"
        f"replace, left = files._replace, iter(range({rename})[1:])\n"
        "end = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files._replace = lambda *paths: replace(*paths) if next(left, None) else end()\n"
        "from sdfl.cli import app\n"
        f"app(['build', {str(toy)!r}, '--target', 'openvino', '--precision', 'fp16', '-o', {str(ir)!r}])"
    )
    before = ir.read_bytes(), ir.with_suffix(".bin").read_bytes()
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    if message is None:
        assert (ir.read_bytes(), ir.with_suffix(".bin").read_bytes()) == before
    else:
        with pytest.raises(ArtifactError, match=message) as caught:
            open_backend(ir)
        assert "\n" not in str(caught.value)
    build_ir(toy, ir, "fp16")
    open_backend(ir).close()
    assert sorted(path.name for path in ir.parent.iterdir()) == ["toy.bin", "toy.xml"]


def test_onnx_runtime_does_not_read_it(ir: Path) -> None:
    with pytest.raises(ConfigError, match=r"backend onnxruntime does not read toy\.xml"):
        open_backend(ir, name="onnxruntime")


def test_it_needs_no_onnx(toy: Path, tmp_path: Path) -> None:
    """A plain installation has OpenVINO and no package `onnx`."""
    script = (
        "import sys; sys.modules['onnx'] = None\n"
        "from sdfl.cli import app\n"
        f"app(['build', {str(toy)!r}, '--target', 'openvino', '-o', 'toy.xml'])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "toy.xml").exists()
