"""A real Chromium without a window, driven over its debugging protocol; its camera shows a file."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", "--remote-debugging-port=0", "--disable-dev-shm-usage",
)  # fmt: skip
PATIENCE_S = 120  # for one answer, on a busy computer
NO_GPU = ("--disable-gpu",)
SOFTWARE_WEBGPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # WebGL on the processor


def find_chromium() -> str | None:
    """The program, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection, browser: str = "") -> None:
        self._socket, self._number, self._browser = socket, 0, browser
        self.hosts: set[str] = set()  # of everything that the page asked for
        self.errors: list[str] = []
        self.bytes_loaded = 0  # as they came over the network, compressed
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and note what happens meanwhile."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            self._note(message)
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return dict(message["result"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script: str, *, limit_s: float = 30) -> None:
        """Until the expression is true; what it names may not be there while one page follows another."""
        until_s = time.monotonic() + limit_s
        while not self._is_true(script):
            if time.monotonic() > until_s:
                seen = self.run("document.body.innerText")
                raise AssertionError(f"not within {limit_s:g} s: {script}\n{seen}\n{self.errors}")
            time.sleep(0.1)

    def _is_true(self, script: str) -> bool:
        try:
            return bool(self.run(script))
        except RuntimeError:
            return False

    def processor_s(self) -> dict[str, float]:
        """Kind of process, such as "renderer" and "GPU" -> processor time that the browser's processes have taken."""
        with connect(self._browser, max_size=None) as socket:
            socket.send(json.dumps({"id": 1, "method": "SystemInfo.getProcessInfo"}))
            processes = json.loads(socket.recv(timeout=PATIENCE_S))["result"]["processInfo"]
        totals: dict[str, float] = {}
        for process in processes:
            totals[process["type"]] = totals.get(process["type"], 0.0) + process["cpuTime"]
        return totals

    def drag(self, selector: str, dx: float, dy: float) -> None:
        """Press the mouse in the middle of an element, move it and let go."""
        middle = "(r => [r.x + r.width / 2, r.y + r.height / 2])"
        x, y = self.run(f"{middle}(document.querySelector({selector!r}).getBoundingClientRect())")
        steps = [("mousePressed", 0.0), ("mouseMoved", 0.5), ("mouseMoved", 1.0), ("mouseReleased", 1.0)]
        for kind, share in steps:
            place = {"x": x + share * dx, "y": y + share * dy}
            self.send("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **place)

    def screenshot(self, path: Path, *, width: int, height: int, dark: bool = False) -> None:
        """A picture of the page at that size."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        time.sleep(1.0)
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            address = urlsplit(parameters["request"]["url"])
            if address.scheme not in ("data", "blob"):
                self.hosts.add(address.netloc)
        if message.get("method") == "Network.loadingFinished":
            self.bytes_loaded += int(parameters["encodedDataLength"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}".strip())


@contextmanager
def open_page(
    address: str, folder: Path, *, camera: Path | None = None, flags: tuple[str, ...] = NO_GPU
) -> Iterator[Page]:
    """Start the browser with a profile in `folder`. camera: .mjpeg file that its camera shows; flags: more of them."""
    program = find_chromium()
    assert program is not None
    shown = [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    command = [program, *FLAGS, *flags, *shown, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            tab, browser = _first_tab(folder / "profile" / "DevToolsActivePort")
            with connect(tab, max_size=None) as socket:
                page = Page(socket, browser)
                page.send("Page.navigate", url=address)
                # The stream never ends, so the page is never "complete".
                page.wait("location.protocol.startsWith('http') && document.readyState != 'loading'")
                yield page
        finally:
            running.terminate()
            running.wait(10)


def _first_tab(port_file: Path) -> tuple[str, str]:
    """The addresses of the sockets of the first tab and of the browser."""
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            port, path = port_file.read_text().splitlines()[:2]
            with urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"]), f"ws://127.0.0.1:{port}{path}"
        except (OSError, URLError, ValueError):
            pass
        time.sleep(0.1)
    raise AssertionError("Chromium did not start within 60 s")
