"""Every reader of a file that somebody else may have written, with damaged files of its kind.

Files without a hash of themselves may well hold other values after damage. What a reader gives must then still be
numbers that make sense.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from mutations import VALUES, draw_bytes, draw_json, draw_text, draw_tree

from robust.rows import CLEAN, REFUSED, TRACEBACK, UNCLEAR, WRONG, Row
from robust.trials import run_trials
from sdfl.errors import SdflError

Attempt = Callable[[Random], tuple[str, str]]
LARGEST = 1e10  # of any number; seeds of random generators are the largest


@dataclasses.dataclass(frozen=True)
class Parser:
    """A reader and what it is given.

    Attributes:
        file: the name of the file.
        make: writes what belongs beside the file into a folder, and returns the undamaged content.
        read: is given the file.
        damage: content, random -> damaged content.
        sealed: whether the file holds a hash of itself, so that nothing but the undamaged content may be read.
        same: whether its parts have checksums, so that what is read must be equal to the undamaged.
        largest: of any number in what `read` returns.
    """

    file: str
    make: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    damage: Callable[[bytes, Random], bytes]
    sealed: bool = False
    same: bool = False
    largest: float = LARGEST

    def prepare(self, folder: Path) -> Attempt:
        """Write the undamaged file, which must be read, and return what tries a damaged one."""
        content, path = self.make(folder), folder / self.file
        path.write_bytes(content)
        undamaged = plain(self.read(path)) if self.same else None
        self.read(path)

        def attempt(random: Random) -> tuple[str, str]:
            damaged = self.damage(content, random)
            path.write_bytes(damaged)
            try:
                result = self.read(path)
            except SdflError as error:
                message = str(error)
                clear = "\n" not in message and str(path) in message and len(message) < 2000
                return (REFUSED, "") if clear else (UNCLEAR, message)
            except Exception as error:
                return TRACEBACK, f"{type(error).__name__}: {error} ({_place(error)})"
            if self.sealed:
                return (CLEAN, "") if damaged == content else (WRONG, "damage was not noticed")
            if self.same and plain(result) != undamaged:
                return WRONG, "damage was not noticed"
            nonsense = absurd(result, self.largest)
            return (WRONG, nonsense) if nonsense else (CLEAN, "")

        return attempt


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""


def plain(value: Any) -> str:
    """A result as text in which every number has all its digits."""
    if isinstance(value, Mapping):
        return str({key: plain(entry) for key, entry in value.items()})
    if isinstance(value, list | tuple):
        return str([plain(entry) for entry in value])
    if hasattr(value, "isnan") or isinstance(value, np.ndarray):
        array = np.asarray(value)
        return f"{array.dtype} {array.shape} {array.tobytes().hex()}"
    return repr(value)


def absurd(value: Any, largest: float, name: str = "") -> str:
    """Which number in a result is none or larger than it can be; "" where all make sense."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list | tuple):
        entries = enumerate(value)  # type: ignore[assignment]
    elif hasattr(value, "isnan") or isinstance(value, np.ndarray):
        numbers = np.asarray(value)
        fine = numbers.dtype.kind not in "fc" or bool((np.abs(numbers) <= largest).all())  # False for NaN
        return "" if fine else f"{name} holds {numbers[~(np.abs(numbers) <= largest)][:3]}"
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= largest):
        return f"{name} is {str(value)[:30]}"
    else:
        return ""
    return next((found for key, entry in entries if (found := absurd(entry, largest, f"{name}.{key}"))), "")


def _picture(folder: Path) -> None:
    cv2.imwrite(str(folder / "a.png"), np.zeros((8, 8, 3), np.uint8))


def _pts(_: Path) -> bytes:
    return b"version: 1\nn_points: 68\n{\n" + b"".join(b"%d.5 %d\n" % (i, 2 * i) for i in range(68)) + b"}\n"


def _list(folder: Path) -> bytes:
    _picture(folder)
    return b"".join(b"a.png " + b" ".join(b"%d.25" % (i + j) for i in range(136)) + b"\n" for j in range(3))


def _coco(folder: Path) -> bytes:
    _picture(folder)
    annotations = [{"image_id": i, "keypoints": [1.5, 2.0, 2] * 68} for i in (1, 2)]
    return json.dumps(
        {"images": [{"id": i, "file_name": "a.png"} for i in (1, 2)], "annotations": annotations}
    ).encode()


