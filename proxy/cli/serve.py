"""`tos-proxy serve`: checks the configuration, compiles the first snapshot, then becomes the supervisor."""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.options import ConfigOption, DataDirOption, settle

if TYPE_CHECKING:
    from proxy.control.plan import Plan
    from proxy.settings.schema import Settings

TOKEN_BYTES = 32


class Role(StrEnum):
    """Which processes run here."""

    all = "all"
    gateway = "gateway"
    control = "control"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    role: Annotated[Role, typer.Option(help="Which processes run here.")] = Role.all,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    host: Annotated[str | None, typer.Option(help="Address of the gateway (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the gateway (default 8080).", min=0, max=65535)] = None,
    tls_self_signed: Annotated[
        bool, typer.Option("--tls-self-signed", help="Serve clients over TLS, certificate made here.")
    ] = False,
    no_admin: Annotated[bool, typer.Option("--no-admin", help="Without the admin API and pages.")] = False,
) -> None:
    """Start the proxy.

    \b
    Examples:
      tos-proxy serve
      tos-proxy serve --port 9000 --data-dir /var/lib/tos-proxy
      TOS_PROXY_UPSTREAMS__OPENAI__BASE_URL=http://127.0.0.1:9999 tos-proxy serve
      tos-proxy serve --role gateway --config /etc/tos-proxy.yaml
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    began = time.time()
    settle(config, data_dir, gateway__host=host, gateway__port=port, admin__enabled="false" if no_admin else None)
    plan = prepare(role.value, began, self_signed=tls_self_signed)
    sys.stdout.flush()
    environ = child_environment()
    os.execve(sys.executable, [*plan.python, "supervisor", plan.write()], environ)  # noqa: S606 - our own module


def prepare(role: str, began: float, *, self_signed: bool = False) -> Plan:
    """Check and compile the configuration of the environment, publish the first snapshot, and say how to supervise. The environment
    then tells gateways where leases come from.

    Raises: ConfigurationError, SameNameError, AlreadyServedError, OSError.
    """
    from proxy import __version__
    from proxy.app.describing import handed_over
    from proxy.control.plan import GATEWAY, Plan
    from proxy.control.publisher import Publisher
    from proxy.limits import resp
    from proxy.settings.compiling import compile_configuration

    compiled = compile_configuration(os.environ, make=True)
    settings = compiled.settings
    if self_signed and settings.gateway.tls is None:
        _sign(settings)
        compiled = compile_configuration(os.environ, make=True)
        settings = compiled.settings
    for warning in compiled.warnings:
        print(f"tos-proxy: warning: {warning}", file=sys.stderr)
    _check(settings, role)
    admin = settings.admin.enabled and role != GATEWAY
    token_file, token_new = _token(settings) if admin else (None, False)
    Publisher(settings.data_dir).configure(compiled.entries)
    os.environ[resp.VARIABLE] = settings.redis_url or ""
    plan = Plan(
        role=role,
        data_dir=str(settings.data_dir),
        host=settings.gateway.host,
        port=settings.gateway.port,
        unix_socket=str(settings.gateway.unix_socket) if settings.gateway.unix_socket else None,
        workers=settings.gateway.workers,
        health_host=settings.health.host,
        health_port=settings.health.port,
        ships=role != GATEWAY or (settings.database_url or "").startswith("postgres") or settings.ledger.durability.copied,
        admin=admin,
        admin_host=settings.admin.host,
        admin_port=settings.admin.port,
        tls=settings.gateway.tls is not None,
        part_seconds=settings.gateway.deadlines.drain_delay,
        drain_seconds=settings.gateway.deadlines.drain,
        ship_seconds=settings.ledger.durability.ship,
        copied=settings.ledger.durability.copied,
        token_file=token_file,
        token_new=token_new,
        version=__version__,
        began=began,
    )
    return replace(plan, described=handed_over(compiled.description)) if plan.control else plan


def _check(settings: Settings, role: str) -> None:
    """Raises: ConfigurationError, AlreadyServedError."""
    from proxy.control.plan import CONTROL

    if role != CONTROL:
        _check_certificates(settings)
    _be_alone(settings, role)


def _check_certificates(settings: Settings) -> None:
    """Before there are gateways, each of which would end for the same reason, again and again.

    Raises: ConfigurationError naming the file that cannot be used.
    """
    from proxy.documents.problems import ConfigurationError, Problem

    presented = {name: each for name, each in settings.upstreams.items() if each.client_certificate is not None}
    trusted = any(os.environ.get(variable) for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if settings.gateway.tls is None and not presented and not trusted:
        return
    from proxy.wire.origin import WireSettingError
    from proxy.wire.tls import client_context, server_context

    whose = "gateway.tls"
    try:
        if settings.gateway.tls is not None:
            server_context(settings.gateway.tls.certificate, settings.gateway.tls.key)
        whose = ""
        if trusted:
            client_context(os.environ)
        for name, each in presented.items():
            whose = f"upstreams.{name}"
            client_context(os.environ, certificate=each.client_certificate, key=each.client_key)
    except WireSettingError as error:
        raise ConfigurationError([Problem("", whose, str(error))]) from None


def _be_alone(settings: Settings, role: str) -> None:
    """Raises: AlreadyServedError."""
    from proxy.control.plan import CONTROL, GATEWAY
    from proxy.control.presence import AlreadyServedError, who_serves

    for duty in (GATEWAY, CONTROL):
        if role in (duty, "all") and (other := who_serves(settings.data_dir, duty)):
            raise AlreadyServedError.by(str(other["pid"]), settings.data_dir, duty)


def child_environment() -> dict[str, str]:
    """The environment of the supervisor. Its `-P` keeps the current folder off the path, where a `proxy.py` would shadow us; so a
    checkout that is not installed names itself.
    """
    import proxy

    root = Path(proxy.__file__).resolve().parent.parent
    if root.name in ("site-packages", "dist-packages"):
        return dict(os.environ)
    others = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *([others] if others else [])])}


def _sign(settings: Settings) -> None:
    from proxy.wire.certificate import self_signed

    certificate, key = self_signed(settings.data_dir / "tls", [settings.gateway.host])
    settle(gateway__tls__certificate=certificate, gateway__tls__key=key)


def _token(settings: Settings) -> tuple[str | None, bool]:
    """The file of the admin token, made (0600) when there is none, and whether that was now; None when one is configured."""
    if settings.admin.token is not None:
        return None, False
    path = settings.data_dir / "secrets" / "admin.token"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return str(path), False
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
        file.flush()
        os.fsync(fd)
    return str(path), True
