"""The alphabet of a byte-level vocabulary: each byte is written as one printable character.

Source: GPT-2 (Radford et al. 2019, `bytes_to_unicode` of its encoder): the printable bytes of Latin-1 stand
for themselves, the 68 others for U+0100 and those that follow.
"""

from __future__ import annotations

from functools import cache


def bytes_of(token: str) -> bytes | None:
    """Return the bytes that a token writes, or None where it is not written in the alphabet."""
    letters = alphabet()
    return bytes(letters[c] for c in token) if all(c in letters for c in token) else None


@cache
def alphabet() -> dict[str, int]:
    """Return the byte that each character stands for."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}
