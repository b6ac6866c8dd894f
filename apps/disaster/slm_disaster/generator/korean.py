"""What Korean patterns' slots become: places, times, counts, warnings, senders."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from slm_disaster.generator.pattern import Filler, load_table
from slm_disaster.generator.pieces import Label, Piece, labelled

_NATIVE = ["한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열", "열한", "열두"]
_WEEKDAYS = "월화수목금토일"
_WARNINGS = ["주의보", "주의보", "경보", "경보", "경보"]
_CRISIS = {"관심": "attention", "주의": "caution", "경계": "alert", "심각": "serious"}
_WARNING_WORDS = {
    "heavy_rain": ["호우"],
    "strong_wind": ["강풍", "풍랑"],
    "heavy_snow": ["대설"],
    "cold_wave": ["한파"],
    "heat_wave": ["폭염"],
    "storm": ["태풍"],
    "flood": ["홍수"],
    "landslide": ["산사태"],
    "tsunami": ["지진해일"],
}


class Korean(Filler):
    """Fills Korean patterns."""

    def __init__(self, rng: Random) -> None:
        words = load_table("words_ko")
        extra = load_table("patterns_ko")["word"]
        super().__init__(rng, {**words, "word": {**words["word"], **extra}})
        self.home = rng.choice(load_table("places_ko")["region"])
        self.county = rng.choice(sorted(self.home["towns"]))
        self.special = {
            "place": lambda: [Piece(self.place(), (Label("place"),))],
            "places": self._places,
            "town": lambda: [Piece(self.place())],
            "time": lambda: [Piece(self.time(), (Label("time"),))],
            "clock": lambda: [Piece(self._clock())],
            "counts": self._counts,
            "crisis": self._crisis,
            "disease_h": lambda: [labelled(self.choose("word", "disease"), "hazard.epidemic")],
            "hazard.any": self.any_of("hazard"),
            "warn.any": lambda: self._warning(*rng.choice(list(_WARNING_WORDS.items()))),
            "need": self._need,
            "infra": self.any_of("infra"),
            "refugees": lambda: [labelled(self.choose("need", "refugees"), "need.refugees")],
        }
        for field in ("dead", "missing", "injured"):
            self.special[field] = lambda field=field: [self.count(field)]  # type: ignore[misc]
        for hazard, names in _WARNING_WORDS.items():
            self.special[f"warn.{hazard}"] = lambda h=hazard, n=names: self._warning(h, n)  # type: ignore[misc]

    def fitting(self, choices: Sequence[str], before: str) -> Sequence[str]:
        """Korean nouns need nothing from what stands before them."""
        return choices

    def people(self, template: str) -> str:
        """`%n` is a number with 명, `%i` with 인, `%b` bare."""
        if "%" not in template:
            return template
        number = self._number()
        template = template.replace("%b", number.rstrip("여")).replace("%i", f"{number}인")
        return template.replace("%n", self._persons(number))

    def place(self) -> str:
        """Return an administrative name in one of the usual depths."""
        region, county = self._county()
        town = self.rng.choice(region["towns"][county])
        forms = [
            f"{county} {town}",
            f"{county} {town}",
            county,
            town,
            f"{region['short']} {county}",
            f"{region['short']} {county} {town}",
            f"{region['name']} {county}",
            region["name"],
            region["short"],
        ]
        place = self.rng.choices(forms, weights=[6, 5, 5, 4, 4, 3, 1, 1, 1])[0]
        if place.endswith(town) and town[-1] in "면읍동" and self.rng.random() < 0.15:
            village = self.rng.choice("신용대금석오월덕상하송장") + self.rng.choice("산천곡평암정촌계")
            place += (
                f" {village}리"
                if town[-1] != "동"
                else f" {self.rng.randint(2, 899)}-{self.rng.randint(1, 30)}"
            )
        return place

    def _county(self) -> tuple[dict[str, Any], str]:
        """Return a province and one of its counties: most of a report is about one of them."""
        pick = self.rng.random()
        if pick < 0.6:
            return self.home, self.county
        region = self.home if pick < 0.85 else self.rng.choice(load_table("places_ko")["region"])
        return region, self.rng.choice(sorted(region["towns"]))

    def time(self) -> str:
        """Return a time or date as messages write them, without 경 and particles."""
        rng = self.rng
        month, day, hour, minute = (
            rng.randint(1, 12),
            rng.randint(1, 28),
            rng.randint(0, 23),
            rng.randint(0, 59),
        )
        half = rng.choice(["오전", "오후", "새벽", "밤", "저녁"])
        twelve = {"새벽": rng.randint(1, 5), "밤": rng.randint(9, 11), "저녁": rng.randint(6, 8)}.get(
            half, rng.randint(1, 11)
        )
        clock = rng.choice(
            [f"{hour:02}:{minute:02}", f"{hour}:{minute:02}", f"{hour}시", f"{hour}시 {minute}분"]
        )
        word = rng.choice(["오늘", "금일", "오늘", "어제", "내일"])
        forms = [
            clock,
            clock,
            f"{hour:02}시",
            f"{word} {clock}",
            f"{word} {half} {twelve}시",
            f"{half} {twelve}시",
            f"{half} {twelve}시 {minute}분",
            f"{month}. {day}.({rng.choice(_WEEKDAYS)}) {clock}",
            f"{month}.{day}. {hour:02}:{minute:02}",
            f"{month}월 {day}일 {clock}",
            f"{month}월 {day}일",
            f"금일({day}일) {clock}",
            f"{day}일 {half} {twelve}시",
            f"{day}일 {hour:02}시",
            f"{month}/{day} {hour:02}:{minute:02}",
            f"2025-{month:02}-{day:02} {hour:02}:{minute:02}",
            rng.choice(["오늘 아침", "어젯밤", "간밤", "오늘 새벽", "어제 저녁", "오늘 낮", "지난밤"]),
        ]
        return rng.choice(forms)

    def sender(self) -> str:
        """Return who a message is from, mostly the county at home; that is no place of the event."""
        region, county = self._county()
        plain = [
            county,
            f"{county}청",
            region["name"],
            f"{region['short']}경찰청",
            f"{county} 재난안전대책본부",
        ]
        return self.rng.choice([*plain, county, self.choose("word", "agency"), self.choose("word", "agency")])

    def _clock(self) -> str:
        return f"{self.rng.randint(0, 23)}{self.rng.choice(['시', ':00', ':30', '시 30분'])}"

    def _number(self) -> str:
        pick = self.rng.random()
        if pick < 0.76:
            return str(self.rng.randint(1, 20))
        if pick < 0.92:
            return str(self.rng.randint(21, 400))
        if pick < 0.95:
            return f"{self.rng.randint(2, 40)}0여"
        return f"{self.rng.randint(1000, 24000):,}" if pick < 0.98 else f"{self.rng.randint(1, 9)}천"

    def _persons(self, number: str) -> str:
        if number.isdigit() and int(number) <= 12 and self.rng.random() < 0.3:
            return f"{_NATIVE[int(number) - 1]} {self.rng.choice(['명', '명', '사람'])}"
        if number.isdigit() and self.rng.random() < 0.07:
            return f"{number} 명"
        return f"{number}명"

    def _counts(self) -> list[Piece]:
        fields = self.rng.choices(
            [
                ["dead", "missing", "injured"],
                ["dead", "injured"],
                ["dead"],
                ["injured"],
                ["missing"],
                ["dead", "missing"],
            ],
            weights=[3, 4, 2, 2, 1, 2],
        )[0]
        fields = self.rng.sample(fields, len(fields)) if self.rng.random() < 0.45 else fields
        shape = self.rng.randrange(len(self.words["count"]["dead"]))
        parts = [self.count(field, self.words["count"][field][shape]) for field in fields]
        return self.joined(parts, [", ", "·", " / ", ", ", ", ", " "])

    def _places(self) -> list[Piece]:
        names = [self.place() for _ in range(self.rng.choice([2, 2, 3]))]
        if self.rng.random() < 0.5 or any(
            one in other for one in names for other in names if one is not other
        ):
            names = self._neighbours()
        parts = [Piece(name, (Label("place"),)) for name in names]
        return self.joined(parts, [", ", "·", "와 " if parts[0].text[-1] in "구리" else ", ", " / "])

    def _neighbours(self) -> list[str]:
        """Return towns of one county, the county named once, or counties of one province."""
        region = self.home
        counties = self.rng.sample(sorted(region["towns"]), min(3, len(region["towns"])))
        if self.rng.random() < 0.5:
            return counties
        first, *others = region["towns"][counties[0]]
        return [f"{counties[0]} {first}", *others]

    def _warning(self, hazard: str, names: Sequence[str]) -> list[Piece]:
        name, warning = self.rng.choice(names), self.rng.choice(_WARNINGS)
        level = "advisory" if warning == "주의보" else "warning"
        text = f"{name}{warning}" if self.rng.random() < 0.9 else f"{name} {warning}"
        return [Piece(text, (Label("hazard", hazard, 0, len(name)), Label("level", level)))]

    def _crisis(self) -> list[Piece]:
        word = self.rng.choice(sorted(_CRISIS))
        mark = self.rng.choice(["", "'", "‘"])
        close = {"‘": "’"}.get(mark, mark)
        return [Piece(mark), Piece(word, (Label("level", _CRISIS[word]),)), Piece(close)]

    def _need(self) -> list[Piece]:
        kind = self.fresh_need()
        return [labelled(self.choose("need", kind), f"need.{kind}")]
