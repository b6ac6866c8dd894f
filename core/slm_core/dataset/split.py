"""Which side of the split each row is on.

What may not be torn apart (a group, a near-duplicate cluster) is one component. Components are taken in the
order of a hash of the seed and their smallest row id; each goes to the test side until that has its share,
then to dev, the others to training. So a row stays on its side when rows are added or taken away, but for
the few at the borders: what an adapter was trained on does not become its test.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from slm_core.dataset.dedup import Clusters, Duplicates
from slm_core.dataset.row import Row
from slm_core.errors import UserError, did_you_mean

Side = Literal["train", "dev", "test"]
By = Literal["rows", "group"]
SIDES: tuple[Side, ...] = ("train", "dev", "test")
# A task with fewer components than this may miss dev or test: a handful measures nothing.
REPRESENTED_FROM = 10


@dataclass(frozen=True)
class Policy:
    """How to split.

    Args:
        by: `group` keeps groups and near duplicates together, `rows` near duplicates only.
        test: share of the rows of each task that is kept for the test.
        dev: share that is kept for stopping and choosing.
        hold_out: group that becomes the test side, and only it; replaces `test`.
    """

    seed: int = 0
    by: By = "group"
    test: float = 0.2
    dev: float = 0.1
    hold_out: str | None = None

    def check(self) -> None:
        """Raise UserError unless the shares leave something to train on."""
        for flag, share in (("--test", self.test), ("--dev", self.dev)):
            if not 0 <= share < 1:
                raise UserError(f"{share} is no share", where=flag, expected="a number from 0 to below 1")
        if self.test + self.dev >= 1:
            raise UserError("--test and --dev leave nothing to train on", expected="a sum below 1")


def split(rows: Sequence[Row], duplicates: Duplicates, policy: Policy) -> list[Side | None]:
    """Return the side of each row; None for a repeat, or a contradictory row that fell on the test side.

    Raises:
        UserError: the group to hold out does not exist, or the shares are impossible.
    """
    policy.check()
    held = _held_out(rows, duplicates, policy.hold_out)
    components = _components(rows, duplicates, policy.by, held)
    kept = [n for n in range(len(rows)) if n not in duplicates.exact and n not in duplicates.near]
    sizes: dict[int, Counter[str]] = defaultdict(Counter)
    names: dict[int, str] = {}
    for number in kept:
        if number not in held:
            component, name = components[number], rows[number].id
            sizes[component][rows[number].task] += 1
            names[component] = min(names.get(component, name), name)
    pinned = _mostly_contradictory(kept, components, duplicates)
    placed = _place(sizes, names, pinned, policy)
    sides: list[Side | None] = [None] * len(rows)
    for number in kept:
        side: Side = "test" if number in held else placed[components[number]]
        sides[number] = None if side == "test" and number in duplicates.contradictory else side
    return sides


def _held_out(rows: Sequence[Row], duplicates: Duplicates, group: str | None) -> frozenset[int]:
    """Return the rows of the group, and all that nearly repeat one of them."""
    if group is None:
        return frozenset()
    known = Counter(row.group for row in rows if row.group)
    if group not in known:
        near = did_you_mean(group, known) if known else "no row has a group"
        listed = ", ".join(name for name, _ in known.most_common(10))
        raise UserError(
            f"no row has the group {group!r}", where="--hold-out", expected=listed or None, mend=near
        )
    clusters = {duplicates.clusters[number] for number, row in enumerate(rows) if row.group == group}
    return frozenset(number for number in range(len(rows)) if duplicates.clusters[number] in clusters)


def _components(rows: Sequence[Row], duplicates: Duplicates, by: By, held: frozenset[int]) -> list[int]:
    sets = Clusters(len(rows))
    firsts: dict[str, int] = {}
    for number, row in enumerate(rows):
        sets.merge(number, duplicates.clusters[number])
        if by == "group" and row.group and number not in held:
            sets.merge(number, firsts.setdefault(row.group, number))
    return [sets.of(number) for number in range(len(rows))]


def _mostly_contradictory(
    kept: Sequence[int], components: Sequence[int], duplicates: Duplicates
) -> frozenset[int]:
    """Components at least half of which contradict themselves belong to training; others give up just those
    rows.
    """
    all_rows = Counter(components[number] for number in kept)
    bad = Counter(components[number] for number in kept if number in duplicates.contradictory)
    return frozenset(component for component, count in bad.items() if 2 * count >= all_rows[component])


def _place(
    sizes: Mapping[int, Counter[str]], names: Mapping[int, str], pinned: frozenset[int], policy: Policy
) -> dict[int, Side]:
    shares: dict[Side, float] = {"test": 0.0 if policy.hold_out else policy.test, "dev": policy.dev}
    totals: Counter[str] = sum(sizes.values(), Counter())
    goals = {side: {task: share * count for task, count in totals.items()} for side, share in shares.items()}
    lacks = {side: dict(goal) for side, goal in goals.items()}
    order = sorted(sizes, key=lambda component: _drawn(policy.seed, names[component]))
    placed: dict[int, Side] = {}
    for component in order:
        side = "train" if component in pinned else _first_with_room(sizes[component], lacks, goals)
        placed[component] = side
        for task, count in sizes[component].items() if side != "train" else ():
            lacks[side][task] -= count
    _represent(sizes, pinned, placed, [side for side, share in shares.items() if share > 0])
    return placed


def _drawn(seed: int, name: str) -> bytes:
    """The place of a component in the draw, which does not depend on the others."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def _first_with_room(
    size: Mapping[str, int],
    lacks: Mapping[Side, Mapping[str, float]],
    goals: Mapping[Side, Mapping[str, float]],
) -> Side:
    """Return the first side that the component brings nearer to its goal, training where there is none."""
    for side, goal in goals.items():
        if not all(goal[task] for task in size):
            continue
        lack = lacks[side]
        if sum(count * (count - 2 * lack[task]) / goal[task] for task, count in size.items()) <= 0:
            return side
    return "train"


def _represent(
    sizes: Mapping[int, Counter[str]], pinned: frozenset[int], placed: dict[int, Side], sides: Sequence[Side]
) -> None:
    """Give every task with enough components at least its smallest one on each side."""
    for task in sorted(set().union(*sizes.values())):
        having = [component for component, size in sizes.items() if size[task]]
        if len(having) < REPRESENTED_FROM:
            continue
        for side in sides:
            free = [c for c in having if placed[c] == "train" and c not in pinned]
            if not any(placed[component] == side for component in having) and len(free) > 1:
                placed[min(free, key=lambda component: (sizes[component].total(), component))] = side
