"""`sdfl demo` and `sdfl track` as a user calls them."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from toy_face import truth
from typer.testing import CliRunner, Result

from sdfl.cli import app
from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.sources import VideoSource

WriteVideo = Callable[..., Path]
PROGRAM = [sys.executable, "-c", "from sdfl.cli import main; main()"]  # run outside the sources, as a user would


def test_demo_records_what_it_tracks(run_sdfl: Callable[..., Result], write_video: WriteVideo, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    result = run_sdfl("demo", "--source", write_video(num_frames=12), "--view", "none", "--save", out)
    assert result.exit_code == 0, result.output
    assert "12 frames, 12 with a face; latency p50" in result.output
    assert f"saved {out}" in result.output
    assert sum(1 for _ in VideoSource(out)) == 12


def test_demo_stops_after_the_frames_asked_for(run_sdfl: Callable[..., Result], write_video: WriteVideo) -> None:
    result = run_sdfl("demo", "--source", write_video(num_frames=12), "--view", "none", "--frames", 5)
    assert result.output.startswith("5 frames")


def test_demo_keeps_the_recording_of_a_cut_off_video(
    run_sdfl: Callable[..., Result], write_video: WriteVideo, tmp_path: Path
) -> None:
    clip, out = write_video("clip.avi", 60), tmp_path / "out.mp4"
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    result = run_sdfl("demo", "--source", clip, "--view", "none", "--save", out)
    kept = sum(1 for _ in VideoSource(out))
    assert isinstance(result.exception, SdflError)
    assert f"is cut off after frame {kept}; the frames before that were used; {kept} frames are kept in {out}" in str(
        result.exception
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["demo", "--source", "77"], "camera 77 does not exist", id="missing camera"),
        pytest.param(["demo", "--source", "clip.mp4", "--view", "none"], "no such file", id="missing file"),
        pytest.param(["track", "clip.mp4"], "clip.mp4: no such file", id="missing file to track"),
        pytest.param(["demo", "--resolution", "big"], "--resolution must be WIDTHxHEIGHT", id="resolution in words"),
        pytest.param(["demo", "--fps", "0"], r"--fps must lie in 1..1000, got 0", id="no frames a second"),
        pytest.param(
            ["demo", "--model", "x.onnx", "--precision", "int8"], "goes with a model of the", id="precision of a file"
        ),
    ],
)
def test_expected_failures(run_sdfl: Callable[..., Result], arguments: list[str], message: str) -> None:
    result = run_sdfl(*arguments)
    assert isinstance(result.exception, SdflError)
    assert message in str(result.exception)


@pytest.mark.parametrize("to_file", [True, False], ids=["to a file", "to standard output"])
def test_track_writes_one_line_a_frame(
    run_sdfl: Callable[..., Result], write_video: WriteVideo, tmp_path: Path, to_file: bool
) -> None:
    out = tmp_path / "faces.jsonl"
    result = run_sdfl("track", write_video(num_frames=6), *(["--jsonl", out] if to_file else ["--jsonl", "-"]))
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (out.read_text() if to_file else result.stdout).splitlines()]
    assert [line["frame"] for line in lines] == list(range(6))
    assert [line["timestamp_s"] for line in lines] == pytest.approx([index / 30 for index in range(6)], abs=1e-3)
    assert list(lines[0]) == ["frame", "timestamp_s", "ms", "faces"]
    (face,) = lines[5]["faces"]
    assert list(face)[:5] == ["id", "box", "points", "presence", "pose"]
    assert list(face)[5:] == ["left_eye_open", "right_eye_open", "mouth_open"]
    assert (face["id"], face["presence"], len(face["box"])) == (1, 1.0, 4)
    np.testing.assert_allclose(face["points"], truth(155, 120, 40), atol=2.0)  # compression blurs the edges


def test_a_frame_without_faces_has_a_line_too(run_sdfl: Callable[..., Result], tmp_path: Path) -> None:
    picture = tmp_path / "grey.png"
    picture.write_bytes(_grey_png())
    result = run_sdfl("track", picture)
    assert json.loads(result.stdout)["faces"] == []


def _grey_png() -> bytes:
    import cv2

    return cv2.imencode(".png", np.full((50, 60), 128, np.uint8))[1].tobytes()


def test_the_real_program_tells_expected_failures_in_one_line(tmp_path: Path) -> None:
    toy_model = pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")
    model = toy_model.save_toy_model(tmp_path / "toy.onnx")
    command = [*PROGRAM, "track", "nowhere.mp4", "--model", model]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "nowhere.mp4: no such file" in done.stderr


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    command = [*PROGRAM, "build", "nano", "--target", "tensorrt", "--dry-run", "--copy", "file/copy.onnx"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"sdfl: {tmp_path}/file: File exists; check the path, its rights and the free space"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["demo", "--view", "tv"], "'tv' is not one of 'window', 'browser', 'none'", id="view"),
        pytest.param(["demo", "--precision", "int3"], "'int3' is not one of 'fp32', 'fp16', 'int8'", id="precision"),
        pytest.param(
            ["track", "0", "--backend", "tf"], "'tf' is not one of 'openvino', 'onnxruntime', 'tensorrt'", id="back end"
        ),
        pytest.param(
            ["track", "0", "--detector", "haar"], "must be sdfl:FILE or yunet:FILE, got 'haar'", id="detector"
        ),
        pytest.param(["track", "0", "--detector", "yunet:"], "got 'yunet:'", id="detector without a file"),
        pytest.param(["demo", "--port", "65536"], "65535", id="port"),
        pytest.param(["track", "0", "--max-faces", "0"], "'--max-faces'", id="no face"),
    ],
)
def test_a_wrong_choice_lists_the_choices_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("sdfl.runtime.sources.open_camera", lambda *_, **__: pytest.fail("a camera was opened"))
    result = CliRunner().invoke(app, arguments, obj=lambda *_, **__: pytest.fail("a model was opened"))
    assert result.exit_code == 2
    assert message in " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--port", "9000", "--view", "none"], "--port needs --view browser, got --view none", id="port"),
        pytest.param(["--host", "0.0.0.0", "--view", "none"], "--host needs --view browser", id="host"),
        pytest.param(["--source", "browser", "--view", "none"], "--source browser needs --view browser", id="camera"),
    ],
)
def test_what_another_view_has_is_refused_before_anything_is_opened(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["demo", *arguments], obj=lambda *_, **__: pytest.fail("a model was opened"))
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_the_browser_view_listens_where_it_is_told(
    run_sdfl: Callable[..., Result], write_video: WriteVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = run_sdfl("demo", "--source", write_video(num_frames=2), "--port", port)
    assert result.exit_code == 0, result.output
    assert f"open http://127.0.0.1:{port}/?token=" in result.stderr
    result = run_sdfl("demo", "--source", write_video(num_frames=2), "--port", port, "--no-token")
    assert f"open http://127.0.0.1:{port}/ in a browser" in result.stderr


def _wait_for_a_frame(address: str) -> None:
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        with urlopen(address.replace("/?", "/stats.json?"), timeout=5) as answer:
            if "frame" in json.load(answer):
                return
        time.sleep(0.05)
    raise AssertionError("no frame within 20 s")


def _heed_ctrl_c() -> None:
    """A shell starts what runs in the background with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("asked_by", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_a_browser_view_ends_cleanly(tmp_path: Path, asked_by: signal.Signals) -> None:
    toy_model = pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")
    model, picture = toy_model.save_toy_model(tmp_path / "toy.onnx"), tmp_path / "grey.png"
    picture.write_bytes(_grey_png())
    with subprocess.Popen(
        [*PROGRAM, "demo", "--source", picture, "--model", model, "--view", "browser"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,
    ) as running:
        try:
            assert running.stderr is not None
            address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", running.stderr.readline())
            assert address
            _wait_for_a_frame(address[0])
            running.send_signal(asked_by)
            out, err = running.communicate(timeout=20)
        finally:
            running.kill()
    assert (running.returncode, err) == (0, "")
    assert re.match(r"[1-9]\d* frames, 0 with a face", out)


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, write_video: WriteVideo) -> None:
    toy_model = pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")
    model, clip = toy_model.save_toy_model(tmp_path / "toy.onnx"), write_video(num_frames=60)
    command = f"{shlex.join(PROGRAM)} track {clip} --model {model} | head -n 1"
    shell = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["frame"] == 0
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_runtime_never_loads_torch(tmp_path: Path) -> None:
    program = (
        "import sys, pkgutil, importlib, sdfl.runtime\n"
        "for module in pkgutil.walk_packages(sdfl.runtime.__path__, 'sdfl.runtime.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(sorted({'torch', 'onnx', 'openvino', 'onnxruntime', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
