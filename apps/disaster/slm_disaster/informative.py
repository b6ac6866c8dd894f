"""The task `informative`: is a post about the disaster at all, and does it tell anything?

Wire form: one JSON string, e.g. `"informative"`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from slm_core.grounding import occurrences
from slm_disaster.rules.tables import labelled, table

PROMPT = "informative"


class Informative(StrEnum):
    """What a post is worth, after the three classes of CrisisLexT26."""

    INFORMATIVE = "informative"
    NOT_INFORMATIVE = "not_informative"
    NOT_RELATED = "not_related"


class Informativeness(BaseModel):
    """The class of one post."""

    label: Informative


SCHEMA: dict[str, Any] = {"enum": [label.value for label in Informative]}

INSTRUCTIONS = """\
Read a post, English or Korean, from the time of a disaster. Answer with one JSON string:
"informative": it is about the disaster and says something of use: facts, damage, warnings, advice, requests.
"not_informative": it is about the disaster, but is only prayer, feeling, joke or opinion.
"not_related": it is about something else."""

_FEELING = (
    *(
        "pray",
        "praying",
        "prayers",
        "thoughts",
        "heart",
        "hope",
        "hoping",
        "sad",
        "scary",
        "omg",
        "lol",
        "love",
    ),
    *("god", "bless", "wow", "기도", "명복", "무섭", "걱정", "힘내", "ㅠ", "ㅋ"),
)


def informative_by_rules(text: str) -> Informativeness:
    """Return the label by words: no hazard or need is not related; feeling without figures tells nothing."""
    words = table("lexicon")
    about = (words["hazard"], words["weak_hazard"], words["needs"]["things"])
    if not any(labelled(text, kinds) for kinds in about) and "#" not in text:
        return Informativeness(label=Informative.NOT_RELATED)
    feeling = occurrences(text, _FEELING) and not any(letter.isdigit() for letter in text.split("http")[0])
    return Informativeness(label=Informative.NOT_INFORMATIVE if feeling else Informative.INFORMATIVE)
