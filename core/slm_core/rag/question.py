"""Whether a text asks something. No model: the same text always goes the same way.

On 16,083 Korean questions and 16,470 statements of 3i4K, which were written without any question mark, see
docs/rag.md.
"""

from __future__ import annotations

import re

LONGEST = 300  # characters; a longer text is a report, though it may end with a question
# Whoever writes so reports a need. What is asked of somebody is not asked of documents.
_PLEA = re.compile(
    r"(?:can|could|would|will) (?:you|someone|somebody|anyone|anybody)\b"
    r"|\b(?:we|i|they) (?:need|are in need)\b"
    r"|\bplease (?:send|help|come|bring)\b|\bhelp (?:us|me)\b"
    r"|(?:보내|도와|구해|살려|와|가져다|출동해|지원해)\s?(?:주|줄)"
    r"|(?<!알려)(?<!알려 )(?:주|줄\s?수\s?있)(?:겠니|을까|니|나요|어요|래)",
    re.IGNORECASE,
)
_SUBJECT = r"(?:i|we|you|he|she|it|they|there|this|that|these|those|the|an?|my|our|your|any|some\w*|people)"
_ENGLISH = re.compile(
    r"(?:and |so |but )?(?:(?:what|which|(?-i:[Ww]ho)|whom|whose|when|where|why|how)(?:'s)?\b"
    r"|(?:is|are|am|was|were|does|did)(?:n't)? (?!not\b)"
    rf"|(?:do|can|could|may|must|shall|should|will|would|has|have)(?:n't)? {_SUBJECT}\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?:^|\s)(?:왜|어떻게|어째서|언제|어디|어느|어떤|무엇|무슨|뭐|뭘|누가|누구|몇|얼마)")
# What only questions end with; `니까` alone gives a reason, with ㅂ before it (합니까) it asks.
_END = re.compile(
    r"(?:나요|가요|(?<!니)까요?|[은는인던한]가|는지|은지|인지|할지|될지|느냐|냐|니|[되있없]나|[았었겠했됐]나|어때요?)$"
)
_NO_END = re.compile(
    r"(?:하나|누나|혼나|언니|머니|주니|다니|으니|가니|보니|아냐|까지|[휴평증국주허추요물작]가|(?:^|\s)(?:아니|가요))$"
)
# What a statement may end with as well: it asks where a word that asks stands before.
_OPEN = re.compile(r"(?:요|죠|지|나|니|까|야|때|가)$")
_ASKED = re.compile(r"(?:얼마|언제|어디|무엇|누구|뭐)(?:이?죠|이?지요?|예요|에요|이에요|야)?$")

_TELL = re.compile(r"(?:지|방법을?|기준을?|이유를?)\s?(?:좀\s)?알려\s?(?:줘요?|주세요|주십시오|줄래요?)$")


def is_question(text: str) -> bool:
    """Return whether the last sentence of a short text asks something, in Korean or in English.

    A question mark, a Korean ending or an English opening tells. A plea ("can you send water?") is none.
    """
    text = " ".join(text.split())
    if not text or len(text) > LONGEST or _PLEA.search(text):
        return False
    if text.endswith(("?", "？")):
        return True
    last = re.split(r"(?<=[.!。])\s+", text)[-1].rstrip(" .!~…。")
    return _asks_in_korean(last) if re.search(r"[가-힣]", last) else bool(_ENGLISH.match(last))


def _asks_in_korean(sentence: str) -> bool:
    if sentence.endswith("니까"):
        return _ends_in_b(sentence[:-2])
    if _TELL.search(sentence):
        return True
    if _END.search(sentence) and not _NO_END.search(sentence):
        return True
    return bool(_ASKED.search(sentence) or (_WORD.search(sentence) and _OPEN.search(sentence)))


def _ends_in_b(text: str) -> bool:
    """Whether the last syllable ends in ㅂ, as in 합니다."""
    return bool(text) and "가" <= text[-1] <= "힣" and (ord(text[-1]) - ord("가")) % 28 == 17
