import json
import sys
from enum import Enum
from pathlib import Path

import pytest
from bench_fakes import ENVIRONMENT, accuracy_record, adapter, latency_record, subject
from faces import write_faces
from toy_model import save_toy_model
from typer.testing import CliRunner

from sdfl.benchmarks import recommend
from sdfl.benchmarks.records import CROPS, KINDS, STAGES, append_record, read_records
from sdfl.benchmarks.regression import RegressionFound
from sdfl.benchmarks.suite import COMPUTE
from sdfl.cli import app, bench, report
from sdfl.errors import ConfigError, MissingDependency, SdflError
from sdfl.runtime.backends import BACKENDS

QUICK = """
measure = ["latency"]
stages = ["network"]
rounds = 2
iterations = 3
starts = 1
[[model]]
artifact = "{model}"
backends = ["onnxruntime"]
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    model = save_toy_model(tmp_path / "toy.onnx")
    (tmp_path / "quick.toml").write_text(QUICK.format(model=model))
    return str(tmp_path / "quick.toml")


def test_bench_writes_a_baseline_and_names_what_gets_worse(
    suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, baseline = tmp_path / "r.jsonl", tmp_path / "baseline.json"
    bench.bench(suite=suite, out=out, write_baseline=baseline)
    assert capsys.readouterr().out == f"{out}: 1 record written, 0 failed\n"
    bench.bench(suite=suite, out=out, check=_with_interval(baseline, 1e9))
    assert "1 records compared with the baseline, none got worse" in capsys.readouterr().out
    with pytest.raises(RegressionFound, match="1 of 1 records got worse: latency: toy"):
        bench.bench(suite=suite, out=out, check=_with_interval(baseline, 1e-9))
    assert len(read_records([out]).records) == 1


def test_what_resume_leaves_out_is_compared_too(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, baseline = tmp_path / "r.jsonl", tmp_path / "baseline.json"
    bench.bench(suite=suite, out=out, write_baseline=baseline)
    bench.bench(suite=suite, out=out, resume=True, check=_with_interval(baseline, 1e9))
    assert "1 records compared with the baseline, none got worse" in capsys.readouterr().out


def _with_interval(baseline: Path, value: float) -> Path:
    """The same baseline, had the times been `value` times that of the reference workload."""
    table = json.loads(baseline.read_text())
    table["reference_ratios"] = {key: [value, value] for key in table["reference_ratios"]}
    baseline.write_text(json.dumps(table))
    return baseline


@pytest.mark.parametrize(
    ("choices", "table"),
    [
        pytest.param(bench.Kind, KINDS, id="measure"),
        pytest.param(bench.BackEnd, tuple(BACKENDS), id="backend"),
        pytest.param(bench.Compute, COMPUTE, id="compute"),
        pytest.param(bench.Stage, STAGES, id="stage"),
        pytest.param(bench.Crops, CROPS, id="crops"),
    ],
)
def test_the_choices_are_those_that_there_are(choices: type[Enum], table: tuple[str, ...]) -> None:
    assert tuple(choice.value for choice in choices) == table


@pytest.mark.parametrize("option", ["measure", "backend", "compute", "stage", "crops"])
def test_a_wrong_choice_is_wrong_usage_and_lists_the_choices(option: str) -> None:
    result = CliRunner().invoke(app, ["bench", f"--{option}", "foo"], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    choices = {"measure": "sweep", "backend": "tensorrt", "compute": "bf16", "stage": "frame", "crops": "tracked"}
    assert choices[option] in result.output


def test_models_that_all_fail_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SdflError, match=r"all 1 measurements failed; the first: .*none\.onnx: no such file"):
        bench.bench(models=[str(tmp_path / "none.onnx")], out=tmp_path / "r.jsonl")


def test_a_peer_on_the_command_line(tmp_path: Path) -> None:

    path = adapter(
        tmp_path,
        "class Peer:\n    layout='ibug68'\n    def __init__(self, o): pass\n    def detect(self, i): return []\n",
    )
    faces = write_faces(tmp_path / "faces", 2)
    out = tmp_path / "r.jsonl"
    bench.bench(peer=[f"{path}={sys.executable}"], data=faces, measure=[bench.Kind.ACCURACY], out=out)
    (record,) = read_records([out]).records
    assert (record.kind, record.result["num_found"], record.subject.peer) == ("accuracy", 0, True)
    with pytest.raises(ConfigError, match="--peer mediapipe: write NAME=PYTHON"):
        bench.bench(peer=["mediapipe"], out=out)


def test_a_recommendation_is_text_or_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommend, "missing_suite", lambda *_: None)
    monkeypatch.setattr(recommend, "read_environment", lambda: ENVIRONMENT)
    for each in (latency_record(subject("a"), 2.0), accuracy_record(subject("a"), 4.0)):
        append_record(tmp_path / "r.jsonl", each)
    report.report([tmp_path / "r.jsonl"], recommend=True)
    assert capsys.readouterr().out.startswith("Take a (fp32) on openvino f32: 2.00 ms (median) for the network alone")
    report.report([tmp_path / "r.jsonl"], recommend=True, as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["files"] == []
    assert (answer["recommended"]["chosen"]["model"], answer["recommended"]["others"]) == ("a", [])


def test_the_files_of_a_report_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("altair", reason="altair is not installed")
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    append_record(tmp_path / "r.jsonl", latency_record(subject("a"), 2.0))
    report.report([tmp_path / "r.jsonl"], out=tmp_path / "out", as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert str(tmp_path / "out" / "report.html") in answer["files"]
    assert all(Path(name).exists() for name in answer["files"])
    assert answer["recommended"] is None


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_a_report_without_its_packages_names_the_pip_command(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    for name in [name for name in sys.modules if name.startswith("sdfl.benchmarks.report")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency, match=rf"{package} is not installed; .*\[report\]"):
        report.report([tmp_path / "r.jsonl"])


def test_report_without_records_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    with pytest.raises(SdflError, match=r"none\.jsonl: cannot be read"):
        report.report([tmp_path / "none.jsonl"], out=tmp_path / "report")
