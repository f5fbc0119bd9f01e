import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from bench_fakes import ENVIRONMENT, accuracy_record, latency_record, subject

from sdfl.benchmarks.records import PROTOCOL, Record, Records
from sdfl.benchmarks.report import findings, tables
from sdfl.benchmarks.report.data import collect
from sdfl.benchmarks.report.text import csv_text

pytestmark = pytest.mark.slow

INT8 = subject("net_int8", precision="int8")
OTHER = ENVIRONMENT | {"machine": "m2", "device": "Small Board"}
RECORDS = [
    latency_record(subject(), 4.0),
    accuracy_record(subject(), 4.0),
    accuracy_record(subject(), 3.8, "true"),
    latency_record(INT8, 2.0),
    accuracy_record(INT8, 4.03),
    latency_record(subject(), 30.0, environment=OTHER),
    replace(latency_record(subject("broken"), 1.0), result={}, error="broken.onnx: cannot <load> it"),
]


def sentences(*records: Record) -> list[str]:
    return list(findings.sentences(collect(Records(tuple(records)))))


def test_a_precision_is_judged_by_cost_and_speed_together() -> None:
    text = next(s for s in sentences(*RECORDS) if "from fp32 to int8 weights" in s)
    assert text == (
        "Switching net from fp32 to int8 weights (OpenVINO f32) raises the NME by 0.03 percentage points "
        "(95 % interval 0.03 to 0.03) and makes the network 2.00 times as fast on Test CPU with one thread."
    )


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param(
            [latency_record(INT8, 4.01, noise=0.2)], "makes no measurable difference to the speed", id="noise"
        ),
        pytest.param([latency_record(INT8, 8.0)], "makes the network take 2.00 times as long", id="slower"),
        pytest.param(
            [latency_record(INT8, 2.0, together="run2"), accuracy_record(INT8, 4.0)],
            "by less than 0.005 percentage points",
            id="not interleaved: no ratio",
        ),
    ],
)
def test_differences_within_the_noise_are_none(records: list[Record], expected: str) -> None:
    found = [s for s in sentences(*RECORDS[:2], *records) if "from fp32 to int8" in s]
    assert len(found) == 1
    assert expected in found[0]
    assert "as fast" not in found[0]


def test_of_a_busy_machine_nothing_is_said_about_speed() -> None:
    slow = latency_record(INT8, 2.0)
    busy = [replace(r, result=r.result | {"p90_ms": 9.0}) for r in (RECORDS[0], slow)]
    found = sentences(*busy, RECORDS[1], RECORDS[4])
    assert not any("as fast" in s or "fastest" in s for s in found)
    assert any("raises the NME by 0.03 percentage points" in s for s in found)
    assert any(s.startswith("Test CPU was busy during the measurement") for s in found)


def test_a_device_without_pictures_shows_the_accuracy_of_the_same_file() -> None:
    board = next(entry for entry in collect(Records(tuple(RECORDS))).entries if entry.device == "Small Board")
    result = board.accuracy_result()
    assert result is not None
    assert (result["nme_percent"], board.accuracy_source) == (4.0, "Test CPU")


def test_a_file_that_has_loaded_since_is_no_failure_any_more() -> None:
    failed = replace(RECORDS[0], subject=subject("net", sha256=""), error="no such file", created_utc="2026-01-01")
    since = replace(RECORDS[0], created_utc="2026-01-02")
    assert collect(Records((failed, since))).failures == ()
    assert collect(Records((replace(failed, created_utc="2026-01-03"), since))).failures != ()


def test_two_machines_of_one_kind_are_told_apart() -> None:
    second = latency_record(subject(), 5.0, environment=ENVIRONMENT | {"machine": "m3"})
    assert collect(Records((RECORDS[0], second))).devices() == ["Test CPU", "Test CPU #2"]


def parts(record: Record, **costs: float) -> Record:
    """With the NME of parts of the face, worse by `costs` than the whole."""
    pictures = record.result["pictures"]
    regions = {name: [value + cost for value in pictures["nme_percent"]] for name, cost in costs.items()}
    return replace(record, result=record.result | {"pictures": pictures | {"regions_nme_percent": regions}})


