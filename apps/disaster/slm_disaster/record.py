"""The task `record`: a report as a typed situation record, and the wire form that the model writes.

The wire form is one compact JSON object, keys in a fixed order, what the report does not give left out:

    {"hazard":["flood","침수"],"place":["강릉시 옥계면"],"time":"오늘 06시","dead":"사망 2명",
     "missing":"실종 1명","injured":"부상 3명","needs":[["water","식수"]],
     "infrastructure":[["road","도로 통제"]],"level":["warning","호우경보"],"stage":["start","발령"]}

Every string that is no enum value is an exact quote of the report: code finds its place, reads its number or
time and checks it. So the model can point, but it cannot state a number.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any

from slm_core.domain import TextRequest
from slm_core.grounding import numbers, revoked
from slm_disaster.rules.casualties import counts, refusal
from slm_disaster.rules.places import place_name
from slm_disaster.rules.tables import span, table
from slm_disaster.schema import Found, Hazard, Infrastructure, Level, Need, Record, Span, Stage
from slm_disaster.times import time_value

PROMPT = "record"
QUOTE_LIMIT = 40
LIMITS = {"place": 5, "needs": 6, "infrastructure": 6}
COUNTS = ("dead", "missing", "injured")
PAIRS: dict[str, type[StrEnum]] = {"hazard": Hazard, "level": Level, "stage": Stage}
PAIR_LISTS: dict[str, type[StrEnum]] = {"needs": Need, "infrastructure": Infrastructure}
ORDER = ("hazard", "place", "time", *COUNTS, "needs", "infrastructure", "level", "stage")

INSTRUCTIONS = """\
Read a report about a disaster or hazard, Korean or English, and write its situation record as one JSON \
object. Leave out every key that the report does not give; {} if it gives nothing. Every quote is copied \
exactly from the report, as short as possible, at most 40 characters. Keys, in this order:
- "hazard": [kind, quote]. Kinds: earthquake 지진, tsunami 해일, volcano 화산, flood 홍수·침수·범람, \
heavy_rain 호우, storm 태풍, strong_wind 강풍·풍랑, landslide 산사태, wildfire 산불, fire 화재, explosion \
폭발, collapse 붕괴·지반침하, heavy_snow 대설, cold_wave 한파, heat_wave 폭염, dust 황사·미세먼지, drought \
가뭄, epidemic 감염병, chemical 유해물질·오염, transport 교통·선박·열차 사고와 통제, utility \
정전·단수·가스·통신, other.
- "place": list of quotes, where it happens (not the sender in brackets).
- "time": quote, when it happens.
- "dead", "missing", "injured": quote with the number and the word, e.g. "사망 2명", "3 people were killed".
- "needs": list of [kind, quote], what people ask for or lack: medical_help, medical_products, \
search_and_rescue, water, food, shelter, clothing, money, missing_people, refugees.
- "infrastructure": list of [kind, quote], what is damaged, cut or closed: road, bridge, railway, \
airport_port, power, water_supply, gas, telecom, building, hospital, school, dam_levee.
- "level": [kind, quote]: advisory 주의보, warning 경보, attention 관심, caution 주의, alert 경계, \
serious 심각.
- "stage": [kind, quote]: start 발생·발령·발효, update 추가·변경·확대, release 해제·복구 완료·정상화.
Example: {"hazard":["flood","침수"],"place":["강릉시 옥계면"],"time":"오늘 06시","dead":"사망 2명",\
"stage":["start","발생"]}"""


def record_schema() -> dict[str, Any]:
    """Return the JSON schema of the wire form; its keys come in their order and may each be absent."""
    quote = {"type": "string", "minLength": 1, "maxLength": QUOTE_LIMIT}
    properties: dict[str, Any] = {}
    for key in ORDER:
        if key in PAIRS:
            properties[key] = _pair(PAIRS[key], quote)
        elif key in PAIR_LISTS:
            properties[key] = _list(_pair(PAIR_LISTS[key], quote), LIMITS[key])
        else:
            properties[key] = _list(quote, LIMITS[key]) if key in LIMITS else quote
    return {"type": "object", "properties": properties, "additionalProperties": False}


def encode_record(record: Record, request: TextRequest) -> str:
    """Return the wire form of a record.

    Raises:
        ValueError: a span does not quote the report, or is longer than a quote may be.
    """
    wire: dict[str, Any] = {}
    for key in ORDER:
        value = getattr(record, key)
        if isinstance(value, list):
            if value:
                wire[key] = [_wire(key, found, request.text) for found in value[: LIMITS[key]]]
        elif value is not None:
            wire[key] = _wire(key, value, request.text)
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":"))


def decode_record(wire: Any, request: TextRequest) -> Record:
    """Return the checked record of a wire form; what the report does not bear out is listed in `dropped`.

    Raises:
        ValueError: the wire form is no object, or a kind is unknown.
    """
    if not isinstance(wire, dict):
        raise ValueError(f"expected an object, got {type(wire).__name__}")
    dropped: list[str] = [f"{key}: no such field" for key in wire if key not in ORDER]
    fields: dict[str, Any] = {}
    for key in (key for key in ORDER if key in wire):
        many = key in LIMITS
        entries = _entries(key, wire[key]) if many else [_entry(key, wire[key])]
        found = [_read(key, kind, quote, request.text, dropped) for kind, quote in entries]
        kept = [each for each in found if each is not None]
        if kept:
            fields[key] = _once(kept)[: LIMITS[key]] if many else kept[0]
    return Record(**fields, dropped=dropped)


def record_items(record: Record) -> frozenset[str]:
    """Return what the metric counts, e.g. `hazard=flood`, `place=강릉시 옥계면`, `dead=2`.

    A count of 0 is no item: reports that say "no deaths" and reports that say nothing are the same here.
    """
    items = {f"place={normal_place(found.value)}" for found in record.place}
    items |= {f"{key}={found.value}" for key in PAIR_LISTS for found in getattr(record, key)}
    for key in ("time", *COUNTS, *PAIRS):
        found = getattr(record, key)
        if found is not None and found.value != 0:
            items.add(f"{key}={found.value}")
    return frozenset(items)


def normal_place(place: str) -> str:
    """Return a place name for comparison: single spaces, lower case, without 일대, 지역 and the like."""
    name = re.sub(r"^the ", "", " ".join(place.split()).casefold())
    return re.sub(r"\s?(?:일대|일원|지역|인근|부근|주변|전역|전체)$", "", name).strip(" ,.")


def _wire(key: str, found: Found[Any], text: str) -> Any:
    span = found.span
    if text[span.start : span.end] != span.quote or not span.quote:
        raise ValueError(f"{key}: characters {span.start} to {span.end} of the report are not {span.quote!r}")
    if len(span.quote) > QUOTE_LIMIT:
        raise ValueError(f"{key}: the quote {span.quote!r} is longer than {QUOTE_LIMIT} characters")
    if key in PAIRS or key in PAIR_LISTS:
        return [str(found.value), span.quote]
    return span.quote


def _pair(kinds: type[StrEnum], quote: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "array",
        "prefixItems": [{"enum": [kind.value for kind in kinds]}, quote],
        "minItems": 2,
        "maxItems": 2,
    }


def _list(item: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": most}


def _entries(key: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, list):
        raise ValueError(f"{key}: expected a list, got {type(value).__name__}")
    return [_entry(key, entry) for entry in value]


def _entry(key: str, value: Any) -> tuple[str, str]:
    """Return kind and quote; the kind is empty where the field has none."""
    parts = value if key in PAIRS or key in PAIR_LISTS else ["", value]
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{key}: cannot read {value!r}")
    return parts[0], parts[1]


def _read(key: str, kind: str, quote: str, text: str, dropped: list[str]) -> Found[Any] | None:
    """Return one checked entry of the wire form, or note why not."""
    places = _occurrences(text, quote)
    if not places:
        dropped.append(f"{key}: {quote!r} is not in the report")
        return None
    if key in COUNTS:
        return _read_count(key, places, text, dropped)
    at = places[0]
    if key == "infrastructure":
        word = revoked(text, at.start, at.end, table("lexicon")["stage"]["release"])
        if word:
            dropped.append(f"{key}: {at.quote!r} is taken back by {word!r}")
            return None
    kinds = {**PAIRS, **PAIR_LISTS}
    if key in kinds:
        return Found[kinds[key]](value=kinds[key](kind), span=at, by="expert")  # type: ignore[valid-type]
    value = time_value(at.quote) if key == "time" else place_name(at.quote)
    return Found[str](value=value, span=at, by="expert")


def _read_count(key: str, places: list[Span], text: str, dropped: list[str]) -> Found[int] | None:
    """Take the number that grounding binds to the field's words; of several places the one that has it."""
    bound = counts(text, key)
    for at in places:
        for each in bound:
            if each.start < at.end and at.start < each.end:
                if "+" in each.word:  # a sum of two counts: its span has both, whichever was quoted
                    at = span(text, min(at.start, each.start), max(at.end, each.end))
                return Found[int](value=int(each.value), span=at, by="expert")
    numbers_here = [int(number.value) for number in numbers(places[0].quote)]
    value = numbers_here[0] if numbers_here else 0
    dropped.append(f"{key}: {refusal(text, key, value, places[0].quote) or 'no number stands there'}")
    return None


def _occurrences(text: str, quote: str) -> list[Span]:
    """Return where a quote stands: exactly, or else with other white space."""
    letters = [re.escape(letter) for letter in quote if not letter.isspace()]
    if not letters:
        return []
    exact = [match.span() for match in re.finditer(re.escape(quote.strip()), text)]
    loose = exact or [match.span() for match in re.finditer(r"\s*".join(letters), text)]
    return [span(text, start, end) for start, end in loose]


def _once(found: list[Found[Any]]) -> list[Found[Any]]:
    return list({each.value: each for each in reversed(found)}.values())[::-1]
