from pathlib import Path

import pytest

# torch is imported by the fixtures that need it, because the operator's tests on a GPU run without it.


@pytest.fixture(scope="session", params=["single", "pair"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network whose weights and statistics are those of no training, but not those of a fresh one either."""
    import torch

    from sdfl.model.checkpoint import save_checkpoint
    from sdfl.model.landmarks.landmark_graph import LandmarkGraph
    from sdfl.model.landmarks.network import ModelConfig, Network

    generator = torch.Generator().manual_seed(0)
    graph = LandmarkGraph.from_points(torch.rand(40, 68, 2, generator=generator).numpy(), 3)
    network = Network(ModelConfig(input_size=96, width=0.5, output_stride=16, weights=request.param), graph)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    path = tmp_path_factory.mktemp("checkpoint") / f"{request.param}.ckpt"
    about = {"name": "tiny", "training_data": "generated", "licence": "none"}
    save_checkpoint(path, network, recipe={"about": about})
    return path


@pytest.fixture(scope="session")
def exported(checkpoint: Path) -> Path:
    from sdfl.convert.export.landmarks import export
    from sdfl.model.checkpoint import read_checkpoint

    return export(read_checkpoint(checkpoint), checkpoint.with_suffix(".onnx"))
