"""What `sdfl doctor` finds wrong, on computers that are only described."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdfl.artifacts.passport import Passport, write_passport
from sdfl.cli import app
from sdfl.runtime.doctor import machine as machine_module
from sdfl.runtime.doctor.machine import Machine, findings, fits, parse_l4t, read_machine

CPU = Machine(
    "Linux x86_64, Python 3.11",
    openvino_devices={"CPU": "a processor"},
    onnxruntime_providers=("CPUExecutionProvider",),
    opencv="4.12.0",
    opencv_wheels=("opencv-python-headless",),
    memory_mb=16000,
    available_mb=12000,
)
ORIN = Machine(
    "Linux aarch64, Python 3.10",
    jetson="NVIDIA Jetson Orin Nano Engineering Reference Developer Kit",
    jetpack="36.4.3",
    gpu="Orin",
    compute_capability="8.7",
    driver="12.6",
    cuda_binding="cuda-bindings",
    tensorrt="10.3.0",
    openvino_devices={"CPU": "Cortex-A78AE"},
    onnxruntime_providers=("CPUExecutionProvider",),
    opencv="4.8.0",
    opencv_from="/usr/lib/python3.10/dist-packages/cv2",
    gstreamer=True,
    memory_mb=7620,
    available_mb=5200,
    swap_mb=3800,
)
BOTH = ("opencv-python", "opencv-python-headless")


@pytest.mark.parametrize("machine", [pytest.param(CPU, id="a PC without a GPU"), pytest.param(ORIN, id="a good Orin")])
def test_a_sound_computer_has_nothing_to_mend(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert findings(machine) == []


@pytest.mark.parametrize(
    ("machine", "problem", "mend"),
    [
        pytest.param(replace(CPU, opencv_wheels=BOTH), "which breaks cv2", "uninstall -y opencv-python ",
                     id="two OpenCVs"),
        pytest.param(replace(CPU, opencv="", opencv_wheels=()), "OpenCV cannot be", "sdfl[headless]", id="no OpenCV"),
        pytest.param(replace(ORIN, opencv_wheels=("opencv-python",)), "hides JetPack's OpenCV",
                     "pip uninstall -y opencv-python", id="a wheel hides JetPack's OpenCV"),
        pytest.param(replace(ORIN, gstreamer=False), "built without GStreamer", "nvidia-opencv", id="no GStreamer"),
        pytest.param(replace(ORIN, tensorrt="", system_packages=False), "does not see JetPack's TensorRT",
                     "--system-site-packages", id="closed environment"),
        pytest.param(replace(ORIN, tensorrt="", tensorrt_problem="x"), "TensorRT is missing", "python3-libnvinfer",
                     id="no TensorRT"),
        pytest.param(replace(ORIN, gpu="", gpu_problem="cudaErrorInsufficientDriver"), "the GPU cannot be asked",
                     r"cuda-bindings==12", id="cuda-bindings of another JetPack"),
        pytest.param(replace(ORIN, cuda_binding=""), "no Python package can ask", "cuda-bindings==12", id="no binding"),
        pytest.param(replace(ORIN, available_mb=900, swap_mb=0), "may not do to build", "mkswap", id="little memory"),
        pytest.param(replace(CPU, openvino_devices={}, onnxruntime_providers=()), "neither OpenVINO nor",
                     "pip install openvino", id="nothing to run with"),
    ],
)  # fmt: skip
def test_what_is_wrong_comes_with_the_command(
    machine: Machine, problem: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = findings(machine)
    assert len(found) == 1
    assert problem in found[0].problem
    assert mend in found[0].mend


def test_the_fastest_that_fits_comes_first() -> None:
    assert fits(ORIN)[0].startswith("TensorRT: sdfl build")
    assert fits(CPU)[0].startswith("OpenVINO")
    assert not any("TensorRT" in line for line in fits(CPU))


@pytest.mark.parametrize(
    ("text", "release"),
    [
        pytest.param("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic", "36.4.3", id="JetPack 6"),
        pytest.param("# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic", "38.2.0", id="JetPack 7"),
        pytest.param("", "", id="no Jetson"),
    ],
)  # fmt: skip
def test_the_release_of_l4t(text: str, release: str) -> None:
    assert parse_l4t(text) == release


def test_it_reads_this_computer() -> None:
    machine = read_machine()
    assert machine.memory_mb > 500
    assert machine.openvino_devices
    assert "CPUExecutionProvider" in machine.onnxruntime_providers
    assert machine.opencv


def test_an_engine_is_checked_without_being_loaded(tmp_path: Path, spec) -> None:
    engine = tmp_path / "m.engine"
    engine.write_bytes(b"engine")
    values = ("tensorrt", "fp16", spec.to_metadata(), "m.onnx", "0" * 64, "0" * 64, "0" * 64, "10.3.0")
    write_passport(engine, Passport(*values, compute_capabilities=("8.7",)))
    result = CliRunner().invoke(app, ["doctor", "--model", str(engine), "--json"])
    assert result.exit_code == 0, result.output
    table = json.loads(result.stdout)
    assert table["engine"]
    assert "was built for this machine" not in table["engine"]
    assert {"versions", "machine", "fits", "findings", "operator"} <= table.keys()


def test_a_library_that_is_installed_and_broken_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("module compiled against API version 0x10\nbut this is 0xf")

    monkeypatch.setattr(machine_module, "_openvino", broken)
    (finding,) = [each for each in findings(read_machine()) if "cannot be used" in each.problem]
    assert finding.problem == "openvino is installed but cannot be used (module compiled against API version 0x10)"
    assert finding.mend == "pip install --force-reinstall openvino"


def test_doctor_runs_where_opencv_cannot_be_imported(tmp_path: Path) -> None:
    script = "import sys; sys.modules['cv2'] = None\nfrom sdfl.cli import app\napp(['doctor'])"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "wrong: OpenCV cannot be imported" in done.stdout or "are installed together" in done.stdout
