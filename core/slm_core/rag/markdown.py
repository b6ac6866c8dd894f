"""Markdown by headings. The front matter's `title`, `source` and `date` count for every passage."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slm_core.rag.documents import Section, lines_from

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{3,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PLAIN = re.compile(r"(?![ \t]*([-*+>|]|\d+[.)]))\s*\S")  # a line that an underline makes a heading


def sections(stem: str, text: str) -> Iterator[Section]:
    """Yield what stands under each heading; headings of code blocks are none."""
    facts, first, body = front_matter(text)
    title = facts.get("title")
    path: list[tuple[int, str]] = []
    for number, heading, block in _blocks(body, first):
        if heading:
            path = [above for above in path if above[0] < heading[0]] + [heading]
        names = [name for _, name in path]
        whole = [title, *names] if title and title not in names else names
        yield Section(
            tuple(whole) or (stem,), block, lines_from(number, block), facts.get("source"), facts.get("date")
        )


def front_matter(text: str) -> tuple[dict[str, str], int, list[str]]:
    """Return the `key: value` lines between two `---`, the number of the line after them, and the rest."""
    lines = text.split("\n")
    if lines[0].strip() != "---" or "---" not in (closing := [line.strip() for line in lines[1:]]):
        return {}, 1, lines
    end = closing.index("---") + 1
    pairs = (line.partition(":") for line in lines[1:end] if ":" in line)
    facts = {key.strip().lower(): value.strip().strip("\"'") for key, _, value in pairs}
    return {key: value for key, value in facts.items() if value}, end + 2, lines[end + 1 :]


Heading = tuple[int, str]  # depth, words


def _blocks(lines: list[str], first: int) -> Iterator[tuple[int, Heading | None, str]]:
    """Yield (number of the block's first line, the heading right above it, the block)."""
    heading: Heading | None = None
    start, held, fence = first, [], ""  # type: int, list[str], str
    for number, line in enumerate(lines, first):
        fence = _fence(line, fence)
        atx = None if fence else _HEADING.match(line)
        underline = None if fence or not held or not _PLAIN.match(held[-1]) else _UNDERLINE.match(line)
        if not atx and not underline:
            held.append(line)
            continue
        words = held.pop().strip() if underline else ""
        yield start, heading, "\n".join(held)
        heading = (1 if underline[1][0] == "=" else 2, words) if underline else _depth_and_words(atx)
        start, held = number + 1, []
    yield start, heading, "\n".join(held)


def _depth_and_words(match: re.Match[str] | None) -> Heading | None:
    return (len(match[1]), match[2]) if match else None


def _fence(line: str, open_fence: str) -> str:
    """The fence that is open after this line; one closes what the same mark, as long, has opened."""
    match = _FENCE.match(line)
    if not match:
        return open_fence
    if not open_fence:
        return match[1]
    closes = match[1].startswith(open_fence) and not line.strip().strip(match[1][0])
    return "" if closes else open_fence
