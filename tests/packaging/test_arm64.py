"""`make arm64` without an emulator: its tools, its choices, and what it says about what it found."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from arm64 import install, machines, native_operator, on_arm, reference
from arm64.__main__ import main
from arm64.machines import DEBIAN_PACKAGES, PROCESSORS, Machine
from arm64.rows import AGREES, DIFFERS, FAILS, REFUSES, Row, compared, failed, overlapping, summary, table

from sdfl.errors import ConfigError, SdflError

PROJECT = Path(__file__).parents[2]
TOOLS = [programs[-1] for programs in DEBIAN_PACKAGES]
POINTS = np.zeros((3, 68, 2), np.float32)


def folder_of(tools: list[str], folder: Path) -> str:
    for tool in tools:
        (folder / tool).touch(mode=0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("tools", "native", "problem"),
    [
        pytest.param(TOOLS, False, "", id="all there"),
        pytest.param(["c++"], True, "", id="an Arm computer needs no emulator"),
        pytest.param([], True, "no g++ here; install with: sudo apt-get install g++", id="an Arm computer without g++"),
        pytest.param(
            ["c++", "aarch64-linux-gnu-g++"],
            False,
            "no qemu-user-static and no mmdebstrap here; "
            "install with: sudo apt-get install qemu-user-static mmdebstrap",
            id="two missing",
        ),
    ],
)
def test_missing_tools_are_named_with_their_packages(
    tools: list[str], native: bool, problem: str, tmp_path: Path
) -> None:
    path = folder_of(tools, tmp_path)
    if not problem:
        machines.require_tools(native=native, path=path)
        return
    with pytest.raises(SdflError) as failure:
        machines.require_tools(native=native, path=path)
    assert str(failure.value) == problem


def test_all_processors_unless_some_are_named() -> None:
    assert machines.choose([]) == list(PROCESSORS) == ["cortex-a72", "cortex-a76", "max"]
    assert machines.choose(["cortex-a76"]) == ["cortex-a76"]
    with pytest.raises(ConfigError, match="^cpu must be one of cortex-a72, cortex-a76, max, got 'cortex-m4'$"):
        machines.choose(["cortex-m4"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--cpu", "cortex-m4"], "cpu must be one of", id="processor"),
        pytest.param(["--model", "tiny"], "tiny: no such model; choose", id="model"),
        pytest.param(["--tflite", "none.tflite"], "none.tflite: cannot be read", id="LiteRT file"),
    ],
)
def test_a_wrong_choice_is_told_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"arm64: {message}")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "version", "option"),
    [
        pytest.param("cortex-a76", 7, "cortex-a76", id="nothing to avoid"),
        pytest.param("max", 7, "max,sme=off", id="SME of old versions is wrong"),
        pytest.param("max", 10, "max", id="and right in new ones"),
    ],
)
def test_what_an_old_emulator_computes_wrong_is_off(name: str, version: int, option: str) -> None:
    assert PROCESSORS[name].option(name, version) == option


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        pytest.param("qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", 7, id="Debian 12"),
        pytest.param("qemu-aarch64 version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", 10, id="Debian 13"),
    ],
)
def test_version_of_the_emulator(printed: str, version: int) -> None:
    assert machines.emulator_version(printed) == version


def test_an_emulator_without_a_version() -> None:
    with pytest.raises(SdflError, match="names no version"):
        machines.emulator_version("unknown option")


def test_cpuinfo_describes_each_core() -> None:
    blocks = PROCESSORS["cortex-a76"].cpuinfo(cores=2).strip().split("\n\n")
    tables = [dict(line.split("\t: ") for line in block.splitlines() if "\t: " in line) for block in blocks]
    assert [each["processor"] for each in tables] == ["0", "1"]
    assert {each["CPU part"] for each in tables} == {"0xd0b"}
    assert "asimddp" in tables[0]["Features"].split()
    assert "asimddp" not in PROCESSORS["cortex-a72"].features.split()


POLICY = """\
Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 https://other.example/node nodistro/main amd64 Packages
     release o=. nodistro,n=nodistro,l=. nodistro,c=main,b=amd64
     origin other.example
 500 http://security.example/debian bookworm-security/main amd64 Packages
     release v=12,o=Debian,n=bookworm-security,l=Debian-Security,c=main,b=amd64
 500 http://mirror.example/debian bookworm/main amd64 Packages
     release v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64
     origin mirror.example
