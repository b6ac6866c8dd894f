"""The task `needs`: which kinds of aid a message asks for or lacks.

Wire form: compact JSON list of the names, in the order of `Need`: `["water","food"]`, or `[]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from slm_core.domain import TextRequest
from slm_disaster.schema import Need, Needs

PROMPT = "needs"

MEANINGS = {
    Need.MEDICAL_HELP: "treatment, doctors, the injured or sick (의료, 부상자 치료)",
    Need.MEDICAL_PRODUCTS: "medicine and medical supplies (의약품)",
    Need.SEARCH_AND_RESCUE: "people trapped or to be searched for (구조, 수색)",
    Need.WATER: "drinking water (식수)",
    Need.FOOD: "food (식량, 음식)",
    Need.SHELTER: "tents, housing, a place to stay (대피소, 임시 거처)",
    Need.CLOTHING: "clothes, blankets, shoes (의류, 담요)",
    Need.MONEY: "money, donations, funds (성금, 지원금)",
    Need.MISSING_PEOPLE: "somebody looks for missing people (실종자, 연락 두절)",
    Need.REFUGEES: "people who left their homes (이재민, 피난민)",
}

INSTRUCTIONS = (
    "Read a message from a disaster, English or Korean. Which kinds of aid does it ask for, "
    "report as lacking or report as being given? The kinds:\n"
    + "\n".join(f"- {need}: {meaning}" for need, meaning in MEANINGS.items())
    + "\nAnswer with a JSON list of the names that apply, in this order, most often none or one or two, e.g. "
    '["water","food"]. Answer [] if the message is about none of them.'
)

# No `uniqueItems`: the sampler cannot hold to it, and a repeated name is better dropped than retried.
SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {"enum": [need.value for need in Need]},
    "maxItems": len(Need),
}
STOP_WORDS = ("[]", '"]')


def in_order(needs: Iterable[Need]) -> list[Need]:
    """Return the needs once each, in the order of the enum."""
    given = set(needs)
    return [need for need in Need if need in given]


def encode_needs(needs: Needs, request: TextRequest) -> str:
    """Return the wire form."""
    return json.dumps([need.value for need in in_order(needs.needs)], separators=(",", ":"))


def decode_needs(wire: Any, request: TextRequest) -> Needs:
    """Read the wire form; repeated names count once.

    Raises:
        ValueError: it is no list of known names.
    """
    if not isinstance(wire, list):
        raise ValueError(f"expected a list of needs, got {type(wire).__name__}")
    return Needs(needs=in_order(Need(name) for name in wire))


def needs_items(needs: Needs) -> frozenset[str]:
    """Return what the metric counts: the names."""
    return frozenset(need.value for need in needs.needs)
