"""TLS contexts: whom they trust, what they present, and how wrong files are called."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import truststore
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.wire import tls
from proxy.wire.connect import connect
from proxy.wire.origin import Origin, WireSettingError
from proxy.wire.tls import client_context, server_context
from tests.unit.wire.loopback import Authority, Lines, echo, listening, on_uvloop
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One certificate authority for this file."""
    return Authority(tmp_path_factory.mktemp("authority"))


def agree(client: ssl.SSLContext, server: ssl.SSLContext, name: str = "model.test") -> ssl.SSLObject:
    """Shake hands in memory and give the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server, server_hostname=name), server.wrap_bio(to_server, to_client, server_side=True)]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not waiting
    return ends[0]


def test_system_trust() -> None:
    """Without variables the machine's own authorities are trusted, names are checked and old TLS is not spoken."""
    context = client_context({})
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_own_bundle(authority: Authority) -> None:
    """SSL_CERT_FILE names the authorities to trust; the connection speaks HTTP/1.1."""
    session = agree(client_context(authority.environ), server_context(authority.issue("model.test")))
    assert session.selected_alpn_protocol() == "http/1.1"


def test_own_folder(authority: Authority, tmp_path: Path) -> None:
    """SSL_CERT_DIR names a folder of authorities by their hash, or several joined by colons."""
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(authority.path)]
    digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / f"{digest}.0").symlink_to(authority.path)
    environ = {"SSL_CERT_DIR": f"/nowhere:{tmp_path}"}
    assert agree(client_context(environ), server_context(authority.issue("model.test"))).version()


def test_untrusted(authority: Authority, tmp_path: Path) -> None:
    """An authority that is not among the trusted ones is not believed."""
    other = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        agree(client_context(other.environ), server_context(authority.issue("model.test")))


def test_other_bundles(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenSSL's own places are empty, as with a Python built elsewhere, the distribution's bundle is found."""
    nowhere = ssl.get_default_verify_paths()._replace(openssl_cafile="/nowhere/a", openssl_capath="/nowhere/b")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(tls, "_BUNDLES", ("/nowhere/c", str(authority.path)))
    assert agree(client_context({}), server_context(authority.issue("model.test"))).version()
    monkeypatch.setattr(tls, "_BUNDLES", ())
    with pytest.raises(WireSettingError, match="install ca-certificates"):
        client_context({})


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_missing_trust(variable: str) -> None:
    """A variable that names nothing is an error at start, not a connection that fails later."""
    with pytest.raises(WireSettingError, match=f"{variable} names /nowhere"):
        client_context({variable: "/nowhere"})


def test_unreadable_trust(tmp_path: Path) -> None:
    """A bundle without a certificate in it is an error that names it."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    with pytest.raises(WireSettingError, match=r"empty\.pem"):
        client_context({"SSL_CERT_FILE": str(empty)})


@pytest.mark.parametrize("client", [True, False], ids=["client", "server"])
@pytest.mark.parametrize("fault", ["missing", "not pem", "other key", "pass phrase"])
def test_wrong_files(fault: str, client: bool, authority: Authority, tmp_path: Path) -> None:
    """Certificate files that cannot be used are named with what is wrong; a pass phrase is never asked for on the terminal."""
    certificate, key = authority.issue("model.test"), tmp_path / "key.pem"
    locked = serialization.BestAvailableEncryption(b"phrase") if fault == "pass phrase" else serialization.NoEncryption()
    other = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    if fault == "not pem":
        key.write_text("no key")
    if fault == "missing":
        key.unlink()
    reason = {"missing": "does not exist", "not pem": "not a PEM", "other key": "does not belong", "pass phrase": "pass phrase"}[
        fault
    ]
    with pytest.raises(WireSettingError, match=reason) as caught:
        client_context(authority.environ, certificate=certificate, key=key) if client else server_context(certificate, key)
    assert "key.pem" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_unreadable_files(authority: Authority, tmp_path: Path) -> None:
    """A key of another user is named as unreadable."""
    key = tmp_path / "key.pem"
    key.write_bytes(authority.issue("model.test").read_bytes())
    key.chmod(0)
    with pytest.raises(WireSettingError, match="cannot be read by this user"):
        server_context(authority.issue("model.test"), key)


def test_old_versions(authority: Authority) -> None:
    """A client that speaks nothing newer than TLS 1.1 gets no connection."""
    client = client_context(authority.environ)
    client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    client.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        agree(client, server_context(authority.issue("model.test", lives=timedelta(days=1))))


@on_uvloop
async def test_key_chain_context_on_uvloop(authority: Authority) -> None:
    """The context used on macOS works on uvloop: it is taken, and it verifies."""
    context = tls._keychain_context()
    context.load_verify_locations(authority.path)
    tls._harden(context)
    assert isinstance(context, truststore.SSLContext)
    async with listening(echo, tls=server_context(authority.issue("localhost"))) as port:
        loop = asyncio.get_running_loop()
        _, lines = await connect(loop, Origin("https", "localhost", port), Lines, ssl_context=context, proxy=None, timeout=PATIENCE)
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()


def test_key_chain_is_the_default_on_macos(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """On macOS the key chain decides, unless SSL_CERT_FILE names a bundle."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isinstance(client_context({}), truststore.SSLContext)
    assert type(client_context(authority.environ)) is ssl.SSLContext
