"""What a person reads: the dry run of an order, a question back, a reading; Korean and English."""

from __future__ import annotations

from collections.abc import Mapping

from slm_energy.command.action import What
from slm_energy.command.devices import Device, Home, Limits
from slm_energy.command.order import Change, Order
from slm_energy.command.resolve import MOVED, Question, Reading, State
from slm_energy.said import Said

FIELDS: dict[str, Said] = {
    "on": Said("전원", "power"),
    "open": Said("열림", "opening"),
    What.TEMPERATURE: Said("온도", "temperature"),
    What.HUMIDITY: Said("습도", "humidity"),
    What.BRIGHTNESS: Said("밝기", "brightness"),
    What.COLOR: Said("색", "colour"),
    What.COLOR_TEMPERATURE: Said("색온도", "colour temperature"),
    What.SOC: Said("충전량", "state of charge"),
    What.POWER: Said("출력", "power"),
    What.ENERGY: Said("전력량", "energy"),
    What.CURRENT: Said("전류", "current"),
    What.SPEED: Said("세기", "speed"),
    What.POSITION: Said("위치", "position"),
    What.MODE: Said("모드", "mode"),
    What.VOLUME: Said("음량", "volume"),
}
_SWITCH = {
    ("on", True): Said("켜짐", "on"),
    ("on", False): Said("꺼짐", "off"),
    ("open", True): Said("열림", "open"),
    ("open", False): Said("닫힘", "closed"),
}
_UNKNOWN = Said("모름", "unknown")
QUESTIONS: dict[str, Said] = {
    "unknown_area": Said("'{said}'(이)라는 장소를 모릅니다.", "There is no place called '{said}'."),
    "unknown_device": Said("'{said}'(이)라는 기기를 모릅니다.", "There is no device called '{said}'."),
    "which_device": Said("어느 기기를 말씀하십니까?", "Which device do you mean?"),
    "no_device": Said("어느 기기인지 말씀해 주십시오.", "Please name the device."),
    "which_setting": Said(
        "무엇을 얼마로 할지 말씀해 주십시오.", "Please say what is to be set, and to what."
    ),
    "missing_value": Said("{what}: 값을 말씀해 주십시오.", "Please name a value for the {what}."),
    "out_of_range": Said("{said}: 정할 수 없는 값입니다.", "{said} cannot be set."),
    "wrong_unit": Said("{said}: 단위가 맞지 않습니다.", "{said} has the wrong unit."),
    "not_possible": Said("이 기기로는 할 수 없는 일입니다.", "This device cannot do that."),
    "no_reading": Said(
        "지금 값({what})을 몰라 얼마로 할지 계산할 수 없습니다. 값을 말씀해 주십시오.",
        "The {what} is not known now, so the new value cannot be computed. Please name a value.",
    ),
    "which_hour": Said("{said}: 오전입니까, 오후입니까?", "{said}: in the morning or in the evening?"),
    "several": Said("한 번에 한 가지씩 말씀해 주십시오.", "One order at a time, please."),
    "excepted": Said(
        "'{said}'(으)로 뺀 것이 있어 하지 않았습니다. 할 것만 말씀해 주십시오.",
        "Something is taken out with '{said}'. Please name only what is to be done.",
    ),
    "also_named": Said(
        "'{said}'도 말씀하셔서 하지 않았습니다. 하나만 말씀해 주십시오.",
        "'{said}' is named as well. Please name only one.",
    ),
}
_CHOICES = Said("가능: {choices}", "Possible: {choices}")
_LIMITS = Said("범위: {low:g}~{high:g} {unit}", "Range: {low:g} to {high:g} {unit}")
_CONFIRM = {
    "power": Said("{limit:g} kW를 넘으므로 확인이 필요합니다.", "It is above {limit:g} kW: please confirm."),
    "unsure": Said("명령인지 분명하지 않으므로 확인이 필요합니다.", "It may be no order: please confirm."),
    "safety": Said("안전에 관계되므로 확인이 필요합니다.", "It concerns safety: please confirm."),
}
NOTHING = Said("명령이 아닙니다. 아무것도 바꾸지 않았습니다.", "No order. Nothing was changed.")
CANCEL = Said(
    "글로는 명령을 취소하거나 되돌리지 않습니다. 페이지의 명령 탭에서 거절이나 되돌리기를 누르십시오.",
    "A text cannot cancel or undo an order. Press Refuse or Undo on the page, tab Orders.",
)
_START = Said("시작: {at}", "Starts: {at}")
_END = Said("끝: {at}, 그 뒤 처음대로", "Ends: {at}, then as before")
_DEADLINE = Said("{at}까지", "By {at}")
_RATED = Said("정격 {kw:g} kW", "rated {kw:g} kW")
_READ = Said("{device} {what}: {value}", "{device}, {what}: {value}")


