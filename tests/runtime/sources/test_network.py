"""What a URL names: a file ends, a camera does not, and passwords are shown nowhere."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

pytest.importorskip("av", reason="videos are made with PyAV")
pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")

from clips import encode, remux, sample_images
from PIL import Image as Pil

from sdfl.errors import SourceError
from sdfl.runtime.sources import open_source
from sdfl.runtime.sources.addresses import is_url, path_of, without_credentials
from sdfl.runtime.sources.pictures import to_image


class _Server(SimpleHTTPRequestHandler):
    """Files of a folder, without parts of them on demand; /camera is MJPEG without an end."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/elsewhere/"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.headers['Host'].rpartition(':')[2]}/{self.path[11:]}")
            self.end_headers()
            return
        _Server.seen.append((self.path, self.headers.get("Authorization")))
        if self.path != "/camera":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for image in itertools.cycle(sample_images(10)):
            jpeg = cv2.imencode(".jpg", image)[1].tobytes()
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
            try:
                self.wfile.write(head + jpeg + b"\r\n")
            except OSError:
                return


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Server, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "faststart.mp4"])
def test_a_video_of_a_web_server_ends_like_the_file(tmp_path: Path, address: str, name: str) -> None:
    if name == "clip.ts":
        remux(encode(tmp_path / "clip.mp4", sample_images(20)), tmp_path / name, container_format="mpegts")
    else:
        options = {"movflags": "faststart"} if name.startswith("fast") else {}
        encode(tmp_path / name, sample_images(20), container_options=options)
    with open_source(f"{address}/{name}") as source:
        frames = list(source)
    assert not source.live
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 30 for index in range(20)])
    with open_source(str(tmp_path / name)) as source:
        assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, source, strict=True))


