"""Reading the attention of the landmark graph out of a network: how strongly each landmark depends on its neighbours.

The attention is an input of the network's first `sdfl::SparseGraphConv` node, whose constant `neighbours` says which
landmarks it is about. OpenVINO compiles the network up to that input and runs it once more for each face.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.artifacts.landmark_spec import OPERATOR_DOMAIN, OPERATOR_NAME
from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.names import INPUT
from sdfl.errors import ArtifactError
from sdfl.geometry import cut_crop
from sdfl.runtime.backends.base import refused
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.backends.openvino.operator import standard_form
from sdfl.runtime.outputs.graph_overlay import GraphEdges
from sdfl.runtime.tracking.region import region_of_landmarks
from sdfl.types import Face, Image

Found = tuple[str, npt.NDArray[np.int64]]  # name of the value that is the attention; neighbours (N, K)


class AttentionReader:
    """The part of a network that computes the attention of its graph.

    Args:
        path: an ONNX file or OpenVINO IR of a landmark model.

    Raises:
        ArtifactError: the file cannot be read, or holds no attention.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._spec = path, read_spec(path)
        found: list[Found] = []
        try:
            core = load_openvino().Core()
            core.add_extension(_note_attention(found))
            model = core.read_model(path)
            values = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
            if not found or found[0][0] not in values:
                raise ArtifactError(f"{path}: holds no graph whose edge weights can be read")
            size = self._spec.input_size
            part = load_openvino().Model([values[found[0][0]].output(0)], model.get_parameters(), "attention")
            part.reshape({INPUT: [1, size, size, 3]})
            compiled = core.compile_model(part, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1})
        except RuntimeError as error:  # of OpenVINO
            raise refused(path, "OpenVINO", error) from error
        self._neighbours, self._request = found[0][1], compiled.create_infer_request()

    def edges(self, image: Image, face: Face) -> GraphEdges:
        """The weighted edges of one face; a landmark's weight on itself is left out.

        Args:
            image: (H, W, 3) uint8 BGR, the whole frame.
            face: in this frame.
        """
        crop = cut_crop(image, region_of_landmarks(face.landmarks, self._spec), self._spec.input_size)
        self._request.infer({INPUT: crop.image[None]})
        attention = np.asarray(self._request.get_output_tensor(0).data[0], np.float32)  # (N, K)
        nodes = np.repeat(np.arange(len(attention)), attention.shape[1])
        pairs = np.stack([nodes, self._neighbours.ravel()], axis=1)
        kept = (pairs[:, 0] != pairs[:, 1]) & (attention.ravel() > 0)
        return GraphEdges(face.landmarks.points, pairs[kept], attention.ravel()[kept])


def _note_attention(found: list[Found]) -> Any:
    """A conversion rule that adds every node's attention and neighbours to `found`."""
    from openvino.frontend.onnx import ConversionExtension

    def convert(node: Any) -> Any:
        z, attention, neighbours = (node.get_input(port) for port in range(3))
        constant = neighbours.get_node()
        if constant.get_type_name() == "Constant":
            rows = np.array(constant.data, np.int64)
            rows_a_node = z.get_partial_shape()[1].get_length() // len(rows)  # 2: as itself and as a neighbour
            found.append((attention.get_node().get_friendly_name(), rows // rows_a_node))
        return standard_form(node)

    return ConversionExtension(OPERATOR_NAME, OPERATOR_DOMAIN, convert)
