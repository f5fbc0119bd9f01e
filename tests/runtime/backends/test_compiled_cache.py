"""The second start of a model reads what the first one compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_model import save_toy_model

from sdfl.artifacts import self_test
from sdfl.runtime.backends.openvino import compiled_cache as ov_cache
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend

CROPS = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "toy.onnx"
    save_toy_model(path)
    return path


def blobs(path: Path) -> list[Path]:
    return sorted((path.parent / "cache" / "sdfl" / "openvino").glob("*.blob"))


def infer(path: Path) -> np.ndarray:
    backend = OpenVinoBackend(path, precision="f32", threads=1)
    size = backend.spec.input_size
    return backend.infer(np.resize(CROPS, (2, size, size, 3))).points


def test_a_cached_network_gives_the_same_points(toy: Path) -> None:
    first = infer(toy)
    assert len(blobs(toy)) == 2, "one for each batch"
    written = [blob.stat().st_mtime_ns for blob in blobs(toy)]
    np.testing.assert_array_equal(infer(toy), first)
    assert [blob.stat().st_mtime_ns for blob in blobs(toy)] == written


def test_another_file_or_setting_is_compiled_anew(toy: Path) -> None:
    OpenVinoBackend(toy, precision="f32")
    OpenVinoBackend(toy, precision="f32", threads=1)
    toy.write_bytes(toy.read_bytes() + b"")
    OpenVinoBackend(toy, precision="f32")
    assert len(blobs(toy)) == 2


def test_a_verdict_is_not_kept_when_what_judges_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of another version of the package may be judged by other tolerances."""
    before = ov_cache.key_of([])
    judge = tmp_path / "self_test.py"
    judge.write_bytes(Path(self_test.__file__).read_bytes() + b"# another tolerance")
    monkeypatch.setattr(self_test, "__file__", str(judge))
    ov_cache._code.cache_clear()
    try:
        assert ov_cache.key_of([]) != before
    finally:
        ov_cache._code.cache_clear()


@pytest.mark.parametrize("content", [b"", b"cut off"], ids=["empty", "no network"])
def test_a_damaged_cache_only_costs_time(toy: Path, content: bytes) -> None:
    first = infer(toy)
    for blob in blobs(toy):
        blob.write_bytes(content)
    np.testing.assert_array_equal(infer(toy), first)


def test_networks_in_each_others_place_are_compiled_anew(toy: Path) -> None:
    """Both are whole: only their names are wrong."""
    first = infer(toy)
    one, other = blobs(toy)
    right = one.read_bytes(), other.read_bytes()
    one.write_bytes(right[1])
    other.write_bytes(right[0])
    np.testing.assert_array_equal(infer(toy), first)
    assert one.read_bytes() != right[1]


def test_a_damaged_byte_in_a_cached_network_is_not_used(toy: Path) -> None:
    first = infer(toy)
    for blob in blobs(toy):
        content = bytearray(blob.read_bytes())
        content[len(content) // 2] ^= 1
        blob.write_bytes(content)
    damaged = [blob.read_bytes() for blob in blobs(toy)]
    np.testing.assert_array_equal(infer(toy), first)
    assert all(blob.read_bytes() != before for blob, before in zip(blobs(toy), damaged, strict=True))


def test_a_cache_that_cannot_be_written_only_costs_time(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toy.parent / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(toy.parent / "file"))
    assert np.isfinite(infer(toy)).all()


def test_it_does_not_grow_without_end(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ov_cache, "MAX_FILES", 1)
    infer(toy)
    assert len(blobs(toy)) == 1


def test_openvino_comes_without_its_converter_and_still_has_it() -> None:
    text = (
        "import sys; from sdfl.runtime.backends.openvino.library import load_openvino as load; ov = load();"
        "assert 'openvino.tools.ovc' not in sys.modules; assert callable(ov.convert_model);"
        "from openvino.tools.ovc import convert_model"
    )
    subprocess.run([sys.executable, "-c", text], check=True)
