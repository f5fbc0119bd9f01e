"""From feature maps to landmarks by reasoning on a graph (paper sections III.A to III.C, Fig. 5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from sdfl.model.landmarks.landmark_graph import LandmarkGraph, is_edge
from sdfl.model.landmarks.map_to_node import MapToNode
from sdfl.model.landmarks.sparse_graph_conv import sparse_graph_conv

# Edge weights of each picture, learned once for all layers, learned once for each layer, or all equal.
ADJACENCIES = ("dynamic", "static", "static_per_layer", "binary")
START_SCALE = 0.1  # shrinks the last layer's first weights, so that training starts at the mean shape
START_EXPECTED_ERROR = 0.05  # what the untrained network reports, 0..1 of the crop's side


class HeadOutput(NamedTuple):
    """What a head says about B crops.

    Attributes:
        points: (B, N, 2), 0..1 of the crop's side.
        presence_logit: (B,).
        log_scale: (B, N), natural logarithm of the expected error in sides of the crop.
    """

    points: Tensor
    presence_logit: Tensor
    log_scale: Tensor


class EdgeAttention(nn.Module):
    """Attention from the picture (section III.B): pooled node maps (B, N n) -> (B, N, K), the non-zeros of sigma(A).

    Rows sum to 1. Where some rows of the graph are shorter, their padding gets exactly 0.
    """

    edges_mask: Tensor | None

    def __init__(
        self, in_features: int, num_points: int, num_edges: int, hidden: int, *, norm: bool, edges: Tensor | None = None
    ) -> None:
        super().__init__()
        self.shape = (num_points, num_edges)
        self.hidden = nn.Linear(in_features, hidden)
        self.norm: nn.Module = nn.BatchNorm1d(hidden) if norm else nn.Identity()
        self.edges = nn.Linear(hidden, num_points * num_edges)
        self.register_buffer("edges_mask", None if edges is None else edges.float(), persistent=False)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (B, 4N). Returns the attention (B, N, K), each row of which sums to 1."""
        scores = self.edges(torch.relu(self.norm(self.hidden(pooled))))
        return _spare_padding(torch.softmax(scores.unflatten(1, self.shape), dim=-1), self.edges_mask)

    @torch.no_grad()
    def fold(self) -> None:
        """For export, in place: put BN's running statistics into the hidden layer."""
        if isinstance(self.norm, nn.BatchNorm1d):
            self.hidden = fuse_linear_bn_eval(self.hidden, self.norm)
            self.norm = nn.Identity()


class StaticEdges(nn.Module):
    """The same attention for every picture: learned scores (released code), or equal weights (Table VI)."""

    edges_mask: Tensor | None

    def __init__(self, *shape: int, learned: bool, edges: Tensor | None = None) -> None:
        """Start with equal weights.

        Args:
            shape: (N, K), or (layers, N, K) for scores of each graph convolution.
            learned: whether the scores are trained.
            edges: (N, K), False for padding; None where no row is padded.
        """
        super().__init__()
        scores = torch.zeros(*shape)
        if learned:
            self.scores: nn.Parameter | Tensor = nn.Parameter(scores)
        else:
            self.register_buffer("scores", scores, persistent=False)
        self.register_buffer("edges_mask", None if edges is None else edges.float(), persistent=False)

    def forward(self, pooled: Tensor) -> Tensor:
        """Repeat the attention for every picture.

        Args:
            pooled: (B, N n), of which only B counts.

        Returns:
            (B, N, K), or (layers, B, N, K).
        """
        attention = _spare_padding(torch.softmax(self.scores, dim=-1), self.edges_mask)
        return attention.unsqueeze(-3).expand(*attention.shape[:-2], pooled.shape[0], -1, -1)


def _spare_padding(attention: Tensor, mask: Tensor | None) -> Tensor:
    """Rows of `attention` (..., N, K) with exact zeros where `mask` is 0, summing to 1 again."""
    if mask is None:
        return attention
    kept = attention * mask
    return kept / kept.sum(dim=-1, keepdim=True)


