"""The block that MobileNetV2 (Sandler et al., CVPR 2018) and EfficientNet (Tan and Le, ICML 2019) are made of."""

from __future__ import annotations

from torch import Tensor, nn


def conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(out_channels)]


def conv_bn_relu6(in_channels: int, out_channels: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(*conv_bn(in_channels, out_channels, kernel, stride, groups), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """1x1 expand, depthwise k x k, linear 1x1 project; a skip connection where the shape stays the same."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = in_channels * expand
        layers: list[nn.Module] = [] if expand == 1 else [conv_bn_relu6(in_channels, wide, 1, 1)]
        layers.append(conv_bn_relu6(wide, wide, kernel, stride, groups=wide))
        layers.extend(conv_bn(wide, out_channels, 1, 1))
        self.layers = nn.Sequential(*layers)
        self.skip = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.skip else out


class InvertedResidualNet(nn.Module):
    """A stem and stages of inverted residuals.

    stages: rows of (expand, out_channels, repeats, stride, kernel). output_stride: 32, or 16 to keep the last stage's
    resolution. forward: (B, 3, S, S) -> (B, out_channels, S / output_stride, S / output_stride).
    """

    def __init__(self, stem: int, stages: list[tuple[int, int, int, int, int]], output_stride: int) -> None:
        super().__init__()
        self.output_stride = output_stride
        self.stem = conv_bn_relu6(3, stem, 3, 2)
        blocks: list[nn.Module] = []
        channels, reached = stem, 2
        for expand, out_channels, repeats, first_stride, kernel in stages:
            for index in range(repeats):
                stride = first_stride if index == 0 and reached < output_stride else 1
                reached *= stride
                blocks.append(InvertedResidual(channels, out_channels, kernel=kernel, stride=stride, expand=expand))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.out_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.blocks(self.stem(x))
        return out


def round_channels(channels: float, divisor: int = 8) -> int:
    """Nearest multiple of `divisor`, never more than 10 % below `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
