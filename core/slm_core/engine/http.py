"""The wire to an OpenAI-compatible server.

`http.client` and not `urllib.request`: the latter has one limit for connecting and for reading (a reply may
take minutes, a connection may not), and sends even loopback addresses to a proxy that the environment names.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from slm_core.errors import CouldNot, UserError

CONNECT_S = 5.0
READ_S = 600.0


class ServerRefused(CouldNot):
    """The server answered with an error; `status` is HTTP's."""

    def __init__(self, address: str, status: int, message: str) -> None:
        self.address, self.status, self.message = address, status, message
        super().__init__(f"{address}: the server answered {status}: {message}")


class Server:
    """One server, asked with a connection per request; any thread may ask."""

    def __init__(self, url: str, *, offline: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(
                f"{url!r} is no address of a server", where="SLM_ENGINE", expected="http://host:8000/v1"
            )
        if offline and not _is_loopback(parts.hostname):
            raise UserError(
                "offline means that no server beyond this machine is asked",
                where=f"SLM_ENGINE={url}",
                mend="unset SLM_OFFLINE",
            )
        self.url, self._parts = url.rstrip("/"), parts

    def get(self, path: str) -> Any:
        """Return the JSON object at a path below the address."""
        with self._open("GET", path, None) as answer:
            return self._json(answer.read())

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a JSON object and return the one that comes back."""
        with self._open("POST", path, body) as answer:
            return self._json(answer.read())

    def events(self, path: str, body: Mapping[str, Any]) -> Iterator[Any]:
        """Send a JSON object and yield the server-sent events; leaving the loop early hangs up."""
        with self._open("POST", path, body) as answer:
            for line in _lines(answer, self.url):
                if line.startswith(b"data:"):
                    data = line[5:].strip()
                    if data == b"[DONE]":
                        return
                    yield self._json(data)

    def _open(self, method: str, path: str, body: Mapping[str, Any] | None) -> _Answer:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=CONNECT_S)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise CouldNot(f"{self.url}: no connection within {CONNECT_S:.0f} seconds: {error}") from error
        try:
            connection.sock.settimeout(READ_S)
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, self._parts.path.rstrip("/") + path, data, _headers())
            answer = _Answer(connection, connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise CouldNot(
                f"{self.url}{path}: the server broke off: {error or type(error).__name__}"
            ) from error
        if answer.response.status >= 400:
            with answer:
                raise ServerRefused(self.url, answer.response.status, _message(answer.read()))
        return answer

    def _json(self, data: bytes) -> Any:
        try:
            value = json.loads(data)
        except ValueError as error:
            raise CouldNot(f"{self.url}: the server answered no JSON: {data[:200]!r}") from error
        if isinstance(value, Mapping) and value.get("error"):
            raise ServerRefused(self.url, 200, _message(data))
        return value


class _Answer:
    """A response whose connection is closed with it."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self.connection, self.response = connection, response

    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()

    def read(self) -> bytes:
        try:
            return self.response.read()
        except (OSError, http.client.HTTPException) as error:
            raise CouldNot(f"the server broke off: {error or type(error).__name__}") from error


def _lines(answer: _Answer, url: str) -> Iterator[bytes]:
    try:
        yield from answer.response
    except (OSError, http.client.HTTPException) as error:
        raise CouldNot(
            f"{url}: the server broke off in the middle of a reply: {error or type(error).__name__}"
        ) from error


def _headers() -> dict[str, str]:
    key = os.environ.get("OPENAI_API_KEY")
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


def _message(data: bytes) -> str:
    """The words of an error body: OpenAI's `error.message`, FastAPI's `detail`, or the body itself."""
    try:
        value = json.loads(data)
        error = value.get("error", value.get("detail", value.get("message", value)))
        return str(error["message"] if isinstance(error, Mapping) and "message" in error else error)
    except (ValueError, AttributeError):
        return data[:500].decode(errors="replace")


def _is_loopback(host: str) -> bool:
    """By name or number; a name must lead to loopback addresses only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    if host != "localhost":
        return False  # no look-up: asking a name server is a connection beyond this machine
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    return all(ipaddress.ip_address(address).is_loopback for address in found)
