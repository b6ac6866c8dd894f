"""Names, places and ids that a sentence gives and no source does, without a list of places.

In English a capital letter inside a sentence tells a name. Korean has none: a name is known by what follows
it (시, 초등학교, a title), or by standing exactly where the source has another word (`부산에서 산불이` for
`강릉에서 산불이`). A domain that knows its places gives them in `names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from slm_core.grounding.alignment import SENTENCE_END
from slm_core.grounding.measures import measures
from slm_core.grounding.wording import Word, alike, bare, english_stem, grammar, table, words

_CAPITAL = re.compile(r"\b[A-Z][A-Za-z]*(?:['-][A-Za-z]+)*")
_ID = re.compile(
    r"\b[A-Za-z]{1,6}-?\d[\w-]*(?:\.\d+)?|\b\d{2,4}-\d{3,4}(?:-\d{4})?\b|#\d+|\b1\d{2}(?=(?:번|에|로"
    r"|으로)\s?(?:신고|전화|연락)|\s?\((?:신고|전화)|에 (?:신고|전화))"
)
_QUOTED = re.compile(r"[\"“「『]([^\"”」』]{6,})[\"”」』]")
_LOCATIVE = re.compile(r"(?:에서는|에서의|에서|에는|으로|에|로|의)$")
_VERBAL = re.compile(r"[되하오나가이르으리치지시거라려]면$|[하되]시$|하리$|[으]로$|[이아어]도$")
_FOLLOWERS = (
    "부근",
    "인근",
    "일대",
    "구간",
    "지역",
    "앞바다",
    "주민",
    "시민",
    "해상",
    "지점",
    "방면",
    "방향",
    "쪽",
    "남쪽",
    "북쪽",
    "동쪽",
    "서쪽",
    "관내",
    "전역",
    "현장",
    "산불",
    "지진",
    "시내",
)
_LATIN = (
    ("g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"),
    (
        "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae",
        "oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i",
    ),
    (
        "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l",
        "p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k", "t", "p", "h",
    ),
)  # fmt: skip


def foreign_names(
    sentence: str, sources: Sequence[str], names: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield what is named, and why it does not stand: the source's own word, or "" where there is none."""
    given = "\n".join(sources)
    seen: set[str] = set()
    for found, instead in (
        *_ids(sentence, given),
        *_known(sentence, given, names),
        *_capitals(sentence, given),
        *_by_suffix(sentence, given),
        *_titled(sentence, given),
        *_replaced(sentence, sources),
    ):
        if found not in seen:
            seen.add(found)
            yield found, instead


def _squeezed(text: str) -> str:
    return re.sub(r"[\s\-]", "", text).casefold()


def _ids(sentence: str, given: str) -> Iterator[tuple[str, str]]:
    units = [(each.start, each.end) for each in measures(sentence)]
    for match in _ID.finditer(sentence):
        inside = any(a <= match.start() and match.end() <= b for a, b in units)
        if not inside and _squeezed(match[0]) not in _squeezed(given):
            yield match[0], ""
    for match in _QUOTED.finditer(sentence):
        same_script = bool(re.search("[가-힣]", match[1])) == bool(re.search("[가-힣]", given))
        if same_script and len(match[1].split()) >= 3 and _letters_only(match[1]) not in _letters_only(given):
            yield match[1], ""