class GraphConv(nn.Module):
    """H' = psi(sigma(A) H W), where psi is BN-ReLU, or a bias alone in the last layer (eq. 4).

    With `pair` there is a weight matrix for the node itself and another for its neighbours, as in the released code.
    One product with 2C columns gives rows 2i (i as itself) and 2j + 1 (j as a neighbour), so that the operator stays
    the same.
    """

    def __init__(self, in_features: int, out_features: int, *, pair: bool, last: bool = False) -> None:
        super().__init__()
        self.pair = pair
        self.last = last
        self.weight = nn.Linear(in_features, out_features * (2 if pair else 1), bias=False)
        self.norm: nn.Module = nn.Identity() if last else nn.BatchNorm1d(out_features)
        self.bias: nn.Parameter | Tensor
        if last:
            self.bias = nn.Parameter(torch.zeros(out_features))
        else:
            self.register_buffer("bias", torch.zeros(out_features), persistent=False)
        self.slope = 1.0

    def forward(self, nodes: Tensor, attention: Tensor, neighbours: Tensor) -> Tensor:
        """Convolve.

        Args:
            nodes: (B, N, C).
            attention: (B, N, K).
            neighbours: (N, K), as `GraphHead.table` gives it.

        Returns:
            (B, N, C').
        """
        z: Tensor = self.weight(nodes)
        if self.pair:
            z = z.reshape(z.shape[0], -1, z.shape[2] // 2)
        summed: Tensor = sparse_graph_conv(z, attention, neighbours, self.bias, self.slope)
        if isinstance(self.norm, nn.Identity):
            return summed
        return torch.relu(self.norm(summed.transpose(1, 2)).transpose(1, 2))

    @torch.no_grad()
    def fold(self) -> None:
        """For export, in place: put BN's running statistics into W and the bias, and a ReLU into the operator."""
        if not isinstance(self.norm, nn.BatchNorm1d):
            return
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.weight.weight *= scale.repeat(2 if self.pair else 1).unsqueeze(1)
        self.bias = norm.bias - norm.running_mean * scale
        self.norm, self.slope = nn.Identity(), 0.0


class GraphBlock(nn.Module):
    """Two graph convolutions and a skip connection (eq. 5)."""

    def __init__(self, features: int, *, pair: bool) -> None:
        super().__init__()
        self.first = GraphConv(features, features, pair=pair)
        self.second = GraphConv(features, features, pair=pair)

    def forward(self, nodes: Tensor, attention: Tensor, second_attention: Tensor, neighbours: Tensor) -> Tensor:
        """nodes: (B, N, C); attentions: (B, N, K) of each layer; neighbours: (N, K). Returns (B, N, C) (eq. 5)."""
        hidden: Tensor = self.first(nodes, attention, neighbours)
        out: Tensor = self.second(hidden, second_attention, neighbours)
        return out + nodes


class GraphHead(nn.Module):
    """Map-to-node, edge attention, graph convolutions, and a last one to (x, y, log_scale) of every landmark.

    Landmarks are the mean shape plus the last layer's output.

    Attributes:
        neighbours: (N, K) int32.
        mean_shape: (N, 2), 0..1 of the crop's side.
        nearest: (N, k + 1) int32, the directed neighbours of eq. 2; None where they are `neighbours`.
        rows: (N, K) int32, the table that the operator reads once it is fixed for export, else None.
        pair: whether graph convolutions have a matrix for the node itself and another for its neighbours.
    """

    neighbours: Tensor
    mean_shape: Tensor
    nearest: Tensor | None
    rows: Tensor | None

    def __init__(
        self,
        in_channels: int,
        map_size: int,
        graph: LandmarkGraph,
        *,
        expansion: int,
        hidden: int,
        blocks: int,
        pair: bool,
        map_to_node: Callable[[int, int, int], nn.Module] = MapToNode,
        map_hidden: int = 256,
        adjacency: str = "dynamic",
        symmetric: bool = False,
        edge_hidden: int = 128,
        edge_norm: bool = False,
    ) -> None:
        super().__init__()
        num_points, num_edges = graph.neighbours.shape
        self.register_buffer("neighbours", graph.neighbours)
        self.register_buffer("mean_shape", graph.mean_shape)
        self.register_buffer("nearest", graph.nearest)
        self.register_buffer("rows", None, persistent=False)
        self.log_scale_start = math.log(START_EXPECTED_ERROR)
        self.pair = pair
        self.map_to_node = map_to_node(in_channels, map_hidden, num_points * expansion)
        mask = is_edge(graph.neighbours) if symmetric else None
        self.edge_weights: nn.Module
        if adjacency == "dynamic":
            features = num_points * expansion
            self.edge_weights = EdgeAttention(features, num_points, num_edges, edge_hidden, norm=edge_norm, edges=mask)
        else:
            layers = (2 * blocks + 2,) if adjacency == "static_per_layer" else ()
            self.edge_weights = StaticEdges(*layers, num_points, num_edges, learned=adjacency != "binary", edges=mask)
        self.presence = nn.Linear(num_points * expansion, 1)
        self.first = GraphConv(expansion * map_size**2, hidden, pair=pair)
        self.blocks = nn.ModuleList(GraphBlock(hidden, pair=pair) for _ in range(blocks))
        self.last = GraphConv(hidden, 3, pair=pair, last=True)
        with torch.no_grad():
            self.last.weight.weight *= START_SCALE

    def table(self) -> Tensor:
        """The rows of z that the operator reads.

        Returns:
            (N, K) int32: the neighbours, or their rows in the interleaved pair.
        """
        if self.rows is not None:
            return self.rows
        if not self.pair:
            return self.neighbours
        rows = 2 * self.neighbours + 1
        own = torch.arange(len(rows), dtype=rows.dtype, device=rows.device).unsqueeze(1)
        return torch.where(self.neighbours == own, rows - 1, rows)

    def forward(self, features: Tensor) -> HeadOutput:
        """Find the landmarks.

        Args:
            features: (B, C, H, W) of the backbone.
        """
        maps = self.map_to_node(features)
        with torch.autocast(maps.device.type, enabled=False):  # sub-pixel coordinates do not survive bfloat16
            maps = maps.float()
            pooled = maps.mean(dim=(2, 3))
            attention = self.edge_weights(pooled)
            nodes = maps.reshape(maps.shape[0], self.mean_shape.shape[0], -1)
            neighbours = self.table()
            count = 2 * len(self.blocks) + 2
            of_layer = [attention] * count if attention.ndim == 3 else attention.unbind()
            nodes = self.first(nodes, of_layer[0], neighbours)
            for index, block in enumerate(self.blocks):
                nodes = block(nodes, of_layer[2 * index + 1], of_layer[2 * index + 2], neighbours)
            out = self.last(nodes, of_layer[-1], neighbours)
            points = self.mean_shape + out[..., :2]
            return HeadOutput(points, self.presence(pooled).squeeze(1), self.log_scale_start + out[..., 2])

    @torch.no_grad()
    def to_pixels(self, input_size: int) -> None:
        """For export, in place: let points come out in crop px and scales as the logarithm of crop px.

        The unit goes into the last layer; a fraction f of the side is pixel f * S - 0.5. The operator's rows become a
        constant.

        Args:
            input_size: crop px.
        """
        columns = self.last.bias.new_tensor([input_size, input_size, 1.0]).repeat(2 if self.pair else 1)
        self.last.weight.weight *= columns.unsqueeze(1)
        self.last.bias *= columns[:3]
        self.mean_shape.mul_(input_size).sub_(0.5)
        self.log_scale_start += math.log(input_size)
        self.rows = self.table()
