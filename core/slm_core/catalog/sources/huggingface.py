"""Hugging Face over https, with the standard library alone: Range resume, and a limit on connecting.

`HF_ENDPOINT` names a mirror and `HF_TOKEN` opens repositories whose terms the user accepted there, as in the
publisher's own tools.
"""

from __future__ import annotations

import http.client
import os
import re
import threading
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import IO, Any

from slm_core.catalog.catalog import Model
from slm_core.catalog.progress import Progress
from slm_core.catalog.space import require_space
from slm_core.errors import CouldNot

CONNECT_S = 5.0
READ_S = 60.0
CHUNK = 1 << 20


class Unreachable(CouldNot):
    """This source cannot give the file now; the message says why."""


def fetch(model: Model, folder: Path, progress: Progress) -> tuple[Path, str | None]:
    """Fetch `file` of the repository `gguf` into `folder`, going on where an earlier try stopped.

    Returns:
        The complete file, not yet verified, and the sha256 that the server states for it, if any.

    Raises:
        Unreachable: no connection, a refusal, or a transfer that broke off twice at the same byte.
    """
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    url = f"{endpoint.rstrip('/')}/{model.gguf}/resolve/{model.revision}/{model.file}"
    target = folder / f"{model.file}.partial"
    while True:
        before = target.stat().st_size if target.exists() else 0
        try:
            return target, _transfer(url, target, before, model, progress)
        except (OSError, http.client.HTTPException) as error:
            progress.finish()
            # Weak lines break often: as long as every try brings something, the next may finish.
            if not target.exists() or target.stat().st_size <= before:
                raise Unreachable(_reason(error)) from error


def _transfer(url: str, target: Path, offset: int, model: Model, progress: Progress) -> str | None:
    redirects = _StatedHash()
    opener = urllib.request.build_opener(_Https, redirects)
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
    if token := os.environ.get("HF_TOKEN"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        response = opener.open(request, timeout=CONNECT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left after the offset
            return redirects.sha256
        raise
    with response:
        if response.status != 206:
            offset = 0
        _save(response, target, offset, model, progress)
    return redirects.sha256


def _save(response: Any, target: Path, offset: int, model: Model, progress: Progress) -> None:
    length = response.headers.get("Content-Length")
    total = offset + int(length) if length else model.size
    require_space(target.parent, (total or 0) - offset)
    progress.start(f"{model.name} from Hugging Face", offset, total)
    done = offset
    with target.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            progress.update(done)
        file.flush()
        os.fsync(file.fileno())
    progress.finish()
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended at {done:,} of {total:,} bytes")


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        gate = "; accept its terms on its page there and set HF_TOKEN" if error.code in (401, 403) else ""
        return f"HTTP {error.code} {error.reason}{gate}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


class _Connection(http.client.HTTPSConnection):
    """`CONNECT_S` to connect, `READ_S` for a read: a slow line may take its time, a silent host not."""

    def connect(self) -> None:
        """Connect in a thread, because looking up a name has no time limit of its own."""
        failed: list[BaseException] = []

        def work() -> None:
            try:
                super(_Connection, self).connect()
            except BaseException as error:  # carried over to the thread that waits
                failed.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(CONNECT_S)
        if thread.is_alive():
            raise TimeoutError(f"{self.host} gave no connection within {CONNECT_S:g} s")
        if failed:
            raise failed[0]
        self.sock.settimeout(READ_S)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, request)


class _StatedHash(urllib.request.HTTPRedirectHandler):
    """Follows redirects and keeps the sha256 that the first answer states for a large file."""

    sha256: str | None = None

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        stated = str(headers.get("X-Linked-Etag", "")).strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", stated):
            self.sha256 = stated
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
