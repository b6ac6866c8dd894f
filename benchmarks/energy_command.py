"""Orders to devices: how often each system reads them right, and whether a wrong device would be touched.

    python benchmarks/energy_command.py LABELLED.jsonl [--home HOME.toml] [--expert] [--json]
    python benchmarks/energy_command.py --ha FOLDER [--json]

The first form takes labelled lines `{"id", "task": "command", "lang", "user", "items", "does"}`: `does` names
the ids of the devices of the home that the text means, an empty list where nothing is to be done. Each
system's reading is held against the home by the same code; an order that it would carry out, or show for
confirmation, counts as wrong where it touches a device that `does` does not name. Every other text is asked
back or leaves things as they are.

The second form takes a folder of Home Assistant's intents and measures the rules and hassil on its labelled
English tests, by intent. hassil gets the names and areas that each file of tests declares: it is hassil's own
suite, and its score there is the ceiling, not the comparison.

Exit code 1 where a system touches a wrong device.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.dataset.row import Row
from slm_core.domain import TextRequest, find_domain
from slm_core.errors import GateFailed, SlmError, UserError
from slm_core.expert import open_expert
from slm_core.settings import load_settings
from slm_energy.command.action import Command, command_items, decode_command
from slm_energy.command.devices import Home, read_home
from slm_energy.command.hassil_peer import Recognizer, hassil_peer
from slm_energy.command.order import place_order
from slm_energy.command.peers import demo_home
from slm_energy.command.resolve import Question, Reading, Resolved, State, resolve
from slm_energy.command.rules import read_by_rules
from slm_energy.importers import ha_tests, read_yaml

Reader = Callable[[str], Command]


@dataclass
class Tally:
    """What one system did with the texts of one language.

    `right` counts equal sets of items; `meant` texts that mean a device; `done` those of them that reach just
    the devices meant; `wrong` texts that touch a device which was not meant, `unasked` those of them that no
    person would have to confirm; `waits` orders that wait for a person; `asked` texts that are asked back.
    """

    system: str
    lang: str
    texts: int = 0
    right: int = 0
    meant: int = 0
    done: int = 0
    wrong: int = 0
    unasked: int = 0
    waits: int = 0
    asked: int = 0


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labelled", type=Path, nargs="?", help="labelled lines")
    parser.add_argument("--home", type=Path, help="devices of the home (default: the demo home)")
    parser.add_argument("--ha", type=Path, help="folder of Home Assistant's intents")
    parser.add_argument(
        "--expert", action="store_true", help="also what slm ask would read, with model and adapter"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args(argv)
    try:
        return _by_intent(args.ha, args.json) if args.ha else _on_labelled(args)
    except SlmError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _on_labelled(args: argparse.Namespace) -> int:
    if args.labelled is None:
        raise UserError("nothing to measure", expected="a file of labelled lines, or --ha FOLDER")
    home = read_home(args.home) if args.home else demo_home()
    tallies = [
        tally
        for name, reader in _systems(home, args.expert).items()
        for tally in _measure(name, reader, args.labelled, home)
    ]
    for tally in tallies:
        print(json.dumps(asdict(tally)) if args.json else _line(tally))
    wrong = [tally for tally in tallies if tally.wrong]
    if wrong:
        raise GateFailed(f"{wrong[0].system} touches a wrong device in {wrong[0].wrong} texts; the bar is 0")
    return 0


def _systems(home: Home, expert: bool) -> Mapping[str, Reader]:
    found: dict[str, Reader] = {
        "rules": read_by_rules,
        "rules with the home": lambda text: read_by_rules(text, home),
        "hassil": hassil_peer(home),
    }
    if expert:
        served = open_expert(find_domain("energy"), load_settings())
        found["served"] = lambda text: _command(served.answer("command", TextRequest(text=text)).reply)
    return found


def _command(reply: Any) -> Command:
    assert isinstance(reply, Command)
    return reply


def _measure(name: str, reader: Reader, path: Path, home: Home) -> list[Tally]:
    tallies: dict[str, Tally] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        tally = tallies.setdefault(label["lang"], Tally(name, label["lang"]))
        command = reader(label["user"])
        outcome = resolve(command, label["user"], home, _middle(home))
        tally.texts += 1
        tally.right += command_items(command) == frozenset(label["items"])
        tally.asked += isinstance(outcome, Question)
        meant, touched = set(label["does"]), _touched(outcome)
        tally.meant += bool(meant)
        tally.done += bool(meant) and touched == meant
        ready = isinstance(outcome, Resolved) and _ready(outcome, label["user"], home)
        tally.waits += isinstance(outcome, Resolved) and not ready
        if isinstance(outcome, Resolved) and touched - meant:
            tally.wrong += 1
            tally.unasked += ready
            print(
                f"{name}: {label['id']} touches {sorted(touched - meant)}: {label['user']}", file=sys.stderr
            )
    return list(tallies.values())


def _ready(outcome: Resolved, text: str, home: Home) -> bool:
    order = place_order(outcome, text, home, _middle(home), id="bench", now=datetime.now(UTC))
    return order.phase == "ready"


def _touched(outcome: Any) -> set[str]:
    if isinstance(outcome, Resolved):
        return {step.device.id for step in outcome.steps}
    return {device.id for device in outcome.devices} if isinstance(outcome, Reading) else set()


def _middle(home: Home) -> dict[str, State]:
    """Every setting stands in the middle of its range, so that a change by an amount can be computed."""
    return {
        device.id: {
            what: (limits.low + limits.high) / 2
            for what, limits in device.settings.items()
            if limits.low is not None and limits.high is not None
        }
        for device in home.devices
    }


def _line(tally: Tally) -> str:
    share = tally.right / tally.texts
    return (
        f"{tally.system:20} {tally.lang}  {tally.right}/{tally.texts} read right ({share:.3f}), "
        f"{tally.done}/{tally.meant} reach just the device meant, {tally.wrong} wrong devices "
        f"({tally.unasked} without a person), "
        f"{tally.waits} wait for a person, {tally.asked} asked back ({tally.asked / tally.texts:.3f})"
    )


def _by_intent(folder: Path, as_json: bool) -> int:
    texts: Counter[str] = Counter()
    right: dict[str, Counter[str]] = defaultdict(Counter)
    for row, recognizer in _ha_rows(folder):
        gold = command_items(decode_command(json.loads(row.target), TextRequest(text=row.user)))
        intent = row.group.removeprefix("ha/")
        texts[intent] += 1
        right["rules"][intent] += command_items(read_by_rules(row.user)) == gold
        right["hassil"][intent] += command_items(recognizer.read(row.user)) == gold
    for intent, count in [*sorted(texts.items()), ("all", texts.total())]:
        counts = {name: c.total() if intent == "all" else c[intent] for name, c in right.items()}
        if as_json:
            print(json.dumps({"intent": intent, "texts": count, **counts}))
        else:
            print(f"{intent:28} {count:4}  " + "  ".join(f"{n} {c / count:.3f}" for n, c in counts.items()))
    return 0


def _ha_rows(folder: Path) -> Iterator[tuple[Row, Recognizer]]:
    """Yield the English tests that order a device, with hassil as the file of the test declares the home."""
    for file in sorted(folder.glob("tests/en/*/*.yaml")):
        for row in ha_tests(file):
            if isinstance(row, Row):
                yield row, _declared(file)


@cache
def _declared(file: Path) -> Recognizer:
    documents = [*read_yaml(file), *read_yaml(file.parents[1] / "_fixtures.yaml")]
    entities = [each for document in documents for each in document.get("entities", [])]
    names = [
        (each["name"], each["name"], each.get("domain") or str(each.get("id", "switch.")).split(".")[0])
        for each in entities
        if isinstance(each.get("name"), str)
    ]
    places = {
        key: [each["name"] for document in documents for each in document.get(key, [])]
        for key in ("areas", "floors")
    }
    return Recognizer(names, places["areas"], places["floors"])


if __name__ == "__main__":
    raise SystemExit(main())
