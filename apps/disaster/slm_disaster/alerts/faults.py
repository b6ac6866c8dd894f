"""What can be wrong with an alert message, each kind by a name that a program can act on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from slm_core.errors import UserError


class Fault(StrEnum):
    """Names of the faults of a CAP message."""

    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    DOCUMENT_TYPE = "document-type"
    NOT_CAP = "not-cap"
    OTHER_VERSION = "other-version"
    MISSING_OR_MISPLACED = "missing-or-misplaced"
    UNKNOWN_VALUE = "unknown-value"
    SCHEMA = "schema"
    WRONG_ZONE = "wrong-zone"
    WRONG_TIME = "wrong-time"
    IDENTIFIER = "bad-identifier"
    SENDER = "bad-sender"
    REFERENCES = "bad-references"
    NO_REFERENCES = "no-references"
    NO_RESTRICTION = "no-restriction"
    NO_ADDRESSES = "no-addresses"
    CHARACTER = "bad-character"
    NUMBER = "bad-number"
    OUT_OF_RANGE = "out-of-range"
    POLYGON_SHORT = "polygon-short"
    POLYGON_LONG = "polygon-long"
    POLYGON_OPEN = "polygon-open"
    POLYGON_CROSSING = "polygon-crossing"
    CIRCLE = "bad-circle"
    CEILING = "ceiling-without-altitude"


class CapRefused(UserError):
    """A message that is no usable CAP 1.2; `fault` names the kind."""

    def __init__(
        self, fault: Fault, what: str, *, where: str | Path | None = None, expected: str | None = None
    ) -> None:
        self.fault = fault
        super().__init__(f"{what} [{fault}]", where=where, expected=expected)


def fault(kind: Fault, what: str) -> PydanticCustomError:
    """Return the error that a validator of the message model raises; braces in `what` are kept."""
    return PydanticCustomError(kind.value, "{what}", {"what": what})


def refused(error: ValidationError, where: str | Path | None = None) -> CapRefused:
    """Return the first error of a validation by its name."""
    first = error.errors()[0]
    at = ".".join(str(part) for part in first["loc"])
    kind = Fault(first["type"]) if first["type"] in list(Fault) else Fault.SCHEMA
    kind = Fault.UNKNOWN_VALUE if first["type"] == "enum" else kind
    return CapRefused(kind, f"{at}: {first['msg']}" if at else first["msg"], where=where)
