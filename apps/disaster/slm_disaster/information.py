"""The task `information`: which kind of information a post from a disaster holds.

The seven classes are the "Information Type" of CrisisLexT26 (Olteanu, Vieweg, Castillo: "What to Expect When
the Unexpected Happens", CSCW 2015). Wire form: one JSON string, e.g. `"caution_and_advice"`.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from slm_disaster.rules.tables import labelled, table

PROMPT = "information"


class Information(StrEnum):
    """What a post tells; where it tells several things, the one that it is mostly about."""

    AFFECTED_INDIVIDUALS = "affected_individuals"
    INFRASTRUCTURE_AND_UTILITIES = "infrastructure_and_utilities"
    DONATIONS_AND_VOLUNTEERING = "donations_and_volunteering"
    CAUTION_AND_ADVICE = "caution_and_advice"
    SYMPATHY_AND_SUPPORT = "sympathy_and_support"
    OTHER_USEFUL_INFORMATION = "other_useful_information"
    NOT_APPLICABLE = "not_applicable"


class InformationType(BaseModel):
    """The class of one post."""

    label: Information


SCHEMA: dict[str, Any] = {"enum": [label.value for label in Information]}

MEANINGS = {
    Information.AFFECTED_INDIVIDUALS: "people dead, injured, missing, found, trapped or displaced "
    "(사망, 부상, 실종, 고립, 이재민)",
    Information.INFRASTRUCTURE_AND_UTILITIES: "buildings, roads, transport, power, water or services "
    "damaged, closed or restored (시설 피해, 통제, 복구)",
    Information.DONATIONS_AND_VOLUNTEERING: "money, goods, blood, shelter or helping hands needed, asked for "
    "or offered (성금, 물품, 헌혈, 자원봉사)",
    Information.CAUTION_AND_ADVICE: "warnings issued or lifted, what to do, where to go "
    "(경보, 대피, 행동 요령)",
    Information.SYMPATHY_AND_SUPPORT: "prayer, condolence, gratitude, encouragement (애도, 위로, 감사, 응원)",
    Information.OTHER_USEFUL_INFORMATION: "any other fact about the disaster (그 밖의 사실)",
    Information.NOT_APPLICABLE: "about the disaster without telling anything, or about something else "
    "(농담, 의견, 무관한 글)",
}

INSTRUCTIONS = (
    "Read a post, English or Korean, from the time of a disaster. "
    "Which kind of information is it mostly about? The kinds:\n"
    + "\n".join(f"- {label}: {meaning}" for label, meaning in MEANINGS.items())
    + '\nAnswer with one of these names as a JSON string, e.g. "caution_and_advice".'
)


def information_by_rules(text: str) -> InformationType:
    """Return the kind with the most words; without any, a named hazard is a fact about the disaster."""
    lists = table("information")["words"]
    votes = Counter(label for _, _, label in labelled(text, lists))
    if votes:
        return InformationType(label=Information(max(lists, key=lambda label: votes[label])))
    hazards = table("lexicon")
    about = any(labelled(text, hazards[name]) for name in ("hazard", "weak_hazard")) or "#" in text
    return InformationType(
        label=Information.OTHER_USEFUL_INFORMATION if about else Information.NOT_APPLICABLE
    )
