"""Energy from the power rails that a Jetson shows in sysfs (INA3221); on other computers there is none to read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdfl.benchmarks.latency.jetson import HWMON

TOTAL_RAILS = ("VDD_IN", "POM_5V_IN")  # the whole module; other rails are parts of it
PERIOD_S = 0.05


@dataclass
class EnergyUsed:
    """Energy of a measurement.

    Attributes:
        joules: known at the end of the measurement; None if no rail can be read.
    """

    joules: float | None = None


class PowerRail:
    """One input of the sensor.

    Args:
        voltage: file that holds millivolts.
        current: file that holds milliamperes.
    """

    def __init__(self, voltage: Path, current: Path) -> None:
        self._voltage, self._current = voltage, current

    def watts(self) -> float:
        """Power at this moment."""
        return int(self._voltage.read_text(encoding="utf-8")) * int(self._current.read_text(encoding="utf-8")) / 1e6


def find_rail(folder: Path = HWMON) -> PowerRail | None:
    """The rail of the whole module; None if there is none or this user may not read it.

    Args:
        folder: where the sensors are.
    """
    for label in sorted(folder.glob("hwmon*/in*_label")):
        number = label.name[2:].removesuffix("_label")
        rail = PowerRail(label.with_name(f"in{number}_input"), label.with_name(f"curr{number}_input"))
        try:
            if label.read_text(encoding="utf-8").strip() in TOTAL_RAILS and rail.watts() >= 0:
                return rail
        except (OSError, ValueError):
            continue
    return None


@contextmanager
def measured_energy(rail: PowerRail | None) -> Iterator[EnergyUsed]:
    """Measure the energy that is used while the block runs, by sampling the rail in a thread.

    Args:
        rail: None measures nothing.

    Yields:
        The energy, filled in when the block ends: mean power times duration.
    """
    used = EnergyUsed()
    if rail is None:
        yield used
        return
    watts: list[float] = [rail.watts()]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(PERIOD_S):
            watts.append(rail.watts())

    thread = threading.Thread(target=sample, daemon=True)
    start_s = time.perf_counter()
    thread.start()
    try:
        yield used
    finally:
        duration_s = time.perf_counter() - start_s
        done.set()
        thread.join()
        used.joules = sum(watts) / len(watts) * duration_s
