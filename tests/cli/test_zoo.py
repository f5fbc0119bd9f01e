"""`sdfl zoo list` and `sdfl zoo verify` on the files that ship."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.errors import ArtifactError
from sdfl.runtime import zoo

LARGEST_MB = 30.0  # all shipped files of the six models together


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_list_says_what_every_model_is() -> None:
    rows = json.loads(run("zoo", "list", "--json"))
    assert [row["name"] for row in rows if row["default"]] == [zoo.DEFAULT_MODEL]
    for row in rows:
        assert {"fp32", "fp16", "int8"} <= set(row["precisions"]), row["name"]
        assert 0 < row["nme_percent"] < 10
        assert ("research" in row["licence"]) == (row["name"] not in ("free", "wflw98")), row["name"]
        for precision, digest in row["sha256"].items():
            assert hashlib.sha256(zoo.resolve_model(row["name"], precision).read_bytes()).hexdigest() == digest
    assert sum(size for row in rows for size in row["megabytes"].values()) < LARGEST_MB


def test_list_names_the_terms_in_a_line() -> None:
    assert "research use only" in run("zoo", "list")


@pytest.mark.data
def test_verify_finds_a_file_that_does_not_do_what_it_states(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve other pictures than the ones its NME was measured on stand for a file that was changed."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    folder = data_dir / "300w" / "helen" / "testset"
    for label in sorted(folder.glob("*.pts"))[:12]:
        for path in (label, label.with_suffix(".jpg")):
            shutil.copy(path, pictures)
    with pytest.raises(ArtifactError, match=f"{zoo.DEFAULT_MODEL} fp32 on onnxruntime has .* its metadata say"):
        CliRunner().invoke(app, ["zoo", "verify", zoo.DEFAULT_MODEL, "--data", str(pictures)], catch_exceptions=False)
