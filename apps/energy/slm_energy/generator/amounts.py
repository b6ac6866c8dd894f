"""Values and times of generated commands, each with what it must be read as."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from slm_energy.command.reading import table

_SINO = ["영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"]
_NATIVE = ["한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열", "열한", "열두"]
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
]
_ONES += ["sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["", "", *["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]]
Amount = tuple[str, str, str]
"""Text, label (`value` or `when`), what it must be read as."""


class Amounts:
    """Makes amounts in one language."""

    def __init__(self, lang: str, rng: Random) -> None:
        self._ko, self._rng = lang == "ko", rng
        self._makers: dict[str, Callable[[], Amount]] = {
            "t": self._temperature, "dt": self._degrees, "pct": self._percent, "half": self._half,
            "max": self._most, "min": lambda: ("최소", "value", "min"), "kelvin": self._kelvin,
            "kw": self._kilowatt, "amp": self._ampere, "step": self._step, "after": self._after,
            "in": self._after, "for": self._lasting, "at": self._at, "until": self._until,
        }  # fmt: skip
        self.named = ("mode", "mode2", "mode3", "color", "white", "force")

    def amount(self, slot: str, listed: Sequence[str]) -> Amount:
        """Return the amount of a slot; `listed` are the words of a named one.

        Raises:
            KeyError: there is no such slot.
        """
        if slot in self.named:
            fixed = {"mode2": self._pick("외출", "절전"), "mode3": self._pick("자동", "절전")}
            word = fixed.get(slot) or self._rng.choice(list(listed))
            return word, "value", _name(word)
        if slot in ("on", "is", "off"):
            return slot, "", ""
        return self._makers[slot]()

    def _pick(self, *choices: str) -> str:
        return self._rng.choice(choices)

    def _temperature(self) -> Amount:
        number = self._rng.randint(16, 30)
        if self._rng.random() < 0.1:
            figure = f"{number}.5"
            return f"{figure}도" if self._ko else f"{figure} degrees", "value", f"{figure} °C"
        if self._ko:
            text = self._pick(
                f"{number}도", f"{number}도", f"{number} 도", f"{sino(number)} 도", f"{sino(number)}도"
            )
            return text, "value", f"{number} °C"
        text = self._pick(
            f"{number} degrees", f"{number} degrees", f"{number}°", f"{english(number)} degrees", f"{number}"
        )
        return text, "value", f"{number} °C" if text != str(number) else str(number)

    def _degrees(self) -> Amount:
        number = self._rng.randint(1, 4)
        if self._ko:
            return (
                self._pick(f"{number}도", f"{_NATIVE[number - 1]} 도", f"{sino(number)} 도"),
                "value",
                f"{number} °C",
            )
        unit = "degree" if number == 1 else "degrees"
        return self._pick(f"{number} {unit}", f"{english(number)} {unit}"), "value", f"{number} °C"

    def _percent(self) -> Amount:
        number = self._rng.choice([*range(10, 101, 5), 33, 72, 85])
        if self._ko:
            written = (f"{number}%", f"{number}퍼센트", f"{number} 프로", f"{number}프로")
            text = self._pick(*written, f"{sino(number)} 퍼센트")
        else:
            spoken = [] if number == 100 else [f"{english(number)} percent"]
            text = self._rng.choice([f"{number}%", f"{number}%", f"{number} percent", *spoken])
        return text, "value", f"{number} %"

    def _half(self) -> Amount:
        return (self._pick("반", "절반") if self._ko else self._pick("half", "halfway")), "value", "50 %"

    def _most(self) -> Amount:
        words = ("최대", "최대한") if self._ko else ("max", "maximum")
        return self._pick(*words), "value", "max"

    def _kelvin(self) -> Amount:
        number = self._rng.randrange(2700, 6600, 100)
        return (
            (f"{number}켈빈" if self._ko else self._pick(f"{number} K", f"{number} Kelvin")),
            "value",
            f"{number} K",
        )

    def _kilowatt(self) -> Amount:
        number = self._rng.choice(["3", "3.5", "5", "7", "7.4", "11"])
        if self._ko:
            return (
                self._pick(f"{number}kW", f"{number} 킬로와트", f"{number}킬로와트"),
                "value",
                f"{number} kW",
            )
        return self._pick(f"{number} kW", f"{number} kilowatts"), "value", f"{number} kW"

    def _ampere(self) -> Amount:
        number = self._rng.choice([6, 10, 13, 16, 20, 32])
        return (
            (f"{number}암페어" if self._ko else self._pick(f"{number} A", f"{number} amps")),
            "value",
            f"{number} A",
        )

    def _step(self) -> Amount:
        number = self._rng.randint(1, 5)
        text = self._pick(f"{number}단", f"{number}단계") if self._ko else f"level {number}"
        return text, "value", f"{number} step"

    def _span(self) -> tuple[str, int]:
        """Return a duration in words and in seconds."""
        if self._rng.random() < 0.4:
            hours = self._rng.randint(1, 5)
            if self._ko:
                return self._pick(
                    f"{hours}시간", f"{_NATIVE[hours - 1]} 시간", f"{_NATIVE[hours - 1]}시간"
                ), 3600 * hours
            unit = "hour" if hours == 1 else "hours"
            return self._pick(f"{hours} {unit}", f"{english(hours)} {unit}"), 3600 * hours
        minutes = self._rng.choice([5, 10, 15, 20, 30, 40, 45])
        if self._ko:
            return self._pick(f"{minutes}분", f"{minutes} 분", f"{sino(minutes)} 분"), 60 * minutes
        return self._pick(
            f"{minutes} minutes", f"{minutes} minutes", f"{english(minutes)} minutes"
        ), 60 * minutes

    def _after(self) -> Amount:
        words, seconds = self._span()
        return (
            (f"{words} {self._pick('뒤', '후')}" if self._ko else f"in {words}"),
            "when",
            f"after {seconds} s",
        )

    def _lasting(self) -> Amount:
        words, seconds = self._span()
        return (f"{words} 동안" if self._ko else f"for {words}"), "when", f"for {seconds} s"

    def _clock(self) -> tuple[str, str]:
        """Return an hour in words and as `HH:MM`; the half of the day is said."""
        hour, minute = self._rng.randint(0, 23), self._rng.choice([0, 0, 0, 30])
        shown = hour % 12 or 12
        day = self._rng.random() < 0.15
        if self._ko:
            part = "새벽" if hour < 6 else "오전" if hour < 12 else "오후" if hour < 21 else "밤"
            part = "오전" if hour == 0 else "오후" if hour == 12 else part
            spoken = _NATIVE[shown - 1] if self._rng.random() < 0.4 else str(shown)
            half = self._pick(" 30분", " 반") if minute else ""
            return (
                f"{'내일 ' if day else ''}{part} {spoken}시{half}",
                f"{'tomorrow ' if day else ''}{hour:02}:{minute:02}",
            )
        half = f":{minute:02}" if minute else ""
        words = f"{shown}{half} {'am' if hour < 12 else 'pm'}"
        return f"{words}{' tomorrow' if day else ''}", f"{'tomorrow ' if day else ''}{hour:02}:{minute:02}"

    def _at(self) -> Amount:
        words, clock = self._clock()
        return (words if self._ko else f"at {words}"), "when", f"at {clock}"

    def _until(self) -> Amount:
        words, clock = self._clock()
        return (
            (f"{words}까지" if self._ko else f"{self._pick('until', 'by')} {words}"),
            "when",
            f"until {clock}",
        )


def sino(number: int) -> str:
    """Return a number below 200 in Sino-Korean words."""
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    head = "백" if hundreds else ""
    return head + ((_SINO[tens] if tens > 1 else "") + "십" if tens else "") + (_SINO[ones] if ones else "")


def english(number: int) -> str:
    """Return a number below 100 in English words."""
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f" {_ONES[number % 10]}" if number % 10 else "")


def _name(word: str) -> str:
    return next(str(name) for name, words in table()["words"].items() if word in words)
