"""Which model in which quantization for a device and a language, by a rule that is printed with the choice.

Too few of the catalog's models have a measured quality to rank by it, so the rule is plain: of the models
that fit, begin an answer within `AGAIN_S` once a domain's head is cached and write at least as fast as
somebody speaks, those made for Korean come first where Korean is wanted, then the larger ones. A model that
may not be used commercially is never the choice; where it would have been, it is named beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from slm_core.catalog import Model, load_catalog
from slm_core.errors import UserError
from slm_core.plan.footprint import USUAL, Need
from slm_core.plan.language import load_languages
from slm_core.plan.planning import Answer, Place, Plan
from slm_core.settings import DEFAULT_MODEL

AGAIN_S = 5.0  # our own choice, as is the speed of speech in languages.toml
FINER = ("Q8_0", "Q6_K", "Q5_K_M", USUAL)  # the best first


@dataclass(frozen=True)
class Refused:
    """A model that is no choice, and why."""

    model: str
    reason: str


@dataclass(frozen=True)
class Recommendation:
    """The choice (None where nothing will do), what else would do, and what was left out and why."""

    choice: Plan | None
    reason: str
    others: list[Plan]
    refused: list[Refused]
    restricted: Plan | None

    def answer(self) -> Answer:
        """Return the choice as a figure with its reason; a restricted model is named as such."""
        beside = ""
        if self.restricted is not None:
            name = self.restricted.model.name
            licence = self.restricted.model.licence
            beside = f"; {name} would come first, but its licence {licence} is non-commercial"
        value = f"{self.choice.model.name} {self.choice.weights.quantization}" if self.choice else None
        return Answer("recommended", value, "", self.reason + beside)

    def pulled(self) -> Answer:
        """Return the best of those whose file `slm models pull` fetches as it is."""
        plans = [plan for plan in ([self.choice] if self.choice else []) + self.others if pinned(plan)]
        if not plans:
            return Answer("at_hand", None, "", "no file that the catalog pins fits and is quick enough")
        name = plans[0].model.name
        value = f"{name} {plans[0].weights.quantization}"
        restricted = "" if plans[0].model.commercial else "; its licence is non-commercial"
        return Answer(
            "at_hand", value, "", f"the first whose file is pinned: slm models pull {name}{restricted}"
        )


def recommend(place: Place, need: Need) -> Recommendation:
    """Weigh every model of the catalog."""
    weighed = [_weigh(model, place, need) for model in load_catalog().values()]
    plans = [each for each in weighed if isinstance(each, Plan)]
    refused = [each for each in weighed if isinstance(each, Refused)]
    plans.sort(key=lambda plan: _rank(plan, need), reverse=True)
    free = [plan for plan in plans if plan.model.commercial]
    choice = free[0] if free else None
    restricted = plans[0] if plans and not plans[0].model.commercial else None
    others = [plan for plan in plans if plan is not choice]
    return Recommendation(choice, _reason(choice, plans, refused, need), others, refused, restricted)


def quick_enough(plan: Plan) -> str | None:
    """Return why a plan is too slow, or None."""
    spoken = load_languages()[plan.need.language].spoken
    if plan.again_s > AGAIN_S:
        return f"its first token takes {plan.again_s:.1f} s with a cached head, more than {AGAIN_S:g}"
    if plan.units_s < spoken:
        return f"it writes {plan.units_s:.1f} {plan.fertility.unit}s a second, speech has {spoken:g}"
    return None


def _weigh(model: Model, place: Place, need: Need) -> Plan | Refused:
    if model.status == "closed":
        return Refused(model.name, "its weights are not published")
    if not model.chat:
        return Refused(model.name, "it has no chat template")
    if not _speaks(model, need.language):
        return Refused(model.name, f"its languages are {', '.join(model.languages)}")
    reason = ""
    for quantization in _quantizations(model):  # the best first
        try:
            plan = Plan.of(model, place, need, quantization=quantization)
        except UserError as error:
            return Refused(model.name, error.what)
        reason = f"{plan.bytes / 1e9:.1f} GB do not fit" if not plan.fits else quick_enough(plan) or ""
        if not reason:
            return plan
    return Refused(model.name, f"{reason}, in {plan.weights.quantization}")


def _quantizations(model: Model) -> tuple[str | None, ...]:
    """The file that the catalog pins as it is (a finer one cannot be made of it); without a file, all."""
    return (None,) if model.size else FINER


def _speaks(model: Model, language: str) -> bool:
    return language in model.languages or "multilingual" in model.languages


def _rank(plan: Plan, need: Need) -> tuple[bool, int]:
    """Made for Korean (the catalog names it first), then size; English is what every model has most of."""
    return _made_for(plan, need), plan.architecture.parameters


def _made_for(plan: Plan, need: Need) -> bool:
    return need.language != "en" and plan.model.languages[0] == need.language


def _reason(choice: Plan | None, plans: list[Plan], refused: list[Refused], need: Need) -> str:
    language = {"ko": "Korean", "en": "English"}[need.language]
    if choice is None:
        return f"none of the catalog speaks {language}, fits and is quick enough; {len(refused)} left out"
    first = f"made for {language}" if _made_for(choice, need) else f"speaks {language}"
    rule = f"{first}, the largest of the {len(plans)} that fit and are quick enough, {choice.model.licence}"
    unmade = "" if choice.place.device.llama_cpp else "; the device needs it in its maker's own format"
    return f"{rule}{_terms(choice.model)}{_file(choice)}{unmade}"


def _terms(model: Model) -> str:
    return f" (its terms have to be accepted: {model.licence_url})" if model.accept else ""


def _file(choice: Plan) -> str:
    """How to come by the file, and whether adapters for it exist."""
    model = choice.model
    if pinned(choice):
        where = f"; slm models pull {model.name}"
    else:
        where = f"; no {choice.weights.quantization} file of it is pinned: quantize {model.hub}"
    return where if model.name == DEFAULT_MODEL else f"{where}; its adapters have to be trained"


def pinned(plan: Plan) -> bool:
    """Whether `slm models pull` fetches exactly this file."""
    return plan.model.verified and plan.weights.own
