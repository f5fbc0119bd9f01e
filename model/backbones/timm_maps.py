"""Any timm model with feature maps as a backbone: `model.backbone = "timm/<name>"`.

Table I of the paper: timm/vgg16_bn, timm/resnet18, timm/resnet34, timm/res2net50_26w_4s, timm/hrnet_w18. Weights start
from scratch, as the paper trains.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdfl.errors import ConfigError, MissingDependency

PREFIX = "timm/"


class TimmBackbone(nn.Module):
    """One feature map of a timm model: (B, 3, S, S) -> (B, out_channels, S / output_stride, S / output_stride).

    HRNet's four resolutions, as its last stage gives them, are averaged down to the coarsest one (section IV.B) and
    stacked.

    Attributes:
        output_stride: of the map.
        out_channels: of the map.
    """

    def __init__(self, name: str, output_stride: int) -> None:
        super().__init__()
        try:
            import timm
        except ModuleNotFoundError as error:
            raise MissingDependency(error.name or "timm", extra="backbones") from error
        if name not in timm.list_models():
            close = ", ".join(timm.list_models(f"{name.rstrip('0123456789_')}*")[:8])
            raise ConfigError(f"model.backbone: timm has no model {name!r}" + (f"; close: {close}" if close else ""))
        stacked = name.startswith("hrnet")
        # timm's default for HRNet is four to eight times as many channels: those of the classifier's layers behind.
        options = {"feature_location": ""} if stacked else {}
        try:
            whole = timm.create_model(name, features_only=True, pretrained=False, **options)
        except (RuntimeError, AttributeError, NotImplementedError) as error:
            raise ConfigError(f"model.backbone: timm's {name} gives no feature maps") from error
        strides, channels = whole.feature_info.reduction(), whole.feature_info.channels()
        if output_stride not in strides:
            raise ConfigError(f"model.output_stride must be one of {strides} for timm/{name}, got {output_stride}")
        self.output_stride = output_stride
        last = strides.index(output_stride)
        used = tuple(range(strides.index(4) if stacked else last, last + 1))
        # Anew, without the layers behind the last map: they would be computed, counted and never trained.
        self.maps = timm.create_model(name, features_only=True, pretrained=False, out_indices=used, **options)
        self.out_channels = int(sum(channels[index] for index in used))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, S, S), normalised pixels. Returns the maps of all strides, brought to the last one's size."""
        maps = self.maps(x)
        size = maps[-1].shape[-2:]
        if len(maps) == 1:
            out: Tensor = maps[0]
            return out
        return torch.cat([F.adaptive_avg_pool2d(each, size) for each in maps], dim=1)