def test_a_video_whose_index_lies_at_its_end_is_downloaded(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server gives whole files only, and this one is longer than what is read ahead."""
    encode(tmp_path / "long.mp4", sample_images(60), options={"crf": "5"})
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    said: list[str] = []
    with open_source(address.replace("//", "//me:secret@") + "/long.mp4", say=said.append) as source:
        assert [frame.index for frame in source] == list(range(60))
        assert [frame.index for frame in source] == list(range(60))
    assert said == [
        f"http://***@{address[7:]}/long.mp4: its server gives no parts of a file, so it is downloaded first"
    ]
    assert list(copies.iterdir()) == []


def test_a_password_does_not_follow_to_another_server(tmp_path: Path, address: str) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), sample_images(1)[0])
    _Server.seen.clear()
    with open_source(address.replace("//", "//me:secret@") + "/elsewhere/face.png") as source:
        assert len(list(source)) == 1
    assert _Server.seen
    assert {authorization for _, authorization in _Server.seen} == {None}


def test_a_name_with_blanks_is_downloaded(tmp_path: Path, address: str) -> None:
    cv2.imwrite(str(tmp_path / "my face.png"), sample_images(1)[0])
    assert len(list(open_source(f"{address}/my face.png"))) == 1


def test_a_picture_of_a_web_server_is_turned_and_has_a_budget(tmp_path: Path, address: str) -> None:
    exif = Pil.Exif()
    exif[0x0112] = 6
    Pil.fromarray(sample_images(1)[0][:, :, ::-1]).save(tmp_path / "turned.jpg", exif=exif)
    (frame,) = open_source(f"{address}/turned.jpg")
    assert frame.image.shape == (640, 480, 3)
    with pytest.raises(SourceError, match=r"http://127.*turned\.jpg: has 640 x 480 px, more than 0\.1 megapixels"):
        list(open_source(f"{address}/turned.jpg", max_pixels=100_000))


@pytest.mark.parametrize("name", ["face.png", "face.jpg", "face.webp"])
def test_a_picture_of_a_web_server_is_one_picture(tmp_path: Path, address: str, name: str) -> None:
    cv2.imwrite(str(tmp_path / name), sample_images(1)[0])
    with open_source(f"{address}/{name}") as source:
        (frame,) = source
    assert source.stills
    assert not source.live
    assert frame.image.shape == (480, 640, 3)


def test_mjpeg_of_a_camera_goes_on(address: str) -> None:
    with open_source(f"{address}/camera") as source:
        assert source.live
        assert len(list(itertools.islice(source, 15))) == 15


def test_a_page_that_is_not_there_says_so(address: str) -> None:
    with pytest.raises(SourceError, match=r"does not answer with video \(Server returned 404 Not Found\)"):
        open_source(f"{address}/nothing.mp4")


def test_a_file_address_is_the_file(tmp_path: Path) -> None:
    path = encode(tmp_path / "a clip #1?.mp4", sample_images(5))
    for url in (f"file://{path}", f"file://localhost{path}".replace(" ", "%20"), path.as_uri()):
        assert len(list(open_source(url))) == 5
    with pytest.raises(SourceError, match="names a file on another computer"):
        open_source("file://elsewhere/clip.mp4")


def test_what_exists_is_no_camera_number_and_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("2024", "sample", "http:"):
        Path(name).mkdir()
        cv2.imwrite(f"{name}/a.png", sample_images(1)[0])
    said: list[str] = []
    assert len(list(open_source("2024", say=said.append))) == 1
    assert len(list(open_source("http://a.png", say=said.append))) == 1
    assert said == []
    assert len(list(open_source("sample", say=said.append))) == 1
    assert said == ["sample: the folder of this name is taken, and not the sample clip"]


def test_an_address_may_be_longer_than_a_path() -> None:
    with pytest.raises(SourceError, match="does not answer with video"):
        open_source(f"http://127.0.0.1:9/{'x' * 5000}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://camera/stream", "rtsp://camera/stream"),
        ("rtsp://me:secret@camera:554/stream", "rtsp://***@camera:554/stream"),
        ("rtsp://me:p@ss@camera/stream", "rtsp://***@camera/stream"),
        ("rtsp://me:p@ss/word@camera/stream", "rtsp://***@camera/stream"),
        ("rtsp://me:p#ss@camera/stream", "rtsp://***@camera/stream"),
        ("rtsp://me:p?ss#word@camera/stream", "rtsp://***"),
        ("http://camera/video?user=me&pwd=secret", "http://camera/video?***"),
        ("http://camera/video?pwd=s@cret", "http://***"),
        ("http://camera/video#secret", "http://camera/video"),
        ("rtsp://camera/user=me&password=secret&channel=1", "rtsp://camera/user=***&password=***&channel=1"),
        ("rtsp://camera/;user=me;pwd=secret", "rtsp://camera/;user=***;pwd=***"),
    ],
)
def test_no_address_shows_a_password(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


@pytest.mark.parametrize("url", ["http://me:p@ss/word@127.0.0.1:9/x", "http://127.0.0.1:9/x?user=me&pwd=p@ss/word"])
def test_no_error_shows_a_password(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(url)
    chain: list[Any] = [caught.value, caught.value.__cause__]
    assert not any("ss/word" in str(each) for each in chain)
    assert caught.value.__suppress_context__
    assert "ss/word" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "source",
    [
        " rtsp://me:s3cret@127.0.0.1:9/a",
        "rtsp:/me:s3cret@camera/a",
        "me:s3cret@camera/a",
        "file://me:s3cret@camera/a.mp4",
        ["rtsp://me:s3cret@camera/a"],
        Path("rtsp://me:s3cret@camera/a"),
    ],
    ids=str,
)
def test_no_address_that_is_written_wrongly_shows_a_password(source: Any) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(source)
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"
    with pytest.raises(SourceError) as caught:
        to_image(source[0] if isinstance(source, list) else source)
    assert "s3cret" not in f"{caught.value}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("~nobody_of_this_name/a.mp4", "no such file"),
        ("99999999999", "camera 9999... does not exist"),
        ("9" * 5000, "camera 9999... does not exist"),
        ("/dev/video99999999999", "camera 9999... does not exist"),
        ("a\0b.mp4", "a name cannot hold the character 0"),
        ("a\nb.mp4", "no such file"),
    ],
    ids=range(6),
)
def test_impossible_names_are_one_line(source: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        open_source(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("rtsp://a", True), ("C://a.mp4", False), ("a/b.mp4", False), ("http:/a", False)]
)
def test_what_counts_as_an_address(text: str, expected: bool) -> None:
    assert is_url(text) == expected


def test_windows_drives_and_spaces_in_file_addresses() -> None:
    assert path_of("file:///tmp/a%20b.mp4") == Path("/tmp/a b.mp4")
