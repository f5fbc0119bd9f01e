"""The block that MobileNetV2 (Sandler et al., CVPR 2018) and EfficientNet (Tan and Le, ICML 2019) are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from sdfl.errors import ConfigError

Stage = tuple[int, int, int, int, int]  # expand, out_channels, repeats, stride, kernel


@dataclass(frozen=True)
class Style:
    """What families of this block differ in.

    Attributes:
        activation: a module class that takes `inplace`.
        norm_eps: of batch normalisation.
        squeeze: share of a block's input channels that squeeze-and-excitation keeps, 0 for none.
        same_padding: pad strided convolutions as TensorFlow's SAME does, less before than after.
        pixel_mean: of the input that published weights were trained with.
        pixel_std: likewise; 0 where both are ImageNet's mean and standard deviation of each channel.
    """

    activation: Callable[..., nn.Module] = nn.ReLU6
    norm_eps: float = 1e-5
    squeeze: float = 0.0
    same_padding: bool = False
    pixel_mean: float = 0.0
    pixel_std: float = 0.0


class SqueezeExcitation(nn.Module):
    """x * sigmoid(W2 silu(W1 mean(x))): one gain a channel (Hu et al., CVPR 2018). x: (B, C, H, W), shape kept."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.SiLU(inplace=True)
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of x, (B, C, H, W)."""
        pooled = x.mean(dim=(2, 3), keepdim=True)
        gain: Tensor = self.gate(self.expand(self.activation(self.reduce(pooled))))
        return x * gain


def conv_bn(
    in_channels: int, out_channels: int, kernel: int, stride: int, groups: int = 1, style: Style = Style()
) -> list[nn.Module]:
    """A convolution and batch normalisation, behind an explicit padding where that is not symmetric.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel: side of the window.
        stride: 1 or 2.
        groups: of the convolution; as many as channels for a depthwise one.
        style: of the family.
    """
    padding = (kernel - 1) // 2
    layers: list[nn.Module] = []
    if style.same_padding and stride == 2:
        layers.append(nn.ZeroPad2d((padding - 1, padding) * 2))
        padding = 0
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
    return [*layers, conv, nn.BatchNorm2d(out_channels, eps=style.norm_eps)]


def conv_bn_act(
    in_channels: int, out_channels: int, kernel: int, stride: int, groups: int = 1, style: Style = Style()
) -> nn.Sequential:
    """`conv_bn` and the style's activation; the arguments are the same."""
    layers = conv_bn(in_channels, out_channels, kernel, stride, groups, style)
    return nn.Sequential(*layers, style.activation(inplace=True))


class InvertedResidual(nn.Module):
    """One block of MobileNetV2 and EfficientNet.

    1x1 expand, depthwise k x k, squeeze-and-excitation where the style has it, linear 1x1 project; a skip connection
    where the shape stays the same.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel: int, stride: int, expand: int, style: Style = Style()
    ) -> None:
        super().__init__()
        wide = in_channels * expand
        layers: list[nn.Module] = [] if expand == 1 else [conv_bn_act(in_channels, wide, 1, 1, style=style)]
        layers.append(conv_bn_act(wide, wide, kernel, stride, wide, style))
        if style.squeeze:
            layers.append(SqueezeExcitation(wide, max(1, int(in_channels * style.squeeze))))
        layers.extend(conv_bn(wide, out_channels, 1, 1, style=style))
        self.layers = nn.Sequential(*layers)
        self.skip = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns (B, C', H', W'), as stride and channels say."""
        out: Tensor = self.layers(x)
        return x + out if self.skip else out


class InvertedResidualNet(nn.Module):
    """A stem and stages of inverted residuals: (B, 3, S, S) -> (B, out_channels, S / output_stride, S / output_stride).

    Attributes:
        output_stride: 32, or 16 where the last stage keeps its resolution.
        style: of the family.
        out_channels: of the feature map.
    """

    def __init__(self, stem: int, stages: Sequence[Stage], output_stride: int, style: Style = Style()) -> None:
        super().__init__()
        self.output_stride = output_stride
        self.style = style
        self.stem = conv_bn_act(3, stem, 3, 2, style=style)
        blocks: list[nn.Module] = []
        channels, reached = stem, 2
        for expand, out_channels, repeats, first_stride, kernel in stages:
            for index in range(repeats):
                stride = first_stride if index == 0 and reached < output_stride else 1
                reached *= stride
                shape = {"kernel": kernel, "stride": stride, "expand": expand}
                blocks.append(InvertedResidual(channels, out_channels, **shape, style=style))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.out_channels = channels

    def keep_first(self, count: int) -> None:
        """Drop all but the first blocks: deep layers add little on a face that fills the crop.

        Args:
            count: how many blocks are kept.

        Raises:
            ConfigError: there are fewer blocks, or the kept ones do not reach the output stride.
        """
        if not 1 <= count <= len(self.blocks):
            raise ConfigError(f"model.backbone_blocks must lie in 1..{len(self.blocks)}, got {count}")
        self.blocks = nn.Sequential(*list(self.blocks)[:count])
        convolutions = [module for module in self.modules() if isinstance(module, nn.Conv2d)]
        reached = math.prod(convolution.stride[0] for convolution in convolutions)
        if reached != self.output_stride:
            raise ConfigError(
                f"model.backbone_blocks: {count} blocks reach a stride of {reached}, model.output_stride is "
                f"{self.output_stride}"
            )
        self.out_channels = convolutions[-1].out_channels

    def add_conv_head(self, channels: int) -> None:
        """Append the 1x1 convolution that stands before the classifier of the published networks.

        Args:
            channels: that it gives.
        """
        self.blocks.append(conv_bn_act(self.out_channels, channels, 1, 1, style=self.style))
        self.out_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, S, S), normalised pixels. Returns the feature maps (B, out_channels, S / stride, S / stride)."""
        out: Tensor = self.blocks(self.stem(x))
        return out


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round a number of channels to the nearest multiple, but never by more than 10 % down.

    Args:
        channels: the number.
        divisor: of the result.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