def dry_run(order: Order, home: Home, lang: str) -> str:
    """Return what an order would change, line by line, and what it waits for."""
    lines = [_changed(change, home, lang) for change in order.changes]
    for moment, words in ((order.start, _START), (order.end, _END), (order.deadline, _DEADLINE)):
        if moment is not None:
            local = moment.astimezone(home.zone)
            lines.append(words.of(lang).format(at=f"{local:%Y-%m-%d %H:%M}"))
    if order.phase == "waiting":
        lines += [_CONFIRM[reason].of(lang).format(limit=home.confirm_above_kw) for reason in order.reasons]
    return "\n".join(lines)


def ask_back(question: Question, home: Home, lang: str) -> str:
    """Return a question, with what one may choose from."""
    name = FIELDS[question.said].of(lang) if question.said in FIELDS else question.said
    lines = [QUESTIONS[question.reason].of(lang).format(said=question.said, what=name)]
    if (
        question.reason in ("unknown_area", "unknown_device", "which_device", "no_device")
        and question.devices
    ):
        names = dict.fromkeys(home.title(device, lang) for device in question.devices[:6])
        lines.append(_CHOICES.of(lang).format(choices=", ".join(names)))
    if question.limits is not None:
        lines.append(_allowed(question.limits, lang))
    return "\n".join(lines)


def reading(asked: Reading, home: Home, states: Mapping[str, State], lang: str) -> str:
    """Return what is known of the devices asked about, line by line."""
    return "\n".join(
        _read(device, asked.what, home, states.get(device.id, {}), lang) for device in asked.devices
    )


def _read(device: Device, what: What | None, home: Home, state: State, lang: str) -> str:
    field = what or ("open" if device.kind in MOVED else "on")
    value = state.get(field)
    unit = (
        device.settings[what].unit if what and what in device.settings else "kW" if what == What.POWER else ""
    )
    return _READ.of(lang).format(
        device=home.title(device, lang), what=FIELDS[field].of(lang), value=_shown(field, value, unit, lang)
    )


def _changed(change: Change, home: Home, lang: str) -> str:
    known = home.device(change.device)
    device = home.title(known, lang)
    before, after = (_shown(change.field, v, change.unit, lang) for v in (change.before, change.after))
    field = "" if change.field in ("on", "open") else f" {FIELDS[change.field].of(lang)}"
    power = f" ({change.kw:+g} kW)" if change.kw else ""
    if change.kw is None and known.rated_kw:
        power = f" ({_RATED.of(lang).format(kw=known.rated_kw)})"
    return f"{device}{field}: {before} → {after}{power}"


def _shown(field: str, value: bool | float | str | None, unit: str, lang: str) -> str:
    if value is None:
        return _UNKNOWN.of(lang)
    if isinstance(value, bool):
        return _SWITCH[field, value].of(lang)
    return f"{value:g} {unit}".strip() if isinstance(value, int | float) else value


def _allowed(limits: Limits, lang: str) -> str:
    if limits.low is None or limits.high is None:
        return _CHOICES.of(lang).format(choices=", ".join(limits.words))
    return _LIMITS.of(lang).format(low=limits.low, high=limits.high, unit=limits.unit)
