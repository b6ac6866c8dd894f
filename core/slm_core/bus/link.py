"""Which broker, and how to get in."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from slm_core.errors import UserError

if TYPE_CHECKING:
    from paho.mqtt.client import Client

Version = Literal["3.1.1", "5"]
PORTS = {"mqtt": 1883, "mqtts": 8883}
DEFAULT_URL = "mqtt://127.0.0.1:1883"
_EXPECTED = "mqtt://[user@]host[:port], or mqtts:// for TLS"


@dataclass(frozen=True)
class Link:
    """The way to one broker.

    Args:
        host: name or address.
        port: of the broker.
        tls: whether the connection is encrypted and the broker's certificate checked.
        user: name at the broker.
        password: shown nowhere; `password_file` is read at each connection instead, so that it may change.
        password_file: its first line is the password.
        ca: the authorities to trust instead of the system's.
        certificate: of this device, where the broker asks for one.
        key: of that certificate.
        version: MQTT 3.1.1, or 5 where the broker grants it.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    version: Version = "3.1.1"

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.tls else ''}://{user}{host}:{self.port}"

    def secret(self) -> str | None:
        """Return the password.

        Raises:
            UserError: its file cannot be read.
        """
        if self.password_file is None:
            return self.password
        try:
            lines = self.password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                "the password cannot be read", where=self.password_file, expected="one line of UTF-8"
            ) from error
        return lines[0] if lines else ""

    def log_in(self, paho: Client) -> None:
        """Give a client that is about to connect its user and its encryption.

        Raises:
            UserError: password file or certificates cannot be read.
        """
        if self.user is not None:
            paho.username_pw_set(self.user, self.secret())
        context = self.tls_context()
        if context is not None:
            paho.tls_set_context(context)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what the connection is encrypted with, or None.

        Raises:
            UserError: a certificate or key cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"no certificates: {error}", where=self.ca, expected="a PEM file") from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password="")
            except (OSError, ssl.SSLError) as error:
                what = f"no certificate with a key that fits and is not encrypted: {error}"
                raise UserError(what, where=self.certificate, expected="PEM files") from error
        return context


def parse_link(
    url: str,
    *,
    password: str | None = None,
    password_file: Path | None = None,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    version: Version = "3.1.1",
) -> Link:
    """Read `mqtt://user@host:port` (`mqtts://` for TLS) and put the other parts beside it.

    Raises:
        UserError: it is no such address; it holds a password, which lists and logs would show; parts collide.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise UserError(
            f"{_without_password(url)!r} has no port number", where="broker", expected=_EXPECTED
        ) from error
    if parts.password is not None:
        mend = "leave it out there and set SLM_BROKER_PASSWORD or broker_password_file"
        raise UserError("a password in the address is shown by lists and logs", where="broker", mend=mend)
    if (
        parts.scheme not in PORTS
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise UserError(f"{url!r} is no broker's address", where="broker", expected=_EXPECTED)
    tls = parts.scheme == "mqtts"
    if not tls and (ca or certificate or key):
        raise UserError("certificates are for TLS", where="broker", expected=f"mqtts://{parts.hostname}")
    user = unquote(parts.username) if parts.username else None
    if user is None and (password is not None or password_file is not None):
        raise UserError("a password without a user", where="broker", expected=f"{parts.scheme}://user@host")
    return Link(
        host=parts.hostname, port=PORTS[parts.scheme] if port is None else port, tls=tls, user=user,
        password=password, password_file=password_file, ca=ca, certificate=certificate, key=key,
        version=version,
    )  # fmt: skip


def _without_password(url: str) -> str:
    before, at, after = url.rpartition("@")
    return f"{before.split('://')[0]}://...@{after}" if at else url
