"""`sdfl::SparseGraphConv` in OpenVINO: the compiled extension where it was built, else standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdfl.errors import ArtifactError
from sdfl.runtime.backends.openvino.extension import EXTENSION_VARIABLE, find_extension

NATIVE, STANDARD = "compiled extension", "standard operators"


def add_operator(core: Any, *, native: bool | None = None) -> str:
    """Register the operator.

    Args:
        core: `openvino.Core`.
        native: True for the extension, False for standard operators, None for the extension where it was built: it is
            the faster form (docs/reference/operator.md).

    Returns:
        The form that the operator runs in, NATIVE or STANDARD.

    Raises:
        ArtifactError: the extension was asked for and not built, or OpenVINO cannot load it.
    """
    library = find_extension()
    if native and library is None:
        raise ArtifactError("the operator's OpenVINO extension was not built; see docs/reference/operator.md")
    if library is None or native is False:
        core.add_extension(standard_operators())
        return STANDARD
    try:
        core.add_extension(str(library))
    except RuntimeError as error:
        raise ArtifactError(
            f"{library}: was not built for this OpenVINO; install sdfl again, or set {EXTENSION_VARIABLE}= "
            "(empty) to do without it"
        ) from error
    return NATIVE


def standard_operators() -> Any:
    """OpenVINO's rule for converting the node into standard operators; needs no compiled code."""
    from openvino.frontend.onnx import ConversionExtension

    return ConversionExtension("SparseGraphConv", "sdfl", standard_form)


def standard_form(node: Any) -> Any:
    """The operator in terms of OpenVINO's own: y = f(sum over k of attention * z[neighbours] + bias).

    Args:
        node: of an ONNX file, as OpenVINO's reader gives it.

    Returns:
        The outputs that take the node's place.
    """
    from openvino import opset13 as ops

    z, attention, neighbours, bias = (node.get_input(index) for index in range(4))
    slope = node.get_attribute("slope")
    gathered = ops.gather(z, neighbours, ops.constant(1, dtype=np.int32))  # (B, N, K, C)
    weighted = ops.multiply(gathered, ops.unsqueeze(attention, ops.constant(-1, dtype=np.int32)))
    y = ops.add(ops.reduce_sum(weighted, ops.constant([2], dtype=np.int32)), bias)
    if slope != 1.0:
        y = ops.prelu(y, ops.constant(np.array([slope], np.float32)))
    return y.outputs()
