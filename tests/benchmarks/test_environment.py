import json
from pathlib import Path

import pytest

from sdfl.benchmarks.environment import read_environment
from sdfl.benchmarks.latency.energy import find_rail, measured_energy


def test_the_environment_fits_into_a_record_and_names_what_moves_numbers() -> None:
    table = json.loads(json.dumps(read_environment("bench 7")))
    assert table["device"] == "bench 7"
    assert {"cpu", "cpu_flags", "governor", "power_mode", "gpu", "libraries", "git_commit", "cores"} <= set(table)
    assert table["libraries"]["numpy"]
    assert table["machine"] == read_environment("another name")["machine"]


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
