"""The home of the demo and the blind test set, and the peer that has to know a home's names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from slm_core.domain import TextRequest
from slm_core.settings import data_folder
from slm_energy.command.action import Command
from slm_energy.command.devices import Home, read_home
from slm_energy.command.hassil_peer import hassil_peer


def demo_home() -> Home:
    """Return the home that the demo and the blind test set speak of.

    Raises:
        UserError: the data folder of the domain is nowhere.
    """
    return read_home(data_folder("energy") / "homes" / "demo.toml")


def by_hassil(request: TextRequest) -> Command:
    """Return what hassil reads, with the names of the demo home.

    Raises:
        MissingExtra: hassil is not installed.
    """
    return _hassil()(request.text)


@cache
def _hassil() -> Callable[[str], Command]:
    return hassil_peer(demo_home())
