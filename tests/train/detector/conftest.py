from pathlib import Path

import faces
import pytest

RECIPE = """
[about]
name = "tiny"
training_data = "generated"
licence = "none"
[detector]
widths = [8, 8, 16, 16, 16]
depths = [1, 1, 1, 1]
neck = 16
[data]
teacher = ""
folders = [{ path = "train", every = 4 }]
workers = 0
[compose]
size = 128
face_px = [24.0, 100.0]
faces = 2
[optimizer]
warmup_epochs = 1
[train]
epochs = 2
pictures = 32
batch_size = 8
precision = "32-true"
"""


@pytest.fixture(scope="session")
def face_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with 12 generated faces in `train`."""
    root = tmp_path_factory.mktemp("faces")
    faces.write_faces(root / "train", 12)
    return root


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """For every test in this folder."""
