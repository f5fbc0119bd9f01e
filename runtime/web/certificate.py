"""A certificate for the local network, made by the program openssl and kept in the user's cache."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sdfl.errors import SdflError
from sdfl.files import atomic_path, cache_dir

DAYS = 365
SOON_S = 86_400  # a certificate that ends within a day is replaced
UNROUTED = ("192.0.2.1", 9)  # reserved for documentation; connecting a UDP socket sends nothing
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)


def local_address() -> str:
    """The address of this computer in its network; its loopback address where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(UNROUTED)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def make_certificate(addresses: Sequence[str], folder: Path | None = None) -> Path:
    """A certificate for this computer, the one of the last time where that still fits.

    Args:
        addresses: that the page is opened under, besides the computer's names and its loopback address.
        folder: to keep it in, None for the user's cache.

    Returns:
        A PEM file with the key and the certificate, which only this user can read.

    Raises:
        SdflError: openssl is not installed, or fails.
    """
    program = shutil.which("openssl")
    if program is None:
        raise SdflError("--https needs the program openssl to make a certificate; install it (apt-get install openssl)")
    name = socket.gethostname()
    names = sorted({name, f"{name}.local", "localhost", "127.0.0.1", *addresses})
    target = (folder or cache_dir() / "web") / f"{hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}.pem"
    if target.is_file() and _run(program, "x509", "-in", target, "-noout", "-checkend", SOON_S).returncode == 0:
        return target
    with tempfile.TemporaryDirectory() as scratch:
        key, certificate = Path(scratch, "key.pem"), Path(scratch, "certificate.pem")
        made = _run(
            program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", DAYS, "-subj", "/CN=sdfl", "-addext", f"subjectAltName={','.join(map(_alternative, names))}",
            "-addext", "extendedKeyUsage=serverAuth", "-keyout", key, "-out", certificate,
        )  # fmt: skip
        if made.returncode != 0:
            reason = (made.stderr.strip().splitlines() or ["no message"])[-1]
            raise SdflError(f"openssl cannot make a certificate ({reason}); version 1.1.1 or newer is needed")
        with atomic_path(target) as path:
            path.touch(mode=0o600)
            path.write_bytes(key.read_bytes() + certificate.read_bytes())
    return target


def fingerprint(certificate: Path) -> str:
    """The SHA-256 fingerprint of a PEM file's certificate, as browsers show it."""
    found = CERTIFICATE.search(certificate.read_text(encoding="ascii"))
    if found is None:
        raise SdflError(f"{certificate}: holds no certificate; remove the file and start again")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest().hex(":").upper()


def _alternative(name: str) -> str:
    """A name or address in the words of openssl."""
    try:
        return f"IP:{ipaddress.ip_address(name.strip('[]'))}"
    except ValueError:
        return f"DNS:{name}"


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
