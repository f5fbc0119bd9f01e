"""Undamaged model files, passports and checkpoints, their readers, and damage that their hashes do not show."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from mutations import VALUES, draw_json, draw_tree

from sdfl.errors import SdflError


def shipped(name: str) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        from sdfl.runtime.detector.network import FACES
        from sdfl.runtime.zoo import ZOO

        return (FACES if name == "detector" else ZOO / f"{name}.onnx").read_bytes()

    return make


def read_detector(path: Path) -> Any:
    from sdfl.artifacts.detector_spec import read_detector_spec

    return read_detector_spec(path)


def read_spec(path: Path) -> Any:
    from sdfl.artifacts.model_file import read_spec

    return read_spec(path)


def graph(_: Path) -> bytes:
    """A graph of two bytes with the metadata of a real model."""
    from sdfl.artifacts.onnx_metadata import read_metadata
    from sdfl.runtime.zoo import ZOO

    return _with_metadata(read_metadata(ZOO / "nano_int8.onnx")[0])


def detector_graph(_: Path) -> bytes:
    from sdfl.artifacts.onnx_metadata import read_metadata
    from sdfl.runtime.detector.network import FACES

    return _with_metadata(read_metadata(FACES)[0])


def _with_metadata(pairs: Mapping[str, str]) -> bytes:
    """An ONNX file whose hashes are right, whatever its metadata say."""
    import hashlib

    import onnx

    model = onnx.ModelProto()
    model.graph.name = "g"
    graph_sha256 = hashlib.sha256(model.graph.SerializeToString()).hexdigest()
    pairs = {key: f'"{graph_sha256}"' if key == "sdfl.graph_sha256" else value for key, value in pairs.items()}
    onnx.helper.set_model_props(model, pairs)
    return _sealed(model.SerializeToString())


def _sealed(content: bytes) -> bytes:
    from sdfl.artifacts.seal import OF_ONNX

    return content + OF_ONNX.of(content)


def damaged_metadata(content: bytes, random: Random) -> bytes:
    """One entry becomes another JSON, or no JSON, in a file that was hashed afterwards."""
    import onnx

    model = onnx.load_model_from_string(content)
    pairs = {entry.key: entry.value for entry in model.metadata_props}
    key = random.choice(sorted(pairs))
    entry = draw_json(pairs[key].encode(), random).decode(errors="replace")
    return _with_metadata(pairs | {key: entry})


def passport(_: Path) -> bytes:
    from sdfl.artifacts.onnx_metadata import read_metadata
    from sdfl.artifacts.passport import Passport
    from sdfl.runtime.zoo import ZOO

    metadata = read_metadata(ZOO / "nano_int8.onnx")[0]
    words = ("tensorrt", "int8", metadata, "nano_int8.onnx", "0" * 64, "1" * 64, "2" * 64, "10.3.0")
    return Passport(*words, compute_capabilities=("8.7",), verified={"max_px": 0.5}).to_json().encode()


def litert(folder: Path) -> bytes:
    from sdfl.artifacts.litert_file import with_passport
    from sdfl.artifacts.passport import Passport

    return with_passport(b"TFL3" * 500, Passport.from_json(passport(folder).decode(), "a.engine.json"))


def rehashed_passport(content: bytes, random: Random) -> bytes:
    """Other values, hashed afterwards."""
    from sdfl.artifacts.passport import hash_of

    damaged = draw_json(content, random)
    try:
        table = json.loads(damaged)
        return json.dumps(table | {"sha256": hash_of({key: table[key] for key in table if key != "sha256"})}).encode()
    except (ValueError, TypeError, RecursionError):
        return damaged


def read_passport(path: Path) -> Any:
    from sdfl.artifacts.passport import read_passport

    passport = read_passport(path.with_name("a.engine"))
    return passport, passport.spec(str(path))


def checkpoint(folder: Path) -> bytes:
    import torch

    from sdfl.model.checkpoint import save_checkpoint
    from sdfl.model.landmarks.landmark_graph import LandmarkGraph
    from sdfl.model.landmarks.network import ModelConfig, Network

    torch.manual_seed(0)
    config = ModelConfig(
        layout="cofw29", input_size=64, width=0.25, output_stride=16, map_to_node="separable", map_hidden=8,
        expansion=1, hidden=8, blocks=1,
    )  # fmt: skip
    graph = LandmarkGraph(torch.arange(29 * 3).reshape(29, 3) % 29, torch.rand(29, 2))
    network = Network(config, graph)
    path = folder / "make.ckpt"
    recipe = {"about": {"name": "a", "training_data": "b", "licence": "c"}}
    save_checkpoint(path, network, recipe=recipe, epoch=3, validation={"nme": 0.05})
    return path.read_bytes()


def damaged_checkpoint(content: bytes, random: Random) -> bytes:
    """A checkpoint of other entries, as torch writes it."""
    import torch

    tree = torch.load(io.BytesIO(content), weights_only=True)
    kinds = (
        torch.zeros(0), torch.full((3,), math.nan), torch.zeros(2, 3, dtype=torch.int64), torch.tensor(1e30),
        torch.zeros(2, 2).to_sparse(), torch.zeros(1, dtype=torch.complex64),
    )  # fmt: skip
    if random.randrange(4) == 0:  # a right shape with wrong values
        key = random.choice(sorted(tree["weights"]))
        weights = tree["weights"][key]
        bad = random.choice((math.nan, math.inf, -1e30, 0, 2**40))
        kind = random.choice((weights.dtype, torch.float64, torch.int64, torch.float16))
        damaged = weights.clone().double()
        damaged.flatten()[:1] = bad if random.randrange(2) else 1.0
        return _torch_bytes({**tree, "weights": {**tree["weights"], key: damaged.to(kind)}})
    if random.randrange(3) == 0:
        tree["model"] = draw_tree(tree["model"], random)
        return _torch_bytes(tree)
    return _torch_bytes(draw_tree({**tree, "weights": dict(tree["weights"])}, random, (*VALUES, *kinds)))


def _torch_bytes(tree: Any) -> bytes:
    import torch

    out = io.BytesIO()
    torch.save(tree, out)
    return out.getvalue()


def read_checkpoint(path: Path) -> Any:
    from sdfl.model.checkpoint import read_checkpoint

    read = read_checkpoint(path)
    network = read.detector() if read.is_detector else read.landmark_network()
    return read.about, read.epoch, read.validation, read.config, network.state_dict()


def ir(folder: Path) -> bytes:
    from sdfl.convert.engines import run_build
    from sdfl.convert.engines.plan import make_plan
    from sdfl.runtime.zoo import ZOO

    path = folder / "a.xml"
    run_build(make_plan(ZOO / "nano_int8.onnx", "openvino", out=path), lambda *_: None)
    return path.read_bytes()


def bin_file(folder: Path) -> bytes:
    ir(folder)
    return (folder / "a.bin").read_bytes()


def read_bin(path: Path) -> Any:
    try:
        return read_spec(path.with_suffix(".xml"))
    except SdflError as error:
        raise type(error)(str(error).replace(".xml", ".bin")) from error  # either name is clear
