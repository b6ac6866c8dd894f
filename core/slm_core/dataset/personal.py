"""Finding personal data in Korean and English text.

Covered: Korean resident and US social security numbers, phone numbers (Korean, North American, international,
and others next to a word such as 전화 or call), e-mail addresses, the user part of a URL, card numbers,
account numbers next to a bank or in IBAN form, IP addresses, Korean plates, US plates next to the word. Not
covered: names and street addresses, and numbers spelled in words. Left alone on purpose: short codes (119,
112, 1339, 110, 911) and the 15xx/16xx/18xx service lines, which belong to no person; dates, times, ranges,
magnitudes, levels, coordinates.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Spans = Iterator[tuple[int, int]]

# Same length before and after, so that a span found in the folded text holds in the original.
_FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FOLD |= dict.fromkeys([*range(0x2010, 0x2016), 0x2212], ord("-"))
_FOLD |= dict.fromkeys([0xA0, 0x3000, 0x2009, 0x202F], ord(" "))


# Everything personal here has a digit or an @ in some script; most text has neither.
_MAY_HOLD = re.compile(r"[\d@＠]|골뱅이|\[at\]|\(at\)", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """Characters `start` to `end` (exclusive) of a text, and the kind of data that stands there."""

    kind: str
    start: int
    end: int


def find(text: str) -> list[Finding]:
    """Return what is personal in a text, in order, without overlap."""
    if not _MAY_HOLD.search(text):
        return []
    folded = text.translate(_FOLD)
    found: list[Finding] = []
    for kind, search in _SEARCHES:
        for start, end in search(folded):
            if all(end <= other.start or start >= other.end for other in found):
                found.append(Finding(kind, start, end))
    return sorted(found, key=lambda finding: finding.start)


_URL_USER = re.compile(r"(?<=://)[^\s/@\[\]?#]+(?=@)")
_EMAIL = re.compile(
    r"(?:[A-Za-z0-9._%+-]+|[가-힣]+)(?:@| ?(?:\((?:at|@)\)|\[at\]|골뱅이) ?)"
    r"(?:[A-Za-z0-9가-힣-]+\.)+[A-Za-z]{2,24}",
    re.IGNORECASE,
)
_RRN = re.compile(
    r"(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"(?P<dash> ?- ?|)[1-8](?:\d{6}|\d{0,5}[*●○]{1,6})(?![\d*])"
)
_SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_ID_WORD = re.compile(r"(?:주민|외국인|resident|RRN)[^\d\n]{0,15}$", re.IGNORECASE)


def _national_ids(text: str) -> Spans:
    for match in _RRN.finditer(text):
        near = _ID_WORD.search(text[max(0, match.start() - 25) : match.start()])
        if match["dash"] or near or _rrn_checksum(match[0]):
            yield match.span()
    yield from (match.span() for match in _SSN.finditer(text))


def _rrn_checksum(digits: str) -> bool:
    if not digits.isdecimal():
        return False
    total = sum(
        int(digit) * weight for digit, weight in zip(digits, (*range(2, 10), *range(2, 6)), strict=False)
    )
    return bool((11 - total % 11) % 10 == int(digits[12]))


_CARD = re.compile(r"(?<![\d.-])\d(?:[- ]?\d){12,15}(?![\d-])")
_CARD_PREFIX = re.compile(r"(?:4|5[1-5]|2[2-7]|6|9)\d{15}$|3[47]\d{13}$|3[068]\d{12}$")
_CARD_GROUPS = re.compile(r"\d{4}-\d{4}-\d{4}-\d{4}$")


def _cards(text: str) -> Spans:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _CARD_GROUPS.match(match[0]) or (_CARD_PREFIX.match(digits) and _luhn(digits)):
            yield match.span()


def _luhn(digits: str) -> bool:
    doubled = [
        sum(divmod(int(digit) * 2, 10)) if place % 2 else int(digit)
        for place, digit in enumerate(digits[::-1])
    ]
    return sum(doubled) % 10 == 0


_BANK = r"(?:[가-힣]{2,6}은행|[가-힣]{2,4}뱅크|농협|수협|신협|우체국|새마을금고|SC제일|씨티)"
_ACCOUNT_WORD = rf"(?:계좌|예금주|입금|송금|이체|{_BANK}|account|acct|a/c)"
_ACCOUNT = re.compile(
    rf"{_ACCOUNT_WORD}[^\d\n]{{0,12}}?(?P<after>\d{{2,6}}(?:-\d{{1,7}}){{1,4}}|\d{{10,16}})(?![\d-])"
    r"|(?:국민|신한|우리|하나|기업)[ :]{0,2}(?P<short>\d{2,6}(?:-\d{1,7}){2,4})(?![\d-])"
    rf"|(?<![\d-])(?P<before>\d{{2,6}}(?:-\d{{1,7}}){{1,4}}|\d{{10,16}})[ (,]{{1,2}}(?={_BANK})",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")


def _accounts(text: str) -> Spans:
    for match in _ACCOUNT.finditer(text):
        name = match.lastgroup or "after"
        if 10 <= _digits(match[name]) <= 16:
            yield match.span(name)


def _ibans(text: str) -> Spans:
    for match in _IBAN.finditer(text):
        compact = match[0].replace(" ", "")
        if int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1:
            yield match.span()


_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f:]{6,39}(?![\w:])")
_VERSION = re.compile(r"(?:v|version|ver\.?|버전|release) ?$", re.IGNORECASE)


def _ips(text: str) -> Spans:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if _is_somebodys(match[0]) and not _VERSION.search(
                text[max(0, match.start() - 9) : match.start()]
            ):
                yield match.span()


def _is_somebodys(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)


_AREA = r"(?:2|1[016-9]|[3-6][1-5]|70|50\d|80)"
_KOREAN_PHONE = re.compile(
    rf"(?<!\d)(?:(?:(?:\+|00)82[-. ]?|82[- ])(?:\(0\)|0)?{_AREA}|\(0{_AREA}\)|0{_AREA}\)?)"
    r"[-. ]{0,2}\d{3,4}[-. ]{0,2}\d{4}(?!\d)|(?<!\d)8210\d{8}(?!\d)"
)
_AMERICAN_PHONE = re.compile(
    r"(?<![\d.])(?<!\d-)(?:\+?1[-. ])?(?:\([2-9]\d{2}\)[- ]?|[2-9]\d{2}[-.])[2-9]\d{2}[-. ]\d{4}(?!\d)"
)
_TRUNK_PHONE = re.compile(r"(?<!\d)(?<!\d-)(?=(?:-?\d){10,11}(?![\d-]))0\d{1,4}-\d{1,4}-\d{4}")
_INTERNATIONAL_PHONE = re.compile(r"(?<![\d+])(?:\+|00)[1-9]\d{0,2}(?:[-. ()]{0,2}\d){7,12}(?!\d)")
_DECIMAL = re.compile(r"(?<![\d.])\d+\.\d{3,}(?![\d.-])")


def _phones(text: str) -> Spans:
    for pattern in (_KOREAN_PHONE, _AMERICAN_PHONE, _TRUNK_PHONE):
        for match in pattern.finditer(text):
            tail_of_decimal = match[0].isdecimal() and re.search(r"\d\.$", text[: match.start()][-2:])
            if not tail_of_decimal:
                yield match.span()
    for match in _INTERNATIONAL_PHONE.finditer(text):
        bare = match[0].lstrip("+").isdecimal()
        enough = _digits(match[0]) >= (10 if bare else 8) and (match[0][0] == "+" or not bare)
        grouped = re.search(r"\d{3}|^\+\d\d.*(?:\D\d\d){4}$", match[0])
        if enough and grouped and not _DECIMAL.search(match[0]):
            yield match.span()


_PHONE_WORD = (
    r"(?:전화|연락|문의|휴대폰|핸드폰|팩스|☎|☏|📞"
    r"|\b(?:tel|phone|fax|call|mobile|cell|whatsapp|contact|(?:my|our|his|her|their|phone) numbers?)\b)"
)
_NAMED_PHONE = re.compile(
    rf"{_PHONE_WORD}[^\d\n$₩€]{{0,12}}?"
    r"(?P<number>(?:\(\d{1,4}\)|\d{1,4}\)?)(?:[-. ]?\d{2,8}){1,5})(?![\d-])",
    re.IGNORECASE,
)
# Service lines, years, dates, and a short code with something after it.
_NOT_A_PHONE = re.compile(
    r"1[568]\d\d-\d{4}$|(?:19|20)\d\d[-. ](?:19|20)\d\d|(?:11\d|911|988|1339) "
    r"|(?:19|20)\d\d[-. ]?[01]?\d[-. ]?[0-3]?\d$"
)
_UNIT = re.compile(
    r" ?(?:명|원|달러|톤|개|건|년|월|시|㎥|people|persons|dollars|usd|krw|won|tons|%)|[.:,/~]\d",
    re.IGNORECASE,
)


def _named_phones(text: str) -> Spans:
    for match in _NAMED_PHONE.finditer(text):
        number = match["number"]
        groups = [len(group) for group in re.findall(r"\d+", number)]
        shaped = groups[-1] >= 4 or set(groups) == {2}
        other = _NOT_A_PHONE.match(number) or _UNIT.match(text, match.end())
        if 7 <= sum(groups) <= 13 and shaped and not other:
            yield match.span("number")


_REGION = r"서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_SIGNS = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호배바사아자육공해국합"
_PLATE = re.compile(rf"(?P<region>(?:{_REGION}) ?)?(?<!\d)\d{{2,3}} ?(?P<sign>[{_SIGNS}]) ?\d{{4}}(?!\d)")
_CAR_WORD = re.compile(
    r"(?:차량|번호판|차번호|차주|승용차|택시|트럭|화물차|버스|승합차|plate|car|vehicle)[^\d\n]{0,12}$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r" ?(?:년|명|원|억|만|천|개|건|톤|호|번지|번길|가구|세대|여|선|회|시|분|동|대|m\b|km|㎡|mm|cm|%)"
    r"|[.:,~-]\d"
)
_AMERICAN_PLATE = re.compile(
    r"(?:licen[cs]e plate|plates?|plate (?:no\.?|number)|번호판)[ :#]{1,3}(?:(?:is|was|no\.?|number)[ :]*)?"
    r"(?P<plate>(?=[A-Z0-9 -]*\d)(?=[0-9 -]*[A-Z])[A-Z0-9]{1,4}[- ]?[A-Z0-9]{2,4})(?![A-Za-z0-9])"
)


def _plates(text: str) -> Spans:
    for match in _PLATE.finditer(text):
        near = match["region"] or _CAR_WORD.search(text[max(0, match.start() - 20) : match.start()])
        # 30도 1500, 11조 2000, 제19호 2019: the sign is a unit more often than a plate.
        unit = match["sign"] in "호도조주로구" or bool(_COUNTED.match(text, match.end()))
        if near or not unit:
            yield match.span()
    yield from (match.span("plate") for match in _AMERICAN_PLATE.finditer(text))


def _every(pattern: re.Pattern[str]) -> Callable[[str], Spans]:
    return lambda text: (match.span() for match in pattern.finditer(text))


# The first that claims a stretch of text names its kind.
_SEARCHES: tuple[tuple[str, Callable[[str], Spans]], ...] = (
    ("url_user", _every(_URL_USER)),
    ("email", _every(_EMAIL)),
    ("national_id", _national_ids),
    ("card", _cards),
    ("account", _ibans),
    ("phone", _phones),
    ("account", _accounts),
    ("ip", _ips),
    ("phone", _named_phones),
    ("plate", _plates),
)


def _digits(text: str) -> int:
    return sum(sign.isdecimal() for sign in text)
