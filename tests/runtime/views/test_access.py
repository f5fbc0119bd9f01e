"""Who may use the page: whoever has the token, from this computer too, and never under a foreign name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from raw_http import exchange, get, port_of

from sdfl.errors import SdflError
from sdfl.runtime.views.browser.access import Access
from sdfl.runtime.views.browser.view import BrowserView


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"], ids=["loopback", "all addresses"])
def view(request: pytest.FixtureRequest) -> Iterator[BrowserView]:
    opened = BrowserView(host=request.param, port=0, say=lambda _: None)
    yield opened
    opened.close()


def token_of(view: BrowserView) -> bytes:
    return view.address.partition("?token=")[2].encode()


def cookie(view: BrowserView, value: bytes, *, port: int | None = None) -> bytes:
    return b"Cookie: sdfl_token_%d=%s" % (port or port_of(view), value)


def host(view: BrowserView, name: bytes = b"127.0.0.1") -> bytes:
    return b"%s:%d" % (name, port_of(view))


@pytest.mark.parametrize("path", [b"/", b"/stats.json", b"/stream.mjpg", b"/settings", b"/camera", b"/static/page.js"])
def test_nothing_is_given_without_the_token(view: BrowserView, path: bytes) -> None:
    method = b"POST" if path in (b"/settings", b"/camera") else b"GET"
    answer = exchange(view, get(path, method=method, host=host(view)))
    assert answer.statuses == [403]
    assert answer.text == "the token is missing or wrong; open the whole address that was printed"


def test_what_is_no_token_is_refused(view: BrowserView) -> None:
    token = token_of(view)
    assert len(token) >= 20
    for wrong in (token[:-1], token + b"a", b"", b"%C3%A9", b"%ff", b"%ed%a0%80", b"%00", b"a" * 5000):
        assert exchange(view, get(b"/?token=" + wrong, host=host(view))).statuses == [403], wrong
    for wrong in (token[:-1], b"", b"\xe9"):
        assert exchange(view, get(b"/", cookie(view, wrong), host=host(view))).statuses == [403], wrong
    assert exchange(view, get(b"/", cookie(view, token, port=1), host=host(view))).statuses == [403], "of another port"


def test_a_foreign_name_is_refused_with_the_token(view: BrowserView) -> None:
    answer = exchange(view, get(b"/?token=" + token_of(view), host=b"evil.example"))
    assert answer.statuses == [403]
    assert "not known under that name" in answer.text


def test_the_token_moves_from_the_address_into_a_cookie(view: BrowserView) -> None:
    token = token_of(view)
    answer = exchange(view, get(b"/?token=" + token, host=host(view)))
    assert answer.statuses == [200]
    assert 'http-equiv="refresh" content="0; url=/"' in answer.text
    assert token.decode() not in answer.text
    set_cookie = re.search(rb"set-cookie: ([^\r]*)", answer.content, re.IGNORECASE)
    assert set_cookie is not None
    value, *attributes = set_cookie[1].decode().split("; ")
    assert value == f"sdfl_token_{port_of(view)}={token.decode()}"
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes)
    for kept in (value.encode(), b'prefs={"a":1}; ' + value.encode()):
        page = exchange(view, get(b"/", b"Cookie: " + kept, host=host(view)))
        assert page.statuses == [200]
        assert "SDFL live</h1>" in page.text


def test_a_program_may_keep_the_token_in_the_address(view: BrowserView) -> None:
    answer = exchange(view, get(b"/stats.json?after=3&token=" + token_of(view), host=host(view)))
    assert answer.statuses == [200]
    assert answer.text.startswith("{")


def test_a_forwarded_port_may_be_another_one(view: BrowserView) -> None:
    """As with `ssh -L 9999:localhost:8000`."""
    token = token_of(view)
    answer = exchange(view, get(b"/?token=" + token, host=b"localhost:9999"))
    assert b"sdfl_token_9999=" + token in answer.content
    assert exchange(view, get(b"/", cookie(view, token, port=9999), host=b"localhost:9999")).statuses == [200]


def test_without_a_token_the_name_still_counts() -> None:
    view = BrowserView(port=0, token=False, say=lambda _: None)
    try:
        assert "token" not in view.address
        assert exchange(view, get(b"/")).statuses == [200]
        assert exchange(view, get(b"/", host=b"evil.example")).statuses == [403]
    finally:
        view.close()


@pytest.mark.parametrize(
    ("listens_on", "name", "known"),
    [
        pytest.param("127.0.0.1", "localhost", True, id="forwarded"),
        pytest.param("127.0.0.1", "192.0.2.1", False, id="an address that loopback has not"),
        pytest.param("0.0.0.0", "192.0.2.1", True, id="an address"),
        pytest.param("0.0.0.0", "evil.example", False, id="a foreign name"),
    ],
)
@pytest.mark.parametrize("token", [True, False], ids=["token", "no token"])
def test_names(listens_on: str, name: str, known: bool, token: bool) -> None:
    assert Access.to(listens_on, token=token).names(name) == known


def test_two_addresses_never_share_a_token() -> None:
    assert Access.to("127.0.0.1").token != Access.to("127.0.0.1").token


@pytest.mark.parametrize(
    "listens_on",
    [pytest.param("no.such.host.invalid", id="unknown name"), pytest.param("192.0.2.7", id="of another computer")],
)
def test_an_address_that_is_not_ours_is_named(listens_on: str) -> None:
    with pytest.raises(
        SdflError, match=f"address {re.escape(listens_on)} cannot be used .*; give one of this computer"
    ):
        BrowserView(host=listens_on, port=0, say=lambda _: None)