def disturbed(record: Record, amounts: list[float], costs: list[float]) -> Record:
    """A sweep along one axis, each amount worse by its cost than `record`."""
    pictures = record.result["pictures"]
    each = [
        {"name": pictures["name"], "nme_percent": [value + cost for value in pictures["nme_percent"]]} for cost in costs
    ]
    nme = [record.result["nme_percent"] + cost for cost in costs]
    row = {"amount": amounts, "nme_percent": nme, "failure_8_percent": [0.0] * len(costs), "pictures": each}
    settings = {"dataset": "helen/testset", "pictures": 60}
    return replace(record, kind="sweep", settings=settings, result={"num_images": 60, "axes": {"blur": row}})


def test_a_precision_is_judged_by_parts_of_the_face_by_turn_and_by_bad_pictures() -> None:
    plain, int8 = accuracy_record(subject(), 4.0), accuracy_record(INT8, 4.03)
    records = (
        parts(plain, eyes=0.0, mouth=0.0), parts(int8, eyes=0.0, mouth=0.4),
        disturbed(plain, [0.0, 3.0, 7.0], [0, 1, 2]), disturbed(int8, [0.0, 3.0, 7.0], [0, 1, 2.5]),
    )  # fmt: skip
    data = collect(Records(records))
    rows = {row[1]: row[2:] for row in tables.precision_costs_by_subset(data).rows}
    assert rows["all, detected crops"] == ["60", "4.000", "4.030", "+0.030 (+0.030 to +0.030)"]
    assert rows["eyes"][-1].startswith("+0.030")
    assert rows["mouth"][-1].startswith("+0.430")
    assert [rows[third][0] for third in ("frontal third", "middle third", "most turned third")] == ["20"] * 3
    assert rows["blur 7"][-1].startswith("+0.530")
    assert tables.robustness(data).rows[0][1:] == ["blur", "0: 4.00 (0.0)", "3: 5.00 (0.0)", "7: 6.00 (0.0)"]


