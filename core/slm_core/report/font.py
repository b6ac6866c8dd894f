"""Noto Sans KR (OFL) cut down to the letters of one report, as a TrueType file.

The package index has it with cubic outlines, keyed by CID. A PDF of that needs a character map of its own,
which pypdf (and with it our own document search) does not follow: the text comes out with a zero byte before
each letter. Quadratic outlines need none, and every reader has the text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

OFF_BY = 1.0  # thousandths of the letter's height between the two outlines, at most
_DROPPED = ("VORG", "BASE", "GPOS", "GSUB", "GDEF", "vhea", "vmtx", "DSIG")
_NO_PROGRAM = ("maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs")
_NO_PARTS = ("maxStackElements", "maxSizeOfInstructions", "maxComponentElements", "maxComponentDepth")


def write_font(letters: str, path: Path) -> frozenset[str]:
    """Write the font with these letters to `path`, and return those of them that it has.

    Raises:
        ImportError: the font or fontTools is not installed.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from pylopdf_fonts_ko import sans_path

    options = subset.Options(layout_features=[], notdef_outline=True, hinting=False, drop_tables=_DROPPED)
    chosen = subset.Subsetter(options)
    chosen.populate(text=letters)
    with TTFont(sans_path(), lazy=True, recalcTimestamp=False) as font:
        known = frozenset(map(chr, font.getBestCmap()))
        chosen.subset(font)
        _to_quadratic(font)
        font.save(path)
    return known & frozenset(letters)


def _to_quadratic(font: Any) -> None:
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    order, outlines, glyphs = font.getGlyphOrder(), font.getGlyphSet(), {}
    for name in order:
        pen = TTGlyphPen(None)
        outlines[name].draw(Cu2QuPen(pen, OFF_BY, reverse_direction=True))
        glyphs[name] = pen.glyph()
    del font["CFF "]
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, glyphs
    limits = font["maxp"]
    limits.tableVersion, limits.maxZones = 0x00010000, 1
    for name in (*_NO_PROGRAM, *_NO_PARTS):
        setattr(limits, name, 0)
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"
