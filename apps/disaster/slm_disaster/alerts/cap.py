"""CAP 1.2 as XML: read, written, and checked against the OASIS schema (cap12.xsd, unmodified).

Messages come from outside: no document type, no entity, no network, at most a million bytes. A signature
(XML Signature) is neither verified nor kept; what was received is the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from slm_core.errors import MissingExtra
from slm_disaster.alerts.faults import CapRefused, Fault, refused
from slm_disaster.alerts.geometry import read_number, read_points, write_point
from slm_disaster.alerts.message import Alert, Area, Circle, Info, Pair, Reference, Resource, check_time

MOST_BYTES = 1_000_000
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
OLDER = {
    "http://www.incident.com/cap/1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
}
TIMES = ("sent", "effective", "onset", "expires")
FUTURE = timedelta(seconds=60)
PAST = timedelta(days=1)

# The elements of each part in the order of the schema, by the field that holds them.
_PARTS: dict[type[BaseModel], tuple[str, ...]] = {
    Alert: tuple(Alert.model_fields),
    Info: tuple(Info.model_fields),
    Resource: tuple(Resource.model_fields),
    Area: tuple(Area.model_fields),
    Pair: tuple(Pair.model_fields),
}
_NESTED: dict[str, type[BaseModel]] = {
    "info": Info,
    "area": Area,
    "resource": Resource,
    "event_code": Pair,
    "parameter": Pair,
    "geocode": Pair,
}
_MANY = {*_NESTED, "code", "category", "response_type", "polygon", "circle"}


def parse_alert(data: bytes, where: str | Path | None = None) -> Alert:
    """Read one CAP 1.2 message.

    Raises:
        CapRefused: it is none; `fault` names the kind, the message the place.
    """
    root = _root(data, where)
    _check_times(root, where)
    _check_schema(root, where)
    try:
        return Alert.model_validate(_fields(root, Alert, where))
    except ValidationError as error:
        raise refused(error, where) from error


def build_alert(alert: Alert) -> bytes:
    """Return the message as XML, checked against the schema.

    Raises:
        CapRefused: the schema refuses it.
    """
    etree = _etree()
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _write(root, alert)
    etree.indent(root)
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    _check_schema(etree.fromstring(data, _parser()), None)
    return data + b"\n"


def clock_flags(alert: Alert, now: datetime) -> list[str]:
    """Return what is odd about the clock of a received message: sent in the future, or more than a day ago.

    Such a message is still data; its time of receipt is the one to sort by.
    """
    sent = datetime.fromisoformat(alert.sent).astimezone(UTC)
    ahead = sent - now.astimezone(UTC)
    if ahead > FUTURE:
        return [
            f"sent {alert.sent} lies {int(ahead.total_seconds())} s in the future: the time of receipt counts"
        ]
    if -ahead > PAST:
        return [f"sent {alert.sent} is older than a day: the time of receipt counts"]
    return []


def _etree() -> Any:
    try:
        from lxml import etree
    except ImportError as error:
        raise MissingExtra("CAP", "disaster") from error
    return etree


def _parser() -> Any:
    return _etree().XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


@cache
def _schema() -> Any:
    etree = _etree()
    return etree.XMLSchema(etree.parse(str(Path(__file__).parent / "cap12.xsd"), _parser()))


def _root(data: bytes, where: str | Path | None) -> Any:
    if len(data) > MOST_BYTES:
        raise CapRefused(Fault.TOO_LARGE, f"{len(data)} bytes; at most {MOST_BYTES} are read", where=where)
    etree = _etree()
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        at = f"{where}:{error.lineno}" if where and error.lineno else where
        raise CapRefused(Fault.MALFORMED, f"not well-formed XML: {error.msg}", where=at) from error
    if root.getroottree().docinfo.doctype:
        raise CapRefused(Fault.DOCUMENT_TYPE, "a document type is declared; none is read", where=where)
    name, expected = etree.QName(root), f"CAP 1.2, {NAMESPACE}"
    if name.namespace in OLDER:
        what = f"this is CAP {OLDER[name.namespace]}"
        raise CapRefused(Fault.OTHER_VERSION, what, where=where, expected=expected)
    if name.namespace != NAMESPACE or name.localname != "alert":
        raise CapRefused(Fault.NOT_CAP, f"the root is {root.tag[:120]}", where=where, expected=expected)
    return root


def _check_times(root: Any, where: str | Path | None) -> None:
    for name in TIMES:
        for element in root.iter(f"{{{NAMESPACE}}}{name}"):
            try:
                check_time((element.text or "").strip())
            except PydanticCustomError as error:
                raise _refusal(error, name, where, element.sourceline) from error


def _check_schema(root: Any, where: str | Path | None) -> None:
    schema = _schema()
    if schema.validate(root):
        return
    first = schema.error_log[0]
    kinds = {
        "SCHEMAV_ELEMENT_CONTENT": Fault.MISSING_OR_MISPLACED,
        "SCHEMAV_CVC_ENUMERATION_VALID": Fault.UNKNOWN_VALUE,
    }
    what = first.message.replace(f"{{{NAMESPACE}}}", "")[:400]
    raise CapRefused(kinds.get(first.type_name, Fault.SCHEMA), what, where=_at(where, first.line))


def _at(where: str | Path | None, line: int | None) -> str | Path | None:
    return f"{where}:{line}" if where and line else where


def _element_name(field: str) -> str:
    """Return the element of a field: `msg_type` is msgType."""
    first, *rest = field.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _fields(element: Any, part: type[BaseModel], where: str | Path | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field in _PARTS[part]:
        found = element.findall(f"{{{NAMESPACE}}}{_element_name(field)}")
        values = [_value(each, field, where) for each in found]
        if field in _MANY:
            fields[field] = tuple(values)
        elif values:
            fields[field] = values[0]
    return fields


def _value(element: Any, field: str, where: str | Path | None) -> Any:
    if field in _NESTED:
        return _fields(element, _NESTED[field], where)
    text = element.text or ""
    try:
        return _READERS.get(field, _verbatim)(text)
    except PydanticCustomError as error:
        raise _refusal(error, _element_name(field), where, element.sourceline) from error


def _refusal(error: PydanticCustomError, name: str, where: str | Path | None, line: int) -> CapRefused:
    return CapRefused(Fault(error.type), f"{name}: {error.message()}", where=_at(where, line))


def _verbatim(text: str) -> str:
    return text


def _circle(text: str) -> dict[str, Any]:
    centre, _, radius = text.strip().partition(" ")
    points = read_points(centre)
    if len(points) != 1:
        raise PydanticCustomError(Fault.CIRCLE.value, "a circle is lat,lon radius")
    return {"centre": points[0], "radius_km": read_number(radius.strip())}


def _references(text: str) -> tuple[Reference, ...]:
    return tuple(_reference(each) for each in text.split())


def _reference(text: str) -> Reference:
    parts = text.split(",")
    if len(parts) != 3:
        raise PydanticCustomError(
            Fault.REFERENCES.value, "{what} is not sender,identifier,sent", {"what": repr(text[:80])}
        )
    try:
        return Reference(sender=parts[0], identifier=parts[1], sent=parts[2])
    except ValidationError as error:
        first = error.errors()[0]
        raise PydanticCustomError(Fault.REFERENCES.value, "{what}", {"what": first["msg"]}) from error


_READERS: dict[str, Any] = {
    "polygon": read_points,
    "circle": _circle,
    "references": _references,
    "altitude": lambda text: read_number(text.strip()),
    "ceiling": lambda text: read_number(text.strip()),
    "size": lambda text: int(read_number(text.strip())),
    **dict.fromkeys((*TIMES, "language", "uri", "web"), str.strip),
}


def _write(element: Any, part: BaseModel) -> None:
    etree = _etree()
    for field in _PARTS[type(part)]:
        for value in _values(getattr(part, field), field):
            child = etree.SubElement(element, f"{{{NAMESPACE}}}{_element_name(field)}")
            if isinstance(value, BaseModel):
                _write(child, value)
            else:
                child.text = value


def _values(value: Any, field: str) -> Iterator[Any]:
    """Yield what an element each is made of: a part, or text."""
    if field == "references":
        if value:
            yield " ".join(str(each) for each in value)
    elif field == "polygon":
        yield from (" ".join(write_point(point) for point in ring) for ring in value)
    elif field in _NESTED:
        yield from value
    elif field in _MANY:
        yield from (_text(each) for each in value)
    elif value is not None:
        yield _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Circle):
        return f"{write_point(value.centre)} {value.radius_km:f}"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
