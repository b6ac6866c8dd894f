"""A file to passages: Markdown, plain text, PDF, CSV."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from slm_core.rag.passage import Passage, with_ids
from slm_core.rag.splitting import split

RULES = "2"  # of splitting and reading; a new number lets every file be read again
MAX_BYTES = 200_000_000


class Unreadable(Exception):
    """A document that cannot be read; the message is the reason."""


@dataclass(frozen=True)
class Section:
    """A stretch of a document under one heading; `position` tells where an offset of its text stands."""

    heading: tuple[str, ...]
    text: str
    position: Callable[[int], str]
    source: str | None = None
    date: str | None = None


def read_passages(name: str, data: bytes) -> list[Passage]:
    """Return the passages of a document.

    Raises:
        Unreadable: it is of no known kind, broken, too large or holds no text.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"{len(data):,} bytes, more than {MAX_BYTES:,}")
    passages = with_ids(_passages(name, _reader(name)(name, data)))
    if not passages:
        raise Unreadable("it holds no text")
    return passages


def kinds() -> tuple[str, ...]:
    """Return the suffixes of the files that can be read."""
    return tuple(_READERS)


def decode(data: bytes) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark, or CP949, as older Korean files are.

    Raises:
        Unreadable: it is none of them.
    """
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp949"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return clean(text)
    raise Unreadable("it is no text in UTF-8, UTF-16 or CP949")


def clean(text: str) -> str:
    """Return the text with `\\n` line ends, composed Hangul and no control characters."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", " ", text)


def lines_from(first: int, text: str) -> Callable[[int], str]:
    """Return what names the line of an offset of `text`, whose first line is number `first`."""
    return lambda offset: f"line {first + text.count(chr(10), 0, offset)}"


def _passages(name: str, sections: Iterable[Section]) -> Iterator[Passage]:
    for section in sections:
        for start, end in split(section.text):
            yield Passage(
                id="",
                document=name,
                heading=section.heading,
                text=section.text[start:end],
                position=section.position(start),
                source=section.source,
                date=section.date,
            )


Reader = Callable[[str, bytes], Iterable[Section]]


def _reader(name: str) -> Reader:
    suffix = Path(name).suffix.lower()
    if suffix not in _READERS:
        raise Unreadable(f"{suffix or 'no suffix'} is not among {', '.join(_READERS)}")
    return _READERS[suffix]


def _markdown(name: str, data: bytes) -> Iterable[Section]:
    from slm_core.rag.markdown import sections

    return sections(Path(name).stem, decode(data))


def _text(name: str, data: bytes) -> Iterable[Section]:
    text = decode(data)
    return [Section((Path(name).stem,), text, lines_from(1, text))]


def _pdf(name: str, data: bytes) -> Iterable[Section]:
    from slm_core.rag.pdf import sections

    return sections(Path(name).stem, data)


def _table(name: str, data: bytes) -> Iterable[Section]:
    from slm_core.rag.table import sections

    return sections(Path(name).stem, decode(data))


_READERS: dict[str, Reader] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _text,
    ".pdf": _pdf,
    ".csv": _table,
    ".tsv": _table,
}
