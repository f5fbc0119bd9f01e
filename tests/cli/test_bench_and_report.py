from pathlib import Path

import pytest
from bench_fakes import adapter
from faces import write_faces
from toy_model import save_toy_model

from sdfl.benchmarks.records import read_records
from sdfl.benchmarks.regression import RegressionFound
from sdfl.cli import bench, report
from sdfl.errors import ConfigError, SdflError

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
    assert capsys.readouterr().out == f"{out}: 1 records written, 0 of failures\n"
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
    import json

    table = json.loads(baseline.read_text())
    table["reference_ratios"] = {key: [value, value] for key in table["reference_ratios"]}
    baseline.write_text(json.dumps(table))
    return baseline


def test_models_that_all_fail_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SdflError, match=r"all 1 measurements failed; the first: .*none\.onnx: no such file"):
        bench.bench(models=[str(tmp_path / "none.onnx")], out=tmp_path / "r.jsonl")


def test_a_peer_on_the_command_line(tmp_path: Path) -> None:
    import sys

    path = adapter(
        tmp_path,
        "class Peer:\n    layout='ibug68'\n    def __init__(self, o): pass\n    def detect(self, i): return []\n",
    )
    faces = write_faces(tmp_path / "faces", 2)
    out = tmp_path / "r.jsonl"
    bench.bench(peer=[f"{path}={sys.executable}"], data=faces, measure=["accuracy"], out=out)
    (record,) = read_records([out]).records
    assert (record.kind, record.result["num_found"], record.subject.peer) == ("accuracy", 0, True)
    with pytest.raises(ConfigError, match="--peer mediapipe: write NAME=PYTHON"):
        bench.bench(peer=["mediapipe"], out=out)


def test_report_without_records_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SdflError, match=r"none\.jsonl: cannot be read"):
        report.report([tmp_path / "none.jsonl"], out=tmp_path / "report")
