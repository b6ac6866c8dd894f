"""The situation report as Markdown, in which the words of reports stay words."""

from __future__ import annotations

import re
from datetime import datetime

from slm_core.ui.frame import Lang, frame_words
from slm_core.ui.live import Live

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|!~&])")
_LIST = re.compile(r"^(\d*)([.)+=-])")


def report_markdown(live: Live, lang: Lang, at: datetime) -> str:
    """Return the report; what the domain does not indent is a heading, everything below it a list.

    Args:
        live: a domain that has `report`.
        lang: of the report; quotes stay in their own language.
        at: when, in the reader's zone.
    """
    assert live.domain.report is not None
    write = live.domain.report
    title, *lines = live.read(lambda memory: write(memory, lang)).split("\n")
    head = [f"# {_plain(title)}", f"{at:%Y-%m-%d %H:%M:%S %Z} · {_plain(live.settings.site)}"]
    head += [f"**{_plain(frame_words(lang)['simulated'])}**"] if live.simulated else []
    return "\n\n".join(head) + "\n" + "\n".join(_line(each) for each in lines) + "\n"


def _line(line: str) -> str:
    depth = (len(line) - len(line.lstrip())) // 2
    text = _plain(line.strip())
    if not text:
        return ""
    return f"\n## {text}\n" if depth == 0 else f"{'  ' * (depth - 1)}- {text}"


def _plain(text: str) -> str:
    return _LIST.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", text))
