"""Whether a sentence turns round what its sources deny or affirm.

Each word is held against the same word in the sources, by what stands about it: denied on one side only is a
problem. Not where the other side says it in another way (`wait until` for `do not before`, `unsafe`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from slm_core.grounding.alignment import Surroundings, about, fit, moved, part_at, parts
from slm_core.grounding.denial import CONDITION, Denial, denials, sentence_end
from slm_core.grounding.wording import Word, alike, kindred, words

# Words by which a denial may be said without one, or a permission with one: `wait until` and `do not before`.
_SOFTENERS = {
    "before": (r"\b(?:until|unless|before|except|other than)\b|때까지|전까지|전에|이전|제외|외에"),
    "after": (r"\b(?:only|wait\w*|as soon as|after|once)\b|뒤에|후에|다음에|에만|미뤄|미루|미룬|기다|나서"),
    "only": (
        r"\bonly\b|\b(?:nobody|none|no one|nothing) (?:but|except)\b|한해|한하여|에만|까지만|만\s(?:들어"
        r"|쓸|할|이용|출입"
        r"|가능)"
    ),
    "danger": (
        r"\b(?:dangerous|unsafe|danger|risk\w*|beware|hazard\w*|harm\w*|against|prevent\w*|restrict\w*"
        r"|illegal|ban|leave out|rather|instead)\b"
        r"|위험|해롭|위법|불법|막아|차단|멈추|그만|대신|말고|제한"
    ),
    "again": (r"재개|풀리|풀 |다시|\b(?:reopen\w*|resum\w+|restore\w*|restoring|restoration|again|lifted)\b"),
    "safe": (r"무사|안전|정상|온전|\b(?:unhurt|unharmed|uninjured|safe|safely|intact|surviv\w+|normal)\b"),
    "implicit": (
        r"\b(?:un[a-z]{4,}|im(?:possible|passable|mobile)|in(?:accessible|operable|capable|sufficient"
        r"|adequate|valid)|[a-z]+less|empty|vacant|refus\w+"
        r"|den(?:y|ies|ied)|reject\w*|fail\w*|lack\w*|missing|lost|cancel\w*|ruled out|exempt\w*|except\w*"
        r"|despite|h[eo]lds?|spared|avoid\w*|escap\w*"
        r"|yet to|hardly|barely|few|little|remain\w*|still|stays?|required?|needs?|keep\w*|last|earliest"
        r"|too|without|never|enough|below|short|contain\w*|stop\w*|end\w*)\b"
        r"|비어|비었|빈 |미[확완해설발]|불[가필명]|무[사관해료]|배제|부인|거부|거절|실패|취소|제외|면제"
        r"|없이|조사|남아|필수|필요|있어야|해야|만에|겨우|그쳤|뿐|중이다"
        r"|중입|정상"
    ),
    "closed": (
        r"\b(?:closed|close|closes|closure|shut|suspended|halted|stopped|cut|out of|beyond|lack\w*|fail\w*"
        r"|unable)\b"
        r"|폐쇄|휴관|휴무|휴업|휴교|중단|중지|통제|두절|막혔|막혀|닫|끊|부족|불통"
    ),
}
_SOFT = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _SOFTENERS.items()}
_STUCK = re.compile(r"갇|고립|매몰|묻|\b(?:trapped|stuck|stranded|buried)\b", re.IGNORECASE)
_RELEASED = re.compile(
    r"해제|취소|철회|풀렸|풀린|풀려|풀리|풀릴|거둬|거두|해소|종료|끝났|끝나|완료|완진|정상화|재개|복구"
    r"|돌아가|귀가|진화|내려갔|하향|\b(?:lift\w*|cancel\w*"
    r"|withdr\w+|call\w* off|revoke\w*|rescind\w*|over|end(?:s|ed)?|expire\w*|no longer|reopen\w*"
    r"|resum\w+|restore\w*|restoring|restoration|resolved|return\w*|all[- ]clear|allclear|drop\w*"
    r"|release\w*|downgraded|lowered"
    r"|contained|extinguished|out|stop(?:s|ped)?|clear\w*|remov\w+|finish\w*|complete\w*|completion"
    r"|repaired|back)\b",
    re.IGNORECASE,
)
_IN_FORCE = re.compile(
    r"발령|발효|내려졌|내려진|내려져|선포|유지|연장|계속|지속|시행 중|발동|\b(?:issued?|in effect|in"
    r" force|into effect|declare[sd]?"
    r"|extended|remains?|still|continues?|ordered|orders|imposed|activated|introduced)\b",
    re.IGNORECASE,
)
_ENDED = re.compile(
    r"해제|철회|취소|풀렸|완진|진화 완료|복구 완료|정상화|상황 종료|\b(?:lifted|cancel+ed|withdrawn"
    r"|called off|revoked|rescinded|no"
    r" longer in (?:effect|force)|reopened|restored|all[- ]clear)\b",
    re.IGNORECASE,
)
_SURE_RELEASE = re.compile(
    r"해제|철회|취소|풀렸|풀린|\b(?:lifted|cancel+ed|withdrawn|called off|revoked|rescinded|no longer in"
    r" (?:effect"
    r"|force))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Turned:
    """A denial on one side only: the sentence's words, the source's words, whether it is a release."""

    said: str
    given: str
    release: bool


def turned(sentence: str, sources: tuple[str, ...]) -> Turned | None:
    """Return where the sentence denies what a source says, or says what the sources deny."""
    mine = _signs(sentence)
    for word in words(sentence):
        if word.counts and mine.get(word.start, Sign(1)).value:
            found = _word_turned(sentence, word, mine.get(word.start, Sign(1)), sources)
            if found is not None:
                return found
    return (
        _taken_back(sentence, sources)
        or _unheard_of(sentence, sources)
        or _told_the_forbidden(sentence, sources)
    )


@dataclass(frozen=True)
class Sign:
    """1 for a word that is said, -1 for one that is denied, 0 for one that may be either."""

    value: int
    release: bool = False


@lru_cache(maxsize=256)
def _signs(text: str) -> dict[int, Sign]:
    found: dict[int, Sign] = {}
    for denial in denials(text):
        found |= {word.start: Sign(0) for word in denial.scope if word.start not in found}
        found |= {word.start: Sign(-1, denial.release) for word in denial.heads}
    return found


def _word_turned(sentence: str, word: Word, mine: Sign, sources: tuple[str, ...]) -> Turned | None:
    """Hold one word against the same word in the sources, by what stands about it."""
    equal: list[Surroundings] = []
    rivals: dict[int, tuple[str, Word, Surroundings]] = {}
    for source in sources:
        theirs = _signs(source)
        for other in words(source):
            if not other.counts or not (kindred if mine.value < 0 else alike)(word, other):
                continue
            value = theirs.get(other.start, Sign(1)).value
            around = about(source, other.start, other.end, ())
            if value == -mine.value:
                rivals[id(around)] = (source, other, around)
            else:
                equal.append(around)
    if not rivals:
        return None
    one = about(sentence, word.start, word.end, ())
    if equal:
        best = moved(one, equal, [around for _, _, around in rivals.values()])
    else:
        best = max((around for _, _, around in rivals.values()), key=lambda around: fit(one, around))
        few = min(sum(1 for _, weight in each.about if weight > 0.3) for each in (one, best)) <= 2
        best = best if few or fit(one, best) >= 0.2 else None
    if best is None:
        return None
    source, other, _ = rivals[id(best)]
    given = _sentence_text(source, other.start)
    said = _sentence_text(sentence, word.start)
    if mine.release and any(not denial.release for denial in denials(given)):
        return None  # Cancelled is one way to say that it does not run.
    near = (said, _part_text(sentence, word.start)), (given, _part_text(source, other.start))
    if _softer(*near) if mine.value > 0 else _softer(*reversed(near)):
        return None
    sign = _signs(source).get(other.start, mine) if mine.value > 0 else mine
    return Turned(said, given, sign.release)


def _softer(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether the first has words that may stand for the other's denial; about time they may be far."""
    for name, pattern in _SOFT.items():
        whole = name in ("before", "after")
        if pattern.search(one[0] if whole else one[1]) and not pattern.search(other[0]):
            return True
    return False


