"""Text of NVIDIA's tools, written by hand after their documentation (Jetson Linux Developer Guide, r35 and r36)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sdfl.benchmarks.environment import jetson_name, read_environment
from sdfl.benchmarks.latency.jetson import Watch, parse_nvpmodel, parse_tegrastats, read_tegrastats, throttle_events
from sdfl.errors import ConfigError

ORIN_NANO = (
    "11-24-2026 10:15:02 RAM 2450/7620MB (lfb 8x4MB) SWAP 12/3810MB (cached 0MB) "
    "CPU [12%@1510,8%@1510,off,off,5%@729,3%@729] EMC_FREQ 3%@2133 GR3D_FREQ 41%@[611] NVDEC off NVJPG off "
    "VIC off OFA off APE 200 cpu@49.531C soc2@48.5C soc0@48.218C gpu@50.312C tj@50.312C soc1@49.031C "
    "VDD_IN 5438mW/5290mW VDD_CPU_GPU_CV 1240mW/1100mW VDD_SOC 1440mW/1420mW"
)
XAVIER_NX = (
    "RAM 2690/6854MB (lfb 6x1MB) SWAP 479/3427MB (cached 3MB) CPU [3%@1904,7%@1906,off,off] "
    "EMC_FREQ 0%@1600 GR3D_FREQ 0%@114 VIC_FREQ 601 APE 150 AUX@39C CPU@39.5C GPU@37.5C PMIC@-256C "
    "VDD_IN 3528/3569 VDD_CPU_GPU_CV 410/426"
)
NO_ROOT = "RAM 2145/3964MB (lfb 118x4MB) CPU [25%@1479] EMC_FREQ 0% GR3D_FREQ 10% CPU@46.5C"


@pytest.mark.parametrize(
    ("line", "gpu_mhz", "emc_mhz", "hottest_c", "power_mw"),
    [
        pytest.param(ORIN_NANO, 611, 2133, 50.312, 5438, id="Orin Nano, JetPack 6"),
        pytest.param(XAVIER_NX, 114, 1600, 39.5, 3528, id="Xavier NX, a sensor off"),
        pytest.param(NO_ROOT, None, None, 46.5, None, id="clocks not told"),
    ],
)
def test_tegrastats(
    line: str, gpu_mhz: int | None, emc_mhz: int | None, hottest_c: float, power_mw: int | None
) -> None:
    stats = parse_tegrastats(line)
    assert stats is not None
    assert (stats.gpu_mhz, stats.emc_mhz, stats.hottest_c) == (gpu_mhz, emc_mhz, hottest_c)
    assert stats.power_mw.get("VDD_IN") == power_mw
    assert stats.ram_used_mb in (2450, 2690, 2145)


def test_other_text_is_no_line_of_it() -> None:
    assert parse_tegrastats("tegrastats: command not found") is None


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        pytest.param("NV Power Mode: MAXN_SUPER\n2\n", ("MAXN_SUPER", 2), id="Orin Nano Super"),
        pytest.param("NVPM WARN: fan mode is not set!\nNV Power Mode: 15W\n0\n", ("15W", 0), id="with a warning"),
        pytest.param("", ("", None), id="no Jetson"),
    ],
)
def test_nvpmodel(text: str, mode: tuple[str, int | None]) -> None:
    assert parse_nvpmodel(text) == mode


def test_the_running_tool_is_asked_for_one_line(tmp_path: Path) -> None:
    script = f"import time\nwhile True:\n    print({ORIN_NANO!r}, flush=True)\n    time.sleep(0.05)\n"
    stats = read_tegrastats((sys.executable, "-c", script), run_s=2.0)
    assert stats is not None
    assert stats.gpu_mhz == 611
    assert read_tegrastats(("no-such-tegrastats",)) is None


def test_throttling_is_counted_while_measuring(tmp_path: Path) -> None:
    folder = tmp_path / "hwmon3"
    folder.mkdir()
    for number, count in ((1, 0), (3, 7)):
        (folder / f"oc{number}_event_cnt").write_text(f"{count}\n")
    watch = Watch(stats=lambda: parse_tegrastats(ORIN_NANO), events=lambda: throttle_events(tmp_path))
    watch.start()
    (folder / "oc3_event_cnt").write_text("12\n")
    assert watch.summary() == {
        "hottest_c": 50.312, "gpu_mhz": 611, "emc_mhz": 2133, "ram_used_mb": 2450, "throttle_events": 5,
    }  # fmt: skip


def test_elsewhere_there_is_nothing_to_say(tmp_path: Path) -> None:
    watch = Watch(stats=lambda: None, events=lambda: throttle_events(tmp_path))
    watch.start()
    assert watch.summary() == {}


def test_device_jetson_is_its_model_and_power_mode() -> None:
    board = "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    assert jetson_name(board, "25W") == f"{board}, 25W"
    assert jetson_name(board, "") == board
    if not Path("/proc/device-tree/model").exists():
        with pytest.raises(ConfigError, match="--device jetson: this is no Jetson"):
            read_environment("jetson")
