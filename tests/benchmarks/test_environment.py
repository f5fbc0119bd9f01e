import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdfl.benchmarks import environment
from sdfl.benchmarks.environment import read_environment
from sdfl.benchmarks.latency.energy import find_rail, measured_energy
from sdfl.runtime.processor import processor_features, processor_name


def test_the_environment_fits_into_a_record_and_names_what_moves_numbers() -> None:
    table = json.loads(json.dumps(read_environment("bench 7")))
    assert table["device"] == "bench 7"
    assert {"cpu", "cpu_flags", "governor", "power_mode", "gpu", "libraries", "git_commit", "cores"} <= set(table)
    assert table["libraries"]["numpy"]
    assert table["machine"] == read_environment("another name")["machine"]


@pytest.fixture
def no_linux(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system without /proc and /sys, whose processor Python does not know."""
    real = Path.read_text

    def read_text(path: Path, *arguments: Any, **options: Any) -> str:
        if path.parts[1:2] in (("proc",), ("sys",), ("etc",)):
            raise FileNotFoundError(path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "")
    monkeypatch.delenv("PROCESSOR_IDENTIFIER", raising=False)
    for cached in (environment._cpu, processor_name):
        cached.cache_clear()
    yield
    for cached in (environment._cpu, processor_name):
        cached.cache_clear()


MAC = {"machdep.cpu.brand_string": "Apple M2", "hw.memsize": str(16 * 2**30), "hw.optional": "1\n1"}
WINDOWS = {"PROCESSOR_IDENTIFIER": "Intel64 Family 6 Model 151 Stepping 2, GenuineIntel"}


@pytest.mark.parametrize(
    ("system", "variables", "cpu", "memory_gb"),
    [
        pytest.param("darwin", {}, "Apple M2", 16.0, id="macOS"),
        pytest.param("win32", WINDOWS, WINDOWS["PROCESSOR_IDENTIFIER"], None, id="Windows"),
        pytest.param("win32", {}, "unknown", None, id="nothing is told"),
    ],
)
def test_what_a_system_without_proc_tells(
    system: str,
    variables: dict[str, str],
    cpu: str,
    memory_gb: float | None,
    no_linux: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        if Path(command[0]).name == "sysctl":
            return subprocess.CompletedProcess(command, 0, f"{MAC[command[-1]]}\n".encode())
        return real(command, **options)

    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delattr("os.getloadavg")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    table = json.loads(json.dumps(read_environment()))
    assert (table["cpu"], table["device"], table["memory_gb"]) == (cpu, cpu, memory_gb)
    assert (table["load_average"], table["governor"], table["turbo"], table["cpu_flags"]) == (None, None, None, [])
    assert cpu == "unknown" or cpu in processor_features(), "a cache of another processor must not be used"


@pytest.fixture
def jetson(tmp_path: Path) -> Path:
    """What the INA3221 driver of a Jetson Orin shows: 5 V, two rails."""
    folder = tmp_path / "hwmon3"
    folder.mkdir()
    for number, (label, milliamperes) in enumerate([("VDD_CPU_GPU_CV", 300), ("VDD_IN", 1200)], start=1):
        (folder / f"in{number}_label").write_text(f"{label}\n")
        (folder / f"in{number}_input").write_text("5000\n")
        (folder / f"curr{number}_input").write_text(f"{milliamperes}\n")
    return tmp_path


def test_energy_is_that_of_the_whole_module(jetson: Path) -> None:
    rail = find_rail(jetson)
    assert rail is not None
    assert rail.watts() == pytest.approx(6.0)
    with measured_energy(rail) as used:
        pass
    assert used.joules is not None
    assert 0 < used.joules < 6


def test_without_rails_energy_is_absent(tmp_path: Path) -> None:
    with measured_energy(find_rail(tmp_path)) as used:
        pass
    assert used.joules is None
