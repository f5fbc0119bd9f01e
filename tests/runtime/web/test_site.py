"""What `sdfl web` serves and writes: forms of files, headers, what is missing, the certificate."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from sdfl.cli import app as command
from sdfl.errors import SdflError
from sdfl.runtime.web import certificate as certificate_module
from sdfl.runtime.web import site
from sdfl.runtime.web.certificate import fingerprint, local_address, make_certificate
from sdfl.runtime.web.site import HERE, first_files, site_files, write_site

starlette = pytest.importorskip("starlette.testclient", reason="needs starlette and httpx")
from sdfl.runtime.web.server import make_app  # noqa: E402

OPENSSL = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")
WASM = b"\0asm" + bytes(range(256)) * 100


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library as `npm run build` leaves it, with little in it."""
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "face-landmarker.js").write_text("export const library = 1;\n" * 50)
    (dist / "face-landmarker.js.br").write_bytes(b"brotli")
    (dist / "ort-wasm-simd-threaded.wasm.gz").write_bytes(gzip.compress(WASM))
    (dist / "ort-wasm-simd-threaded.wasm.br").write_bytes(b"smaller")
    (dist / "webgpu").mkdir()
    (dist / "webgpu" / "ort.js").write_text("export const runtime = 1;\n")
    monkeypatch.setattr(site, "DIST", dist)
    return dist


def test_a_library_that_is_not_built_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "DIST", tmp_path / "dist")
    for words in ([], ["--out", str(tmp_path / "out")]):
        result = CliRunner().invoke(command, ["web", *words])
        assert isinstance(result.exception, SdflError)
        assert f"npm ci --prefix {HERE} && npm run build --prefix {HERE}" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "accepted", "encoding", "content"),
    [
        pytest.param("sdfl/ort-wasm-simd-threaded.wasm", "gzip, deflate, br", "br", b"smaller", id="the smallest form"),
        pytest.param("sdfl/ort-wasm-simd-threaded.wasm", "gzip", "gzip", WASM, id="what the browser knows"),
        pytest.param("sdfl/ort-wasm-simd-threaded.wasm", "br;q=0, gzip;q=0.5", "gzip", WASM, id="not what it refuses"),
        pytest.param("sdfl/ort-wasm-simd-threaded.wasm", "", None, WASM, id="plain bytes that are not stored"),
        pytest.param("", "gzip", "gzip", (HERE / "page/index.html").read_bytes(), id="the page"),
        pytest.param("app.css", "identity", None, (HERE / "page/app.css").read_bytes(), id="a plain file"),
    ],
)
def test_files_come_in_a_form_that_the_browser_takes(
    name: str, accepted: str, encoding: str | None, content: bytes, built: Path
) -> None:
    client = starlette.TestClient(make_app(site_files()))
    with client.stream("GET", f"/{name}", headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers.get("content-encoding") == encoding
        raw = b"".join(answer.iter_raw())
        assert int(answer.headers["content-length"]) == len(raw)
    assert (gzip.decompress(raw) if encoding == "gzip" else raw) == content
    again = client.get(f"/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_only_the_sites_files_are_served(built: Path) -> None:
    client = starlette.TestClient(make_app(site_files()))
    for path in ("/nothing", "/../pyproject.toml", "/sdfl/../../site.py", "/page/index.html", "/tsconfig.json"):
        assert client.get(path).status_code == 404
    assert client.post("/").status_code == 405
    assert client.get("/sdfl/models/small.onnx").headers["content-type"] == "application/octet-stream"
    assert client.get("/sdfl/ort-wasm-simd-threaded.wasm").headers["content-type"] == "application/wasm"


def test_a_folder_holds_what_any_host_can_serve(built: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["web", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert re.match(rf"wrote {tmp_path}/out: \d+ MB", result.output)
    written = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    plain = {name for name in written if not name.endswith((".gz", ".br"))}
    assert plain == set(site_files())
    assert (tmp_path / "out/sdfl/ort-wasm-simd-threaded.wasm").read_bytes() == WASM
    assert {f"{name}.gz" for name in plain} <= written
    assert "sdfl/face-landmarker.js.br" in written


def test_the_service_worker_knows_the_files_and_their_version(built: Path, tmp_path: Path) -> None:
    def told() -> dict[str, object]:
        line = site_files()["sw.js"].plain.decode().splitlines()[0]
        return dict(json.loads(line.removeprefix("self.SITE = ").removesuffix(";")))

    first = told()
    files = site_files()
    assert {"./", "app.js", "sdfl/models/small.onnx", "sdfl/models/sdfl_faces.onnx"} <= set(first["files"])  # type: ignore[call-overload]
    assert all(name in files for name in first_files(files) if name != "./")
    assert "sdfl/models/large.onnx" not in first["files"]  # type: ignore[operator]
    assert "sdfl/webgpu/ort.js" in files
    assert "sdfl/webgpu/ort.js" not in first["files"]  # type: ignore[operator]
    (built / "face-landmarker.js").write_text("export const library = 2;\n")
    assert told()["version"] != first["version"]


def test_out_goes_with_no_address(tmp_path: Path) -> None:
    for words in (["--https"], ["--host", "0.0.0.0"], ["--port", "1"]):
        result = CliRunner().invoke(command, ["web", "--out", str(tmp_path), *words])
        assert "--out writes a folder and serves nothing" in str(result.exception)


def test_a_full_disk_is_told_in_one_line(built: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((SdflError, OSError), match="file"):
        write_site(tmp_path / "file")


@OPENSSL
def test_a_certificate_is_kept_while_it_fits(tmp_path: Path) -> None:
    first = make_certificate(["192.168.1.7"], tmp_path)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600, "the key is nobody else's business"
    content = first.read_bytes()
    assert make_certificate(["192.168.1.7"], tmp_path).read_bytes() == content
    assert make_certificate(["192.168.1.8"], tmp_path) != first
    text = subprocess.run(
        ["openssl", "x509", "-in", first, "-noout", "-text"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    assert "IP Address:192.168.1.7" in text
    assert "TLS Web Server Authentication" in text
    assert re.fullmatch(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", fingerprint(first))


def test_without_openssl_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_module.shutil, "which", lambda _: None)
    with pytest.raises(SdflError, match="--https needs the program openssl"):
        make_certificate(["192.168.1.7"])


@OPENSSL
@pytest.mark.slow
def test_https_is_served_with_the_certificate(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = (
        "import sys; from pathlib import Path; from sdfl.runtime.web import site; "
        f"site.DIST = Path({str(built)!r}); from sdfl.cli import main; main()"
    )
    words = [sys.executable, "-c", program, "web", "--https", "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8") as running:
        assert running.stderr is not None
        try:
            address = running.stderr.readline().split()[1]
            said = running.stderr.readline()
            pem = next((tmp_path / "sdfl" / "web").glob("*.pem"))
            assert fingerprint(pem) in said
            assert address.startswith(f"https://{local_address()}:")
            with urlopen(address, context=ssl.create_default_context(cafile=str(pem)), timeout=30) as answer:
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
                assert b"<title>SDFL in the browser</title>" in answer.read()
        finally:
            time.sleep(0.1)
            running.terminate()
            assert running.wait(20) == 0
