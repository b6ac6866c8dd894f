"""Joins what the rules and the expert read in one text."""

from __future__ import annotations

from slm_energy.command.action import IDLE, Command, Verb
from slm_energy.command.verbs import NO_FORM, NO_VERB


def combine(rules: Command, expert: Command) -> Command:
    """Return one command.

    What the rules deny stands: a text that denies, deliberates or reports orders nothing, whatever an expert
    reads in it, and one with several orders is asked back. Where the rules found no verb in the form of an
    order the expert's command is taken as one that is not sure: a person has to confirm it. Else the expert
    fills the parts that they left open. Two verbs that differ are noted.
    """
    if rules.verb == Verb.NONE and rules.because in (NO_FORM.ko, NO_FORM.en, NO_VERB.ko, NO_VERB.en):
        return expert.model_copy(update={"sure": expert.verb in (*IDLE, Verb.GET)})
    if rules.verb in IDLE or expert.verb in IDLE:
        return rules
    dropped = [*rules.dropped, *expert.dropped]
    if rules.verb != expert.verb:
        dropped.append(f"verb: the expert read {expert.verb}, the rules {rules.verb}")
        return rules.model_copy(update={"dropped": dropped})
    filled = {key: getattr(expert, key) for key in ("what", "value", "when") if not getattr(rules, key)}
    if rules.device is None and rules.area is None:
        filled |= {"device": expert.device, "area": expert.area}
    return rules.model_copy(update={**filled, "dropped": dropped})
