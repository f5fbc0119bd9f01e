"""Int8 networks: `prepare` inserts fake quantization, `calibrate` finds ranges, `convert` stores weights as int8."""

from sdfl.model.quantize.calibrate import calibrate, crops_of
from sdfl.model.quantize.convert import convert
from sdfl.model.quantize.fake_quantization import (
    FakeQuant,
    QuantConv2d,
    QuantLinear,
    is_quantized,
    quantized_layers,
)
from sdfl.model.quantize.prepare import DEFAULT_FLOAT_LAYERS, is_float, prepare

__all__ = [
    "DEFAULT_FLOAT_LAYERS",
    "FakeQuant",
    "QuantConv2d",
    "QuantLinear",
    "calibrate",
    "convert",
    "crops_of",
    "is_float",
    "is_quantized",
    "prepare",
    "quantized_layers",
]
