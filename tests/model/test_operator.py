import pytest
import torch
from torch import Tensor

from sdfl.model.landmarks.sparse_graph_conv import sparse_graph_conv, sparse_graph_conv_reference


def inputs(
    batch: int, nodes: int, rows: int, edges: int, channels: int, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    g = torch.Generator().manual_seed(batch * 1000 + nodes * 10 + edges)
    z = torch.randn(batch, rows, channels, generator=g, dtype=dtype)
    attention = torch.randn(batch, nodes, edges, generator=g, dtype=dtype).softmax(-1)
    neighbours = torch.randint(rows, (nodes, edges), generator=g, dtype=torch.int32)
    return [z, attention, neighbours, torch.randn(channels, generator=g, dtype=dtype)]


def test_one_value_by_hand() -> None:
    z = torch.tensor([[[1.0], [10.0], [100.0]]])
    attention = torch.tensor([[[0.5, 0.5], [0.25, 0.75]]])
    neighbours = torch.tensor([[0, 2], [1, 1]], dtype=torch.int32)
    out = sparse_graph_conv(z, attention, neighbours, torch.tensor([-20.0]), 0.1)
    torch.testing.assert_close(out, torch.tensor([[[30.5], [-1.0]]]))


SHAPES = [
    pytest.param(2, 5, 5, 3, 4, id="one matrix"),
    pytest.param(2, 5, 10, 3, 4, id="pair"),
    pytest.param(1, 1, 1, 1, 1, id="smallest"),
    pytest.param(0, 5, 5, 3, 4, id="no pictures"),
]


@pytest.mark.parametrize("slope", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(("batch", "nodes", "rows", "edges", "channels"), SHAPES)
def test_forward_and_backward_are_those_of_plain_torch(
    batch: int, nodes: int, rows: int, edges: int, channels: int, slope: float
) -> None:
    results = []
    for function in (sparse_graph_conv, sparse_graph_conv_reference):
        z, attention, neighbours, bias = inputs(batch, nodes, rows, edges, channels)
        leaves = [tensor.requires_grad_() for tensor in (z, attention, bias)]
        out = function(z, attention, neighbours, bias, slope)
        out.square().sum().backward()
        results.append([out.detach(), *(leaf.grad for leaf in leaves)])
    for mine, truth in zip(*results, strict=True):
        torch.testing.assert_close(mine, truth)


def test_torch_accepts_the_operator() -> None:
    z, attention, neighbours, bias = inputs(2, 4, 8, 3, 5)
    torch.library.opcheck(sparse_graph_conv, (z.requires_grad_(), attention, neighbours, bias, 0.1))
    assert torch.autograd.gradcheck(
        lambda z, a, b: sparse_graph_conv(z, a, neighbours, b, 0.1),
        (z, attention.requires_grad_(), bias.requires_grad_()),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"neighbours": torch.full((5, 3), 5, dtype=torch.int32)}, r"0\.\.4, got 5\.\.5", id="beyond the end"
        ),
        pytest.param({"neighbours": torch.full((5, 3), -1, dtype=torch.int32)}, r"0\.\.4, got -1", id="negative"),
        pytest.param({"neighbours": torch.zeros(5, 3, dtype=torch.int64)}, "must be int32", id="int64"),
        pytest.param({"attention": torch.zeros(2, 5, 2, dtype=torch.float64)}, "shapes must be", id="other K"),
        pytest.param({"bias": torch.zeros(3, dtype=torch.float64)}, "bias must have shape", id="short bias"),
        pytest.param({"bias": torch.zeros(4)}, "share a float dtype", id="mixed dtypes"),
        pytest.param({"z": torch.zeros(5, 4, dtype=torch.float64)}, "3 dimensions", id="no batch"),
    ],
)
def test_wrong_inputs_are_refused(change: dict[str, Tensor], message: str) -> None:
    names = ("z", "attention", "neighbours", "bias")
    arguments = dict(zip(names, inputs(2, 5, 5, 3, 4), strict=True)) | change
    with pytest.raises(ValueError, match=message):
        sparse_graph_conv(**arguments, slope=1.0)
