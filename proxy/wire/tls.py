"""TLS on both sides: whom we trust as a client, what we present as a server.

Trust comes from the operating system: on macOS the key chain (truststore), elsewhere OpenSSL's directories, overridden by
`SSL_CERT_FILE` and `SSL_CERT_DIR`. truststore is not used elsewhere because there it loads the whole bundle again for each
connection (20 ms measured). Contexts are plain `ssl.SSLContext` objects, which uvloop and asyncio both take; they are
costly, so callers make one per upstream and keep it.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from proxy.wire.origin import WireSettingError

# Where distributions keep the bundle when OpenSSL's compiled-in directories are empty, as with a Python built elsewhere.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/ssl/cert.pem",  # Arch, BSD
    "/etc/ssl/ca-bundle.pem",  # SUSE
)


def client_context(environ: Mapping[str, str], *, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """What a connection to an upstream is checked and encrypted with: TLS ≥ 1.2, HTTP/1.1 only, name and chain verified.

    `environ` is looked up for SSL_CERT_FILE and SSL_CERT_DIR. `certificate` (PEM, leaf first) and `key` (PEM; may be in the
    same file) are presented to upstreams that ask for a client certificate. Takes ~20 ms: make it once per upstream.
    Errors: WireSettingError naming the file that cannot be used.
    """
    file, directory = environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None
    if sys.platform == "darwin" and file is None and directory is None:
        context = _keychain_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _trust(context, file, directory)
    _harden(context)
    if certificate is not None:
        _present(context, certificate, key)
    return context


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """What our own TLS listener answers with: TLS ≥ 1.2, HTTP/1.1 only.

    `certificate` is PEM, leaf first, then the intermediates; `key` is PEM without a pass phrase (None: in the same file).
    Errors: WireSettingError naming the file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _present(context, certificate, key)
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Renegotiation lets a peer make us pay for handshakes at will; TLS 1.3 dropped it.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


def _keychain_context() -> ssl.SSLContext:
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _trust(context: ssl.SSLContext, file: str | None, directory: str | None) -> None:
    """Load authorities as OpenSSL itself would: each variable replaces its own default and leaves the other's in force."""
    for variable, path in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", directory)):
        # OpenSSL skips what is not there and then trusts nobody; a typing error should say so at start.
        if path is not None and not any(Path(part).exists() for part in path.split(":")):
            raise WireSettingError(f"{variable} names {path}, which does not exist")
    compiled = ssl.get_default_verify_paths()
    cafile = file or _existing(compiled.openssl_cafile)
    capath = directory or _existing(compiled.openssl_capath)
    if cafile is None and not _has_certificates(capath):
        cafile = next(filter(None, map(_existing, _BUNDLES)), None)
    if cafile is None and capath is None:
        raise WireSettingError(
            "no trusted certificate authorities were found on this machine: install ca-certificates or set SSL_CERT_FILE"
        )
    try:
        context.load_verify_locations(cafile, capath)
    except (OSError, ssl.SSLError) as error:
        raise WireSettingError(f"no certificate authorities could be read from {cafile or capath}") from error


def _existing(path: str) -> str | None:
    return path if Path(path).exists() else None


def _has_certificates(directory: str | None) -> bool:
    return directory is not None and any(Path(part).is_dir() and any(Path(part).iterdir()) for part in directory.split(":"))


def _present(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    def refuse_pass_phrase() -> str:
        # Without this OpenSSL would stop the start and ask on the terminal.
        raise WireSettingError(
            f"the key in {key or certificate} has a pass phrase; store it without one, readable by this user only"
        )

    for path in filter(None, (certificate, key)):
        if not path.is_file():
            raise WireSettingError(f"TLS file {path} does not exist")
    try:
        context.load_cert_chain(certificate, key, refuse_pass_phrase)
    except PermissionError as error:
        raise WireSettingError(f"TLS files {certificate} and {key or certificate} cannot be read by this user") from error
    except (OSError, ssl.SSLError) as error:
        cause = getattr(error, "reason", None)
        why = "the key does not belong to the certificate" if cause == "KEY_VALUES_MISMATCH" else "not a PEM certificate and key"
        raise WireSettingError(f"TLS files {certificate} and {key or certificate} cannot be used: {why}") from error
