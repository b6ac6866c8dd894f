"""Whether a verb stands in the form of an order: 켜 줘, 켜세요, 켰으면 좋겠어; at the head in English.

`켜 놓고 나온 것 같아`, `끄는 방법` and `I was going to switch off` have the verb and order nothing. What is
not surely an order is never done without a person's word.
"""

from __future__ import annotations

import re
from functools import cache

from slm_energy.command.spans import time_spans

_NOUNS = (
    r"잠금|가동|작동|시작|충전|점등|활성화|정지|중단|중지|소등|차단|개방"
    r"|해제|폐쇄|설정|변경|조절|조정|유지|제한|그만|부탁"
)
_MANNER = r"(?:더\s?)?(?:밝게|환하게|따뜻하게|어둡게|시원하게|세게|약하게)"
_STEM = (
    r"켜|꺼|틀어|돌려|열어|걷어|닫아|잠가|쳐|올려|높여|키워|늘려|내려|낮춰"
    r"|줄여|채워|맞춰|바꿔|멈춰|풀어|시켜|놔|둬|해"
)
_BASE = r"켜|키|끄|틀|돌리|열|걷|닫|잠그|치|올리|높이|늘리|내리|낮추|줄이|맞추|바꾸|멈추|시키|하"
_HELP = r"줘|줄래|주세요|주십시오|주시\S*|주라|주렴|줄\s?수\s?있\S*|줬으면\S*|봐|놔|둬|버려|달라\S*|드려"
_GOES_ON = r"(?!\s?(?:놓|두[고었]|둔|진|본|보[니고면]|있[는던었지]))"
_LEAD = rf"(?:(?:{_NOUNS}|{_MANNER})(?:을|를)?\s?)*"
_KOREAN = (
    rf"{_LEAD}(?:{_STEM})(?:\s?(?:{_HELP}))*(?:요|라|자)?(?=[\s.,!?~]|$){_GOES_ON}",
    rf"{_LEAD}(?:{_BASE})으?(?:세요|십시오|시오|시죠|자|렴)(?![가-힣])",
    rf"(?:(?:{_NOUNS})\s?)?(?:켭|킵|끕|틉|엽|닫읍|올립|내립|맞춥|바꿉|합)시다",
    r"\S*[켰껐했열닫맞올내낮바틀줄높췄꿨였췄렸](?:었|았)?으면\s?(?:좋겠|해|합니|하는|싶)",
    r"(?:켤|끌|틀|할|열|닫을|올릴|내릴|맞출|바꿀|낮출|줄일)\s?수\s?있\S*",
    rf"(?:(?:{_NOUNS})\s?)+(?:요|좀|드려요|드립니다|해요)?(?=[.!~ ]*$)",
    rf"(?:{_BASE})기(?=[.!~ ]*$)",
    r"(?:온|오프|증가|감소|종료)(?=[.!~ ]*$)",
)
_OPENER = re.compile(
    r"(?:please|can|could|would|will|you|hey|hi|ok|okay|um+|uh+|so|now|just|well|then|kindly|let's|lets"
    r"|go ahead|and|be sure to|make sure (?:to|that)?|help me|try to"
    r"|i(?:'d| would)? (?:like|want|need)(?: you)?(?: to)?|upstairs|downstairs|all|the|[\s,])*",
    re.IGNORECASE,
)
_POLITE = re.compile(r"\b(?:can|could|would|will) you\b|\bplease\b", re.IGNORECASE)
_BARE_STEM = "켜꺼어해춰려여아"
_CLAUSE = re.compile(r"[,.;:!]\s*(?:so |then |please |and )*$")
_DEPENDS = re.compile(r"\b(?:if|when|unless|because|said|says|told|asked|once|after|before)\b", re.IGNORECASE)


def is_order(text: str, start: int, lang: str) -> bool:
    """Whether the verb at `start` stands in the form of an order. `불 꺼?` and `turn it off?` ask."""
    if lang == "en":
        asks = "?" in text[start:] and not _POLITE.search(text)
        return not asks and _heads(text, start)
    found = _korean().match(text, start)
    return found is not None and not (found[0][-1:] in _BARE_STEM and text[found.end() :].startswith("?"))


@cache
def _korean() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{form})" for form in _KOREAN))


def _heads(text: str, start: int) -> bool:
    """Whether nothing but an opener, a time or a finished clause stands before an English verb."""
    before = text[:start]
    for begin, end in time_spans(before, "en"):
        before = before[:begin] + " " * (end - begin) + before[end:]
    if _OPENER.fullmatch(before):
        return True
    return bool(_CLAUSE.search(before)) and not _DEPENDS.search(before)
