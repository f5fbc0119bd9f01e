"""Measure the model files of the package and compare them with the accuracy that they state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.datasets import Sample
from sdfl.evaluation import detected_region, evaluate, true_region
from sdfl.runtime.backends import open_backend
from sdfl.runtime.detector import open_detector

NME_TOLERANCE = 0.01  # points of NME: another processor sums in another order
INT8_ALLOWED = 0.05  # points of NME that int8 may cost
# Crops around the labelled points or the detected face, and the back end.
SETTINGS = (("true", "onnxruntime"), ("true", "openvino"), ("detected", "openvino"))


@dataclass(frozen=True)
class Measurement:
    """The accuracy of one file in one setting.

    Attributes:
        name: the model.
        precision: of the file's weights.
        backend: what ran it.
        stated_percent: the NME that the file states, None where it states none.
        summary: of `Evaluation.summary`.
    """

    name: str
    precision: str
    backend: str
    stated_percent: float | None
    summary: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """One flat table, for JSON."""
        facts = {key: value for key, value in vars(self).items() if key != "summary"}
        return {**facts, **self.summary}


def measure_files(models: Mapping[str, Mapping[str, Path]], samples: Sequence[Sample]) -> Iterator[Measurement]:
    """Measure files of the package on labelled pictures.

    Args:
        models: name -> precision -> file.
        samples: the pictures.

    Yields:
        One entry for each file and each of SETTINGS. Models whose points are not those of the pictures are left out.
    """
    regions = {"true": true_region, "detected": detected_region(open_detector())}
    for name, files in models.items():
        if read_spec(next(iter(files.values()))).layout != samples[0].layout:
            continue
        for precision, path in files.items():
            for crops, backend in SETTINGS:
                opened = open_backend(path, name=backend)
                result = evaluate(opened, samples, region_of=regions[crops], crops=crops)
                opened.close()
                yield Measurement(name, precision, backend, opened.spec.nme_percent, result.summary())


def deviations(measurements: Sequence[Measurement]) -> list[str]:
    """What is wrong with measured files, one clause each.

    Args:
        measurements: all of `measure_files`.

    Returns:
        Where a file's NME is not the one that it states, or int8 costs more than INT8_ALLOWED.
    """
    with_true_crops = [each for each in measurements if each.summary["crops"] == "true"]
    float_nme = {
        (each.name, each.backend): each.summary["nme_percent"] for each in with_true_crops if each.precision == "fp32"
    }
    found = []
    for each in with_true_crops:
        where, nme = f"{each.name} {each.precision} on {each.backend}", each.summary["nme_percent"]
        stated, in_float = each.stated_percent, float_nme[each.name, each.backend]
        if each.backend == "onnxruntime" and (stated is None or abs(nme - stated) > NME_TOLERANCE):
            found.append(f"{where} has {nme} %, its metadata say {stated}")
        if each.precision == "int8" and nme > in_float + INT8_ALLOWED:
            found.append(f"{where} has {nme} %, more than {INT8_ALLOWED} above fp32's {in_float}")
    return found
