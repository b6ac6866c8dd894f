"""What a misspelt name is answered with."""

from slm_core.errors import did_you_mean, nearest

KNOWN = ["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "전등", "Asia/Seoul"]


def test_a_misspelt_name_is_mended_whatever_its_case() -> None:
    assert did_you_mean("asia/soul", KNOWN) == "did you mean Asia/Seoul?"
    assert did_you_mean("qwen2.5-codr-0.5b-instruct", KNOWN) == "did you mean qwen2.5-coder-0.5b-instruct?"
    assert nearest("정등", KNOWN) == [], "one of two syllables is half a word"
    assert nearest("전동등", KNOWN) == ["전등"]


def test_a_part_of_a_name_is_enough() -> None:
    assert nearest("qwen", KNOWN) == ["qwen2.5-coder-0.5b-instruct"]
    assert nearest("smolm2", KNOWN) == ["smollm2-135m-instruct"]


def test_what_resembles_nothing_gets_no_suggestion() -> None:
    assert did_you_mean("zzz", KNOWN) is None
    assert did_you_mean("", KNOWN) is None
    assert did_you_mean("x", []) is None
