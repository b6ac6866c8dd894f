"""What the tests of the energy domain share: a small site."""

from __future__ import annotations

from typing import Any

from slm_energy.site import Site, parse_site


def site(**more: Any) -> Site:
    return parse_site({"name": "집", **more}, "test")