def _wflw(folder: Path) -> bytes:
    (folder / "WFLW_images").mkdir()
    _picture(folder / "WFLW_images")
    return (" ".join([*(f"{i}.5" for i in range(196)), "0 0 9 9 0 1 0 0 0 1 a.png"]) + "\n").encode() * 2


def _cofw(_: Path) -> bytes:
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["phisT"] = np.arange(87 * 2, dtype=np.float64).reshape(87, 2)
        cells = file.create_dataset("IsT", (1, 2), dtype=h5py.ref_dtype)
        for index in range(2):
            file[f"picture{index}"] = np.full((3, 9, 8), index, np.uint8)
            cells[0, index] = file[f"picture{index}"].ref
    return content.getvalue()


def _cofw_68(folder: Path) -> bytes:
    from scipy.io import savemat

    (folder / "COFW_test_color.mat").write_bytes(b"")
    content = io.BytesIO()
    savemat(content, {"Points": np.arange(136.0).reshape(68, 2), "Occ": np.zeros((68, 1))}, do_compression=True)
    (folder / "test_annotations").mkdir()
    return content.getvalue()


def _read_cofw(path: Path) -> Any:
    from sdfl.datasets import cofw

    return cofw.load(path.parent, "test"), cofw.read_picture(path / "1")


def _read_cofw_68(path: Path) -> Any:
    from sdfl.datasets import cofw

    return cofw.load_68(path.parents[1])


def _read_pts(path: Path) -> Any:
    from sdfl.datasets import read_pts

    return read_pts(path)


def _read_labels(path: Path) -> Any:
    from sdfl.datasets import load_labels

    return load_labels(path)


def _read_wflw(path: Path) -> Any:
    from sdfl.datasets import wflw

    return wflw.load(path.parent, "test")


def _recipe(name: str) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        from sdfl.train.recipe import find_recipe

        return find_recipe(Path(name)).read_bytes()

    return make


def _read_recipe(path: Path) -> Any:
    from sdfl.train.recipe import load_recipe

    return load_recipe(path)


def _suite(_: Path) -> bytes:
    from sdfl.benchmarks.suite import HERE

    return b"rounds = 10\nthreads = [1, 2]\nsweep_pictures = 5\n" + (HERE / "suites" / "ci.toml").read_bytes().replace(
        b"rounds = 10\n", b""
    )


def _read_suite(path: Path) -> Any:
    from sdfl.benchmarks.suite import load_suite

    return load_suite(str(path))


def _records(_: Path) -> bytes:
    from sdfl.benchmarks.records import Record, Subject

    subject = Subject("a", "openvino", "int8", file_bytes=9, input_size=64)
    records = [
        Record("latency", subject, {"threads": threads}, {"machine": "m"}, {"p50_ms": 1.5}) for threads in (1, 2, 4)
    ]
    return "".join(record.to_json() + "\n" for record in records).encode()


def _read_records(path: Path) -> Any:
    from sdfl.benchmarks.records import read_records

    return read_records([path])


def _shipped(name: str) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        from sdfl.runtime.detector.network import FACES
        from sdfl.runtime.zoo import ZOO

        return (FACES if name == "detector" else ZOO / f"{name}.onnx").read_bytes()

    return make


def _read_detector(path: Path) -> Any:
    from sdfl.artifacts.detector_spec import read_detector_spec

    return read_detector_spec(path)


def _read_spec(path: Path) -> Any:
    from sdfl.artifacts.model_file import read_spec

    return read_spec(path)


def _graph(_: Path) -> bytes:
    """A graph of two bytes with the metadata of a real model."""
    from sdfl.artifacts.onnx_metadata import read_metadata
    from sdfl.runtime.zoo import ZOO

    return _with_metadata(read_metadata(ZOO / "nano_int8.onnx")[0])


def _detector_graph(_: Path) -> bytes:
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


def _damaged_metadata(content: bytes, random: Random) -> bytes:
    """One entry becomes another JSON, or no JSON, in a file that was hashed afterwards."""
    import onnx

    model = onnx.load_model_from_string(content)
    pairs = {entry.key: entry.value for entry in model.metadata_props}
    key = random.choice(sorted(pairs))
    entry = draw_json(pairs[key].encode(), random).decode(errors="replace")
    return _with_metadata(pairs | {key: entry})


