"""Domains of other packages, found by their entry point: whole, broken and absent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slm_core.cli.main import main
from slm_core.domain import domain_names, find_domain
from slm_core.errors import UserError

WHOLE = """
from pathlib import Path
from slm_core.domain import Domain

DOMAIN = Domain("garden", {}, {}, (), (), "tiny-base", lambda sources, seed: [], Path())
NUMBER = 7
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package `slm-garden` on the path, which offers the domain `garden` by an entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def package(code: str | None, entry: str = "slm_garden:DOMAIN") -> None:
        if code is not None:
            (tmp_path / "slm_garden.py").write_text(code, encoding="utf-8")
        info = tmp_path / "slm_garden-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slm-garden\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[ondevice_slm.domains]\ngarden = {entry}\n")

    yield package
    sys.modules.pop("slm_garden", None)


def test_a_domain_of_another_package_is_found(install: Install) -> None:
    install(WHOLE)
    assert "garden" in domain_names()
    assert find_domain("garden").min_model == "tiny-base"


BROKEN = [
    pytest.param(
        None, "slm_garden:DOMAIN", "ModuleNotFoundError: No module named 'slm_garden'", id="no module"
    ),
    pytest.param(
        "import no_such_part", "slm_garden:DOMAIN", "No module named 'no_such_part'", id="its import"
    ),
    pytest.param("DOMAIN = (", "slm_garden:DOMAIN", "SyntaxError", id="syntax"),
    pytest.param("x = 1 / 0", "slm_garden:DOMAIN", "ZeroDivisionError: division by zero", id="its code"),
    pytest.param(WHOLE, "slm_garden:DOMAINS", "has no attribute 'DOMAINS'", id="no attribute"),
]


@pytest.mark.parametrize(("code", "entry", "reason"), BROKEN)
def test_a_broken_domain_names_its_package_entry_point_and_reason(
    install: Install, capsys: pytest.CaptureFixture[str], code: str | None, entry: str, reason: str
) -> None:
    install(code, entry)
    assert main(["ask", "garden", "text"]) == 2
    message = capsys.readouterr().err
    assert f"entry point {entry} of slm-garden: domain 'garden' cannot be loaded" in message
    assert reason in message


def test_a_broken_domain_is_a_warning_of_the_doctor(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("import no_such_part")
    assert main(["doctor", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)
    (check,) = [check for check in checks if (check["part"], check["name"]) == ("domains", "garden")]
    assert check["state"] == "warn"
    assert "slm_garden:DOMAIN of slm-garden" in check["found"] and "no_such_part" in check["found"]
    assert check["mend"] == "mend or uninstall slm-garden"


def test_an_entry_point_to_something_else_says_what_it_is(install: Install) -> None:
    install(WHOLE, "slm_garden:NUMBER")
    with pytest.raises(
        UserError, match=r"slm_garden:NUMBER of slm-garden: domain 'garden' is of the type int"
    ):
        find_domain("garden")


def test_an_unknown_domain_shows_those_that_are_installed(install: Install) -> None:
    install(WHOLE)
    with pytest.raises(UserError, match=r"unknown domain 'gardn'(.|\n)*did you mean garden"):
        find_domain("gardn")
