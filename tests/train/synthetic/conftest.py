"""What the tests of rendered faces share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sdfl.train.synthetic.build import Studio

pytest.importorskip("scipy", reason="scipy is not installed")


@pytest.fixture(scope="session")
def assets(data_dir: Path) -> Path:
    folder = data_dir / "synth" / "assets"
    if not folder.is_dir():
        pytest.skip(f"no models of heads at {folder}")
    return folder


@pytest.fixture(scope="session")
def studio(assets: Path) -> Studio:
    from sdfl.train.synthetic.build import Studio

    return Studio(assets)
