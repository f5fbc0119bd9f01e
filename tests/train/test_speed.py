"""Steps are faster on a processor, and compute what they should."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdfl.train.speed import speed_up

CPU = torch.device("cpu")
FAULTS = """
import resource, sys, torch
from sdfl.train.speed import speed_up
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    speed_up(torch.nn.Identity(), torch.device("cpu"))
for count in range(18):
    if count == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def depthwise(kernel: int, stride: int) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(8, 8, kernel, stride, kernel // 2, groups=8, bias=False)


def in_bf16(conv: nn.Module, maps: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        out: Tensor = conv(maps)
    return out


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 1), (5, 2)])
def test_depthwise_convolutions_that_are_slow_in_bf16_compute_in_fp32(kernel: int, stride: int) -> None:
    conv = depthwise(kernel, stride)
    maps = torch.randn(2, 8, 16, 16).bfloat16().requires_grad_()
    exact = F.conv2d(maps.float(), conv.weight, None, stride, kernel // 2, 1, 8)
    speed_up(conv, CPU)
    out = in_bf16(conv, maps)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, exact.bfloat16(), rtol=0, atol=0)
    gradients = torch.autograd.grad(out.float().sum(), [maps, conv.weight])
    assert [each.dtype for each in gradients] == [torch.bfloat16, torch.float32]
    assert torch.equal(conv(maps.float()), exact), "without mixed precision nothing changes"


@pytest.mark.parametrize("conv", [depthwise(3, 1), nn.Conv2d(8, 4, 3, 2, 1)], ids=["depthwise 3 x 3", "full"])
def test_other_convolutions_stay_in_bf16(conv: nn.Conv2d) -> None:
    maps = torch.randn(2, 8, 16, 16).bfloat16()
    before = in_bf16(conv, maps)
    speed_up(conv, CPU)
    assert torch.equal(in_bf16(conv, maps), before)


def test_a_copy_computes_with_its_own_weights() -> None:
    conv = depthwise(3, 2)
    speed_up(conv, CPU)
    other = copy.deepcopy(conv)
    with torch.no_grad():
        other.weight.zero_()
    maps = torch.randn(1, 8, 16, 16)
    assert not other(maps).any()
    assert conv(maps).any()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc alone")
def test_freed_memory_is_used_again() -> None:
    """Eight arrays of 64 MB: by default each takes a page fault for every 4 KB."""
    faults = {
        mode: int(
            subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, text=True, check=True).stdout
        )
        for mode in ("default", "kept")
    }
    assert faults["kept"] < 1000 < faults["default"]
