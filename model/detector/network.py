"""The face detector's network: depthwise separable layers, three strides, one answer a cell, no anchors.

Built after YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023), which it is compared with, at about half of its
multiply-adds: narrow where maps are large, wide and with 5x5 windows where they are small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdfl.artifacts.detector_spec import NUM_POINTS, STRIDES
from sdfl.checks import require_within
from sdfl.errors import ConfigError, shown
from sdfl.geometry import MEAN_BGR, STD_BGR

LARGEST = 4096  # of channels and layers
CHANNELS = 1 + 4 + 2 * NUM_POINTS  # score logit; centre x, y and log width, height; points x, y
_FIRST_SCORE = 0.01  # what an untrained network answers, so that the many empty cells do not drown the first steps


@dataclass(frozen=True)
class DetectorConfig:
    """The shape of a detector; it travels in every checkpoint.

    Attributes:
        widths: channels at strides 2, 4, 8, 16 and 32.
        depths: layers at strides 4, 8, 16 and 32.
        neck: channels of the maps that the answers are computed from.

    Raises:
        ConfigError: names the key that is wrong.
    """

    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    depths: tuple[int, ...] = (1, 3, 3, 3)
    neck: int = 64

    def __post_init__(self) -> None:
        for key, count in (("widths", 5), ("depths", 4)):
            values = getattr(self, key)
            if len(values) != count or min(values) < 1 or max(values) > LARGEST:
                raise ConfigError(f"detector.{key} must be {count} numbers of 1..{LARGEST}, got {shown(list(values))}")
        require_within("detector.neck", self.neck, 1, LARGEST)


class Cells(NamedTuple):
    """Answers of M cells, all strides one after another, each row by row.

    Attributes:
        score_logit: (B, M).
        boxes: (B, M, 4) xyxy px.
        points: (B, M, 5, 2) px: the eye on the left as seen, the other eye, nose, mouth corner on the left, the
            other one.
    """

    score_logit: Tensor
    boxes: Tensor
    points: Tensor


def cell_grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where the cells of a picture are.

    Args:
        height: of the picture, a multiple of 32 px.
        width: likewise.

    Returns:
        Centres (M, 2) px and strides (M,) px.
    """
    centres, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        cells = torch.stack([x, y], dim=-1).reshape(-1, 2).float()
        centres.append((cells + 0.5) * stride - 0.5)
        strides.append(torch.full((len(cells),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def decode(raw: Tensor, centres: Tensor, strides: Tensor) -> Cells:
    """Turn what the network gives into boxes and points.

    Args:
        raw: (B, M, CHANNELS) of `FaceDetector`.
        centres: (M, 2) px, of `cell_grid`.
        strides: (M,) px, of `cell_grid`.
    """
    scale = strides[:, None]
    middle = centres + raw[..., 1:3] * scale
    half = torch.exp(raw[..., 3:5].clamp(max=8.0)) * scale / 2
    points = centres[:, None] + raw[..., 5:].reshape(*raw.shape[:-1], NUM_POINTS, 2) * scale[..., None]
    return Cells(raw[..., 0], torch.cat([middle - half, middle + half], dim=-1), points)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _separable(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Depthwise kernel x kernel, then 1x1."""
    return nn.Sequential(_conv(inputs, inputs, kernel, stride, inputs), _conv(inputs, outputs, 1))


def _stage(inputs: int, outputs: int, depth: int, kernel: int) -> nn.Sequential:
    layers = [_separable(inputs, outputs, stride=2)]
    return nn.Sequential(*layers, *(_separable(outputs, outputs, kernel=kernel) for _ in range(depth - 1)))


class Pyramid(nn.Module):
    """(B, 3, H, W) -> three maps (B, neck, H / stride, W / stride), finest first; each has seen the coarser ones."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        widths, depths, neck = config.widths, config.depths, config.neck
        self.stem = _conv(3, widths[0], 3, 2)
        self.stage4 = _stage(widths[0], widths[1], depths[0], 3)
        self.stage8 = _stage(widths[1], widths[2], depths[1], 3)
        self.stage16 = _stage(widths[2], widths[3], depths[2], 3)
        self.stage32 = _stage(widths[3], widths[4], depths[3], 5)
        self.side8 = _conv(widths[2], neck, 1)
        self.side16 = _conv(widths[3], neck, 1)
        self.side32 = _conv(widths[4], neck, 1)
        self.out8 = _separable(neck, neck)
        self.out16 = _separable(neck, neck)
        self.out32 = _separable(neck, neck)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x: (B, 3, H, W), normalised pixels. Returns the maps of the strides 8, 16 and 32."""
        fine = self.stage8(self.stage4(self.stem(x)))
        middle = self.stage16(fine)
        coarse = self.side32(self.stage32(middle))
        middle = self.side16(middle) + F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        fine = self.side8(fine) + F.interpolate(middle, scale_factor=2.0, mode="nearest")
        return self.out8(fine), self.out16(middle), self.out32(coarse)


class CellHead(nn.Module):
    """One 1x1 convolution for each stride: three maps -> (B, M, CHANNELS)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.answers = nn.ModuleList(nn.Conv2d(inputs, CHANNELS, 1) for _ in STRIDES)
        for answer in self.answers:
            assert isinstance(answer, nn.Conv2d)
            assert answer.bias is not None
            nn.init.normal_(answer.weight, std=0.01)
            nn.init.zeros_(answer.bias)
            with torch.no_grad():
                answer.bias[0] = torch.logit(torch.tensor(_FIRST_SCORE))
                answer.bias[3:5] = 1.1  # faces are about three cells wide

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """maps: of the strides 8, 16 and 32. Returns the cells of all, (B, M, CHANNELS)."""
        answers = [answer(each) for answer, each in zip(self.answers, maps, strict=True)]
        return torch.cat([answer.permute(0, 2, 3, 1).flatten(1, 2) for answer in answers], dim=1)


class FaceDetector(nn.Module):
    """The whole detector: uint8 picture in, raw cells out.

    Attributes:
        config: its shape.
        input_std: (3, 1, 1), None once it is folded into the first convolution.
    """

    mean: Tensor
    input_std: Tensor | None

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(3, 1, 1), persistent=False)
        self.register_buffer("input_std", torch.tensor(STD_BGR).view(3, 1, 1), persistent=False)
        self.backbone = Pyramid(config)
        self.head = CellHead(config.neck)

    def forward(self, image: Tensor) -> Tensor:
        """Answer for every cell.

        Args:
            image: (B, H, W, 3) uint8 BGR, sides multiples of 32 px.

        Returns:
            (B, M, CHANNELS), see `decode`.
        """
        pixels = image.permute(0, 3, 1, 2).float() - self.mean
        if self.input_std is not None:
            pixels = pixels / self.input_std
        raw: Tensor = self.head(self.backbone(pixels))
        return raw