def _part_text(text: str, at: int) -> str:
    piece = part_at(parts(text), at)
    return text[piece.start : piece.end] if piece else text


def _taken_back(sentence: str, sources: tuple[str, ...]) -> Turned | None:
    """A release that no source knows, or something in force where the sources only know its end."""
    given = "\n".join(sources)
    found = _SURE_RELEASE.search(sentence)
    if found and CONDITION.search(sentence[: found.start()]):
        return None
    if found and not _RELEASED.search(given) and (_IN_FORCE.search(given) or not _signs(given)):
        return Turned(_sentence_text(sentence, found.start()), sources[0] if sources else "", True)
    held, ended = _IN_FORCE.search(sentence), _ENDED.search(given)
    if held is None or ended is None or _IN_FORCE.search(given):
        return None
    said, told = _sentence_text(sentence, held.start()), _sentence_text(given, ended.start())
    if _RELEASED.search(said) or _signs(said):
        return None
    shared = any(
        alike(one, other) for one in words(said) for other in words(told) if one.counts and other.counts
    )
    return Turned(said, told, True) if shared else None


_TOLD = re.compile(r"(?:세요|십시오|시오|바랍니다|하라)[.!\s]*$")
_FORBIDS = re.compile(r"마(?=[세십시라])|말\s?것|금지|안\s?[된돼됩되]")


