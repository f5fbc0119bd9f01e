"""From recipe to ONNX file, on generated faces."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from ctrl_c import CtrlC
from typer.testing import CliRunner

from sdfl.artifacts.detector_spec import read_detector_spec
from sdfl.cli import app
from sdfl.convert import detector_threshold
from sdfl.convert.export.detector import export_detector, set_threshold
from sdfl.convert.post_training_quantization import quantize
from sdfl.datasets import find_samples
from sdfl.errors import CheckpointError, ConfigError, DataError
from sdfl.model.checkpoint import read_checkpoint
from sdfl.model.detector.losses import DetectorLossConfig, Targets, assign, detector_losses
from sdfl.model.detector.network import DetectorConfig, FaceDetector, cell_grid, decode
from sdfl.model.fold import fold
from sdfl.runtime.detector.network import NetworkDetector
from sdfl.train.data.canvas import FACE, UNKNOWN, ComposeConfig
from sdfl.train.data.detector_pictures import Source, load_source
from sdfl.train.data.face_composition import clear_region, compose
from sdfl.train.detector_recipe import load_detector_recipe
from sdfl.train.devices import Devices
from sdfl.train.tasks.detector import fit_detector
from sdfl.types import Box

pytestmark = pytest.mark.slow

CPU = Devices(accelerator="cpu", devices="1")
NO_OTHERS = np.zeros((0, 4), np.float32)


def targets(*boxes: tuple[float, ...], kind: int = FACE) -> Targets:
    """One picture with faces of these boxes, their points in the middle."""
    made = torch.tensor([boxes], dtype=torch.float32)
    points = ((made[..., :2] + made[..., 2:]) / 2)[:, :, None].expand(-1, -1, 5, -1)
    return Targets(made, points, torch.full(made.shape[:2], kind))


@pytest.mark.parametrize(
    ("side", "strides"),
    [
        pytest.param(12, {8}, id="small: the finest"),
        pytest.param(40, {8, 16}, id="between two: both"),
        pytest.param(60, {16}, id="middle"),
        pytest.param(80, {16, 32}, id="between two again"),
        pytest.param(150, {32}, id="large: the coarsest"),
    ],
)
def test_every_size_is_answered_for_by_the_fitting_strides(side: float, strides: set[int]) -> None:
    centres, of_cell = cell_grid(160, 160)
    owner, _ = assign(targets((80 - side / 2, 80 - side / 2, 80 + side / 2, 80 + side / 2)), centres, of_cell)
    assert {int(stride) for stride in of_cell[owner[0] >= 0]} == strides
    assert 0 < int((owner >= 0).sum()) < 30


def test_the_smaller_of_two_faces_wins_a_cell() -> None:
    centres, strides = cell_grid(160, 160)
    owner, _ = assign(targets((60, 60, 100, 100), (65, 65, 95, 95)), centres, strides)
    middle = (centres - 80).abs().amax(dim=1) < 6
    assert set(owner[0, middle & (strides == 8)].tolist()) == {1}


def test_unknown_regions_count_neither_way() -> None:
    centres, strides = cell_grid(160, 160)
    raw = torch.zeros(1, len(centres), 15)
    raw[..., 0] = 3.0  # a face everywhere, says the network
    cells = decode(raw, centres, strides)
    whole = (-1.0, -1.0, 161.0, 161.0)
    unknown, known = (
        detector_losses(cells, targets(whole, kind=kind), centres, strides, DetectorLossConfig())["score"]
        for kind in (UNKNOWN, 0)
    )
    assert float(unknown) == 0.0
    assert float(known) > 100


def test_a_perfect_answer_costs_next_to_nothing() -> None:
    centres, strides = cell_grid(160, 160)
    faces = targets((60, 60, 100, 100))
    owner, _ = assign(faces, centres, strides)
    raw = torch.full((1, len(centres), 15), -20.0)
    mine = owner[0] >= 0
    raw[0, mine, 0] = 20.0
    raw[0, mine, 1:3] = (80 - centres[mine]) / strides[mine, None]
    raw[0, mine, 3:5] = torch.log(40 / strides[mine, None])
    raw[0, mine, 5:] = ((80 - centres[mine]) / strides[mine, None]).repeat(1, 5)
    terms = detector_losses(decode(raw, centres, strides), faces, centres, strides, DetectorLossConfig())
    assert sum(float(term) for term in terms.values()) < 1e-3


def pick(sources: list[Source], rng: np.random.Generator) -> Source:
    return sources[rng.integers(len(sources))]


def test_composed_pictures_show_faces_where_they_say(face_root: Path) -> None:
    sources = [load_source(sample, NO_OTHERS) for sample in find_samples(face_root / "train")]
    config = ComposeConfig(size=128, face_px=(24.0, 100.0), faces=2, cover=0.0)
    seen = 0
    for number in range(20):
        rng = np.random.default_rng(number)
        made = compose(functools.partial(pick, sources, rng), sources[0], config, rng)
        assert made.image.shape == (128, 128, 3)
        for box, points, kind in zip(made.boxes, made.points, made.kind, strict=True):
            side = (box[2:] - box[:2]).max()
            assert 10 < side < 150
            seen += kind == FACE
            assert (points >= box[:2] - 1).all()
            assert (points <= box[2:] + 1).all()
            assert points[0, 0] < points[1, 0] or abs(points[0, 1] - points[1, 1]) > 0.1 * side, "left is left"
    assert seen > 10, "most pictures show a face"


def test_clear_regions_touch_neither_the_face_nor_a_marked_one(face_root: Path) -> None:
    sample = find_samples(face_root / "train")[0]
    other = np.array([[0, 0, 30, 30]], np.float32)
    source, rng = load_source(sample, other), np.random.default_rng(0)
    found = [region for region in (clear_region(source, rng) for _ in range(60)) if region is not None]
    assert found
    for region in found:
        for taken in (source.box, other[0]):
            assert not ((region[:2] < taken[2:]).all() and (region[2:] > taken[:2]).all())


@pytest.mark.parametrize("after", [pytest.param(2, id="within the first epoch"), pytest.param(5, id="in the second")])
def test_ctrl_c_leaves_a_checkpoint_that_goes_on_exactly(
    recipe_path: Path, face_root: Path, tmp_path: Path, after: int, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = load_detector_recipe(recipe_path)
    whole = read_checkpoint(fit_detector(recipe, face_root, tmp_path / "whole", devices=CPU))
    with pytest.raises(KeyboardInterrupt):
        fit_detector(recipe, face_root, tmp_path / "cut", devices=CPU, reporter=CtrlC(after))
    assert "last.ckpt with --resume" in capfd.readouterr().err
    last = tmp_path / "cut" / "last.ckpt"
    stopped = read_checkpoint(last)
    assert stopped.training is not None
    assert (stopped.epoch, stopped.training.step) == divmod(after, 4), "32 pictures in batches of 8"
    resumed = read_checkpoint(fit_detector(recipe, face_root, tmp_path / "cut", resume=last, devices=CPU))
    for part in ("weights", "average"):
        mine, theirs = getattr(whole.training, part), getattr(resumed.training, part)
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert resumed.validation == whole.validation


def test_training_leaves_checkpoints_and_logs(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    recipe = load_detector_recipe(recipe_path, ["train.validate_every=1"])
    fit_detector(recipe, face_root, tmp_path / "run", devices=CPU)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"last.ckpt", "best.ckpt", "tensorboard"}
    assert any((tmp_path / "run" / "tensorboard").iterdir())
    best, last = (read_checkpoint(tmp_path / "run" / f"{name}.ckpt") for name in ("best", "last"))
    assert best.is_detector
    assert best.training is None
    assert 0 < best.validation["loss"] <= last.validation["loss"]
    assert last.validation["num_images"] == 32


def test_the_best_checkpoint_survives_a_stop(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    """An epoch after the stop is compared with the best one before it, not taken for the first."""
    recipe = load_detector_recipe(recipe_path, ["train.validate_every=1", "train.epochs=3"])
    with pytest.raises(KeyboardInterrupt):
        fit_detector(recipe, face_root, tmp_path, devices=CPU, reporter=CtrlC(after=5))
    best = tmp_path / "best.ckpt"
    unbeatable = torch.load(best, weights_only=True) | {"validation": {"loss": 0.0}}
    torch.save(unbeatable, best)
    fit_detector(recipe, face_root, tmp_path, resume=tmp_path / "last.ckpt", devices=CPU)
    assert read_checkpoint(best).validation["loss"] == 0.0


def test_without_held_out_pictures_nothing_is_validated(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    recipe = load_detector_recipe(recipe_path, ["data.folders=[{path='train'}]", "train.epochs=2"])
    last = fit_detector(recipe, face_root, tmp_path, devices=CPU)
    assert read_checkpoint(last).validation == {}
    assert not (tmp_path / "best.ckpt").exists()


def test_the_whole_line_from_recipe_to_int8_file(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    def sdfl(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    out, int8 = tmp_path / "run", tmp_path / "int8.ckpt"
    sdfl("train", recipe_path, "--data", face_root, "--out", out, "--accelerator", "cpu", "--devices", "1")
    sdfl("quantize", out / "last.ckpt", "--data", face_root, "--images", 8, "-o", int8)
    for checkpoint, precision in ((out / "last.ckpt", "fp32"), (int8, "int8")):
        file = tmp_path / f"{precision}.onnx"
        assert "with the provisional threshold 0.5; choose one with --data" in sdfl("export", checkpoint, "-o", file)
        spec = read_detector_spec(file)
        assert (spec.name, spec.precision, spec.training_data) == ("tiny", precision, "generated")
        _agrees_with_torch(file, read_checkpoint(checkpoint).detector())
    set_threshold(file, 0.37, "by hand")
    assert NetworkDetector(file).threshold == 0.37


class Brightness:
    """A detector that takes a whole picture for a face, the surer the brighter it is."""

    def __init__(self, model: Path, threshold: float) -> None:
        read_detector_spec(model)

    def detect(self, image: np.ndarray) -> list[Box]:
        height, width = image.shape[:2]
        return [Box(np.array([0, 0, width, height], np.float32), float(image.max()) / 255)]


def test_export_chooses_the_threshold_on_crops_without_a_face(
    recipe_path: Path, face_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 crops two may hold a detection: the threshold lies just above the score of the third."""
    recipe = load_detector_recipe(recipe_path, ["train.epochs=2", "train.pictures=8"])
    checkpoint = fit_detector(recipe, face_root, tmp_path / "out", devices=CPU)
    crops = [np.full((8, 8, 3), min(value, 200), np.uint8) for value in (*range(2, 200), 251, 252)]
    monkeypatch.setattr(detector_threshold, "NetworkDetector", Brightness)
    monkeypatch.setattr(detector_threshold, "faceless_crops", lambda data, part: crops if data == face_root else [])
    monkeypatch.setattr(
        detector_threshold, "faceless_split", lambda data, part: find_samples(data / "train") if part != "test" else []
    )
    file = tmp_path / "d.onnx"
    result = CliRunner().invoke(
        app, ["export", str(checkpoint), "-o", str(file), "--data", str(face_root)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    spec = read_detector_spec(file)
    assert spec.threshold == 0.79  # 199 / 255 is 0.78
    assert "exported with the threshold 0.79, lowest with a detection in at most 1%" in result.output
    assert "recall there" in spec.threshold_protocol


def _agrees_with_torch(file: Path, network: FaceDetector) -> None:
    """In ONNX Runtime, at two sizes of picture."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file))
    for shape in ((192, 320), (320, 256)):
        image = np.random.default_rng(0).integers(0, 256, (1, *shape, 3), dtype=np.uint8)
        with torch.no_grad():
            wanted = network(torch.from_numpy(image)).numpy()
        got = session.run(None, {"image": image})[0]
        assert got.shape == (1, sum(shape[0] * shape[1] // stride**2 for stride in (8, 16, 32)), 15)
        # int8: a value on the edge between two steps may fall to either side
        assert np.quantile(np.abs(got - wanted), 0.99) < 0.05


def test_folding_changes_nothing() -> None:
    network = FaceDetector(DetectorConfig()).eval()
    image = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(fold(network)(image), network(image), atol=1e-4)  # fp32, another order of sums


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param("detector.widths=[8]", ConfigError, "detector.widths must be 5", id="too few widths"),
        pytest.param("compose.size=100", ConfigError, "compose.size must be a multiple of 32", id="odd size"),
        pytest.param("train.batch_size=64", ConfigError, "train.batch_size must lie in", id="batch beyond an epoch"),
        pytest.param("data.teacher=gone.onnx", DataError, "gone.onnx: not found", id="no teacher"),
    ],
)
def test_a_wrong_recipe_is_one_clear_line(
    change: str, error: type[Exception], message: str, recipe_path: Path, face_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        fit_detector(load_detector_recipe(recipe_path, [change]), face_root, tmp_path / "out", devices=CPU)


def test_each_kind_of_checkpoint_is_refused_as_the_other(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    recipe = load_detector_recipe(recipe_path, ["train.epochs=2", "train.pictures=8"])
    checkpoint = fit_detector(recipe, face_root, tmp_path / "out", devices=CPU)
    with pytest.raises(CheckpointError, match="is a detector, not a landmark network"):
        read_checkpoint(checkpoint).landmark_network()
    int8 = quantize(read_checkpoint(checkpoint), face_root, tmp_path / "int8.ckpt", images=4)
    with pytest.raises(CheckpointError, match="is already quantized"):
        quantize(read_checkpoint(int8), face_root, tmp_path / "again.ckpt", images=4)
    with pytest.raises(DataError, match="holds 12 pictures, --images asks for 99"):
        quantize(read_checkpoint(checkpoint), face_root, tmp_path / "more.ckpt", images=99)
    export_detector(read_checkpoint(int8), tmp_path / "int8.onnx")
