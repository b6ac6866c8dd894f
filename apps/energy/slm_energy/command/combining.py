"""Joins what the rules and the expert read in one text."""

from __future__ import annotations

from slm_energy.command.action import IDLE, Command, Verb


def combine(rules: Command, expert: Command) -> Command:
    """Return one command.

    What the rules deny stands: a text that denies, deliberates or reports orders nothing, whatever an expert
    reads in it, and neither does one with several orders. Where the rules found no verb the expert's command
    is taken whole; else it fills the parts that they left open. Two verbs that differ are noted.
    """
    if rules.verb == Verb.NONE and not rules.because.startswith("no verb"):
        return rules
    if rules.verb == Verb.NONE or expert.verb in IDLE:
        return expert if rules.verb == Verb.NONE else rules
    if rules.verb == Verb.SEVERAL:
        return rules
    dropped = [*rules.dropped, *expert.dropped]
    if rules.verb != expert.verb:
        dropped.append(f"verb: the expert read {expert.verb}, the rules {rules.verb}")
        return rules.model_copy(update={"dropped": dropped})
    filled = {key: getattr(expert, key) for key in ("what", "value", "when") if not getattr(rules, key)}
    if rules.device is None and rules.area is None:
        filled |= {"device": expert.device, "area": expert.area}
    return rules.model_copy(update={**filled, "dropped": dropped})
