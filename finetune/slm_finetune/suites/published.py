"""What others published for a model of the catalog, with the source and what differs from our measurement."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class Published(BaseModel):
    """One value.

    Args:
        suite: name of ours.
        model: catalog name.
        value: as published.
        what: metric, setting, and whether base or instruct: all that keeps it from being compared one to one.
        source: where it stands.
        read: when it was read there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    model: str
    value: float
    what: str
    source: str
    read: date


def published(suite: str, model: str) -> list[Published]:
    """Return what is known for this suite and model."""
    text = files("slm_finetune.suites").joinpath("published.toml").read_text(encoding="utf-8")
    found = [Published.model_validate(value) for value in tomllib.loads(text)["published"]]
    return [value for value in found if (value.suite, value.model) == (suite, model)]
