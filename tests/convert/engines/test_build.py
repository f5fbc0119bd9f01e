"""`sdfl build --target tensorrt` with TensorRT 10 (JetPack 6) and 11, by a fake that computes in ONNX Runtime."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from fake_tensorrt import FakeTensorRt
from toy_engine import build_toy, quiet
from typer.testing import CliRunner

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.artifacts.passport import read_passport
from sdfl.cli import app
from sdfl.convert.engines import run_build
from sdfl.convert.engines.plan import make_plan
from sdfl.errors import ArtifactError, SdflError
from sdfl.runtime.backends import open_backend
from sdfl.runtime.zoo import resolve_model

FP16, FLOAT = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
Install = Callable[[str], FakeTensorRt]


def cli(*arguments: str) -> SimpleNamespace:
    result = CliRunner().invoke(app, ["build", *arguments])
    return SimpleNamespace(code=result.exit_code, error=result.exception, out=result.output)


@pytest.mark.parametrize(
    ("precision", "flags"),
    [
        pytest.param("fp32", set(), id="fp32 without TF32"),
        pytest.param("fp16", {"FP16", "PREFER_PRECISION_CONSTRAINTS"}, id="fp16"),
    ],
)
def test_tensorrt_10_is_told_by_flags(
    toy: Path, tensorrt: FakeTensorRt, tmp_path: Path, precision: str, flags: set[str]
) -> None:
    build_toy(toy, tmp_path / "toy.engine", precision=precision)
    assert tensorrt.last.config.flags == flags
    types = {tensor.data_type for tensor in tensorrt.last.network.model.graph.initializer}
    assert FP16 not in types
    exact = [layer.name for layer in tensorrt.last.network.layers if layer.precision == "float32"]
    assert len(exact) == (3 if precision == "fp16" else 0)


def test_tensorrt_11_is_told_by_the_types_of_the_file(toy: Path, install: Install, tmp_path: Path) -> None:
    library = install("11.1.0")
    build_toy(toy, tmp_path / "toy.engine", precision="fp16")
    assert library.last.config.flags == set()
    assert FP16 in {tensor.data_type for tensor in library.last.network.model.graph.initializer}


@pytest.mark.parametrize("version", ["10.3.0", "11.1.0"])
def test_int8_is_int8_with_fp16_around_it(install: Install, tmp_path: Path, version: str) -> None:
    library = install(version)
    plan = make_plan(resolve_model("medium_int8"), "tensorrt", out=tmp_path / "m.engine")
    built = run_build(plan, quiet)
    assert plan.precision == "int8"
    assert {layer.is_int8 for layer in built.layers} == {True}
    if version.startswith("10"):
        assert {"FP16", "INT8"} <= library.last.config.flags
    else:
        scales = _scales(library.last.network.model)
        assert scales
        assert set(scales.values()) == {FP16}


def _scales(model: onnx.ModelProto) -> dict[str, int]:
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    quantized = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    return {node.input[1]: types[node.input[1]] for node in quantized}


def test_an_int8_engine_that_computes_in_float_says_so(tensorrt: FakeTensorRt, tmp_path: Path) -> None:
    """Slower than fp16, for want of fused Q/DQ: a report that many users made."""
    tensorrt.inner_type = "Row major linear FP16 format"
    result = cli("medium_int8", "--target", "tensorrt", "-o", str(tmp_path / "m.engine"))
    assert result.code == 0, result.out
    assert "0 of 53 convolutions compute in int8" in result.out
    assert "in float, and slower than fp16 for it" in result.out
    assert "--quant" in result.out


def test_one_face_is_a_fixed_batch_and_more_a_profile(toy: Path, tensorrt: FakeTensorRt, tmp_path: Path) -> None:
    one = open_backend(build_toy(toy, tmp_path / "one.engine"))
    assert tensorrt.last.config.profiles == []
    crops = np.zeros((2, 64, 64, 3), np.uint8)
    assert one.infer(crops).points.shape == (2, 68, 2)  # one after the other
    build_toy(toy, tmp_path / "many.engine", max_faces=4)
    assert tensorrt.last.config.profiles == [{"image": ((1, 64, 64, 3), (4, 64, 64, 3), (4, 64, 64, 3))}]


def test_the_passport_says_what_it_is_for(engine: Path, toy: Path) -> None:
    passport = read_passport(engine)
    assert (passport.target, passport.precision, passport.max_faces) == ("tensorrt", "fp32", 3)
    assert (passport.gpu, passport.compute_capabilities, passport.driver) == ("Orin", ("8.7",), "12.6")
    assert (passport.library_version, passport.source) == ("10.3.0", "toy.onnx")
    assert passport.source_sha256 == read_spec(toy).graph_sha256
    assert passport.copy_sha256
    assert passport.copy_sha256 != passport.source_sha256
    assert passport.peak_memory_mb > 10
    assert passport.spec("x").layout == "ibug68"
    assert passport.verified is None


@pytest.mark.parametrize(
    ("asked", "megabytes"),
    [pytest.param(None, 512, id="a quarter of the 2 GB that are free"), pytest.param(64, 64, id="as asked")],
)
def test_workspace_is_capped(
    toy: Path, tensorrt: FakeTensorRt, tmp_path: Path, asked: int | None, megabytes: int
) -> None:
    build_toy(toy, tmp_path / "toy.engine", workspace_mb=asked)
    assert tensorrt.last.config.pools == {"WORKSPACE": megabytes << 20}


def test_timings_are_kept_for_this_gpu_and_version(toy: Path, install: Install, tmp_path: Path) -> None:
    library = install("10.3.0")
    build_toy(toy, tmp_path / "toy.engine")
    assert library.last.config.cache.loaded == b""
    build_toy(toy, tmp_path / "toy.engine")
    assert library.last.config.cache.loaded == b"timings"
    other = install("10.13.2")
    build_toy(toy, tmp_path / "toy.engine")
    assert other.last.config.cache.loaded == b""


def test_a_cache_of_timings_that_cannot_be_kept_costs_no_engine(
    toy: Path, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("10.3.0")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    build_toy(toy, tmp_path / "toy.engine")
    assert (tmp_path / "toy.engine").exists()


def test_progress_is_that_of_the_outermost_phase(toy: Path, tensorrt: FakeTensorRt, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    run_build(make_plan(toy, "tensorrt", out=tmp_path / "t.engine"), lambda *step: seen.append(step))
    assert {name for name, _, _ in seen} == {"Building engine"}
    assert [done for _, done, _ in seen] == [0, 1, 2, 3, 3]


def test_ctrl_c_ends_the_build_at_the_next_step_and_leaves_nothing(
    toy: Path, tensorrt: FakeTensorRt, tmp_path: Path
) -> None:
    import time

    def interrupt() -> None:
        if not tensorrt.steps:
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.5)  # the main thread hears it while TensorRT goes on

    tensorrt.on_step = interrupt
    # What a shell starts in the background ignores SIGINT, and Python then leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            build_toy(toy, tmp_path / "out" / "toy.engine")
    finally:
        signal.signal(signal.SIGINT, before)
    assert tensorrt.steps == [False]
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        pytest.param("Requested amount of GPU memory could not be allocated: out of memory", "add swap on a Jetson",
                     id="out of memory on Orin"),
        pytest.param("Could not find any implementation for node Conv_3.", "Could not find any implementation",
                     id="any other reason is told"),
    ],
)  # fmt: skip
def test_what_tensorrt_refuses_is_one_line_and_leaves_nothing(
    toy: Path, tensorrt: FakeTensorRt, tmp_path: Path, message: str, advice: str
) -> None:
    tensorrt.build_error = message + "\nat file.cpp:12"
    with pytest.raises(ArtifactError, match=rf"toy\.onnx: TensorRT cannot build it.*{advice}") as caught:
        build_toy(toy, tmp_path / "out" / "toy.engine")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out/*"))


class TestPlugin:
    @pytest.fixture
    def plugin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "libsdfl_tensorrt.so"
        path.write_bytes(b"a library")
        return path

    def test_nodes_name_it_and_the_function_is_gone(self, toy: Path, tensorrt: FakeTensorRt, plugin: Path) -> None:
        tensorrt.libraries[str(plugin)] = {("SparseGraphConv", "1", "sdfl")}
        plan = make_plan(toy, "tensorrt", out=plugin.with_name("toy.engine"), plugin=plugin)
        built = run_build(plan, quiet)
        assert built.passport.plugin_sha256 == hashlib.sha256(b"a library").hexdigest()
        model = tensorrt.last.network.model
        nodes = [node for node in model.graph.node if node.domain == "sdfl"]
        assert len(nodes) == 3
        for node in nodes:
            values = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
            assert (values["plugin_namespace"], values["plugin_version"]) == (b"sdfl", b"1")
            assert "slope" in values
        assert not model.functions

    def test_a_library_that_is_none(self, toy: Path, tensorrt: FakeTensorRt, plugin: Path) -> None:
        with pytest.raises(ArtifactError, match=r"libsdfl_tensorrt\.so: TensorRT cannot load it as a plugin"):
            build_toy(toy, plugin.with_name("toy.engine"), plugin=plugin)

    def test_a_library_without_the_creator(self, toy: Path, tensorrt: FakeTensorRt, plugin: Path) -> None:
        tensorrt.libraries[str(plugin)] = {("OtherPlugin", "1", "")}
        wanted = r"holds no plugin sdfl::SparseGraphConv version 1.*docs/reference/operator\.md"
        with pytest.raises(ArtifactError, match=wanted):
            build_toy(toy, plugin.with_name("toy.engine"), plugin=plugin)


def test_without_a_gpu_the_reason_is_told(toy: Path, tensorrt: FakeTensorRt, tmp_path: Path) -> None:
    from fake_cuda import Error

    tensorrt.cuda.fails["cudaGetDeviceCount"] = Error.cudaErrorNoDevice
    with pytest.raises(SdflError, match="TensorRT builds on the device that runs the engine.*no NVIDIA GPU"):
        build_toy(toy, tmp_path / "toy.engine")


def test_the_command_line_reports_and_names_the_next_step(toy: Path, tensorrt: FakeTensorRt, tmp_path: Path) -> None:
    out = tmp_path / "t.engine"
    result = cli(str(toy), "--target", "tensorrt", "-o", str(out))
    assert result.code == 0, result.out
    assert "fp16 for tensorrt 10.3.0" in result.out
    assert "peak memory" in result.out
    assert f"sdfl verify {out} --against {toy}" in result.out
    assert sorted(path.name for path in tmp_path.glob("t.*")) == ["t.engine", "t.engine.json"]
