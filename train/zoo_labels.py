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


def _round(name: str, *teachers: str, of_videos: str = "") -> dict[str, LabelList]:
    """One round of labels on research pictures; `of_videos` is the teacher for YouTube Faces, if it is another."""
    return {
        f"{name}/ytf.txt": LabelList("ytf", (of_videos,) if of_videos else teachers, detected=False),
        f"{name}/aflw2000.txt": LabelList("aflw2000/unlabelled", teachers),
        f"{name}/with_mask.txt": LabelList("masks/with_mask", teachers),
        f"{name}/without_mask.txt": LabelList("masks/without_mask", teachers),
    }


# What recipes call a list -> how it is made. The teachers of each round have learned from the round before.
LABEL_LISTS: Mapping[str, LabelList] = {
    **_round("labels", "medium/teacher", of_videos="medium/low"),
    **_round("labels2", "medium/teacher", "large/teacher"),
    **_round("labels3", "medium/teacher", "large/teacher", "small/refit"),
    "labels/free_photos_68pt.txt": LabelList("free_photos", ("free/rendered",)),
    "labels/free_photos_98pt.txt": LabelList("free_photos", ("wflw98/rendered",)),
    "labels2/free_photos_68pt.txt": LabelList("free_photos", ("free/main",)),
    "labels2/free_photos_98pt.txt": LabelList("free_photos", ("wflw98/main",)),
}
