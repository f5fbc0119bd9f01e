"""What the tests of all verbs work on."""

from __future__ import annotations

from pathlib import Path

import pytest
from faces import write_faces


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 24 labelled `faces` and the checkpoint `small.ckpt` of an untrained network."""
    from small_checkpoints import save_landmarks

    folder = tmp_path_factory.mktemp("work")
    write_faces(folder / "faces", 24)
    save_landmarks(folder / "small.ckpt")
    return folder
