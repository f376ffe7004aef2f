"""What a service shows to the outside: its certificate, its tokens, its sockets; what cannot be used is told."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import os
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.service.running.serving import WORDS, listening, served

CANARY = "canary-4f1c-token"


def key_file(place: Path, passphrase: bytes = b"") -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    hidden = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    place.write_bytes(key.private_bytes(*form))
    return key


def certificate(place: Path, key: ec.EllipticCurvePrivateKey) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    place.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A folder with a certificate, its key, the key with a passphrase, and another key."""
    certificate(tmp_path / "cert.pem", key_file(tmp_path / "key.pem"))
    key_file(tmp_path / "other.pem")
    certificate(tmp_path / "hidden-cert.pem", key_file(tmp_path / "hidden.pem", b"secret"))
    return tmp_path


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tls(workers: str, tls: Path) -> None:
    options = ("--tls-cert", str(tls / "cert.pem"), "--tls-key", str(tls / "key.pem"), "--workers", workers)
    with served("--port", "0", *options) as service:
        assert service.url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(tls / "cert.pem"))
        connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=10, context=context)
        connection.request("POST", "/validate?input=yaml", body="seed: 1")
        answer = connection.getresponse()
        assert (answer.status, b'"ok": true' in answer.read()) == (200, True)
        with pytest.raises(ssl.SSLCertVerificationError):
            http.client.HTTPSConnection("127.0.0.1", service.port, timeout=10).request("GET", "/healthz")
        plain = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.request("GET", "/healthz")
            plain.getresponse()


def refusal(*options: str, **given: object) -> str:
    """What is said where a service does not begin."""
    done = subprocess.run([*WORDS, *options], capture_output=True, text=True, timeout=60, **given)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


WRONG_TLS = {
    "no certificate": ("missing.pem", "key.pem", "No such file"),
    "no key": ("cert.pem", "missing.pem", "No such file"),
    "another's key": ("cert.pem", "other.pem", "not that of the certificate"),
    "no certificate in it": ("key.pem", "key.pem", "no file of PEM"),
    "a passphrase": ("hidden-cert.pem", "hidden.pem", "passphrase"),
}


@pytest.mark.parametrize(("cert", "key", "why"), WRONG_TLS.values(), ids=WRONG_TLS)
def test_a_certificate_that_cannot_be_served_is_told(cert: str, key: str, why: str, tls: Path) -> None:
    said = refusal("--port", "0", "--tls-cert", str(tls / cert), "--tls-key", str(tls / key), stdin=subprocess.DEVNULL)
    assert "error[SVC120]" in said and why in said


def test_a_key_without_a_certificate_is_told(tls: Path) -> None:
    assert "error[CLI102]" in refusal("--tls-key", str(tls / "key.pem"))


def written(text: str, mode: int = 0o600) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        place = folder / "tokens"
        place.write_text(text)
        place.chmod(mode)
        return place

    return write


WRONG_TOKENS = {
    "none": (lambda folder: folder / "missing", "SRC105"),
    "empty": (written(" \n\n"), "SVC121"),
    "letters": (written(f"{CANARY}é\n"), "SVC121"),
    "blanks": (written(f"Bearer {CANARY}\n"), "SVC121"),
    "anybody may write": (written(f"{CANARY}\n", 0o602), "SVC121"),
    "a folder": (lambda folder: folder, "SRC106"),
}


@pytest.mark.parametrize(("make", "code"), WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_tokens_that_keep_nobody_out_are_told(make: Callable[[Path], Path], code: str, tmp_path: Path) -> None:
    said = refusal("--port", "0", "--token-file", str(make(tmp_path)))
    assert f"error[{code}]" in said and CANARY not in said


def start_of(*options: str) -> str:
    """The first line that a service says, which then is ended."""
    with subprocess.Popen([*WORDS, "--port", "0", *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.kill()
    return line


def test_tokens_of_a_file(tmp_path: Path) -> None:
    place = str(written(f"old\n{CANARY}\n")(tmp_path))
    with served("--port", "0", "--host", "0.0.0.0", "--token-file", place) as service:
        statuses = []
        for token in ("old", CANARY, "no", CANARY[:-1]):
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
            connection.request("GET", "/fields/seed", headers={"Authorization": f"Bearer {token}"})
            statuses.append(connection.getresponse().status)
    assert statuses == [200, 200, 401, 401]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_what_is_open_to_others_is_warned_of(tmp_path: Path) -> None:
    place = str(written(f"{CANARY}\n", 0o604)(tmp_path))
    assert start_of("--token-file", place).startswith("warning: everybody on this machine may read ")
    assert start_of("--host", "0.0.0.0").startswith("warning: it may be reached from elsewhere")
    assert start_of("--host", "127.0.0.2").startswith("serving at http://127.0.0.2:")
    Path(place).chmod(0o600)
    assert start_of("--host", "0.0.0.0", "--token-file", place).startswith("serving at http://0.0.0.0:")


@pytest.mark.skipif(os.name != "posix", reason="sockets are handed over on POSIX")
def test_a_socket_that_cannot_be_listened_at_is_told() -> None:
    assert "error[SVC122]" in refusal("--fd", "77")
    with tempfile.TemporaryFile() as file:
        assert "is no socket" in refusal("--fd", str(file.fileno()), pass_fds=[file.fileno()])
    with socket.socket() as idle:
        assert "is no socket that is listened at" in refusal("--fd", str(idle.fileno()), pass_fds=[idle.fileno()])
    with listening() as one:
        options = ("--fd", str(one.fileno()), "--port", "8080")
        assert "another place" in refusal(*options, pass_fds=[one.fileno()])


def test_an_address_of_elsewhere_is_told() -> None:
    assert "error[SVC108]" in refusal("--host", "192.0.2.1")
    assert "error[SVC108]" in refusal("--host", "no.such.host.invalid")
    assert "error[CLI103]" in refusal("--port", "70000")
