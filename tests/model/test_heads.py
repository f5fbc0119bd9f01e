import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdfl.errors import CheckpointError, ConfigError
from sdfl.model.checkpoint import read_checkpoint, save_checkpoint
from sdfl.model.complexity import count, network_cost
from sdfl.model.fold import fold
from sdfl.model.landmarks.graph_head import GraphBlock, GraphConv, GraphHead, StaticEdges
from sdfl.model.landmarks.introspection import edge_weights, node_similarities
from sdfl.model.landmarks.landmark_graph import (
    LandmarkGraph,
    correlation,
    is_edge,
    joint_correlation,
    nearest_neighbours,
    symmetrise,
)
from sdfl.model.landmarks.losses import laplacian
from sdfl.model.landmarks.network import ModelConfig, Network

POINTS = np.random.default_rng(1).uniform(size=(30, 68, 2)).astype(np.float32)
IMAGES = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


pytestmark = pytest.mark.usefixtures("one_thread")


def make(**changes: Any) -> Network:
    return copy.deepcopy(_make(tuple(sorted(changes.items()))))


@functools.cache
def _make(changes: tuple) -> Network:
    config = ModelConfig(**{"input_size": 64, "width": 0.5, "blocks": 1, **dict(changes)})
    torch.manual_seed(0)
    graph = LandmarkGraph.from_points(POINTS, config.neighbours, how=config.correlation, symmetric=config.symmetric)
    network = Network(config, graph)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.momentum = 1.0
            module.weight.data.uniform_(0.5, 1.0)
            module.bias.data.normal_(0, 0.1)
    with torch.no_grad():  # statistics as after some training, so that every layer shows in the output
        network.train()(torch.randint(0, 256, (8, 64, 64, 3), dtype=torch.uint8))
    return network.eval()


def graph_head(network: Network) -> GraphHead:
    assert isinstance(network.head, GraphHead)
    return network.head


VARIANTS = [
    pytest.param({"head": "fc"}, id="fully connected"),
    pytest.param({"head": "fc", "fc_layers": 2, "fc_hidden": 64}, id="two hidden FC layers"),
    pytest.param({"adjacency": "static"}, id="static edges"),
    pytest.param({"adjacency": "binary"}, id="binary edges"),
    pytest.param({"correlation": "joint"}, id="joint correlation"),
    pytest.param({"symmetric": True}, id="edges both ways"),
    pytest.param({"symmetric": True, "weights": "pair", "adjacency": "static_per_layer"}, id="released code"),
    pytest.param({"edge_norm": True, "edge_hidden": 136}, id="normalised edge network"),
    pytest.param({"backbone": "efficientnet_lite0", "width": 1.0, "conv_head": True}, id="last convolution kept"),
    pytest.param({"neighbours": 1}, id="k = 1"),
    pytest.param({"neighbours": 67}, id="k = N - 1"),
    pytest.param({"backbone": "efficientnet_b0", "width": 1.0}, id="squeeze-and-excitation"),
]


