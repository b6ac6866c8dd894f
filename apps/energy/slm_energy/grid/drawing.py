"""The network as a drawing (SVG): lines by loading, buses by voltage, what is broken with its id and value.

Nothing is told by colour alone: a heavy line is also thicker, an open one dashed; a low voltage is a triangle
downwards, a high one upwards, no supply a cross; and what is broken carries a label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from slm_energy.grid.flow import Branch, Bus
from slm_energy.grid.layout import Place, places
from slm_energy.grid.limits import Violation
from slm_energy.grid.network import Lang
from slm_energy.grid.report import GridReport
from slm_energy.grid.wording import Wording, number

WIDTH = 640
PAD, LEGEND = 34, 64
MOST_LABELS = 14
APART = 20  # pixels between labels, enough for the letters of a phone
HEAVY, FULL = 80.0, 100.0
INK, QUIET, PAPER = "#1f2937", "#5b6472", "#ffffff"
COLOURS = {
    "carries": "#4b7a9e",
    "heavy": "#b7791f",
    "over": "#b3202c",
    "unrated": "#8a919c",
    "off": "#8a919c",
    "fine": "#2f6f4f",
    "low": "#b3202c",
    "high": "#7b2d8b",
    "dark": "#1f2937",
    "source": "#1f2937",
}
_WIDTHS = {"carries": 1.6, "heavy": 2.6, "over": 4.2, "unrated": 1.2, "off": 1.2}
_STYLE = (
    ".slm-grid{width:100%;height:auto;display:block;font-family:inherit,sans-serif}"
    ".slm-grid text{font-size:12px;paint-order:stroke;stroke:#fff;stroke-width:3px}"
    "@media (max-width:640px){.slm-grid text{font-size:20px}.slm-grid .legend text{font-size:15px}}"
)


@dataclass(frozen=True)
class _View:
    """From the places of buses to the pixels of the paper."""

    left: float
    top: float
    factor: float
    height: float

    @classmethod
    def around(cls, found: Sequence[Place]) -> _View:
        xs, ys = [each[0] for each in found], [each[1] for each in found]
        wide, high = max(xs) - min(xs) or 1e-9, max(ys) - min(ys) or 1e-9
        factor = min((WIDTH - 2 * PAD) / wide, 560 / high)
        height = max(160.0, high * factor + 2 * PAD)
        left = min(xs) - (WIDTH / factor - wide) / 2
        top = max(ys) + (height / factor - high) / 2
        return cls(left, top, factor, height)

    def at(self, place: Place) -> Place:
        return (place[0] - self.left) * self.factor, (self.top - place[1]) * self.factor


def svg(report: GridReport, lang: Lang | None = None) -> str:
    """Return the drawing of a report as an SVG element that needs no style sheet of its own."""
    words = Wording(lang or report.lang)
    net = report.network.net
    where, own = places(net)
    shown = {bus.element.id: where[bus.element.id] for bus in report.flow.buses}
    if not shown:
        return f'<p class="slm-empty">{escape(words["no_source"])}</p>'
    view = _View.around(list(shown.values()))
    spots = {bus: view.at(place) for bus, place in shown.items()}
    labels = _labels(report, spots, words, view.height)
    title = words.of("drawing", "title").format(name=report.network.title(words.lang))
    parts = [
        f'<rect width="{WIDTH}" height="{view.height + LEGEND:.0f}" fill="{PAPER}"/>',
        *_branches(report, spots, words),
        *_buses(report, spots, words),
        *labels,
        *_legend(report, words, view.height, len(labels), own),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="slm-grid" role="img" '
        f'viewBox="0 0 {WIDTH} {view.height + LEGEND:.0f}" aria-label="{escape(title)}">'
        f"<style>{_STYLE}</style>{''.join(parts)}</svg>"
    )


def look(branch: Branch) -> str:
    """Return how a branch is drawn: carries, heavy, over, unrated or off."""
    if not branch.on:
        return "off"
    if branch.loading_percent is None:
        return "unrated"
    return (
        "over" if branch.loading_percent > FULL else "heavy" if branch.loading_percent >= HEAVY else "carries"
    )


def _branches(report: GridReport, spots: dict[int, Place], words: Wording) -> Iterator[str]:
    grave = sorted(report.flow.branches, key=lambda each: each.loading_percent or 0.0)
    for branch in grave:
        kind = look(branch)
        loading = "" if branch.loading_percent is None else f" {number(branch.loading_percent, '%')} %"
        ends = [spots[bus] for bus in branch.buses if bus in spots]
        dash = ' stroke-dasharray="5 4"' if kind == "off" else ""
        for (x1, y1), (x2, y2) in pairwise(ends):
            yield (
                f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                f'stroke="{COLOURS[kind]}" stroke-width="{_WIDTHS[kind]}"{dash}>'
                f"<title>{escape(words.element(branch.element) + loading)}</title></line>"
            )
            if branch.element.kind != "line":
                yield _coils((x1 + x2) / 2, (y1 + y2) / 2, COLOURS[kind])


def _coils(x: float, y: float, colour: str) -> str:
    ring = f'r="4" fill="{PAPER}" fill-opacity="0.6" stroke="{colour}" stroke-width="1.4"'
    return f'<circle cx="{x - 2.5:.1f}" cy="{y:.1f}" {ring}/><circle cx="{x + 2.5:.1f}" cy="{y:.1f}" {ring}/>'


def _buses(report: GridReport, spots: dict[int, Place], words: Wording) -> Iterator[str]:
    broken = {each.element.id: each for each in report.violations if each.element.kind == "bus"}
    sources = {source.bus for source in report.flow.slack}
    small = len(spots) > 100
    for bus in report.flow.buses:
        kind = _state(bus, broken.get(bus.element.id), converged=report.flow.converged)
        said = words.element(bus.element) + ("" if bus.vm_pu is None else f" {number(bus.vm_pu, 'pu')} pu")
        x, y = spots[bus.element.id]
        if bus.element.id in sources:
            side = f'x="{x - 8:.1f}" y="{y - 8:.1f}" width="16" height="16"'
            yield f'<rect {side} fill="none" stroke="{INK}" stroke-width="2"/>'
        yield f'<g class="{kind}"><title>{escape(said)}</title>{_mark(kind, x, y, small)}</g>'


def _state(bus: Bus, broken: Violation | None, *, converged: bool) -> str:
    if bus.vm_pu is None:
        return "dark" if converged else "fine"
    if broken is None:
        return "fine"
    return "low" if broken.quantity == "low_voltage" else "high"


def _mark(kind: str, x: float, y: float, small: bool) -> str:
    paint = f'fill="{COLOURS[kind]}" stroke="{PAPER}" stroke-width="0.8"'
    if kind == "fine":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2.6 if small else 4}" {paint}/>'
    if kind == "dark":
        arms = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
        return f'<path d="{arms}" stroke="{COLOURS[kind]}" stroke-width="2" fill="none"/>'
    tip = 6 if kind == "low" else -6
    points = f"{x - 6:.1f},{y - tip:.1f} {x + 6:.1f},{y - tip:.1f} {x:.1f},{y + tip:.1f}"
    return f'<polygon points="{points}" {paint}/>'


def _labels(report: GridReport, spots: dict[int, Place], words: Wording, height: float) -> list[str]:
    """Name the gravest by id and value, each near its place; none where others are in the way."""
    taken: list[Place] = []
    parts = []
    for each in report.violations[:MOST_LABELS]:
        at = _at(report, each, spots)
        spot = None if at is None else _free(at, taken, height)
        if spot is None:
            continue
        taken.append(spot)
        value = "" if each.unit == "MW" else f" {number(each.value, each.unit)} {each.unit}"
        text = f"{words.of('kind', each.element.kind)} {each.element.id}{value}"
        end, dx = ("end", -9) if spot[0] > WIDTH * 0.68 else ("start", 9)
        place = f'x="{spot[0] + dx:.1f}" y="{spot[1] + 4:.1f}" text-anchor="{end}"'
        parts.append(f'<text class="label" {place} fill="{INK}">{escape(text)}</text>')
    return parts


def _free(at: Place, taken: Sequence[Place], height: float) -> Place | None:
    x = at[0]
    for down in range(0, 5 * APART, APART):
        y = at[1] + down
        if y < height and not any(abs(x - other) < 150 and abs(y - above) < APART for other, above in taken):
            return x, y
    return None


def _at(report: GridReport, each: Violation, spots: dict[int, Place]) -> Place | None:
    if each.element.kind == "bus":
        return spots.get(each.element.id)
    branch = report.flow.branch(each.element.kind, each.element.id)
    ends = [spots[bus] for bus in branch.buses if bus in spots] if branch else []
    return (sum(x for x, _ in ends) / len(ends), sum(y for _, y in ends) / len(ends)) if ends else None


def _legend(report: GridReport, words: Wording, top: float, shown: int, own: bool) -> Iterator[str]:
    """Explain the signs that occur, and say what the drawing leaves out."""
    yield from _legend_of_branches(report, words, top + 14)
    yield from _legend_of_buses(report, words, top + 34)
    said = []
    if report.violations:
        said.append(words.of("drawing", "labelled").format(shown=shown, all=len(report.violations)))
    if not own:
        said.append(words.of("drawing", "sketched"))
    yield _small(12, top + 54, " · ".join(said))


def _legend_of_branches(report: GridReport, words: Wording, y: float) -> Iterator[str]:
    kinds = {look(branch) for branch in report.flow.branches}
    x = 12.0
    for kind in (each for each in _WIDTHS if each in kinds):
        pen = f'stroke="{COLOURS[kind]}" stroke-width="{_WIDTHS[kind]}"'
        dash = ' stroke-dasharray="5 4"' if kind == "off" else ""
        ends = f'x1="{x:.0f}" x2="{x + 20:.0f}" y1="{y - 4:.0f}" y2="{y - 4:.0f}"'
        yield f"<line {ends} {pen}{dash}/>"
        text = words.of("drawing", kind)
        yield _small(x + 25, y, text)
        x += 40 + _breadth(text)


def _legend_of_buses(report: GridReport, words: Wording, y: float) -> Iterator[str]:
    if not report.flow.converged:
        return
    broken = {each.quantity for each in report.violations}
    low, high = "low_voltage" in broken, "high_voltage" in broken
    x = 12.0
    for kind, there in (("fine", True), ("low", low), ("high", high), ("dark", bool(report.flow.isolated))):
        if there:
            text = words.of("drawing", kind)
            yield _mark(kind, x + 6, y - 4, False)
            yield _small(x + 18, y, text)
            x += 34 + _breadth(text)


def _small(x: float, y: float, text: str) -> str:
    return f'<g class="legend"><text x="{x:.0f}" y="{y:.0f}" fill="{QUIET}">{escape(text)}</text></g>'


def _breadth(text: str) -> float:
    return sum(14 if ord(letter) > 0x2E80 else 8 for letter in text)
