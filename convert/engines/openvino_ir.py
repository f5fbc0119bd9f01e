"""Build an OpenVINO IR: weights as fp16 or int8, and the graph operator in standard operators."""

from __future__ import annotations

import time
from importlib import metadata
from pathlib import Path
from typing import Any

from sdfl.artifacts.model_file import RT_INFO
from sdfl.artifacts.seal import OF_IR
from sdfl.convert.engines.layers import Built
from sdfl.convert.engines.plan import BuildPlan
from sdfl.convert.engines.progress import Step
from sdfl.errors import WriteError
from sdfl.files import atomic_pair
from sdfl.runtime.backends.base import refused
from sdfl.runtime.backends.openvino.library import load_openvino


def build(plan: BuildPlan, step: Step) -> Built:
    """Write an IR: the .xml with the passport in its rt_info, and the .bin beside it.

    Args:
        plan: what to build.
        step: told what is done now, how many steps are done, and how many there are.

    Raises:
        MissingDependency: OpenVINO is not installed.
        ArtifactError: OpenVINO refuses the model.
        WriteError: OpenVINO cannot write the files.
    """
    openvino = load_openvino()
    from sdfl.runtime.backends.openvino.operator import standard_operators

    start_s = time.perf_counter()
    step("reading", 0, 2)
    core = openvino.Core()
    core.add_extension(standard_operators())
    try:
        model = core.read_model(plan.source)
    except RuntimeError as error:
        raise refused(plan.source, "OpenVINO", error) from error
    step("writing", 1, 2)
    binary = plan.out.with_suffix(".bin")
    with atomic_pair(plan.out, binary) as (xml, weights):  # OpenVINO names `weights` after `xml` likewise
        _save(openvino, model, xml, plan)
        passport = plan.passport(weights.read_bytes(), start_s, metadata.version("openvino"), copy_sha256="")
        model.set_rt_info(passport.to_json(), list(RT_INFO))
        _save(openvino, model, xml, plan)
        OF_IR.add(xml)
    step("done", 2, 2)
    return Built(plan.out, passport, ())


def _save(openvino: Any, model: Any, xml: Path, plan: BuildPlan) -> None:
    try:
        openvino.save_model(model, xml, compress_to_fp16=plan.precision != "fp32")
    except RuntimeError as error:  # OpenVINO does not say why, and has removed what it wrote
        raise WriteError(f"{plan.out}: OpenVINO cannot write it; free some space or choose another disk") from error