def _told_the_forbidden(sentence: str, sources: tuple[str, ...]) -> Turned | None:
    """An order to handle what a source only names to forbid its handling."""
    denied = {word.start for denial in denials(sentence) for word in (*denial.heads, *denial.scope)}
    if not _TOLD.search(sentence):
        return None
    for word in words(sentence):
        if word.start in denied or not re.search(r"[을를]$", word.text) or not word.counts:
            continue
        found = [(source, other) for source in sources for other in words(source) if alike(word, other)]
        if found and all(_is_forbidden(source, other) for source, other in found):
            source, other = found[0]
            given, said = _sentence_text(source, other.start), _sentence_text(sentence, word.start)
            if not _softer((said, said), (given, given)):
                return Turned(said, given, False)
    return None


def _is_forbidden(source: str, word: Word) -> bool:
    """Whether the word is an object in a sentence that ends in a prohibition, with no other verb between."""
    end = sentence_end(source, word.end)
    rest = source[word.end : end]
    listed = re.search(r"(?:[을를나도]|이나)$", word.text)
    return bool(listed and _FORBIDS.search(rest) and not re.search(r"[고며면서],?\s", rest))


def _unheard_of(sentence: str, sources: tuple[str, ...]) -> Turned | None:
    """A denial of what the sources do not speak of, where they deny nothing of the kind."""
    for denial in denials(sentence):
        if denial.release or not denial.heads or _mentioned(denial, sources):
            continue
        near = [given for source in sources for given in _sharing(sentence, source)]
        if sum(len(_spans(source)) for source in sources) <= 4:
            near = [*near, *sources] if near else near
        if near and not any(
            _signs(given)
            or any(
                _SOFT[name].search(given)
                for name in ("before", "only", "danger", "closed", "safe", "implicit")
            )
            or _RELEASED.search(given)
            or _STUCK.search(given)
            for given in near
        ):
            return Turned(_sentence_text(sentence, denial.start), near[0], False)
    return None


def _mentioned(denial: Denial, sources: tuple[str, ...]) -> bool:
    return any(
        kindred(head, other)
        for head in denial.heads
        for source in sources
        for other in words(source)
        if other.counts
    )


def _sharing(sentence: str, source: str) -> list[str]:
    """Return the source's sentences that share words with the sentence, the closest first."""
    mine = [word for word in words(sentence) if word.counts]
    ranked = []
    for begin, end in _spans(source):
        theirs = [word for word in words(source) if begin <= word.start < end and word.counts]
        shared = sum(1 for word in mine if any(alike(word, other) for other in theirs))
        if shared:
            ranked.append((shared, source[begin:end].strip()))
    return [text for _, text in sorted(ranked, key=lambda entry: -entry[0])]


def _spans(text: str) -> list[tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for piece in parts(text):
        start, _ = found.get(piece.sentence, (piece.start, 0))
        found[piece.sentence] = (start, piece.end)
    return list(found.values())


def _sentence_text(text: str, at: int) -> str:
    return next((text[a:b].strip() for a, b in _spans(text) if a <= at < b), text.strip())
