"""What the library computes on, in a real Chromium: WebGPU in software or the processor, and what each loads."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdfl.runtime.sources.sample import astronaut

pytest.importorskip("skimage", reason="the sample clip's picture comes with scikit-image")
chromium = pytest.importorskip("chromium", reason="needs the package websockets")
web_pages = pytest.importorskip("web_pages", reason="needs the server of the extra demo")
pytestmark = web_pages.IN_CHROMIUM
PATIENCE_S = web_pages.PATIENCE_S
SOFTWARE_WEBGPU_S = 600  # for two inferences on a busy computer
LARGEST_MB = 5.0  # that the page loads with the default model
HAS_ADAPTER = "navigator.gpu ? navigator.gpu.requestAdapter().then(Boolean, () => false) : false"


def points_on(page: Any, device: str) -> tuple[str, Any]:
    """The device that is used in the end, and the points of the one face of the sample picture."""
    web_pages.create(page, model="nano", device=device)
    png = base64.b64encode(cv2.imencode(".png", astronaut())[1].tobytes()).decode()
    page.run(
        f"""void (async () => {{
          const image = new Image();
          image.src = 'data:image/png;base64,{png}';
          await image.decode();
          const faces = await landmarker.detect(image);
          window.found = faces.map(({{ points }}) => points.map(({{ x, y }}) => [x, y]));
        }})()"""
    )
    page.wait("window.found", limit_s=SOFTWARE_WEBGPU_S)
    [face] = page.run("(() => { const { found } = window; window.found = null; return found; })()")
    return str(page.run("landmarker.device")), np.array(face)


def loaded(page: Any) -> list[str]:
    script = "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.slice(1))"
    return list(page.run(script))


def test_webgpu_finds_the_same_points(tmp_path: Path) -> None:
    with web_pages.opened(tmp_path, flags=chromium.SOFTWARE_WEBGPU) as page:
        if not page.run(HAS_ADAPTER):
            pytest.skip("this Chromium has no WebGPU adapter in software")
        device, on_processor = points_on(page, "wasm")
        assert device == "wasm"
        assert not [name for name in loaded(page) if "webgpu" in name], "it is loaded when it is asked for"
        device, on_gpu = points_on(page, "webgpu")
        assert device == "webgpu"
        assert "sdfl/webgpu/ort.js" in loaded(page)
        assert np.abs(on_gpu - on_processor).max() <= 0.01  # px; sums are added up in another order


def test_without_an_adapter_the_processor_is_used(tmp_path: Path) -> None:
    with web_pages.opened(tmp_path) as page:
        page.run("(() => { window.told = []; console.warn = text => told.push(text); })()")
        page.run("Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => null } })")
        device, points = points_on(page, "webgpu")
        assert (device, points.shape) == ("wasm", (68, 2))
        [line] = page.run("told")
        assert line.startswith("sdfl: this browser offers no WebGPU adapter; ")
        page.run("document.getElementById('set-device').value = 'webgpu'")
        page.run("document.getElementById('set-device').dispatchEvent(new Event('change'))")
        page.wait("!document.getElementById('problem').hidden", limit_s=PATIENCE_S)
        assert page.run("document.getElementById('set-device').value") == "wasm", "the page shows what is used"
        assert "the processor is used" in page.run("document.getElementById('problem').textContent")
        assert not [name for name in loaded(page) if "webgpu" in name]


def test_the_page_loads_at_most_five_megabytes(tmp_path: Path) -> None:
    with web_pages.opened(tmp_path) as page:
        assert "sdfl/models/small.onnx" in loaded(page)
        assert 1.0 < page.bytes_loaded / 1e6 <= LARGEST_MB, "compressed, as they come over the network"


def test_a_model_that_cannot_be_had_leaves_the_one_in_use(tmp_path: Path) -> None:
    with web_pages.opened(tmp_path) as page:
        page.run(
            "(choice => { choice.append(new Option('huge')); choice.value = 'huge';"
            " choice.dispatchEvent(new Event('change')); })(document.getElementById('set-model'))"
        )
        page.wait("!document.getElementById('problem').hidden", limit_s=PATIENCE_S)
        assert page.run("document.getElementById('problem').textContent").startswith("model must be one of nano, ")
        assert page.run("document.getElementById('set-model').value") == "small", "the page shows what is used"
