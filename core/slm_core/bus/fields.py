"""What a key of a `[[sources]]` table says: a JSONPath into the message, or a text with such inserted.

`$` is the whole message and `@` one of its readings, where the table has `each`. In a text, `{1}` is what
stands for the first `+` of the topic, `{#}` what stands for its `#`, `{key}` the name or number of the
reading, and `{$.path}` what a path finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from slm_core.bus.envelope import Refused

if TYPE_CHECKING:
    from jsonpath import JSONPath, JSONPathEnvironment

_INSERT = re.compile(r"\{([^{}]*)\}")


class BadPath(ValueError):
    """A text that is no JSONPath; `column` counts from 1."""

    def __init__(self, what: str, text: str, column: int) -> None:
        self.text, self.column = text, column
        super().__init__(f"column {column}: {what}")


@dataclass(frozen=True)
class Reading:
    """What the paths look into: the whole message, one of its readings and its key, the wildcards."""

    message: Any
    item: Any
    inserts: Mapping[str, str]


@dataclass(frozen=True)
class Path:
    """A JSONPath (RFC 9535)."""

    text: str
    query: JSONPath

    @property
    def of_reading(self) -> bool:
        """Whether it looks into one reading, not into the whole message."""
        return self.text.startswith("@")

    @property
    def whole(self) -> bool:
        """Whether it takes what it looks into as it is."""
        return self.query.empty()

    def find(self, reading: Reading) -> Any:
        """Return the one value that is there; None where there is none, or null.

        Raises:
            Refused: there are several.
        """
        found = [value for _, value in self.walk(reading.item if self.of_reading else reading.message, 2)]
        if len(found) > 1:
            raise Refused("several-values", f"{self.text} finds more than one; `each` takes them one by one")
        return found[0] if found else None

    def walk(self, root: Any, most: int) -> Iterator[tuple[str, Any]]:
        """Yield at most so many of the values that are there, each with its name or number.

        Raises:
            Refused: it cannot be followed into this message.
        """
        from jsonpath import JSONPathError

        if not isinstance(root, dict | list):  # the library takes a text for JSON
            yield from [("", root)] if self.whole else []
            return
        try:
            for number, match in enumerate(self.query.finditer(root)):
                if number == most:
                    return
                yield str(match.parts[-1]) if match.parts else "", match.obj
        except (JSONPathError, RecursionError) as error:
            raise Refused("bad-path", f"{self.text}: {error.args[0] if error.args else error}") from error


@dataclass(frozen=True)
class Text:
    """A text, cut at its inserts: the parts at odd positions are paths or names of wildcards."""

    parts: tuple[str | Path, ...]

    @property
    def paths(self) -> list[Path]:
        """Those that are inserted."""
        return [part for part in self.parts if isinstance(part, Path)]

    @property
    def names(self) -> list[str]:
        """Those of the wildcards that are inserted, and `key`."""
        return [part for part in self.parts[1::2] if isinstance(part, str)]

    def fill(self, reading: Reading, *, level: bool = False) -> str | None:
        """Return the text with everything inserted, None where one of it is missing.

        Args:
            reading: what the paths look into.
            level: what a path finds is to be one level of a topic: not empty, no `/`, no wildcard.

        Raises:
            Refused: a path finds what is no text, or what is no level.
        """
        filled = ""
        for number, part in enumerate(self.parts):
            said = part if number % 2 == 0 else self._inserted(part, reading)
            if said is None:
                return None
            if level and isinstance(part, Path) and (not said or set(str(said)) & set("/+#\0")):
                raise Refused(
                    "bad-stream", f"{part.text} finds {str(said)[:60]!r}, which is no level of a topic"
                )
            filled += str(said)
        return filled

    @staticmethod
    def _inserted(part: str | Path, reading: Reading) -> str | None:
        return as_text(part.find(reading), part) if isinstance(part, Path) else reading.inserts[part]


Field = Path | Text


def parse_field(text: str) -> Field:
    """Read a path, or a text with inserts.

    Raises:
        BadPath: a path in it is none, or a brace stands alone.
    """
    if text[:1] in ("$", "@"):
        return parse_path(text)
    pieces = _INSERT.split(text)
    alone = re.search(r"[{}]", _INSERT.sub(lambda found: " " * len(found[0]), text))
    if alone is not None:
        raise BadPath("a brace without its other one", text, alone.start() + 1)
    return Text(
        tuple(
            parse_path(piece) if number % 2 and piece[:1] in ("$", "@") else piece
            for number, piece in enumerate(pieces)
        )
    )


def parse_path(text: str) -> Path:
    """Read a JSONPath that begins with `$` or `@`.

    Raises:
        BadPath: it is none.
    """
    from jsonpath import JSONPathError

    if text[:1] not in ("$", "@"):
        raise BadPath("a path begins with $ (the message) or @ (one of its readings)", text, 1)
    try:
        return Path(text, _environment().compile(f"${text[1:]}"))  # type: ignore[arg-type]  # strict: no compound paths
    except JSONPathError as error:
        index = error.token.index if error.token is not None else -1
        column = index + 1 if 0 <= index < len(text) else len(text) + 1
        raise BadPath(str(error.args[0] if error.args else "no JSONPath"), text, column) from error


def as_text(found: Any, field: Path) -> str | None:
    """Return a text or number as text, None for nothing.

    Raises:
        Refused: it is something else.
    """
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Refused("wrong-type", f"{field.text} finds a {type(found).__name__}, expected a text")
    return str(found)


@cache
def _environment() -> JSONPathEnvironment:
    from jsonpath import JSONPathEnvironment

    return JSONPathEnvironment(strict=True)
