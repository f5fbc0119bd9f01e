"""Names that files and networks share: precisions, file endings, the files of one model, tensors.

A model is a family of files: `small.onnx` holds its float weights, `small_int8.onnx` its int8 weights.
"""

from __future__ import annotations

from pathlib import Path

PRECISIONS = ("fp32", "fp16", "int8")  # of the weights in a file
COMPUTE_PRECISIONS = ("f32", "bf16", "f16")  # of floats while a network runs, as OpenVINO names them

ONNX, OPENVINO_IR, ENGINE, LITERT, CHECKPOINT = ".onnx", ".xml", ".engine", ".tflite", ".ckpt"
SUFFIX_OF_PRECISION = {"fp32": "", "int8": "_int8"}  # what follows the family's name in a file's name

FP16_SUFFIX = ".half"  # of the names of weights that a file stores as fp16

INPUT = "image"
OUTPUTS = ("points", "presence", "log_scale")


def file_stem(family: str, precision: str) -> str:
    """The name of a family's file without its ending: ("small", "int8") -> "small_int8".

    Args:
        family: name of the model.
        precision: a key of SUFFIX_OF_PRECISION.
    """
    return family + SUFFIX_OF_PRECISION[precision]


def split_stem(stem: str) -> tuple[str, str]:
    """Family and precision of a file's name without its ending: "small_int8" -> ("small", "int8")."""
    suffix = SUFFIX_OF_PRECISION["int8"]
    return (stem.removesuffix(suffix), "int8") if stem.endswith(suffix) else (stem, "fp32")


def has_suffix(path: Path | str, *suffixes: str) -> bool:
    """Whether the name ends in one of `suffixes`, in small or capital letters."""
    return Path(path).suffix.lower() in suffixes