@pytest.mark.parametrize("changes", VARIANTS)
def test_folding_changes_the_unit_and_nothing_else(changes: dict) -> None:
    network = make(**changes)
    with torch.no_grad():
        before, after = network(IMAGES), fold(network)(IMAGES)
    assert (before.points[0] - before.points[1]).abs().max() > 0, "the picture must matter"
    torch.testing.assert_close(after.points, before.points * 64 - 0.5, atol=2e-3, rtol=1e-4)  # fp32, some sixty layers
    torch.testing.assert_close(after.log_scale, before.log_scale + torch.tensor(64.0).log(), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(after.presence_logit, before.presence_logit, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("changes", VARIANTS)
def test_checkpoints_keep_every_variant(tmp_path: Path, changes: dict) -> None:
    network = make(**changes)
    save_checkpoint(tmp_path / "a.ckpt", network)
    loaded = read_checkpoint(tmp_path / "a.ckpt").landmark_network()
    with torch.no_grad():
        assert torch.equal(loaded(IMAGES).points, network(IMAGES).points)


def test_a_checkpoint_without_the_newer_keys_still_loads(tmp_path: Path) -> None:
    network = make()
    save_checkpoint(tmp_path / "a.ckpt", network)
    content = torch.load(tmp_path / "a.ckpt", weights_only=True)
    for key in ("head", "adjacency", "correlation", "symmetric", "fc_hidden", "fc_layers"):
        del content["model"][key]
    torch.save(content, tmp_path / "old.ckpt")
    assert read_checkpoint(tmp_path / "old.ckpt").landmark_network().config == network.config
    del content["weights"]["head.neighbours"]
    torch.save(content, tmp_path / "cut.ckpt")
    with pytest.raises(CheckpointError, match=r"cut\.ckpt: .*head\.neighbours"):
        read_checkpoint(tmp_path / "cut.ckpt").landmark_network()


def test_binary_edges_all_weigh_the_same_and_static_ones_ignore_the_picture() -> None:
    image = IMAGES[0].numpy()
    binary = edge_weights(make(adjacency="binary"), image)
    assert np.allclose(np.unique(binary), [0, 0.25])
    static = make(adjacency="static")
    static_edges = graph_head(static).edge_weights
    assert isinstance(static_edges, StaticEdges)
    static_edges.scores.data.normal_()
    assert np.array_equal(edge_weights(static, image), edge_weights(static, IMAGES[1].numpy()))
    dynamic = make()
    assert not np.array_equal(edge_weights(dynamic, image), edge_weights(dynamic, IMAGES[1].numpy()))


def test_edges_of_each_layer_are_used_by_that_layer_alone() -> None:
    network = make(adjacency="static_per_layer", blocks=2)
    head = graph_head(network)
    edges = head.edge_weights
    assert isinstance(edges, StaticEdges)
    assert edges.scores.shape == (6, 68, 4), "the first layer, two of each block, the last"
    with torch.no_grad():
        edges.scores[3, :, 0] = 50.0  # the second block's first layer: every node listens to itself alone
        seen = []
        for layer in head.modules():
            if isinstance(layer, GraphConv):
                layer.register_forward_hook(lambda _, given, __: seen.append(given[1]))
        network(IMAGES)
    assert [bool((attention[..., 0] > 0.99).all()) for attention in seen] == [False] * 3 + [True] + [False] * 2


def test_the_laplacian_keeps_the_directed_edges(tmp_path: Path) -> None:
    network = make(symmetric=True)
    assert network.head.nearest is not None
    assert torch.equal(network.head.nearest, torch.from_numpy(nearest_neighbours(correlation(POINTS), 3)))
    save_checkpoint(tmp_path / "a.ckpt", network)
    loaded = read_checkpoint(tmp_path / "a.ckpt").landmark_network()
    assert loaded.head.nearest is not None
    assert torch.equal(loaded.head.nearest, network.head.nearest)
    assert make().head.nearest is None


@pytest.mark.parametrize("adjacency", ["dynamic", "static", "static_per_layer", "binary"])
def test_padding_of_short_rows_gets_exactly_nothing(adjacency: str) -> None:
    network = make(symmetric=True, adjacency=adjacency)
    attention = graph_head(network).edge_weights(torch.randn(2, 68 * 4))
    edges = is_edge(network.head.neighbours).expand(2, -1, -1)
    assert not edges.all(), "this graph must have short rows"
    for layer in attention if attention.ndim == 4 else [attention]:
        assert (layer[~edges] == 0).all()
        torch.testing.assert_close(layer.sum(-1), torch.ones(2, 68))


def test_symmetric_edges_go_both_ways() -> None:
    neighbours = nearest_neighbours(correlation(POINTS), 3)
    rows = symmetrise(neighbours)
    edges = {(i, int(j)) for i, row in enumerate(rows) for j in row}
    assert edges == {(j, i) for i, j in edges}
    assert {(i, int(j)) for i, row in enumerate(neighbours) for j in row} <= edges
    assert (rows[:, 0] == np.arange(68)).all()


def test_the_laplacian_of_padded_rows_is_uniform_over_the_real_ones() -> None:
    matrix = laplacian(torch.tensor([[0, 1, 2], [1, 0, 1], [2, 0, 2]], dtype=torch.int32))
    assert matrix.tolist() == [[1, -0.5, -0.5], [-1, 1, 0], [-1, 0, 1]]


def test_joint_correlation_is_one_coefficient_of_both_axes() -> None:
    rng = np.random.default_rng(3)
    moved = rng.normal(size=(200, 2))
    points = np.stack([moved, -2 * moved, moved[:, ::-1], rng.normal(size=(200, 2))], axis=1)
    matrix = joint_correlation(points)
    assert matrix[0, 1] == pytest.approx(1), "moves along, though the other way"
    assert matrix[0, 3] < 0.2
    assert correlation(points)[0, 2] < 0.2
    independent = [
        [np.sum((a - a.mean(0)) * (b - b.mean(0))) for b in points.swapaxes(0, 1)] for a in points.swapaxes(0, 1)
    ]
    scale = np.sqrt(np.diag(independent))
    assert np.allclose(matrix, np.abs(independent) / np.outer(scale, scale))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"head": "heatmap"}, r"model\.head must be graph or fc, got 'heatmap'", id="head"),
        pytest.param(
            {"adjacency": "full"},
            r"model\.adjacency must be dynamic or static or static_per_layer or binary",
            id="adjacency",
        ),
        pytest.param({"edge_hidden": 0}, r"model\.edge_hidden must lie in 1\.\.4096, got 0", id="edge units"),
        pytest.param({"conv_head": True}, r"model\.conv_head must be false for mobilenet_v2", id="no such layer"),
        pytest.param({"correlation": "both"}, r"model\.correlation must be separate or joint", id="correlation"),
        pytest.param({"fc_layers": -1}, r"model\.fc_layers must lie in 0..8, got -1", id="layers"),
        pytest.param({"neighbours": 68}, r"model\.neighbours must lie in 1\.\.67, got 68", id="k too large"),
    ],
)
def test_wrong_choices_name_the_key(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**changes)


