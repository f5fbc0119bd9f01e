"""Build a .tflite file for LiteRT: Android, iOS, Raspberry Pi. Needs torch and litert-torch.

The way is ONNX -> torch module -> LiteRT's converter, which alone keeps uint8 NHWC input and gives exact results. The
graph operator is written out in standard operators with a gather, the fastest form there (docs/results/litert.md).
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from sdfl.artifacts.drawn_face import drawn_crop
from sdfl.artifacts.litert_file import with_passport
from sdfl.artifacts.names import INPUT
from sdfl.convert.engines.layers import Built
from sdfl.convert.engines.litert_int8 import Array, quantize, remove_quantization
from sdfl.convert.engines.onnx_copy import make_copy
from sdfl.convert.engines.plan import BuildPlan
from sdfl.convert.engines.progress import Step
from sdfl.errors import ArtifactError, MissingDependency
from sdfl.files import atomic_path
from sdfl.runtime.backends.base import refused

EXTRA = "litert-convert"
# Its libraries write to the standard error what means nothing to a user; these switches of theirs stop that.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "LITERT_TORCH_SHOW_PROGRESS": "n",
}


def build(plan: BuildPlan, step: Step) -> Built:
    """Write a .tflite file with its passport.

    Args:
        plan: what to build.
        step: told what is done now, how many steps are done, and how many there are.

    Raises:
        MissingDependency: litert-torch is not installed.
        ArtifactError: the graph has a node that is not known, or LiteRT's converter refuses it.
    """
    start_s = time.perf_counter()
    step("loading the converter", 0, 3)
    with _quiet():
        load_converter()
        step("converting", 1, 3)
        with atomic_path(plan.out) as temporary:
            network = convert(plan, temporary)
            passport = plan.passport(network, start_s, metadata.version("litert-torch"), copy_sha256="")
            step("writing", 2, 3)
            temporary.write_bytes(with_passport(network, passport))
    step("done", 3, 3)
    return Built(plan.out, passport, ())


def convert(plan: BuildPlan, out: Path, outputs: tuple[str, ...] = ()) -> bytes:
    """Write a network without a passport.

    Args:
        plan: what to build.
        out: the file to write.
        outputs: names of inner tensors to give out as well.

    Returns:
        The content of the file.

    Raises:
        ArtifactError: the graph has a node that is not known, or LiteRT's converter refuses it.
    """
    import torch

    from sdfl.convert.engines.torch_graph import TorchGraph

    model = make_copy(plan.source, plan.copy_options(typed=False, outputs=outputs))
    ranges = remove_quantization(model)  # none in a float file
    module = TorchGraph(model, plan.source).eval()
    crop = drawn_crop(plan.spec.input_size, 0)[None]
    example = torch.from_numpy(crop)

    def values(crop: Array) -> dict[str, Array]:
        with torch.no_grad():
            return {name: value.numpy() for name, value in module.values(torch.from_numpy(crop)).items()}

    values(crop)  # what is not known is told here, before the converter wraps the error
    try:
        load_converter().convert(module, sample_kwargs={INPUT: example}).export(str(out))
        if ranges:
            out.write_bytes(quantize(out.read_bytes(), ranges, values, crop, plan.source))
    except (ArtifactError, OSError):  # the latter of a full disk
        raise
    except Exception as error:  # its layers raise errors of many kinds
        raise refused(plan.source, "LiteRT's converter", error) from error
    return out.read_bytes()


def load_converter() -> Any:
    """The module `litert_torch`.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        return import_module("litert_torch")
    except ImportError as error:
        raise MissingDependency("litert-torch", extra=EXTRA, alone=True) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings, logs and progress of torch, jax and the converter."""
    before = {name: os.environ.get(name) for name in _QUIET}
    disabled = logging.root.manager.disable
    os.environ.update(_QUIET)
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