def test_records_without_parts_have_no_rows_of_them() -> None:
    subsets = [row[1] for row in tables.precision_costs_by_subset(collect(Records(tuple(RECORDS)))).rows]
    assert subsets == ["all, detected crops", "frontal third", "middle third", "most turned third"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("altair", reason="altair is not installed")
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    from sdfl.benchmarks.report import write_report

    folder = tmp_path_factory.mktemp("report")
    written = write_report(Records(tuple(RECORDS), ("1 record left out",)), folder)
    assert all(path.stat().st_size for path in written)
    return folder


def test_the_page_needs_no_network(report: Path) -> None:
    page = (report / "report.html").read_text()
    own, script, rest = page.partition("<script>(function () {")
    library, _, last = rest.partition("</script>")
    assert len(library) > 500_000
    assert script
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+"|url\(|@import|fetch\(', own + last)
    assert page.count("<script>") == 2


def test_the_page_names_device_protocol_and_crops_and_shows_failures(report: Path) -> None:
    page = (report / "report.html").read_text()
    captions = re.findall(r"<figcaption><h3>(.*?)</h3><p class=\"sub\">(.*?)</p>", page)
    assert {"Accuracy against latency", "Cumulative error", "Memory", "Error against occlusion"} <= {
        title for title, _ in captions
    }
    assert all(f"protocol {PROTOCOL}" in subtitle for _, subtitle in captions)
    assert (
        "Accuracy against latency",
        f"Test CPU · helen/testset · detected crops · one thread · batch 1 · protocol {PROTOCOL}",
    ) in captions
    assert "broken.onnx: cannot &lt;load&gt; it" in page
    assert "1 record left out" in page
    assert "Small Board" in page


def test_pictures_markdown_and_csv_hold_the_same_numbers(report: Path) -> None:
    names = {path.name for path in report.iterdir()}
    assert {"pareto-1.png", "pareto-1.svg", "errors.png", "latency-2.svg", "report.md", "records.csv"} <= names
    text = (report / "report.md").read_text()
    assert "| net_int8 (OpenVINO f32) | 4.03 (3.93–4.13) | 0 |" in text
    rows = list(csv.DictReader((report / "records.csv").open()))
    assert len(rows) == len(RECORDS)
    assert rows[0]["p50_ms"] == "4.0"
    assert rows[-1]["error"] == "broken.onnx: cannot <load> it"


@pytest.mark.parametrize("value", [225.3, 4.0, 1e-7, 1e17, 3, True, float(np.float32(225.3))])
def test_numbers_have_the_digits_of_their_records(value: float) -> None:
    record = replace(RECORDS[0], result={"p50_ms": value})
    (row,) = csv.DictReader(csv_text([record]).splitlines())
    assert f'"result":{{"p50_ms":{row["p50_ms"]}}}' in record.to_json()


@pytest.mark.parametrize(
    ("records", "left_out"),
    [
        pytest.param(
            RECORDS[1:2], ("Latency", "Memory", "Cost of precision", "Video", "Failures"), id="accuracy alone"
        ),
        pytest.param(RECORDS[:1], ("Accuracy", "Cumulative", "Robustness", "Worst", "Failures"), id="latency alone"),
        pytest.param(RECORDS[-1:], ("Charts", "Models", "Latency", "Accuracy", "Worst"), id="failures alone"),
    ],
)
def test_what_has_no_rows_is_not_shown(records: list[Record], left_out: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("altair", reason="altair is not installed")
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    from sdfl.benchmarks.report import write_report

    write_report(Records(tuple(records)), tmp_path)
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert "<tbody></tbody>" not in page
    assert not re.search(r"\| ---.*\|\n\n", text), "a head without rows"
    titles = [*re.findall(r"<h[23]>(.*?)</h[23]>", page), *re.findall(r"^## (.*)", text, re.MULTILINE)]
    assert titles
    assert not [title for title in titles if title.startswith(left_out)]


def test_records_of_failures_alone_still_make_a_page(tmp_path: Path) -> None:
    pytest.importorskip("altair", reason="altair is not installed")
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    from sdfl.benchmarks.report import write_report

    write_report(Records((RECORDS[-1],)), tmp_path)
    assert "1 measurement failed" in (tmp_path / "report.html").read_text()


def test_another_projects_model_is_called_by_its_name() -> None:
    peer = subject("mediapipe_facemesh refined", "its own", peer=True, version="0.10.21", precision="", compute="auto")
    ours, theirs = (
        Record("video", who, {"dataset": "sample"}, ENVIRONMENT, result)
        for who, result in (
            (subject(), {"cpu_ms_p50": 2.0, "round_p10_cpu_ms": [1.0, 1.02], "interleaved": "run1"}),
            (peer, {"cpu_ms_p50": 4.0, "round_p10_cpu_ms": [2.0, 2.0], "interleaved": "run1"}),
        )
    )
    assert sentences(ours, theirs) == [
        "net needs 50 % (50 to 51 %) of the CPU time of MediaPipe FaceMesh (refined) for a tracked frame."
    ]
    labels = [row[0] for row in tables.videos(collect(Records((ours, theirs)))).rows]
    assert labels == ["net (OpenVINO f32)", "MediaPipe FaceMesh 0.10.21 (refined)"]


def test_a_browser_draws_every_chart_and_asks_no_host(report: Path, tmp_path: Path) -> None:
    chromium = pytest.importorskip("chromium", reason="websockets is not installed")
    if chromium.find_chromium() is None:
        pytest.skip("no Chromium")
    with _served(report) as address, chromium.open_page(f"{address}/report.html", tmp_path) as page:
        page.wait("document.querySelectorAll('.chart svg').length == document.querySelectorAll('.chart').length")
        assert page.run("document.querySelectorAll('.chart').length") > 5
        page.screenshot(tmp_path / "phone.png", width=390, height=800, dark=True)
        assert page.run("document.documentElement.scrollWidth") <= 390, "the page is wider than a phone"
        assert page.hosts == {address.removeprefix("http://")}
        assert [error for error in page.errors if "404" not in error] == []  # a browser looks for a favicon


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_measuring_imports_no_plotting() -> None:
    code = (
        "import sys, sdfl.benchmarks.bench, sdfl.benchmarks.recommend, sdfl.benchmarks.regression\n"
        "bad = {'altair', 'vl_convert', 'matplotlib', 'sdfl.benchmarks.report', 'torch'} & set(sys.modules)\n"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_figures_on_other_pictures_are_left_out_and_said_to_be() -> None:
    elsewhere = accuracy_record(INT8, 2.0)
    elsewhere = replace(elsewhere, settings=elsewhere.settings | {"dataset": "easy/pictures"})
    data = collect(Records((*RECORDS, elsewhere)))
    assert data.dataset == "helen/testset"
    assert {entry.accuracy_result()["nme_percent"] for entry in data.entries if entry.subject == INT8} == {4.03}  # type: ignore[index]
    assert "Accuracy on easy/pictures is left out, because this report shows helen/testset." in data.notes