"""


@pytest.mark.parametrize(
    ("policy", "mirror"),
    [
        pytest.param(POLICY, "http://mirror.example/debian", id="Debian"),
        pytest.param(POLICY.replace("l=Debian,", "l=Ubuntu,"), None, id="another system"),
        pytest.param("Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n", None, id="no sources"),
    ],
)
def test_the_mirror_is_the_one_of_this_computer(policy: str, mirror: str | None) -> None:
    assert install.debian_mirror(policy) == mirror


def test_what_is_installed_is_the_runtime_with_the_sample_clip() -> None:
    names = " ".join(install.requirements())
    assert all(package in names for package in ("openvino", "onnxruntime", "opencv-python-headless", "scikit-image"))
    assert "torch" not in names


@pytest.mark.parametrize(
    ("moved_px", "int8", "verdict"),
    [
        pytest.param(0.0, False, AGREES, id="the same"),
        pytest.param(0.2, False, AGREES, id="float computed in fp16"),  # 0.4 px of 256
        pytest.param(0.3, False, DIFFERS, id="float, too far"),
        pytest.param(0.45, True, AGREES, id="int8 rounded elsewhere"),
        pytest.param(0.6, True, DIFFERS, id="int8, too far"),
        pytest.param(float("nan"), False, DIFFERS, id="no number"),
        pytest.param(float("nan"), True, DIFFERS, id="no number in int8"),
    ],
)
def test_verdict_about_points(moved_px: float, int8: bool, verdict: str) -> None:
    found = POINTS + np.array([moved_px, 0], np.float32)
    row = compared("max", "small", "OpenVINO", found, POINTS, 128.0, int8=int8)
    assert row.verdict == verdict
    assert row.largest_px == pytest.approx(2 * moved_px, nan_ok=True)


def test_one_wrong_point_counts_for_float_and_hardly_for_int8() -> None:
    found = POINTS.copy()
    found[1, 30] = 10
    rows = [compared("max", "small", "OpenVINO", found, POINTS, 128.0, int8=int8) for int8 in (False, True)]
    assert [row.verdict for row in rows] == [DIFFERS, AGREES]


def test_a_frame_too_few_differs() -> None:
    row = compared("max", "track", "command line", POINTS[:2], POINTS, 128.0, int8=True)
    assert (row.verdict, row.says) == (DIFFERS, "shape (2, 68, 2), wanted (3, 68, 2)")


BOX = [10, 10, 110, 110, 0.9]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param([BOX, BOX], AGREES, id="the same"),
        pytest.param([BOX, [12, 10, 113, 110, 0.88]], AGREES, id="from the cell beside"),
        pytest.param([BOX, [60, 10, 160, 110, 0.9]], DIFFERS, id="something else in one frame"),
        pytest.param([BOX, [10, 10, 110, 110, 0.6]], DIFFERS, id="much less certain"),
        pytest.param([BOX, [float("nan")] * 5], DIFFERS, id="no numbers"),
    ],
)
def test_verdict_about_boxes(found: list[list[float]], verdict: str) -> None:
    boxes = [np.array(each, np.float32) for each in (found, [BOX, BOX])]
    row = overlapping("max", "face detector", "default", *boxes, seconds=np.ones(1, np.float32))
    assert row.verdict == verdict


@pytest.mark.parametrize(
    ("returncode", "may_refuse", "verdict", "says"),
    [
        pytest.param(on_arm.REFUSED, True, REFUSES, "OpenVINO cannot load it", id="one sentence"),
        pytest.param(on_arm.REFUSED, False, FAILS, "OpenVINO cannot load it", id="one sentence by default"),
        pytest.param(-11, True, FAILS, "signal 11", id="segmentation fault"),
        pytest.param(1, True, FAILS, "OpenVINO cannot load it", id="traceback"),
    ],
)
def test_verdict_about_a_program_that_failed(returncode: int, may_refuse: bool, verdict: str, says: str) -> None:
    errors = "a warning\nOpenVINO cannot load it\n"
    row = failed("max", "small", "OpenVINO", returncode, errors, may_refuse=may_refuse)
    assert (row.verdict, row.says) == (verdict, says)
    assert row.passed == (verdict == REFUSES)


def test_table_and_exit_code() -> None:
    good = Row("max", "small", "OpenVINO", AGREES, 0.1426, 0.0341, 2.554)
    refused = Row("max", "nano_int8", "OpenVINO", REFUSES, says="a|b")
    bad = Row("max", "small_int8", "OpenVINO", DIFFERS, 42.85, 12.06)
    lines = table([good, refused, bad]).splitlines()
    assert lines[2:] == [
        "| max | small | OpenVINO | 0.143 | 0.034 | 2.55 | agrees |",
        "| max | nano_int8 | OpenVINO |  |  |  | refuses: a/b |",
        "| max | small_int8 | OpenVINO | 42.850 | 12.060 |  | DIFFERS |",
    ]
    assert summary([good, refused]) == ("all 2 rows passed", 0)
    assert summary([good, bad]) == ("1 of 2 rows did not pass: small_int8 in OpenVINO on max", 1)
    assert summary([]) == ("nothing was tried", 1)


def test_a_frame_without_a_face_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.jsonl"
    path.write_text('{"frame":0,"faces":[{"points":[[1,2],[3,4]]}]}\n{"frame":1,"faces":[]}\n')
    with pytest.raises(SdflError, match="^no face in frame 1$"):
        reference.read_track(path)


@pytest.fixture
def here() -> Machine:
    """This computer, as if it were an Arm computer."""
    packages = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return Machine("here", Path(sys.executable), {"PYTHONPATH": packages})


@pytest.mark.slow
@pytest.mark.parametrize("form", ["OpenVINO, standard operators", "ONNX Runtime, function"])
def test_the_vectors_pass_here(form: str, here: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    vectors = native_operator.write_vectors(folder)
    assert native_operator.check_form(here, form, tmp_path, folder, vectors).verdict == AGREES
    wrong = [vectors[1], vectors[0], *vectors[2:]]
    with pytest.raises(AssertionError):  # of the shapes
        native_operator.check_form(here, form, tmp_path, folder, wrong)


@pytest.mark.slow
def test_points_come_from_the_file_and_library_that_were_named(here: Machine, tmp_path: Path) -> None:
    crops, out = tmp_path / "crops.npy", tmp_path / "points.npz"
    np.save(crops, np.zeros((2, 128, 128, 3), np.uint8))
    assert here.run(on_arm.__file__, "points", "nano", "onnxruntime", crops, out).returncode == 0
    with np.load(out) as file:
        assert file["points"].shape == (2, 68, 2)
        assert file["seconds"].shape == (1,)
    done = here.run(on_arm.__file__, "points", "nano", "tensorrt", crops, out)
    assert done.returncode == on_arm.REFUSED
    assert done.stderr.startswith("backend tensorrt does not read nano.onnx")
