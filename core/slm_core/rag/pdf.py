"""PDF by pages (pypdf); the document's bookmarks are its headings."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from slm_core.rag.documents import Section, Unreadable, clean

if TYPE_CHECKING:
    from pypdf import PdfReader


def sections(stem: str, data: bytes) -> list[Section]:
    """Return one section a page.

    Raises:
        Unreadable: it is encrypted, broken, or has no text (a scan).
    """
    from pypdf import PdfReader

    with _quiet():
        try:
            reader = PdfReader(io.BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise Unreadable("it is encrypted; save it without a password")
            pages = list(_pages(stem, reader))
        except Unreadable:
            raise
        except (
            Exception
        ) as error:  # a broken PDF fails in pypdf in any way, also with KeyError and RecursionError
            raise Unreadable(f"pypdf cannot read it: {type(error).__name__}: {error}") from error
    if not any(page.text.strip() for page in pages):
        raise Unreadable(f"no text on its {len(pages)} pages; is it a scan?")
    return pages


def _pages(stem: str, reader: PdfReader) -> Iterator[Section]:
    title = _title(reader) or stem
    bookmarks = dict(_bookmarks(reader, reader.outline, ()))
    path: tuple[str, ...] = ()
    for number, page in enumerate(reader.pages):
        path = bookmarks.get(number, path)
        yield Section((title, *path), clean(page.extract_text()), partial(_position, number))


def _position(page: int, _: int) -> str:
    return f"page {page + 1}"


def _title(reader: PdfReader) -> str:
    return clean(str((reader.metadata and reader.metadata.title) or "")).strip()


def _bookmarks(
    reader: PdfReader, outline: list[Any], above: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (page, headings); an inner list belongs to the bookmark before it."""
    path = above
    for item in outline:
        if isinstance(item, list):
            yield from _bookmarks(reader, item, path)
            continue
        path = (*above, clean(str(item.title)).strip())
        page = reader.get_destination_page_number(item)
        if page is not None:
            yield page, path


@contextmanager
def _quiet() -> Iterator[None]:
    """pypdf logs every oddity of a file; what matters comes as an error."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