def _passport(_: Path) -> bytes:
    from sdfl.artifacts.onnx_metadata import read_metadata
    from sdfl.artifacts.passport import Passport
    from sdfl.runtime.zoo import ZOO

    metadata = read_metadata(ZOO / "nano_int8.onnx")[0]
    words = ("tensorrt", "int8", metadata, "nano_int8.onnx", "0" * 64, "1" * 64, "2" * 64, "10.3.0")
    return Passport(*words, compute_capabilities=("8.7",), verified={"max_px": 0.5}).to_json().encode()


def _rehashed_passport(content: bytes, random: Random) -> bytes:
    """Other values, hashed afterwards."""
    from sdfl.artifacts.passport import hash_of

    damaged = draw_json(content, random)
    try:
        table = json.loads(damaged)
        return json.dumps(table | {"sha256": hash_of({key: table[key] for key in table if key != "sha256"})}).encode()
    except (ValueError, TypeError, RecursionError):
        return damaged


def _read_passport(path: Path) -> Any:
    from sdfl.artifacts.passport import read_passport

    passport = read_passport(path.with_name("a.engine"))
    return passport, passport.spec(str(path))


def _checkpoint(folder: Path) -> bytes:
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


def _damaged_checkpoint(content: bytes, random: Random) -> bytes:
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


def _read_checkpoint(path: Path) -> Any:
    from sdfl.model.checkpoint import read_checkpoint

    read = read_checkpoint(path)
    network = read.detector() if read.is_detector else read.landmark_network()
    return read.about, read.epoch, read.validation, read.config, network.state_dict()


def _ir(folder: Path) -> bytes:
    from sdfl.convert.engines import run_build
    from sdfl.convert.engines.plan import make_plan
    from sdfl.runtime.zoo import ZOO

    path = folder / "a.xml"
    run_build(make_plan(ZOO / "nano_int8.onnx", "openvino", out=path), lambda *_: None)
    return path.read_bytes()


def _bin(folder: Path) -> bytes:
    _ir(folder)
    return (folder / "a.bin").read_bytes()


def _read_bin(path: Path) -> Any:
    try:
        return _read_spec(path.with_suffix(".xml"))
    except SdflError as error:
        raise type(error)(str(error).replace(".xml", ".bin")) from error  # either name is clear


TRIALS: dict[str, Parser] = {
    "pts": Parser("a.pts", _pts, _read_pts, draw_text, largest=1e6),
    "list": Parser("a.txt", _list, _read_labels, draw_text, largest=1e6),
    "coco": Parser("a.json", _coco, _read_labels, draw_json, largest=1e6),
    "wflw": Parser("list_98pt_rect_attr_test.txt", _wflw, _read_wflw, draw_text, largest=1e6),
    "cofw": Parser("COFW_test_color.mat", _cofw, _read_cofw, draw_bytes, largest=1e6),
    "cofw68": Parser("test_annotations/1_points.mat", _cofw_68, _read_cofw_68, draw_bytes, largest=1e6),
    "recipe": Parser("a.toml", _recipe("smoke"), _read_recipe, draw_text),
    "suite": Parser("a.toml", _suite, _read_suite, draw_text),
    "records": Parser("a.jsonl", _records, _read_records, draw_text, largest=1e15),
    "onnx": Parser("a.onnx", _shipped("nano_int8"), _read_spec, draw_bytes, sealed=True),
    "detector": Parser("a.onnx", _shipped("detector"), _read_detector, draw_bytes, sealed=True),
    "metadata": Parser("a.onnx", _graph, _read_spec, _damaged_metadata, largest=1e5),
    "detector metadata": Parser("a.onnx", _detector_graph, _read_detector, _damaged_metadata, largest=1e5),
    "passport": Parser("a.engine.json", _passport, _read_passport, draw_bytes, same=True),
    "passport values": Parser("a.engine.json", _passport, _read_passport, _rehashed_passport),
    "IR": Parser("a.xml", _ir, _read_spec, draw_bytes, sealed=True),
    "IR weights": Parser("a.bin", _bin, _read_bin, draw_bytes, sealed=True),
    "checkpoint": Parser("a.ckpt", _checkpoint, _read_checkpoint, draw_bytes, same=True, largest=1e20),
    "checkpoint values": Parser("a.ckpt", _checkpoint, _read_checkpoint, _damaged_checkpoint, largest=1e20),
}


def rows(cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """One row for each reader whose name begins with `only`."""
    return run_trials("robust.parsers", [name for name in TRIALS if name.startswith(only)], cases, seed)