def _letters_only(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def _known(sentence: str, given: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not names:
        return
    for match in _names_pattern(tuple(names)).finditer(sentence):
        if match[0].casefold() not in given.casefold() and not _spoken_alike(match[0], given):
            yield match[0], ""


@lru_cache(maxsize=8)
def _names_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    longest = sorted((name for name in names if len(name) > 1), key=len, reverse=True)
    return re.compile("|".join(rf"(?<![가-힣\w]){re.escape(name)}" for name in longest))


def _capitals(sentence: str, given: str) -> Iterator[tuple[str, str]]:
    starts = {0} | {match.end() for match in SENTENCE_END.finditer(sentence)}
    theirs = _source_stems(given)
    lost = [name for name in _CAPITAL.findall(given) if name.casefold() not in sentence.casefold()]
    for match in _CAPITAL.finditer(sentence):
        word = re.sub(r"'s?$", "", match[0])
        low = word.casefold()
        opening = any(
            re.fullmatch(r"[\s\"'(·•*-]*", sentence[start : match.start()])
            for start in starts
            if start <= match.start()
        )
        if (
            low in grammar("calendar")
            or len(word) < 2
            or english_stem(word) in theirs
            or low in given.casefold()
        ):
            continue
        if opening and not _name_at_start(sentence, match, low, lost):
            continue
        if any(concept for each in words(word) for concept in each.concepts) and opening:
            continue
        if _acronym(word, given) or _spoken_alike(word, given):
            continue
        if re.match(r"[A-Za-z]*\d", sentence[match.start() :]) or _is_unit(sentence, match):
            continue
        yield word, ""


def _is_unit(sentence: str, match: re.Match[str]) -> bool:
    return any(each.start <= match.start() and match.end() <= each.end for each in measures(sentence))


def _name_at_start(sentence: str, match: re.Match[str], low: str, lost: list[str]) -> bool:
    if low in table()["names"]["starters"] or (
        low.endswith(("s", "ing", "ly", "ed")) and match[0][1:].islower()
    ):
        return False
    if re.match(r"\s(?:[A-Z][a-z]+|of [A-Z])", sentence[match.end() :]) or match[0].isupper():
        return True
    verb = re.match(
        r"(?:'s)?\s(?:is|was|has|had|will|reported|recorded|saw|lost|remains?|received|issued|declared|and"
        r" [A-Z]|\w+ed\b)",
        sentence[match.end() :],
    )
    return bool(verb and lost) or sentence[match.end() : match.end() + 2] == "'s"


@lru_cache(maxsize=64)
def _source_stems(given: str) -> frozenset[str]:
    return frozenset(key for word in words(given) for key in word.keys)


def _acronym(word: str, given: str) -> bool:
    """Whether the source writes it out, or writes the initials of what the sentence writes out."""
    if word.isupper() and 2 <= len(word) <= 6:
        initials = "".join(name[0] for name in re.findall(r"[A-Z][a-z]+", given))
        return word in initials
    return False


def _spoken_alike(word: str, given: str) -> bool:
    """Whether the name stands in the source in the other script: Gangneung for 강릉."""
    if "가" <= word[0] <= "힣":
        spoken, others = _romanised(bare(word)), {name.casefold() for name in _CAPITAL.findall(given)}
    else:
        spoken, others = (
            word.casefold(),
            {_romanised(bare(each.text)) for each in words(given) if "가" <= each.text[0] <= "힣"},
        )
    spoken = re.sub(r"-(?:si|gun|gu|eup|myeon|dong|ri|do)$", "", spoken)
    return len(spoken) >= 3 and any(
        SequenceMatcher(None, spoken, other[: len(spoken) + 1]).ratio() >= 0.74
        for other in others
        if other[:1] in (spoken[0], {"l": "r"}.get(spoken[0]))
    )


@lru_cache(maxsize=4096)
def _romanised(word: str) -> str:
    out = []
    for letter in word:
        code = ord(letter) - 0xAC00
        if 0 <= code < 11172:
            out.append(_LATIN[0][code // 588] + _LATIN[1][code % 588 // 28] + _LATIN[2][code % 28])
    return "".join(out)


def _by_suffix(sentence: str, given: str) -> Iterator[tuple[str, str]]:
    if not re.search("[가-힣]", given):
        return
    for word in words(sentence):
        for noun in dict.fromkeys((word.bare, word.text)) if word.bare else ():
            instead = _place_instead(word, noun, sentence, given)
            if instead is not None:
                yield noun, instead
                break


def _place_instead(word: Word, noun: str, sentence: str, given: str) -> str | None:
    """Return the source's place of this form, "" where there is none, None where the word is no new place."""
    names = table()["names"]
    suffix = next(
        (end for end in (*names["long_suffixes"], *names["short_suffixes"]) if noun.endswith(end)), None
    )
    stem = noun[: -len(suffix)] if suffix else ""
    if not suffix or not stem or noun in given or stem in names["common_places"]:
        return None
    if suffix in names["short_suffixes"] and noun.endswith(tuple(names["no_names"])):
        return None
    if (len(stem) >= 2 and stem in given) or _compound(noun, given):
        return None
    instead = _lost_with(suffix, sentence, given)
    if suffix in names["long_suffixes"]:
        return instead if len(stem) >= 2 else None
    if word.concepts or not (
        _placed(word, noun, sentence) or (instead and len(noun) >= 3 and not _VERBAL.search(noun))
    ):
        return None
    sure = suffix in names["sure_suffixes"] and len(stem) >= 2
    return instead if sure or (instead and len(stem) >= (1 if suffix in "시군구도" else 2)) else None


def _placed(word: Word, noun: str, sentence: str) -> bool:
    """Whether it stands as a place does: before 에서 or 주민, or after a larger place."""
    before = sentence[max(0, word.start - 3) : word.start]
    if re.search(r"[도시군구읍면]\s$", before) or re.match(
        r"\s(?:주민|시민|일대|지역|전역|인근|부근|관내|[가-힣]+(?:동|면|읍|리|구))", sentence[word.end :]
    ):
        return True
    return word.text[len(noun) :] in ("에서", "에", "의", "에는", "에서는", "에서도") or (
        noun.endswith(("시", "군", "구")) and len(noun) == 3
    )


def _compound(noun: str, given: str) -> bool:
    """Whether the source writes the parts: 강릉시 for 강원 강릉, 동해소방서 for 동해시 소방서."""
    return len(noun) >= 3 and noun[:2] in given and re.search(rf"(?<![가-힣]){noun[:2]}", given) is not None


def _lost_with(suffix: str, sentence: str, given: str) -> str:
    """Return a source word with this suffix that the sentence does not have."""
    names = table()["names"]
    for word in words(given):
        noun = bare(word.text)
        if (
            noun.endswith(suffix)
            and len(noun) > len(suffix)
            and not noun.endswith(tuple(names["no_names"]))
            and not _VERBAL.search(noun)
            and noun not in sentence
        ):
            return noun
    return ""


def _titled(sentence: str, given: str) -> Iterator[tuple[str, str]]:
    titles = "|".join(table()["names"]["titles"])
    for match in re.finditer(rf"(?<![가-힣])([가-힣]{{2,4}})\s(?:{titles})(?![가-힣]{{2}})", sentence):
        if (
            match[1] not in given
            and bare(match[1]) not in given
            and match[1] not in table()["names"]["common_places"]
            and re.search("[가-힣]", given)
        ):
            yield match[1], ""


def _replaced(sentence: str, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A place word where a source has another one between the same neighbours."""
    mine = [word for word in words(sentence) if "가" <= word.text[0] <= "힣"]
    given = "\n".join(sources)
    for index, word in enumerate(mine):
        if not _may_be_place(word, given):
            continue
        for source in sources:
            theirs = [other for other in words(source) if "가" <= other.text[0] <= "힣"]
            for at, other in enumerate(theirs):
                near = mine[index + 1].text if index + 1 < len(mine) else ""
                their_near = theirs[at + 1].text if at + 1 < len(theirs) else ""
                if not _may_be_place(other, sentence) or not _same_slot(word, other, near, their_near):
                    continue
                following = (
                    index + 1 < len(mine) and at + 1 < len(theirs) and alike(mine[index + 1], theirs[at + 1])
                )
                before = index > 0 and at > 0 and alike(mine[index - 1], theirs[at - 1])
                if following or before:
                    yield bare(word.text), bare(other.text)
                    return


def _may_be_place(word: Word, elsewhere: str) -> bool:
    noun = _LOCATIVE.sub("", word.text)
    names = table()["names"]
    if not 2 <= len(noun) <= 5 or noun[:2] in elsewhere or not word.counts or word.concepts:
        return False
    return (
        noun not in names["common_places"]
        and noun not in names["no_names"]
        and not re.search(r"[다요면고게지며서는은한할된될도록히]$", noun)
    )


def _same_slot(word: Word, other: Word, following: str, theirs: str) -> bool:
    mine, its = _LOCATIVE.search(word.text), _LOCATIVE.search(other.text)
    if mine and mine[0] in ("에서", "에", "에서는", "에는", "으로", "로"):
        return its is not None or len(other.bare) <= 4
    listed = following.startswith(_FOLLOWERS) and theirs.startswith(_FOLLOWERS)
    listed = listed or (
        following == theirs
        and re.search(r"[가-힣](?:시|군|구|읍|면|동|도)$", following) is not None
        and following not in table()["names"]["no_names"]
    )
    return not mine and not its and listed
