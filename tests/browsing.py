"""A real browser that can reach nothing but the page itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

CLOCKS = (20, 60, 180)  # seconds
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browse(address: str, folder: Path, *more: str, clock: int = CLOCKS[1]) -> str:
    """Open the page with every other host cut off and return what the browser wrote after `clock` seconds.

    The seconds are the browser's own: they fly while nothing in it works, so a server that a busy
    machine holds up for a moment answers after many of them.
    """
    assert CHROMIUM
    command = [
        CHROMIUM,
        *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}"),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        *(f"--virtual-time-budget={clock * 1000}", *more, address),
    ]
    done = subprocess.run(command, capture_output=True, timeout=300, check=True)
    return done.stdout.decode()


def page(address: str, folder: Path, until: str) -> str:
    """Return the document of a page, given longer each time until it shows a text or time is up."""
    for clock in CLOCKS:
        dom = browse(address, folder, "--dump-dom", clock=clock)
        if until in text_of(dom):
            break
    return dom


def text_of(dom: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"(?s)<(script|style)\b.*?</\1>", "", dom)))
