"""Which cells answer for which face, and what a wrong answer costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sdfl.artifacts.detector_spec import STRIDES
from sdfl.errors import ConfigError
from sdfl.model.detector.network import Cells

# Faces (square root of the box's area, in strides) that a stride answers for. Neighbours overlap, so that no size falls
# between two of them; the finest and the coarsest also take what lies beyond.
SIZE_IN_STRIDES = (2.0, 6.0)
REACH = 1.25  # cells with a centre at most so many strides from the face's middle answer for it
BOX_WEIGHT, POINTS_WEIGHT = 2.0, 1.0
LEAST_QUALITY = 0.2  # wanted score of an answering cell whose box is still off


@dataclass(frozen=True)
class DetectorLossConfig:
    """Weights of the detector's loss.

    Attributes:
        focus: exponent of the quality focal loss.
        box: weight of the boxes beside the score's 1.
        points: weight of the points beside the score's 1.

    Raises:
        ConfigError: one of them is negative.
    """

    focus: float = 2.0
    box: float = BOX_WEIGHT
    points: float = POINTS_WEIGHT

    def __post_init__(self) -> None:
        for key in ("focus", "box", "points"):
            if getattr(self, key) < 0:
                raise ConfigError(f"loss.{key} must not be negative, got {getattr(self, key)}")


@dataclass(frozen=True)
class Targets:
    """The faces of B pictures, padded to F.

    Attributes:
        boxes: (B, F, 4) xyxy px.
        points: (B, F, 5, 2) px.
        kind: (B, F): 1 is a face, 0 padding, -1 a region that may hold faces and counts neither way.
    """

    boxes: Tensor
    points: Tensor
    kind: Tensor


def assign(targets: Targets, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Decide which cell answers for which face; the smallest of several faces wins a cell.

    Args:
        targets: the faces.
        centres: (M, 2) px of the cells.
        strides: (M,) px of the cells.

    Returns:
        (B, M) index of the face that each cell answers for, -1 for none; and (B, M) bool, which cells count.
    """
    low, high = targets.boxes[..., :2], targets.boxes[..., 2:]
    area = (high - low).clamp(min=0).prod(dim=-1)
    size = area.sqrt()[:, None]
    offset = (centres[None, :, None] - ((low + high) / 2)[:, None]).abs().amax(dim=-1)
    least, most = (strides * factor for factor in SIZE_IN_STRIDES)
    least = torch.where(strides == STRIDES[0], 0.0, least)[None, :, None]
    most = torch.where(strides == STRIDES[-1], torch.inf, most)[None, :, None]
    near = offset <= REACH * strides[None, :, None]
    mine = near & (size >= least) & (size <= most) & (targets.kind == 1)[:, None]
    face = torch.where(mine, area[:, None], torch.inf).min(dim=-1)
    owner = torch.where(face.values.isfinite(), face.indices, -1)
    cell = centres[None, :, None]
    inside = ((cell >= low[:, None]) & (cell <= high[:, None])).all(dim=-1)
    unknown = (inside & (targets.kind == -1)[:, None]).any(dim=-1)
    return owner, (owner >= 0) | ~unknown


def generalized_iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and GIoU (Rezatofighi et al., CVPR 2019) of boxes, pair by pair.

    Args:
        a: (M, 4) xyxy.
        b: (M, 4) xyxy.

    Returns:
        (M,) each.
    """
    inside = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=-1)
    total = (a[:, 2:] - a[:, :2]).prod(dim=-1) + (b[:, 2:] - b[:, :2]).prod(dim=-1) - inside
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=-1)
    iou = inside / total.clamp(min=1e-6)
    return iou, iou - (hull - total) / hull.clamp(min=1e-6)


def detector_losses(
    cells: Cells, targets: Targets, centres: Tensor, strides: Tensor, config: DetectorLossConfig
) -> dict[str, Tensor]:
    """The terms of the detector's loss, means over the cells that answer for a face.

    They are the quality focal loss of the score (Li et al., NeurIPS 2020, eq. 4; the wanted score is the box's IoU),
    1 - GIoU, and smooth L1 of the points in sizes of the face.

    Args:
        cells: what the network answers.
        targets: the faces.
        centres: (M, 2) px of the cells.
        strides: (M,) px of the cells.
        config: weights of the terms.

    Returns:
        "score", "box" and "points"; their sum is minimised.
    """
    owner, counts = assign(targets, centres, strides)
    answering = owner >= 0
    picture, _ = answering.nonzero(as_tuple=True)
    face = owner[answering]
    number = max(1, len(face))
    boxes, truth = cells.boxes[answering], targets.boxes[picture, face]
    iou, giou = generalized_iou(boxes, truth)
    size = (truth[:, 2:] - truth[:, :2]).clamp(min=1).prod(dim=-1).sqrt()
    error = (cells.points[answering] - targets.points[picture, face]) / size[:, None, None]
    wanted = torch.zeros_like(cells.score_logit)
    wanted[answering] = iou.detach().clamp(min=LEAST_QUALITY).to(wanted.dtype)
    away = (wanted - torch.sigmoid(cells.score_logit)).abs().pow(config.focus)
    entropy = F.binary_cross_entropy_with_logits(cells.score_logit, wanted, reduction="none")
    points = F.smooth_l1_loss(error, torch.zeros_like(error), beta=0.1, reduction="sum") / (2 * error.shape[1])
    return {
        "score": (away * entropy * counts).sum() / number,
        "box": config.box * (1 - giou).sum() / number,
        "points": config.points * points / number,
    }
