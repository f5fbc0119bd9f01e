"""What moves the numbers of a Jetson: power mode, clocks, temperature, throttling. Parsed from NVIDIA's own tools.

All of it is read as an ordinary user; `sudo jetson_clocks --show` tells more and is not asked.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HWMON = Path("/sys/class/hwmon")
TEGRASTATS = ("tegrastats", "--interval", "100")
HOTTEST = "tj"  # the junction: the hottest of all sensors of an Orin
MISSING_C = -50.0  # a sensor that is switched off says -256


@dataclass(frozen=True)
class Stats:
    """One line of tegrastats. gpu_mhz, emc_mhz: clocks now, None where it does not tell. temperatures_c: by sensor."""

    ram_used_mb: int
    ram_total_mb: int
    swap_used_mb: int
    gpu_mhz: int | None
    emc_mhz: int | None
    temperatures_c: dict[str, float] = field(default_factory=dict)
    power_mw: dict[str, int] = field(default_factory=dict)

    @property
    def hottest_c(self) -> float | None:
        """The junction's temperature where it is told, else that of the hottest sensor."""
        if HOTTEST in self.temperatures_c:
            return self.temperatures_c[HOTTEST]
        return max(self.temperatures_c.values(), default=None)


def parse_nvpmodel(text: str) -> tuple[str, int | None]:
    """Output of `nvpmodel -q`: the mode's name and number. ("", None) where there is none."""
    name = re.search(r"NV Power Mode\s*:\s*(\S.*)", text)
    number = re.search(r"^\s*(\d+)\s*$", text, re.MULTILINE)
    return (name[1].strip() if name else "", int(number[1]) if number else None)


def parse_tegrastats(line: str) -> Stats | None:
    """None for a line that is none of tegrastats."""
    ram = re.search(r"RAM (\d+)/(\d+)MB", line)
    if not ram:
        return None
    swap = re.search(r"SWAP (\d+)/\d+MB", line)
    temperatures = {name.lower(): float(value) for name, value in re.findall(r"(\w+)@(-?\d+(?:\.\d+)?)C\b", line)}
    return Stats(
        ram_used_mb=int(ram[1]),
        ram_total_mb=int(ram[2]),
        swap_used_mb=int(swap[1]) if swap else 0,
        gpu_mhz=_clock(line, "GR3D_FREQ"),
        emc_mhz=_clock(line, "EMC_FREQ"),
        temperatures_c={name: value for name, value in temperatures.items() if value > MISSING_C},
        power_mw={name: int(value) for name, value in re.findall(r"\b(V\w+) (\d+)(?:mW)?/\d+(?:mW)?", line)},
    )


def _clock(line: str, name: str) -> int | None:
    """ "GR3D_FREQ 0%@[305,305]" or "GR3D_FREQ 0%@114": the first engine's clock; older releases leave it out."""
    match = re.search(rf"{name} \d+%@\[?(\d+)", line)
    return int(match[1]) if match else None


def read_tegrastats(command: tuple[str, ...] = TEGRASTATS, run_s: float = 0.5, timeout_s: float = 3.0) -> Stats | None:
    """One line of the tool, which runs for run_s and may take timeout_s to end; None where it is missing or silent."""
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                output, _ = process.communicate(timeout=run_s)
            except subprocess.TimeoutExpired:
                process.terminate()
                output, _ = process.communicate(timeout=timeout_s)
    except (OSError, subprocess.SubprocessError):
        return None
    return next((stats for stats in map(parse_tegrastats, output.splitlines()) if stats), None)


def throttle_events(folder: Path = HWMON) -> int | None:
    """How often the module was slowed down for drawing too much current since it started; None elsewhere."""
    counts = []
    for path in sorted(folder.glob("hwmon*/oc*_event_cnt")):
        try:
            counts.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return sum(counts) if counts else None


@dataclass
class Watch:
    """Looks at a Jetson before and after a measurement. Elsewhere it has nothing to say."""

    stats: Callable[[], Stats | None] = read_tegrastats
    events: Callable[[], int | None] = throttle_events
    _events_before: int | None = None

    def start(self) -> None:
        self._events_before = self.events()

    def summary(self) -> dict[str, Any]:
        """What a record keeps, empty where nothing is known."""
        stats, events = self.stats(), self.events()
        table = {
            "hottest_c": stats.hottest_c if stats else None,
            "gpu_mhz": stats.gpu_mhz if stats else None,
            "emc_mhz": stats.emc_mhz if stats else None,
            "ram_used_mb": stats.ram_used_mb if stats else None,
            "throttle_events": None if events is None else events - (self._events_before or 0),
        }
        return {key: value for key, value in table.items() if value is not None}
