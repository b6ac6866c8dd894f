"""Topic filters: what they match, what stands where their wildcards are, whether two can meet."""

from __future__ import annotations

from itertools import zip_longest


def is_filter(name: str) -> bool:
    """Return whether MQTT takes it for a filter: `+` is a whole level, `#` the whole last one."""
    levels = name.split("/")
    wrong = any(level not in ("+", "#") and set(level) & set("+#\0") for level in levels)
    return bool(name) and not wrong and "#" not in levels[:-1]


def matches(filter: str, topic: str) -> bool:
    """Return whether a broker would send a message of this topic to that filter."""
    from paho.mqtt.client import topic_matches_sub

    return topic_matches_sub(filter, topic)


def wildcards(filter: str, topic: str) -> dict[str, str]:
    """Return what stands in the topic for each wildcard: `1`, `2`, ... for `+`, `#` for the rest."""
    found: dict[str, str] = {}
    levels = topic.split("/")
    for number, level in enumerate(filter.split("/")):
        if level == "+":
            found[str(len(found) + 1)] = levels[number]
        elif level == "#":
            found["#"] = "/".join(levels[number:])
    return found


def meet(one: str, other: str) -> bool:
    """Return whether there is a topic that both filters match."""
    for a, b in zip_longest(one.split("/"), other.split("/")):
        if "#" in (a, b):
            return True
        if a is None or b is None or (a != b and "+" not in (a, b)):
            return False
    return True
