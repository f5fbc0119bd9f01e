"""The lists of labels that networks write while the models of the package are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdfl.datasets import find_pictures, find_samples
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.train.data.landmark_dataset import locate
from sdfl.train.data.pseudo_labels import RoughFace, detected_faces, labelled_faces, write_pseudo_labels
from sdfl.types import Backend

YUNET = "models/yunet_n_640_640.onnx"  # below --data, or beside it


@dataclass(frozen=True)
class LabelList:
    """One list.

    Attributes:
        folder: below --data, whose pictures are labelled.
        teachers: the stages whose networks label them together, each as "<model>/<stage>" of the plans.
        detected: whether YuNet finds the faces; otherwise old labels beside the pictures say where they are.
    """

    folder: str
    teachers: tuple[str, ...]
    detected: bool = True

    def write(self, data: Path, teachers: Sequence[Backend], out: Path) -> None:
        """Label the pictures.

        Args:
            data: the root of the pictures.
            teachers: the networks of the stages `teachers`.
            out: the list to write.

        Raises:
            DataError: pictures or YuNet's file are missing, or no label can be trusted.
        """
        write_pseudo_labels(self._faces(data), teachers, out)

    def _faces(self, data: Path) -> list[RoughFace]:
        if not self.detected:
            return labelled_faces(find_samples(locate(data, self.folder)))
        yunet = YuNetDetector(locate(data, YUNET))
        return detected_faces(find_pictures(locate(data, self.folder)), yunet)


_BOTH = ("medium/refit", "large/refit")

# What recipes call a list -> how it is made. The first teacher was trained on labelled pictures alone; the lists below
# `labels2` are the second round.
LABEL_LISTS: Mapping[str, LabelList] = {
    "labels/ytf.txt": LabelList("ytf", ("medium/low",), detected=False),
    "labels/aflw2000.txt": LabelList("aflw2000/unlabelled", ("medium/refit",)),
    "labels/with_mask.txt": LabelList("masks/with_mask", ("medium/refit",)),
    "labels/without_mask.txt": LabelList("masks/without_mask", ("medium/refit",)),
    "labels/free_photos_68pt.txt": LabelList("free_photos", ("free/rendered",)),
    "labels/free_photos_98pt.txt": LabelList("free_photos", ("wflw98/rendered",)),
    "labels2/free_photos_68pt.txt": LabelList("free_photos", ("free/main",)),
    "labels2/free_photos_98pt.txt": LabelList("free_photos", ("wflw98/main",)),
    "labels2/ytf.txt": LabelList("ytf", _BOTH, detected=False),
    "labels2/aflw2000.txt": LabelList("aflw2000/unlabelled", _BOTH),
    "labels2/with_mask.txt": LabelList("masks/with_mask", _BOTH),
    "labels2/without_mask.txt": LabelList("masks/without_mask", _BOTH),
}
