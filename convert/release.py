"""Write the files of a model from its checkpoints: export, comparison with torch, and the accuracy that they state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdfl.convert.compare.runtimes import verify
from sdfl.convert.export.landmarks import export, set_accuracy
from sdfl.datasets import Sample
from sdfl.errors import ArtifactError
from sdfl.evaluation import evaluate
from sdfl.model.checkpoint import read_checkpoint
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend

STORAGE = "fp16"  # of the float weights in released files


def release(checkpoint: Path, out: Path, *, faces: Path, test: Sequence[Sample] = (), test_name: str = "") -> Path:
    """Export a checkpoint, refuse a file that computes something else, and write its accuracy into it.

    Args:
        checkpoint: of a landmark network, float or int8.
        out: the .onnx file to write.
        faces: labelled pictures on which the file is compared with torch; on generated ones points move freely.
        test: labelled pictures whose NME the file shall state; none leaves that out.
        test_name: what they are called.

    Returns:
        `out`.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        ArtifactError: the file differs from torch by more than the limit.
        DataError: pictures are missing.
    """
    read = read_checkpoint(checkpoint)
    export(read, out, storage=STORAGE)
    for difference in verify(out, checkpoint=read, data=faces, storage=STORAGE):
        if not difference.passed:
            raise ArtifactError(f"{out}: {difference.runtime} differs by {difference.points_px:.3f} px from torch")
    if test:
        backend = OnnxRuntimeBackend(out)
        nme_percent = evaluate(backend, test).summary()["nme_percent"]
        backend.close()
        set_accuracy(out, nme_percent, f"{test_name}, inter-ocular, crops from the true points, ONNX Runtime")
    return out
