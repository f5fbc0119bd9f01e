import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import faces


@pytest.fixture
def template() -> np.ndarray:
    return faces.template()


@pytest.fixture(scope="session")
def face_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with 24 generated faces in `train`."""
    root = tmp_path_factory.mktemp("faces")
    faces.write_faces(root / "train", 24)
    return root


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """For every test in this folder."""
