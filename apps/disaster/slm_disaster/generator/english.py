"""What English patterns' slots become: places, times, counts, warnings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from slm_disaster.generator.pattern import Filler, load_table
from slm_disaster.generator.pieces import Label, Piece, labelled

_WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_MONTHS = "January March April May June July August September October November December Feb Aug Sept Dec"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_WARNINGS = {"warning": "warning", "advisory": "advisory", "WARNING": "warning", "warnings": "warning"}
_CRISIS = {"Attention": "attention", "Caution": "caution", "Alert": "alert", "Serious": "serious"}
_WARNED = {
    "flash flood": "flood",
    "flood": "flood",
    "heavy rain": "heavy_rain",
    "high wind": "strong_wind",
    "gale": "strong_wind",
    "blizzard": "heavy_snow",
    "snow": "heavy_snow",
    "heat": "heat_wave",
    "tsunami": "tsunami",
    "hurricane": "storm",
    "typhoon": "storm",
    "tornado": "storm",
    "landslide": "landslide",
    "air quality": "dust",
    "cold wave": "cold_wave",
    "red flag": "wildfire",
}
_NOUNS = [
    "people",
    "people",
    "residents",
    "villagers",
    "workers",
    "children",
    "soldiers",
    "passengers",
    "others",
]


class English(Filler):
    """Fills English patterns."""

    def __init__(self, rng: Random) -> None:
        words = load_table("words_en")
        extra = load_table("patterns_en")["word"]
        super().__init__(rng, {**words, "word": {**words["word"], **extra}})
        self.special = {
            "place": lambda: [Piece(self.place(), (Label("place"),))],
            "region": lambda: [Piece(self.choose("word", "region"), (Label("place"),))],
            "town": lambda: [Piece(self.choose("word", "town"))],
            "places": self._places,
            "when": lambda: [Piece(self.time(), (Label("time"),))],
            "time": self._at_time,
            "Time": lambda: _capital(self._at_time()),
            "clock": lambda: [Piece(f"{rng.randint(1, 12)} {rng.choice(['a.m.', 'p.m.', 'pm', 'am'])}")],
            "day": lambda: [Piece(rng.choice(_DAYS.split()))],
            "warn": self._warn,
            "warn.kind": self._warn_kind,
            "rail.stop": lambda: _capital(self.expand("{infra.railway}")),
            "level.crisis": self._crisis,
            "counts": self._counts,
            "Counts": lambda: _capital(self._counts()),
            "hazard.any": self.any_of("hazard"),
            "hazard.crisis": lambda: self.expand(
                "{hazard." + rng.choice(["epidemic", "wildfire", "drought"]) + "}"
            ),
            "need": self._need,
            "Need.any": lambda: _capital(self._need()),
            "infra": self.any_of("infra"),
            "Infra": lambda: _capital(self.any_of("infra")()),
            "@stormname=hazard.storm": self._storm,
        }

    def fitting(self, choices: Sequence[str], before: str) -> Sequence[str]:
        """After `a` no plural; after `no`, `a` and `the` no second article."""
        kept = list(choices)
        if re.search(r"\b[Aa]n? $", before):
            kept = [word for word in kept if not word.endswith("s")]
        if re.search(r"\b([Aa]n?|[Nn]o|the) $", before):
            kept = [word for word in kept if not re.match(r"(a|an|the) ", word)]
        return kept or choices

    def people(self, template: str) -> str:
        """`%p` is persons, `%c` a count with or without a noun, `%s` without, `%d` figures."""
        if "%" not in template:
            return template
        number = self._number()
        template = template.replace("%d", str(number)).replace("%s", self._shown(number))
        template = template.replace("%p", self._persons(number))
        text = template.replace(
            "%c", self._persons(number) if self.rng.random() < 0.3 else self._shown(number)
        )
        if number == 1:
            text = re.sub(
                r"\bwere\b", "was", re.sub(r"\bare\b", "is", re.sub(r"\b(lives|deaths)\b", _single, text))
            )
        return text

    def place(self) -> str:
        """Return a town, a region, or a town in its region's company."""
        town, region = self.choose("word", "town"), self.choose("word", "region")
        side = self.rng.choice(["northern", "south", "downtown", "west", "Old"])
        forms = [
            town,
            region,
            f"{side} {town}",
            f"{town} district",
            self.choose("word", "school"),
            f"{town} North",
        ]
        return self.rng.choices(forms, weights=[12, 4, 2, 2, 1, 1])[0]

    def time(self) -> str:
        """Return a time as English reports write them."""
        rng = self.rng
        hour, minute = rng.randint(1, 12), rng.choice([0, 5, 10, 15, 20, 30, 40, 45, 50])
        half = rng.choice(["a.m.", "p.m.", "am", "pm"])
        day = rng.choice(_DAYS.split())
        date = f"{rng.choice(_MONTHS.split())} {rng.randint(1, 28)}"
        forms = [
            f"{hour} {half}",
            f"{hour}:{minute:02} {half}",
            f"{rng.randint(0, 23):02}:{minute:02}",
            f"{rng.randint(0, 23):02}{minute:02} hrs",
            day,
            f"{day} {rng.choice(['morning', 'afternoon', 'evening', 'night'])}",
            rng.choice(["yesterday", "this morning", "last night", "today", "early today", "tonight"]),
            date,
            f"{date} at {hour} {half}",
            f"{rng.randint(1, 28)} {rng.choice(_MONTHS.split())}",
        ]
        return rng.choice(forms)

    def _at_time(self) -> list[Piece]:
        """Return a time after the preposition that it takes; the quote is the time alone."""
        time = self.time()
        before = ""
        if re.match(r"\d{1,2}[: ]|\d{4}", time) and not re.search(r"[A-Z][a-z]", time):
            before = self.rng.choice(["at ", "at ", "around "])
        elif re.search(r"[A-Z][a-z]", time):
            before = self.rng.choice(["on ", ""])
        return [Piece(before), Piece(time, (Label("time"),))] if before else [Piece(time, (Label("time"),))]

    def _number(self) -> int:
        pick = self.rng.random()
        if pick < 0.78:
            return self.rng.randint(1, 20)
        return self.rng.randint(21, 400) if pick < 0.97 else self.rng.randint(1000, 30000)

    def _shown(self, number: int) -> str:
        if number <= 15 and self.rng.random() < 0.4:
            return _WORDS.split()[number - 1]
        return f"{number:,}" if self.rng.random() < 0.85 else str(number)

    def _persons(self, number: int) -> str:
        shown = self._shown(number)
        return (
            f"{shown} {self.rng.choice(['person', 'man', 'woman'])}"
            if number == 1
            else f"{shown} {self.rng.choice(_NOUNS)}"
        )

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
            weights=[3, 4, 2, 2, 2, 2],
        )[0]
        fields = self.rng.sample(fields, len(fields)) if self.rng.random() < 0.45 else fields
        return self.joined([self.count(field) for field in fields], [", ", ", ", " and ", "; ", " / "])

    def _places(self) -> list[Piece]:
        parts = [
            Piece(self.choose("word", "town"), (Label("place"),)) for _ in range(self.rng.choice([2, 2, 3]))
        ]
        pieces = self.joined(parts, [", "])
        return [*pieces[:-2], Piece(self.rng.choice([" and ", " & ", ", "])), pieces[-1]]

    def _warn(self) -> list[Piece]:
        word = self.rng.choice(sorted(_WARNINGS))
        return [Piece(word, (Label("level", _WARNINGS[word]),))]

    def _warn_kind(self) -> list[Piece]:
        """Return a warning with its hazard inside it, such as flood warning."""
        name, hazard = self.rng.choice(list(_WARNED.items()))
        level = self.rng.choice(["warning", "warning", "advisory"])
        return [Piece(f"{name} {level}", (Label("hazard", hazard, 0, len(name)), Label("level", level)))]

    def _crisis(self) -> list[Piece]:
        word = self.rng.choice(sorted(_CRISIS))
        mark = self.rng.choice(["", "'"])
        return [Piece(mark), Piece(word, (Label("level", _CRISIS[word]),)), Piece(mark)]

    def _need(self) -> list[Piece]:
        kind = self.fresh_need()
        return [labelled(self.choose("need", kind), f"need.{kind}")]

    def _storm(self) -> list[Piece]:
        kind = self.rng.choice(["Hurricane", "Cyclone", "Typhoon", "Tropical Storm", "Storm"])
        return [labelled(kind, "hazard.storm"), Piece(f" {self.choose('word', 'storm')}")]


def _capital(pieces: list[Piece]) -> list[Piece]:
    first = pieces[0]
    return [Piece(first.text[:1].upper() + first.text[1:], first.labels), *pieces[1:]]


def _single(match: re.Match[str]) -> str:
    return {"lives": "life", "deaths": "death"}[match[0]]
