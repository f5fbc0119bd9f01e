"""Energy from the power rails that a Jetson shows in sysfs (INA3221). Elsewhere there is nothing, and that is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HWMON = Path("/sys/class/hwmon")
TOTAL_RAILS = ("VDD_IN", "POM_5V_IN")  # the whole module; other rails are parts of it
PERIOD_S = 0.05


@dataclass
class Used:
    """joules: filled in at the end of the measurement, None where no rail can be read."""

    joules: float | None = None


class PowerRail:
    """One input of the sensor: volts and amperes in thousandths."""

    def __init__(self, voltage: Path, current: Path) -> None:
        self._voltage, self._current = voltage, current

    def watts(self) -> float:
        return int(self._voltage.read_text()) * int(self._current.read_text()) / 1e6


def find_rail(folder: Path = HWMON) -> PowerRail | None:
    """The rail of the whole module, None where there is none or it may not be read."""
    for label in sorted(folder.glob("hwmon*/in*_label")):
        number = label.name[2:].removesuffix("_label")
        rail = PowerRail(label.with_name(f"in{number}_input"), label.with_name(f"curr{number}_input"))
        try:
            if label.read_text().strip() in TOTAL_RAILS and rail.watts() >= 0:
                return rail
        except (OSError, ValueError):
            continue
    return None


@contextmanager
def measured_energy(rail: PowerRail | None) -> Iterator[Used]:
    """Sample the rail in a thread while the block runs; energy is mean power times duration."""
    used = Used()
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
