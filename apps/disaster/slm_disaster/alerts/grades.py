"""The grade of a message (위급재난, 긴급재난, 안전안내): a dated rule is quoted, or nothing is decided.

The table grades.toml holds only rules with a source. Where data lack, where the sources disagree and it
matters, or where no rule held says anything, the advice is "not decidable" with the reason; a person decides.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_disaster.alerts.wording import Language
from slm_disaster.schema import Hazard, Record


class Grade(StrEnum):
    """The three grades of the Korean emergency message."""

    CRITICAL = "위급재난"
    URGENT = "긴급재난"
    NOTICE = "안전안내"


class Outcome(StrEnum):
    """What a rule says of a situation."""

    MET = "met"
    NOT_MET = "not met"
    LACKING = "data lacking"
    DISPUTED = "sources disagree"
    UNDATED = "not known to stand on that day"


class Measured(BaseModel):
    """What was measured, where a report does not say it; None is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rain_1h_mm: float | None = Field(default=None, ge=0, le=1000)
    rain_3h_mm: float | None = Field(default=None, ge=0, le=3000)
    magnitude: float | None = Field(default=None, ge=-2, le=11)
    epicentre: Literal["land", "sea"] | None = None


class Rule(BaseModel):
    """A row of grades.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    grade: Grade
    ko: str
    en: str
    source: str
    evidence: Literal["source", "secondary"]
    valid_from: str
    valid_to: str
    read: date
    hazard: tuple[Hazard, ...] = ()
    join: Literal["all", "any", "disputed"] = "all"
    condition: tuple[Mapping[str, Any], ...] = ()

    def stands(self, day: date) -> bool:
        """Whether the rule is known to stand on that day: since its first day, or since we read it."""
        first = date.fromisoformat(self.valid_from) if self.valid_from else self.read
        return first <= day and (not self.valid_to or day <= date.fromisoformat(self.valid_to))

    def quote(self, language: Language) -> str:
        """Return the rule with its dates and source, as an advice cites it."""
        words = {"ko": ("시행", "확인", "2차 자료"), "en": ("valid", "read", "secondary source")}[language]
        span = f"{words[0]} {self.valid_from or '?'}~{self.valid_to}"
        weak = f"; {words[2]}" if self.evidence == "secondary" else ""
        text = self.ko if language == "ko" else self.en
        return f"{text} [{self.id}; {self.source}; {span}; {words[1]} {self.read}{weak}]"


class Finding(BaseModel):
    """A rule, and what it says here."""

    model_config = ConfigDict(frozen=True)

    rule: Rule
    outcome: Outcome


class Advice(BaseModel):
    """The grade, or None for not decidable; the rules looked at; what lacks; what is left to judgement."""

    model_config = ConfigDict(frozen=True)

    grade: Grade | None
    findings: tuple[Finding, ...]
    lacking: tuple[str, ...]
    judgement: tuple[Rule, ...]

    def lines(self, language: Language) -> list[str]:
        """Return the advice for a person to read, the verdict first."""
        undecided = {"ko": "판단할 수 없음", "en": "not decidable"}[language]
        said = [str(self.grade) if self.grade else f"{undecided}: {self._why(language)}"]
        said += [f"{OUTCOMES[each.outcome][language]}: {each.rule.quote(language)}" for each in self.findings]
        also = {"ko": "판단 사항", "en": "by judgement"}[language]
        return said + [f"{also}: {rule.quote(language)}" for rule in self.judgement]

    def _why(self, language: Language) -> str:
        if self.lacking:
            names = ", ".join(_table()["field"][field][language] for field in self.lacking)
            return f"자료 없음 - {names}" if language == "ko" else f"unknown - {names}"
        if any(each.outcome is Outcome.DISPUTED for each in self.findings):
            return {"ko": DISPUTE_KO, "en": DISPUTE_EN}[language]
        if any(each.outcome is Outcome.UNDATED for each in self.findings):
            return {"ko": "그날의 기준을 알 수 없음", "en": "no rule held is known to stand on that day"}[
                language
            ]
        none = {"ko": "가진 기준 가운데 해당하는 것이 없음", "en": "no rule held calls for a grade here"}
        return none[language]


DISPUTE_KO = (
    "자료마다 두 값을 '그리고'로 또는 '또는'으로 잇는다고 달리 말하며 하나만 넘었음; 원문 규정을 따를 것"
)
DISPUTE_EN = (
    "the sources disagree whether both figures or either one is meant, and only one is reached; "
    "take the regulation's own text"
)
OUTCOMES: dict[Outcome, dict[Language, str]] = {
    Outcome.MET: {"ko": "해당", "en": "met"},
    Outcome.NOT_MET: {"ko": "해당 없음", "en": "not met"},
    Outcome.LACKING: {"ko": "자료 부족", "en": "data lacking"},
    Outcome.DISPUTED: {"ko": "출처 불일치", "en": "sources disagree"},
    Outcome.UNDATED: {"ko": "시행일 불명", "en": "not known to stand on that day"},
}


def advise_grade(record: Record, measured: Measured, day: date) -> Advice:
    """Return the advice for a record, with what was measured, on a day."""
    findings = tuple(
        Finding(rule=rule, outcome=_outcome(rule, record, measured, day))
        for rule in rules("rule")
        if record.hazard is not None and record.hazard.value in rule.hazard
    )
    met = [each.rule.grade for each in findings if each.outcome is Outcome.MET]
    lacking = [
        field
        for each in findings
        if each.outcome is Outcome.LACKING
        for field in _unknown(each.rule, record, measured)
    ]
    return Advice(
        grade=min(met, key=list(Grade).index) if met else None,
        findings=findings,
        lacking=() if met else tuple(dict.fromkeys(lacking)),
        judgement=tuple(rule for rule in rules("judgement") if rule.stands(day)),
    )


@cache
def rules(kind: Literal["rule", "judgement"]) -> tuple[Rule, ...]:
    """Return the rules of the table that figures decide, or those that judgement decides."""
    return tuple(Rule.model_validate(row) for row in _table()[kind])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "grades.toml").read_text(encoding="utf-8"))


def _outcome(rule: Rule, record: Record, measured: Measured, day: date) -> Outcome:
    if not rule.stands(day):
        return Outcome.UNDATED
    held = [_held(condition, record, measured) for condition in rule.condition]
    every, some = _all(held), _any(held)
    if rule.join == "disputed" and every is not some and None not in (every, some):
        return Outcome.DISPUTED
    verdict = {"all": every, "any": some, "disputed": every if every is some else None}[rule.join]
    return {True: Outcome.MET, False: Outcome.NOT_MET, None: Outcome.LACKING}[verdict]


def _held(condition: Mapping[str, Any], record: Record, measured: Measured) -> bool | None:
    value = _value(condition["field"], record, measured)
    if value is None:
        return None
    return bool(value >= condition["at_least"]) if "at_least" in condition else value == condition["is"]


def _value(field: str, record: Record, measured: Measured) -> Any:
    if field == "level":
        return record.level.value.value if record.level else None
    return getattr(measured, field)


def _unknown(rule: Rule, record: Record, measured: Measured) -> list[str]:
    fields = [str(condition["field"]) for condition in rule.condition]
    return [field for field in fields if _value(field, record, measured) is None]


def _all(held: Iterable[bool | None]) -> bool | None:
    said = list(held)
    return False if False in said else None if None in said else True


def _any(held: Iterable[bool | None]) -> bool | None:
    said = list(held)
    return True if True in said else None if None in said else False
