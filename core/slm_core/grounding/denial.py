"""What a text denies, forbids, or takes back: each denying word with its head, the word that it denies.

`않`, `없`, 금지, `not`, `avoid`, `lifted`, 해제. `until lifted` and `해제될 때까지` deny nothing yet; two
denials make none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from slm_core.grounding.alignment import parts
from slm_core.grounding.measures import measures
from slm_core.grounding.wording import Word, concept_spans, grammar, words

_H = r"[가-힣A-Za-z0-9]+"
_NOT_YET = re.compile(
    r"\s?(?:될|할|될\s|하면|되면|시(?=\s|까지)|까지|전(?=[에까\s])|하기 전|되기 전|여부|예정|을 검토|를"
    r" 검토|가능)"
)
_KOREAN = (
    (
        re.compile(
            r"[가-힣]*?지(?:는|도|를|조차)?\s?(?:않(?!으면\s안)|말(?=고|아|라|\s?것|자|도록|기|며|았|길)"
            r"|마(?=[세십시라요])|못)"
        ),
        "verb",
    ),
    (re.compile(rf"{_H}\s(?:말고|대신)(?=[\s,])"), "verb"),
    (re.compile(rf"(?:{_H}\s)?수(?:는|가|도)?\s없"), "verb"),
    (re.compile(r"면\s?안\s?(?:된|되|돼|됩)"), "before"),
    (
        re.compile(
            r"(?<![가-힣])(?:안|못)\s(?=[가-힣]+(?:다|요|고|는|은|면|아|어|음|함|서|지))(?!된|되|돼|됩)"
        ),
        "next",
    ),
    (
        re.compile(
            r"(?<!수밖에 )(?<!수밖에)(?<!관계 )(?<!관계)(?<!상관)(?<!상관"
            r" )(?<!틀림)(?<!끊임)(?<!어김)(?<!빠짐)(?<!수 )(?<!수는"
            r" )(?<!수가 )(?<!수도 )(?:없(?!애|앤|앨)|전무)"
        ),
        "before",
    ),
    (re.compile(r"(?<!뿐 )(?<!뿐만 )아니(?=[다라고며었에])|아닌|아닙"), "before"),
    (
        re.compile(r"금지|불가(?!피)|엄금|금물|자제|삼가|삼갈|불허|금(?:한다|합니다|하고|하며|했)"),
        "before",
    ),
    (
        re.compile(r"(?<![대도회기])피하(?=[고며십세라는]|\s?시)|(?<![대도])피(?:한다|해야|해\s주)"),
        "perhaps",  # What is shunned may be the danger itself.
    ),
    (re.compile(r"해제|취소|철회|풀렸|풀린(?=\s|다)|풀립|거둬|해소|종료(?!일|\s?시각|\s?시간)"), "release"),
    (re.compile(r"(?<![\d.,])0\s?(?:명|건|곳|채|대|개소)"), "before"),
)
_ENGLISH_NEXT = re.compile(
    r"\b(?:no(?!\.|\s(?:more|less|later|fewer|longer|greater|higher|matter|earlier)\b)|not(?!\s(?:only"
    r"|just|more than|less than|necessarily|exceed|later|allowed|permitted)\b)"
    r"|\w+n't(?!\s(?:only|just))|never|without|neither|nor|avoid(?:s|ed|ing)?|refrain(?:s|ed|ing)? from"
    r"|cannot|instead of|rather than|unable to"
    r"|fail(?:s|ed)? to|zero|0(?=\s[a-z])|(?:keep|stay|kept|stayed|get|move|go|gone|moved)(?:ing)? (?:away"
    r"|clear)(?: of| from)?|(?:keep|stay|kept|stayed)(?:ing)? (?:out|off)(?: of)?|free (?:of|from)"
    r"|prohibits?|forbids?|bans?|banning|nobody(?! but)|none(?! but)|no one(?! but| except)|no"
    r" longer(?!\sin\s(?:effect|force|place))|stop(?=\s\w+ing\b))\b",
    re.IGNORECASE,
)
_ENGLISH_BEFORE = re.compile(
    r"\b(?:not (?:be |been )?(?:allowed|permitted)|aren't allowed|isn't allowed|prohibited|forbidden"
    r"|banned|barred|off[- ]limits|impossible|ruled out"
    r")\b",
    re.IGNORECASE,
)
_ENGLISH_RELEASE = re.compile(
    r"\b(?:lift(?:ed|s|ing)|cancel+(?:s|ed|ing|ation)?|withdr(?:awn|ew|aws|awing)|call(?:ed|s) off"
    r"|revoke[sd]?|rescind(?:s|ed)?|(?:is|are|was|were|been|being) over(?!\s)|has ended|have ended|was"
    r" ended|were ended"
    r"|ended|expired|no longer in (?:effect|force|place))\b",
    re.IGNORECASE,
)
CONDITION = re.compile(
    r"\b(?:until|when|once|if|before|unless|whether|not|n't|never|not yet(?: been)?|to be|will be|may be"
    r"|can be|must be|should be)\b[^.,;]{0,45}$",
    re.IGNORECASE,
)
_LIGHT = re.compile(r"하지|되지|있지|나지|두지|주지|오지|가지$")


@dataclass(frozen=True)
class Denial:
    """A denying word with what it denies: `heads` surely, `scope` perhaps; `sentence` is its number."""

    quote: str
    start: int
    end: int
    sentence: int
    heads: tuple[Word, ...]
    scope: tuple[Word, ...] = ()
    release: bool = False


@lru_cache(maxsize=256)
def denials(text: str) -> tuple[Denial, ...]:
    """Return every denial of a text; those that are themselves denied are left out with the other one."""
    found = sorted((*_korean(text), *_english(text)), key=lambda denial: denial.start)
    found = [each for each in found if not _stands_for_one(text, each)]
    found = [each for at, each in enumerate(found) if not any(other.end > each.start for other in found[:at])]
    denied: set[int] = set()
    for index, denial in enumerate(found):
        for other, inner in enumerate(found):
            if other != index and any(head.start <= inner.start < head.end for head in denial.heads):
                denied |= {index, other} if not denial.release else {other}
    return tuple(denial for index, denial in enumerate(found) if index not in denied)


_NEGATIVE = re.compile(
    r"잃|잊|놓치|늦|실패|부족|모자라|los[et]|forget|miss(?:es|ed)?\b|fail|delay", re.IGNORECASE
)


def _stands_for_one(text: str, denial: Denial) -> bool:
    """Whether denial and head are one saying (`not been found`), or the head lacks itself (`not lose`)."""
    if any(_NEGATIVE.match(head.text) for head in denial.heads):
        return True
    return any(
        a <= denial.start and denial.end <= b and denial.end - denial.start < b - a
        for a, b, _ in concept_spans(text)
    )


def _korean(text: str) -> Iterator[Denial]:
    every = words(text)
    for pattern, how in _KOREAN:
        for match in pattern.finditer(text):
            if (
                how == "release"
                and _NOT_YET.match(text, match.end())
                and not re.match(r"\s?(?:될|할) 수", text[match.end() :])
            ):
                continue
            if how in ("before", "release") and re.match(r"(?:된|한|되는)\s[가-힣]", text[match.end() :]):
                how_now = "next"
            else:
                how_now = how
            heads = _korean_heads(text, every, match, how_now)
            if heads and how == "perhaps":
                number = sentence_number(text, match.start())
                yield Denial(match[0], match.start(), match.end(), number, (), heads)
            elif heads:
                start = heads[0].end if how_now == "verb" else match.start()
                yield Denial(
                    text[start : match.end()].strip(),
                    start,
                    match.end(),
                    sentence_number(text, match.start()),
                    heads[:1],
                    heads[1:],
                    how == "release",
                )


def _korean_heads(text: str, every: tuple[Word, ...], match: re.Match[str], how: str) -> tuple[Word, ...]:
    if how == "verb":
        inside = [
            word
            for word in every
            if match.start() <= word.start < match.end() or word.start <= match.start() < word.end
        ]
        inside = [
            word for word in inside if not re.match(r"않|말|마|못|없|수$|수는|수가|수도|대신", word.text)
        ] or inside
        return _verb_heads(every, inside[0]) if inside else ()
    if how == "next":
        return tuple(word for word in every if word.start >= match.end() - 1 and word.start > match.start())[
            :1
        ]
    limit = max(
        (at + 1 for at in (text.rfind(sign, 0, match.start()) for sign in ",.;!?\n") if at >= 0), default=0
    )
    counted = [(each.start, each.end + 1) for each in measures(text)]
    before = [word for word in every if limit <= word.start < match.start() and word.counts]
    before = [word for word in before if not any(a <= word.start < b for a, b in counted)]
    fused = [word for word in before if word.end > match.start()]
    if fused and match[0].startswith("면"):
        return (fused[0], *before[-2:-1])
    if fused and match.start() - fused[0].start >= 2:
        return (fused[0],)
    before = [word for word in before if word.end <= match.start()]
    while len(before) > 1 and re.search(
        r"(?:으로|[^도철경]로|에|부터|까지|에서|때문에|전면|일부|모두|즉시|현재|아직|전혀)$", before[-1].text
    ):
        before.pop()
    if len(before) > 1 and re.fullmatch(r"(?:데|곳|것|일|적|바|사람)[은는이가도]?", before[-1].text):
        return before[-2], before[-1]
    return tuple(reversed(before[-2:] if _noun_pair(before) else before[-1:]))


def _verb_heads(every: tuple[Word, ...], verb: Word) -> tuple[Word, ...]:
    """The verb, and its object perhaps; the object first where the verb says little (쓰지, 하지)."""
    close = [word for word in every if word.counts and word.end <= verb.start <= word.end + 1][-1:]
    about = [
        word
        for word in every
        if verb.start - 30 < word.end <= verb.start and re.search(r"[가-힣][은는이가]$", word.text)
    ]
    if close and (_LIGHT.match(verb.text) or "=use" in verb.concepts):
        return (*close, verb)
    return (verb, *close, *about[-1:])


def _noun_pair(before: list[Word]) -> bool:
    """대피 명령 해제: both words are what is lifted."""
    return len(before) >= 2 and before[-1].start - before[-2].end == 1 and len(before[-2].text) <= 4


def _english(text: str) -> Iterator[Denial]:
    every = words(text)
    for match in _ENGLISH_NEXT.finditer(text):
        heads, scope = _next_heads(text, every, match)
        if heads:
            yield Denial(
                match[0], match.start(), match.end(), sentence_number(text, match.start()), heads, scope
            )
    for pattern, release in ((_ENGLISH_BEFORE, False), (_ENGLISH_RELEASE, True)):
        for match in pattern.finditer(text):
            clause = text[max(0, match.start() - 60) : match.start()]
            if release and CONDITION.search(clause):
                continue
            heads = _either_heads(text, every, match)
            if heads:
                number = sentence_number(text, match.start())
                yield Denial(match[0], match.start(), match.end(), number, heads[:1], heads[1:], release)


def _next_heads(
    text: str, every: tuple[Word, ...], match: re.Match[str]
) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """What `not` denies: the next word and those joined to it by `or`; what stands between only perhaps."""
    stop = sentence_end(text, match.end())
    after = [word for word in every if match.end() <= word.start < stop and word.counts]
    after = [word for word in after if word.text.lower() not in grammar("skipped")] or after
    if after and _ENGLISH_NEXT.match(text, after[0].start):
        return (), ()
    if after and re.search(r"[,;:]|\b(?:as|because|since|while)\b", text[match.end() : after[0].start]):
        return (), ()
    if not after:
        return (), ()
    if match[0].lower() in ("nobody", "none", "no one", "neither"):
        return tuple(after[:1]), tuple(after[1:4])
    heads, scope = [after[0]], list[Word]()
    for last, word in pairwise(after[:5]):
        between = text[last.end : word.start]
        if re.fullmatch(r"\s(?:or|nor)\s(?:\w+\s){0,1}|,\s(?:or\s)?", between):
            heads.append(word)
        elif re.search(r"[.;:]|\b(?:and|but|because|since|while)\b", between):
            break
        else:
            scope.append(word)
    return tuple(heads), tuple(scope)


def _either_heads(text: str, every: tuple[Word, ...], match: re.Match[str]) -> tuple[Word, ...]:
    """What is lifted: before `was lifted`, after `lifted the`."""
    passive = re.search(
        r"\b(?:was|were|is|are|been|be|being)\s(?:also\s|now\s|strictly\s)?$", text[: match.start()]
    )
    if not passive and re.match(r"\s(?:the|its|their|all|an?|that|this|swimming)\b", text[match.end() :]):
        stop = sentence_end(text, match.end())
        found = [word for word in every if match.end() <= word.start < stop and word.counts][:3]
        return tuple(sorted(found, key=lambda word: "=order" not in word.concepts))
    start = max(
        (at + 1 for at in (text.rfind(sign, 0, match.start()) for sign in ".;!?,\n") if at >= 0), default=0
    )
    before = [word for word in every if start <= word.start < match.start() and word.counts]
    lower = [word for word in before if not word.text[0].isupper() and not word.text.endswith("ly")] or before
    # The order for X was lifted: what is lifted stands before the preposition.
    first = re.search(r"\s(?:for|in|at|on|of|around|along|near)\s", text[start : match.start()])
    if first:
        lower = [word for word in lower if word.start < start + first.start()] or lower
    return tuple(reversed(lower[-4:]))


def sentence_number(text: str, at: int) -> int:
    """Return the number of the sentence in which a character stands."""
    return next((piece.sentence for piece in parts(text) if piece.start <= at < piece.end), 0)


def sentence_end(text: str, at: int) -> int:
    """Return where the sentence of a character ends."""
    match = re.search(r"[.;!?\n]", text[at:])
    return at + match.start() if match else len(text)


def denies_at(text: str, at: int) -> bool:
    """Whether the sentence about a place of the text denies: not from three is until three."""
    number = sentence_number(text, at)
    return any(denial.sentence == number for denial in denials(text))
