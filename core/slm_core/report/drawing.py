"""A drawing of a few plain shapes, which SVG and PDF both can show; y grows downwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]
INK, QUIET, LINE, PAPER = "#1f2937", "#5b6472", "#d5dae1", "#ffffff"


@dataclass(frozen=True)
class Area:
    """A closed figure, filled."""

    points: Sequence[tuple[float, float]]
    fill: str
    line: str = ""


@dataclass(frozen=True)
class Dot:
    """A disc; `open` is a ring only."""

    x: float
    y: float
    r: float
    fill: str
    open: bool = False


@dataclass(frozen=True)
class Stroke:
    """A line from one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str = LINE


@dataclass(frozen=True)
class Words:
    """A text; x is its start, middle or end and y its baseline."""

    x: float
    y: float
    text: str
    size: float = 11
    anchor: Anchor = "start"
    colour: str = INK


Shape = Area | Dot | Stroke | Words


@dataclass(frozen=True)
class Drawing:
    """Shapes on a paper of a width and height; the later lie on the earlier."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str


def box(x: float, y: float, width: float, height: float, fill: str, line: str = "") -> Area:
    """Return a rectangle."""
    return Area(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), fill, line)


def svg(drawing: Drawing) -> str:
    """Return the drawing as an SVG element that needs no style sheet and no font of its own."""
    body = "".join(_svg(shape) for shape in drawing.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {drawing.width:g} {drawing.height:g}" '
        f'aria-label="{escape(drawing.title)}" font-family="sans-serif">{body}</svg>'
    )


def _svg(shape: Shape) -> str:
    if isinstance(shape, Area):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
        line = f' stroke="{shape.line}" stroke-width="0.8"' if shape.line else ""
        return f'<polygon points="{points}" fill="{shape.fill}"{line}/>'
    if isinstance(shape, Dot):
        paint = (
            f'fill="{shape.fill}" fill-opacity="0.25" stroke="{shape.fill}" stroke-width="1.5"'
            if shape.open
            else f'fill="{shape.fill}" stroke="#fff" stroke-width="0.6"'
        )
        return f'<circle cx="{shape.x:.2f}" cy="{shape.y:.2f}" r="{shape.r:.2f}" {paint}/>'
    if isinstance(shape, Stroke):
        ends = f'x1="{shape.x1:.2f}" y1="{shape.y1:.2f}" x2="{shape.x2:.2f}" y2="{shape.y2:.2f}"'
        return f'<line {ends} stroke="{shape.colour}" stroke-width="0.8"/>'
    place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}" text-anchor="{shape.anchor}"'
    return f'<text {place} fill="{shape.colour}">{escape(shape.text)}</text>'