def graph_layer_flops(nodes: int, k: int, inputs: int, outputs: int) -> int:
    """Section IV.D: A H W of one graph convolution costs 2 N (k + 1) I + 2 N I O FLOPs when A H is taken first."""
    return 2 * nodes * (k + 1) * inputs + 2 * nodes * inputs * outputs


def paper_graph_flops(nodes: int = 98, inputs: int = 256, hidden: int = 128, outputs: int = 2, k: int = 3) -> int:
    """The paper's sum for its head: 29.95 M. It counts 7 hidden layers (14 N ...); its 4 blocks of two have 8, which
    makes 33.27 M (`graph_flops` with blocks=4)."""
    return (
        graph_layer_flops(nodes, k, inputs, hidden)
        + 7 * graph_layer_flops(nodes, k, hidden, hidden)
        + graph_layer_flops(nodes, k, hidden, outputs)
    )


def graph_flops(nodes: int, inputs: int, hidden: int, outputs: int, k: int, blocks: int) -> int:
    """The same sum with 2 hidden layers a block, as Fig. 5 draws them."""
    return (
        graph_layer_flops(nodes, k, inputs, hidden)
        + 2 * blocks * graph_layer_flops(nodes, k, hidden, hidden)
        + graph_layer_flops(nodes, k, hidden, outputs)
    )


def test_the_papers_formula_and_its_miscount() -> None:
    """Section IV.D sums 7 hidden layers where 4 blocks of two layers are 8."""
    assert paper_graph_flops() / 1e6 == pytest.approx(29.95, abs=0.01)
    assert graph_flops(98, 256, 128, 2, 3, 4) / 1e6 == pytest.approx(33.27, abs=0.01)
    assert graph_flops(98, 256, 128, 2, 3, 4) - paper_graph_flops() == graph_layer_flops(98, 3, 128, 128)


def test_the_graph_layers_cost_what_the_formula_says() -> None:
    network = Network(ModelConfig(layout="wflw98", input_size=256))
    head, nodes = graph_head(network), torch.zeros(1, 98, 256)
    attention, rows = torch.full((1, 98, 4), 0.25), head.table()
    hidden = torch.zeros(1, 98, 128)
    blocks = [block for block in head.blocks if isinstance(block, GraphBlock)]
    assert len(blocks) == len(head.blocks)
    layers = [
        (head.first, nodes),
        *[(c, hidden) for b in blocks for c in (b.first, b.second)],
        (head.last, hidden),
    ]
    own = 2 * sum(count(layer, given, attention, rows).multiply_adds for layer, given in layers)
    # here H W is taken first, and the last layer has a third column, log_scale
    reordered = 2 * 98 * 4 * (128 - 256) + 2 * 98 * (4 * 3 + 128 * 3) - 2 * 98 * (4 * 128 + 128 * 2)
    assert own == graph_flops(98, 256, 128, 2, 3, 4) + reordered


def test_head_and_backbone_add_up_and_fc_has_more_parameters() -> None:
    costs = {head: network_cost(Network(ModelConfig(width=0.5, head=head))) for head in ("graph", "fc")}
    for cost in costs.values():
        assert cost["backbone"].parameters + cost["head"].parameters == cost["total"].parameters
    assert costs["fc"]["head"].parameters > costs["graph"]["head"].parameters


def test_similarities_are_cosines_of_every_stage() -> None:
    found = node_similarities(make(blocks=2), IMAGES[0].numpy())
    assert list(found) == ["nodes", "layer 1", "layer 3", "layer 5"]
    for matrix in found.values():
        assert matrix.shape == (68, 68)
        assert np.allclose(matrix, matrix.T, atol=1e-5)
        assert np.abs(matrix).max() <= 1 + 1e-5


def test_an_fc_head_has_no_nodes_to_look_at() -> None:
    with pytest.raises(ConfigError, match="neither graph nodes nor edges"):
        node_similarities(make(head="fc"), IMAGES[0].numpy())


@pytest.mark.parametrize("head", ["graph", "fc"])
def test_folding_works_where_the_network_lies(head: str) -> None:
    """Validation folds a network that lies on a GPU; meta stands for any device but the CPU."""
    folded = fold(make(head=head).to("meta"))
    assert {tensor.device.type for tensor in folded.state_dict().values()} == {"meta"}
