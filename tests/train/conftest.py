import faces
import numpy as np
import pytest


@pytest.fixture
def template() -> np.ndarray:
    return faces.template()


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """For every test in this folder."""
