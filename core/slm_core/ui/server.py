"""The page on this machine: one address, both languages, nothing from any other host."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from slm_core.errors import CouldNot, MissingExtra, SlmError, UserError
from slm_core.ui.chart import KST
from slm_core.ui.live import Live

HOST, PORT = "127.0.0.1", 7860
START_S = 60.0
STOP_S = 5.0
POLL_S = 0.1
_TRIES = 20
# The browser itself refuses what is not ours. Gradio compiles its templates, hence unsafe-eval.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
# What names another host, and the manifest of an app that we do not install.
_FOREIGN = re.compile(rb'<(?:meta|link)\b[^>]*(?:"(?:https?:)?//|rel="manifest")[^>]*>')
FONTS = (
    "Pretendard",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "NanumGothic",
)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Any, Send], Awaitable[None]]


class PageServer:
    """The page while the block runs; `url` is where. Port 0 takes a free one."""

    def __init__(self, live: Live, *, host: str = HOST, port: int = PORT) -> None:
        """Take the port, so that a taken one is told of before anything is loaded.

        Raises:
            UserError: the domain has no page, or the port is taken; a free one is proposed.
        """
        if live.domain.page is None:
            raise UserError(f"domain {live.domain.name} has no page")
        self._live, self._socket = live, _listen(host, port)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._server: Any = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._broken: BaseException | None = None

    @property
    def url(self) -> str:
        """Address of the page."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + START_S
        while not (self._server and self._server.started):
            if not self._thread.is_alive() or time.monotonic() > until:
                self._socket.close()
                raise self._told("the page did not start")
            time.sleep(POLL_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An open browser holds a stream, and to cut it off is no error here.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._server.should_exit = True
        self._thread.join(STOP_S)
        self._socket.close()

    def wait(self, until: Callable[[], bool] = lambda: False) -> None:
        """Return once `until` says so.

        Raises:
            SlmError: the runtime ended with it.
            CouldNot: the server ended.
        """
        while not until():
            if self._live.runtime.failure is not None:
                raise self._live.runtime.failure
            if not self._thread.is_alive():
                raise self._told("the page ended")
            time.sleep(POLL_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # it belongs to whoever waits
            self._broken = error

    async def _serve(self) -> None:
        """Build and serve in one loop: outside of one, Gradio makes loops of its own and leaves them open."""
        self._server = _uvicorn(page_app(self._live))
        await self._server.serve(sockets=[self._socket])

    def _told(self, what: str) -> SlmError:
        if isinstance(self._broken, SlmError):
            return self._broken
        error = CouldNot(f"{what}: {self._broken or 'no answer'}")
        error.__cause__ = self._broken
        return error


def page_app(live: Live) -> App:
    """Return the page as an ASGI app: `/ko/`, `/en/`, and `/` to the reader's language.

    Raises:
        MissingExtra: Gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    try:
        import gradio as gr
        from fastapi import FastAPI
    except ModuleNotFoundError as error:
        raise MissingExtra("the page", "ui") from error
    from slm_core.ui.frame import LANGUAGES, build

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes += _routes(live)
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    theme = gr.themes.Default(
        font=[*FONTS, "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    for lang in LANGUAGES:
        gr.mount_gradio_app(
            app,
            build(live, lang),
            path=f"/{lang}",
            theme=theme,
            css=style,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
        )
    return _only_ours(app)


def _routes(live: Live) -> list[Any]:
    """`/` leads to the reader's language; `/report/<language>.md` is the situation report to keep."""
    from starlette.responses import RedirectResponse, Response
    from starlette.routing import Route

    from slm_core.ui.frame import LANGUAGES, Lang
    from slm_core.ui.report import report_markdown

    def home(request: Any) -> Response:
        asked = request.headers.get("accept-language", "").lower()
        return RedirectResponse("/en/" if asked.startswith("en") else "/ko/", status_code=307)

    def report(lang: Lang) -> Response:
        now = datetime.now(KST)
        name = f"{live.domain.name}-{now:%Y%m%d-%H%M%S}-{lang}.md"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(report_markdown(live, lang, now), media_type="text/markdown", headers=headers)

    def no_icon(_: Any) -> Response:
        return Response(status_code=204)

    routes = [Route("/", home), Route("/favicon.ico", no_icon)]
    if live.domain.report is not None:
        routes += [Route(f"/report/{lang}.md", lambda _, lang=lang: report(lang)) for lang in LANGUAGES]
    return routes


def _uvicorn(app: App) -> Any:
    import uvicorn

    config = uvicorn.Config(
        app, log_level="error", access_log=False, timeout_graceful_shutdown=1, ws="none", server_header=False
    )
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OverflowError as error:
        raise UserError(f"{port} is no port", where="--port", expected="0 to 65535") from error
    except OSError as error:
        where, reason = f"{host}:{port}", error.strerror or str(error)
        free = _free_after(host, port, family)
        mend = f"--port {free} is free" if free else None
        raise UserError(f"the page cannot listen here: {reason}", where=where, mend=mend) from error


def _free_after(host: str, port: int, family: socket.AddressFamily) -> int | None:
    for other in range(port + 1, min(port + _TRIES, 65_536)):
        try:
            socket.create_server((host, other), family=family).close()
        except OSError:
            continue
        return other
    return None


def _only_ours(app: App) -> App:
    """Take what names another host out of the head of each page, and forbid the browser to load any."""

    async def answer(scope: Scope, receive: Any, send: Send) -> None:
        await app(scope, receive, _Ours(send) if scope["type"] == "http" else send)

    return answer


class _Ours:
    """`send` of one answer. A page is held back whole, everything else goes through piece by piece."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: MutableMapping[str, Any] | None = None
        self._body = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]
            message["headers"] = [*message["headers"], *own]
            if _is_page(message["headers"]):
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            message = await self._cleaned(self._start)
        await self._send(message)

    async def _cleaned(self, start: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        body = _FOREIGN.sub(b"", self._body)
        kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        await self._send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
        return {"type": "http.response.body", "body": body}


def _is_page(headers: list[tuple[bytes, bytes]]) -> bool:
    found = {name.lower(): value for name, value in headers}
    plain = b"content-encoding" not in found
    return plain and found.get(b"content-type", b"").startswith(b"text/html")
