"""The self-signed certificate: what it covers, who may read it, when it is replaced."""

from __future__ import annotations

import ipaddress
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from proxy.wire import certificate as certificates
from proxy.wire.certificate import self_signed
from proxy.wire.origin import WireSettingError
from proxy.wire.tls import client_context, server_context
from tests.unit.wire.test_tls import agree


def names_in(path: Path) -> list[object]:
    """The names a certificate covers."""
    extension = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [name.value for name in extension.value]


def test_covers_this_machine(tmp_path: Path) -> None:
    """It is valid for loopback under each of its names, and for the hosts given."""
    path, _ = self_signed(tmp_path / "tls", ["gateway.corp", "10.0.0.7", "localhost"])
    local = ["localhost", ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert names_in(path) == [*local, "gateway.corp", ipaddress.ip_address("10.0.0.7")]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_clients_that_pin_it_connect(tmp_path: Path, name: str) -> None:
    """A client that trusts just this certificate connects, also with the strict checks of newer Pythons."""
    path, key = self_signed(tmp_path)
    client = client_context({"SSL_CERT_FILE": str(path)})
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert agree(client, server_context(path, key), name).version() == "TLSv1.3"


def test_is_no_authority(tmp_path: Path) -> None:
    """Its key cannot sign certificates for other hosts."""
    path, _ = self_signed(tmp_path)
    basic = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.value.ca is False


def test_private(tmp_path: Path) -> None:
    """Only this user can read the files and enter their folder."""
    files = self_signed(tmp_path / "tls")
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == ["self-signed.crt", "self-signed.key"]


def test_kept(tmp_path: Path) -> None:
    """A second start uses the same certificate, also when it asks for fewer hosts."""
    path, _ = self_signed(tmp_path, ["gateway.corp"])
    first = path.read_bytes()
    self_signed(tmp_path)
    assert path.read_bytes() == first


def test_renewed_before_it_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With less than 30 days to live it is replaced."""
    monkeypatch.setattr(certificates, "_LIFETIME", timedelta(days=29))
    path, _ = self_signed(tmp_path)
    first = path.read_bytes()
    monkeypatch.undo()
    self_signed(tmp_path)
    assert path.read_bytes() != first


@pytest.mark.parametrize("fault", ["more hosts", "no key", "other key", "half a file"])
def test_replaced(tmp_path: Path, fault: str) -> None:
    """It is replaced when it lacks a host, or no longer fits its key, or cannot be read."""
    path, key = self_signed(tmp_path)
    first = path.read_bytes()
    if fault == "no key":
        key.unlink()
    elif fault == "other key":
        key.write_bytes(self_signed(tmp_path / "other")[1].read_bytes())
    elif fault == "half a file":
        path.write_bytes(first[:100])
    self_signed(tmp_path, ["gateway.corp"] if fault == "more hosts" else [])
    assert path.read_bytes() != first
    assert server_context(path, key)


def test_impossible_host(tmp_path: Path) -> None:
    """A host that no certificate can name is an error that repeats it."""
    with pytest.raises(WireSettingError, match="bücher"):
        self_signed(tmp_path, ["bücher.example"])
