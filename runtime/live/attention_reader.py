"""The learned weights of the graph's edges, read out of the network for one face: an inference of its own, on OpenVINO.

They are the `attention` input of the first `sdfl::SparseGraphConv` node; its constant `neighbours` say whose they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.names import INPUT
from sdfl.errors import ArtifactError
from sdfl.geometry import cut_crop
from sdfl.runtime.backends.base import refused
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.backends.openvino.operator import standard_form
from sdfl.runtime.tracking.region import region_of_landmarks
from sdfl.types import Face, FloatArray, Image

NODE = "SparseGraphConv"


@dataclass(frozen=True, eq=False)
class Edges:
    """points: (N, 2) frame px. pairs: (E, 2), (node, its neighbour). weights: (E,) 0..1, one face's."""

    points: FloatArray
    pairs: npt.NDArray[np.int64]
    weights: FloatArray


class AttentionReader:
    """The network of `path` with its attention as output. Raises ArtifactError where it has none that can be read."""

    def __init__(self, path: Path) -> None:
        self.path, self._spec = path, read_spec(path)
        found: list[tuple[str, npt.NDArray[np.int64]]] = []
        try:
            core = load_openvino().Core()
            core.add_extension(_attention_rule(found))
            model = core.read_model(path)
            outputs = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
            if not found or found[0][0] not in outputs:
                raise ArtifactError(f"{path}: holds no graph whose edge weights can be read")
            size = self._spec.input_size
            alone = load_openvino().Model([outputs[found[0][0]].output(0)], model.get_parameters(), "attention")
            alone.reshape({INPUT: [1, size, size, 3]})
            compiled = core.compile_model(alone, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1})
        except RuntimeError as error:  # of OpenVINO
            raise refused(path, "OpenVINO", error) from error
        self._neighbours, self._request = found[0][1], compiled.create_infer_request()

    def of(self, image: Image, face: Face) -> Edges:
        """The edges of `face` in `image` (H, W, 3), one of each pair (node, neighbour); none from a node to itself."""
        crop = cut_crop(image, region_of_landmarks(face.landmarks, self._spec), self._spec.input_size)
        self._request.infer({INPUT: crop.image[None]})
        attention = np.asarray(self._request.get_output_tensor(0).data[0], np.float32)  # (N, K)
        nodes = np.repeat(np.arange(len(attention)), attention.shape[1])
        pairs = np.stack([nodes, self._neighbours.ravel()], axis=1)
        kept = (pairs[:, 0] != pairs[:, 1]) & (attention.ravel() > 0)
        return Edges(face.landmarks.points, pairs[kept], attention.ravel()[kept])


def _attention_rule(found: list[tuple[str, npt.NDArray[np.int64]]]) -> Any:
    """A conversion rule that notes every node's attention, by name, and neighbours."""
    from openvino.frontend.onnx import ConversionExtension

    def convert(node: Any) -> Any:
        z, attention, neighbours = (node.get_input(port) for port in range(3))
        constant = neighbours.get_node()
        if constant.get_type_name() == "Constant":
            rows = np.array(constant.data, np.int64)
            rows_a_node = z.get_partial_shape()[1].get_length() // len(rows)  # 2: as itself and as a neighbour
            found.append((attention.get_node().get_friendly_name(), rows // rows_a_node))
        return standard_form(node)

    return ConversionExtension(NODE, "sdfl", convert)


def draw_edges(image: Image, edges: Edges) -> Image:
    """A copy of `image` with the edges, dark blue for the weakest to yellow for the strongest."""
    canvas: Image = image.copy()
    colours = cv2.applyColorMap(np.round(255 * relative(edges.weights)).astype(np.uint8), cv2.COLORMAP_PLASMA)
    size_px = float(np.ptp(edges.points, axis=0).max())
    width = max(1, round(size_px / 170))
    ends = np.round(np.clip(np.nan_to_num(edges.points), -16000, 16000) * 16).astype(int)
    for index in np.argsort(edges.weights).tolist():
        start, end = (ends[node].tolist() for node in edges.pairs[index])
        cv2.line(canvas, start, end, colours[index, 0].tolist(), width, cv2.LINE_AA, 4)
    return canvas


def relative(weights: FloatArray) -> FloatArray:
    """Root of the weights as shares of the strongest one, 0..1: most weights are small."""
    return np.asarray(np.sqrt(weights / max(float(weights.max(initial=0.0)), 1e-6)), np.float32)
