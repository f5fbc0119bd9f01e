"""Sets on disk: resumed, whole, independent of the number of workers. The renderer is replaced, but for one test."""

from __future__ import annotations

import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from sdfl.datasets import load_list, read_image
from sdfl.errors import ConfigError, MissingDependency
from sdfl.train.synthetic import clips, generate, render
from sdfl.train.synthetic.photo import develop, draw_background

PLAN = generate.Plan(seed=7, size=64)
ASSETS = Path("nowhere")


def record_of(seed: int, number: int) -> dict:
    rng = np.random.default_rng([seed, number])
    points = {f"points_{n}": np.round(rng.uniform(5, 60, (n, 2)), 2).tolist() for n in (68, 98)}
    return points | {f"visible_{n}": [1] * n for n in (68, 98)}


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the faces that were rendered, by a fake."""
    numbers: list[int] = []

    def compose(_: object, seed: int, number: int, size: tuple[int, int]) -> SimpleNamespace:
        numbers.append(number)
        return SimpleNamespace(record=record_of(seed, number), size=size)

    def finish(face: SimpleNamespace, *_: object) -> bytes:
        shade = int(face.record["points_68"][0][0])
        return cv2.imencode(".jpg", np.full((*face.size, 3), shade, np.uint8))[1].tobytes()

    worker = generate.Worker(SimpleNamespace(), SimpleNamespace(), PLAN, [])  # type: ignore[arg-type]
    monkeypatch.setattr(generate, "_processes", lambda workers, *_: ThreadPoolExecutor(workers))
    monkeypatch.setattr(generate, "loaded", lambda: worker)
    monkeypatch.setattr(generate, "compose", compose)
    monkeypatch.setattr(generate, "finish", finish)
    return numbers


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_finished_faces_are_never_rendered_again(rendered: list[int], tmp_path: Path) -> None:
    assert generate.generate(tmp_path, 4, PLAN, ASSETS) == 4
    (tmp_path / "labels" / "000002.json").unlink()  # as after a kill between picture and label
    assert generate.generate(tmp_path, 6, PLAN, ASSETS) == 3
    assert sorted(rendered) == [0, 1, 2, 2, 3, 4, 5]
    assert generate.generate(tmp_path, 6, PLAN, ASSETS) == 0


def test_the_number_of_workers_changes_nothing(rendered: list[int], tmp_path: Path) -> None:
    for workers in (1, 3):
        generate.generate(tmp_path / str(workers), 5, PLAN, ASSETS, workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "3")


def test_the_lists_are_read_as_training_reads_them(rendered: list[int], tmp_path: Path) -> None:
    generate.generate(tmp_path, 3, PLAN, ASSETS)
    for num_points, name in generate.LISTS.items():
        samples = load_list(tmp_path / name)
        assert [sample.layout for sample in samples] == [{68: "ibug68", 98: "wflw98"}[num_points]] * 3
        expected = record_of(7, 1)[f"points_{num_points}"]
        np.testing.assert_allclose(samples[1].points, expected, atol=0.01)
    assert cv2.imread(str(tmp_path / generate.SHEET)) is not None


def test_a_failure_leaves_whole_files_and_lists(
    rendered: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finish = generate.finish

    def failing(face: SimpleNamespace, *rest: object) -> bytes:
        if face.record == record_of(7, 3):
            raise OSError(28, "No space left on device")
        return finish(face, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(generate, "finish", failing)
    with pytest.raises(OSError, match="space"):
        generate.generate(tmp_path, 5, PLAN, ASSETS)
    stems = [{path.stem for path in (tmp_path / name).iterdir()} for name in ("faces", "labels")]
    assert stems[0] == stems[1]
    assert {"000000", "000001", "000002"} <= stems[0]
    assert len(load_list(tmp_path / "list_68pt.txt")) == len(stems[0])


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        pytest.param({"seed": 8, "size": 64}, "made with", id="another seed in the same folder"),
        pytest.param({"seed": -1}, "--seed", id="seed below 0"),
        pytest.param({"size": 8}, "--size", id="too small"),
        pytest.param({"backgrounds": "/nowhere"}, "--backgrounds /nowhere: is not a folder", id="no backgrounds"),
    ],
)
def test_wrong_options(plan: dict, words: str, rendered: list[int], tmp_path: Path) -> None:
    generate.generate(tmp_path, 1, PLAN, ASSETS)
    with pytest.raises(ConfigError, match=words):
        generate.generate(tmp_path, 2, generate.Plan(**plan), ASSETS)


def test_without_blender_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match="bpy is not installed.*synth"):
        render.require_bpy()


def test_a_photograph_is_repeatable_and_frames_differ_in_noise_alone() -> None:
    panorama = np.random.default_rng(1).random((40, 80, 3)).astype(np.float32)
    head = np.zeros((48, 64, 4), np.float32)
    head[10:40, 20:44] = (0.3, 0.2, 0.1, 1)

    def photograph(frame: int) -> np.ndarray:
        rng = np.random.default_rng(5)
        background = draw_background(rng, (64, 48), panorama, [])
        return develop(head, background, rng, skin=head[..., 3] > 0, brightness=0.5, frame=frame)

    first = photograph(0)
    assert first.shape == (48, 64, 3)
    np.testing.assert_array_equal(first, photograph(0))
    assert 0 < np.abs(first.astype(int) - photograph(1)).mean() < 12


def test_clips_have_the_form_of_the_video_suite() -> None:
    from sdfl.benchmarks.video import clips as suite

    assert (clips.SIZE, clips.FPS, clips.STILL_FRAMES) == (suite.SIZE, suite.FPS, suite.STILL_FRAMES)
    record = record_of(1, 2) | {"pose": {"yaw_deg": 3.0, "pitch_deg": 0.0, "roll_deg": 0.0}}
    line = json.loads(json.dumps(clips.truth(45, record)))
    assert (line["frame"], line["timestamp_s"]) == (45, 1.5)
    face = line["faces"][0]
    assert face["points"] == record["points_68"]
    assert face["box"] == pytest.approx([*np.min(face["points"], axis=0), *np.max(face["points"], axis=0)])


@pytest.mark.parametrize("seed", range(3))
def test_heads_of_clips_rest_first_and_then_move_smoothly(seed: int) -> None:
    motion = clips.draw_motion(np.random.default_rng(seed))
    assert motion.at(-0.5)[:2] == ((0, 0, 0), (0, 0))
    frames = [motion.at(frame / clips.FPS) for frame in range(120)]
    poses = np.array([pose for pose, _, _ in frames])
    assert np.abs(poses[:, 0]).max() > 4
    assert np.abs(np.diff(poses, axis=0)).max() < 12  # degrees a frame
    assert all(0 <= weight <= 1 for _, _, weights in frames for weight in weights.values())
    assert max(weights["eyeBlink"] for _, _, weights in frames) > 0.6


@pytest.mark.data
@pytest.mark.slow
def test_rendered_pictures_do_not_depend_on_the_number_of_workers(assets: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("bpy") is None:  # not imported: it would change sys.path of the new processes
        pytest.skip("bpy is not installed")
    for workers, name in ((1, "a"), (2, "b")):
        assert generate.generate(tmp_path / name, 2, generate.Plan(3, 64), assets, workers=workers) == 2
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert read_image(tmp_path / "a" / "faces" / "000000.jpg").shape == (64, 64, 3)
