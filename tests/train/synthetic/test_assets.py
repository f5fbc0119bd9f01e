"""Reading the models as they are published, and what is said where one is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sdfl.errors import DataError
from sdfl.train.synthetic import assets

OBJ = "# a square\nusemtl skin\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 {}\n"
OBJ += "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"


def published_model(folder: Path) -> Path:
    """A square in the form of ICT-FaceKit, with two of everything."""
    model = folder / "ICT-FaceKit" / "FaceXModel"
    model.mkdir(parents=True)
    (model / "generic_neutral_mesh.obj").write_text(OBJ.format(0))
    for number in range(assets.IDENTITIES):
        (model / f"identity{number:03d}.obj").write_text(OBJ.format(number))
    (model / "jawOpen.obj").write_text(OBJ.format(-1))
    (model / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": [0, 1, 2]}))
    return model


def test_the_published_files_are_read_once(tmp_path: Path) -> None:
    model = published_model(tmp_path)
    data = assets.load_ict(tmp_path)
    assert data["V"].shape == (4, 3)
    assert data["ids"].shape == (100, 4, 3)
    assert data["ids"][7, 3].tolist() == [0, 0, 7]
    assert data["exn"].tolist() == ["jawOpen"]
    assert data["ex"][0, 3, 2] == -1
    np.testing.assert_array_equal(data["VT"][data["FT"]], [[0, 0], [1, 0], [1, 1], [0, 1]])
    (model / "identity007.obj").unlink()
    np.testing.assert_array_equal(assets.load_ict(tmp_path)["ids"], data["ids"])


@pytest.mark.parametrize(
    ("load", "words"),
    [
        pytest.param(assets.load_ict, "holds no ICT-FaceKit; run: git clone https", id="no head"),
        pytest.param(lambda folder: assets.load_makehuman(folder, "fedora"), "no makehuman-assets; run", id="no hat"),
    ],
)
def test_a_missing_model_is_one_line_that_says_what_to_clone(load: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as caught:
        load(tmp_path)  # type: ignore[operator]
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("identity003.obj", "v 1 2 3\nvt 0 0\nf 1/1 1/1 1/1\n", id="other vertices"),
        pytest.param("jawOpen.obj", "v a b c\n", id="no numbers"),
        pytest.param("generic_neutral_mesh.obj", OBJ.format(0).replace("4/4", "4/9"), id="no such texture corner"),
        pytest.param("vertex_indices.json", "{", id="no JSON"),
    ],
)
def test_a_damaged_model_is_named_and_leaves_no_cache(name: str, text: str, tmp_path: Path) -> None:
    model = published_model(tmp_path)
    (model / name).write_text(text)
    with pytest.raises(DataError, match=name):
        assets.write_ict_cache(model, tmp_path / "out" / assets.CACHE)
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.data
def test_the_published_files_are_those_of_the_cache(assets: Path) -> None:
    from sdfl.train.synthetic.assets import load_ict, read_obj

    data, neutral = load_ict(assets), read_obj(assets / "ict" / "generic_neutral_mesh.obj")
    np.testing.assert_allclose(neutral.vertices, data["V"], atol=1e-6)
    np.testing.assert_array_equal(neutral.loops, data["F"])
    np.testing.assert_array_equal(neutral.materials, data["M"])
    jaw = read_obj(assets / "ict" / "jawOpen.obj").vertices - neutral.vertices
    number = data["exn"].tolist().index("jawOpen")
    np.testing.assert_allclose(jaw, data["ex"][number], atol=2e-3)  # the cache holds fp16 numbers of up to 4 cm
