"""What changes the results of a Jetson: power mode, clocks, temperature, throttling. Parsed from NVIDIA's own tools.

All of it can be read by an ordinary user. `sudo jetson_clocks --show` would tell more and is not used.
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
class TegraStats:
    """One line of tegrastats.

    Attributes:
        gpu_mhz: present clock of the GPU, None if the line does not tell.
        emc_mhz: present clock of the memory controller, None likewise.
        temperatures_c: by sensor.
        power_mw: by rail.
    """

    ram_used_mb: int
    gpu_mhz: int | None
    emc_mhz: int | None
    temperatures_c: dict[str, float] = field(default_factory=dict)
    power_mw: dict[str, int] = field(default_factory=dict)

    @property
    def hottest_c(self) -> float | None:
        """The junction's temperature if the line tells it, else that of the hottest sensor."""
        if HOTTEST in self.temperatures_c:
            return self.temperatures_c[HOTTEST]
        return max(self.temperatures_c.values(), default=None)


def parse_nvpmodel(text: str) -> tuple[str, int | None]:
    """Parse the output of `nvpmodel -q`.

    Returns:
        Name and number of the power mode; ("", None) if it tells none.
    """
    name = re.search(r"NV Power Mode\s*:\s*(\S.*)", text)
    number = re.search(r"^\s*(\d+)\s*$", text, re.MULTILINE)
    return (name[1].strip() if name else "", int(number[1]) if number else None)


def parse_tegrastats(line: str) -> TegraStats | None:
    """Parse a line of tegrastats; None if it is any other text."""
    ram = re.search(r"RAM (\d+)/\d+MB", line)
    if not ram:
        return None
    temperatures = {name.lower(): float(value) for name, value in re.findall(r"(\w+)@(-?\d+(?:\.\d+)?)C\b", line)}
    return TegraStats(
        ram_used_mb=int(ram[1]),
        gpu_mhz=_clock(line, "GR3D_FREQ"),
        emc_mhz=_clock(line, "EMC_FREQ"),
        temperatures_c={name: value for name, value in temperatures.items() if value > MISSING_C},
        power_mw={name: int(value) for name, value in re.findall(r"\b(V\w+) (\d+)(?:mW)?/\d+(?:mW)?", line)},
    )


def _clock(line: str, name: str) -> int | None:
    """The first engine's clock of "GR3D_FREQ 0%@[305,305]" or "GR3D_FREQ 0%@114"; older releases leave it out."""
    match = re.search(rf"{name} \d+%@\[?(\d+)", line)
    return int(match[1]) if match else None


def read_tegrastats(
    command: tuple[str, ...] = TEGRASTATS, run_s: float = 0.5, timeout_s: float = 3.0
) -> TegraStats | None:
    """Run the tool and parse its first line.

    Args:
        command: the tool, which does not end by itself.
        run_s: after which it is told to end.
        timeout_s: how long it may take to end.

    Returns:
        None if the tool is missing or prints nothing.
    """
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
        ) as process:
            try:
                output, _ = process.communicate(timeout=run_s)
            except subprocess.TimeoutExpired:
                process.terminate()
                output, _ = process.communicate(timeout=timeout_s)
    except (OSError, subprocess.SubprocessError):
        return None
    return next((stats for stats in map(parse_tegrastats, output.splitlines()) if stats), None)


def throttle_events(folder: Path = HWMON) -> int | None:
    """How often the module was slowed down since it started, because it drew too much current; None if unknown."""
    counts = []
    for path in sorted(folder.glob("hwmon*/oc*_event_cnt")):
        try:
            counts.append(int(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
    return sum(counts) if counts else None


@dataclass
class Watch:
    """Compares a Jetson before and after a measurement; on other computers it knows nothing.

    Attributes:
        stats: reads clocks and temperatures.
        events: reads the number of throttle events.
    """

    stats: Callable[[], TegraStats | None] = read_tegrastats
    events: Callable[[], int | None] = throttle_events
    _events_before: int | None = None

    def start(self) -> None:
        """Note the state before the measurement."""
        self._events_before = self.events()

    def summary(self) -> dict[str, Any]:
        """What a record keeps of the state after the measurement; empty if nothing is known."""
        stats, events = self.stats(), self.events()
        table = {
            "hottest_c": stats.hottest_c if stats else None,
            "gpu_mhz": stats.gpu_mhz if stats else None,
            "emc_mhz": stats.emc_mhz if stats else None,
            "ram_used_mb": stats.ram_used_mb if stats else None,
            "throttle_events": None if events is None else events - (self._events_before or 0),
        }
        return {key: value for key, value in table.items() if value is not None}
