"""The certificate of `--tls-self-signed`: made by ourselves, kept in the data folder, renewed before it expires.

Stands apart from `tls.py` because it is the only part of the wire that needs cryptography's X.509 code, which a gateway
without this option should not have to load.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.wire.origin import WireSettingError
from proxy.wire.tls import server_context

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_LIFETIME = timedelta(days=365)
_RENEW_WITHIN = timedelta(days=30)
# A clock that runs a little slow on another machine must not make a new certificate look as if it were from the future.
_BACKDATED = timedelta(hours=1)


def self_signed(directory: Path, hosts: Sequence[str] = ()) -> tuple[Path, Path]:
    """The certificate and key for a listener that has no other, made on first use in `directory` (both 0600).

    Valid for localhost, 127.0.0.1, ::1 and `hosts` (names or IP addresses). Kept while it covers all of them, fits its key
    and lives for 30 more days; else replaced, so that clients which pinned it notice as rarely as possible.
    Returns (certificate path, key path), both PEM.
    Errors: OSError when the directory cannot be written, WireSettingError when a host is neither name nor address.
    """
    certificate_path, key_path = directory / "self-signed.crt", directory / "self-signed.key"
    names = [_general_name(host) for host in dict.fromkeys((*_LOCAL_NAMES, *hosts))]
    if not _still_good(certificate_path, key_path, names):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate, key = _make(names)
        _write_private(key_path, key)
        _write_private(certificate_path, certificate)
    return certificate_path, key_path


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise WireSettingError(
            f"a certificate cannot be made for {host!r}: neither an ASCII domain name nor an IP address"
        ) from error


def _still_good(certificate_path: Path, key_path: Path, names: list[x509.GeneralName]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        server_context(certificate_path, key_path)
    except (OSError, ValueError, x509.ExtensionNotFound, WireSettingError):
        return False
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return left > _RENEW_WITHIN and set(names) <= set(covered)


def _make(names: list[x509.GeneralName]) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tos-proxy self-signed")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # Not an authority: whoever trusts this certificate trusts this one listener, even if its key is stolen.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _write_private(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader or a crash never meets half a file; 0600 from its first byte on."""
    beside = path.with_suffix(path.suffix + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
