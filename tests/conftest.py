"""What all tests share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_verbs import Verbs
from hypothesis import settings

from sdfl.errors import MissingDependency
from sdfl.runtime.backends.openvino.library import load_openvino

with contextlib.suppress(MissingDependency):
    load_openvino()  # before a test imports it plainly, which would report the computer to OpenVINO's makers

PROJECT = Path(__file__).parents[1]
pytest_plugins = ["engine_fixtures", "in_threads", "runtime_fixtures"]
settings.register_profile("sdfl", deadline=None)  # a busy computer is no failure
settings.load_profile("sdfl")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled networks of the tests stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch sums in a fixed order, so that equal training gives equal bits; and two threads on a busy computer wait for
    each other many times longer."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real labelled faces: SDFL_DATA, else ../shared/data beside the project; skips where missing."""
    folder = Path(os.environ.get("SDFL_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no labelled faces at {folder}; set SDFL_DATA to a folder that holds 300w/")
    return folder


@pytest.fixture(scope="session")
def face_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with 24 generated faces in `train`."""
    import faces

    root = tmp_path_factory.mktemp("faces")
    faces.write_faces(root / "train", 24)
    return root


@pytest.fixture(scope="session")
def verbs() -> Iterator[Verbs]:
    """Runs command lines in processes that need not import the libraries."""
    with Verbs() as started:
        yield started
