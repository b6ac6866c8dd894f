"""Typed replies: a schema is made tight, and what breaks it is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from slm_core.engine.contract import InvalidReply, Reply, Sampling, Usage
from slm_core.engine.retry import settle
from slm_core.engine.schema import MAX_INTEGER, MAX_ITEMS, MAX_STRING, compact, parse
from slm_core.errors import UserError

USAGE = Usage(prompt=10, cached=4, generated=3, first_token_s=0.1, total_s=0.2)


class Place(BaseModel):
    """Where."""

    name: str
    floor: int | None = None


class Report(BaseModel):
    """What."""

    title: str = Field(description="a remark that costs tokens", max_length=12)
    places: list[Place]
    tags: list[str] = Field(max_length=3)


def test_a_pydantic_model_becomes_a_schema_with_bounds_and_without_remarks() -> None:
    tight = compact(Report.model_json_schema())
    assert tight["properties"]["title"] == {"type": "string", "maxLength": 12}
    assert tight["properties"]["places"]["maxItems"] == MAX_ITEMS
    assert tight["properties"]["tags"]["maxItems"] == 3
    assert tight["properties"]["tags"]["items"]["maxLength"] == MAX_STRING
    assert tight["$defs"]["Place"]["properties"]["floor"]["anyOf"][0]["maximum"] == MAX_INTEGER
    assert tight["additionalProperties"] is False
    assert tight["x-guidance"] == {"whitespace_flexible": False}
    assert "remark" not in json.dumps(tight)


def test_a_property_may_be_called_title_or_default() -> None:
    schema = {"type": "object", "properties": {"title": {"enum": ["a"]}, "default": {"type": "boolean"}}}
    assert set(compact(schema)["properties"]) == {"title", "default"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "foo"}, "not a JSON schema"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}}, "#/\\$defs/gone is not there"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "open keys"),
        ({"type": "object", "properties": {"a": {}}}, "anything may stand here"),
        ({"type": "array"}, "anything may stand here"),
    ],
)
def test_a_schema_without_end_is_refused_with_its_place(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=rf"schema at \$(.|\n)*{said}|schema at \$.*: {said}"):
        compact(schema)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"title":"x","places":[],"tags":[]', "no JSON"),
        ('{"title":"x","places":[],"tags":["a","b","c","d"]}', r"\$\.tags"),
        ('{"title":"x","places":[]}', "tags"),
        ('{"title":"x","places":[{"name":7}],"tags":[]}', r"\$\.places\[0\]\.name"),
        ("", "no JSON"),
    ],
)
def test_a_reply_that_breaks_the_schema_says_where(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text, compact(Report.model_json_schema()))


@given(
    st.builds(
        Report,
        title=st.text(max_size=12),
        places=st.lists(
            st.builds(Place, name=st.text(max_size=20), floor=st.none() | st.integers(-5, 99)), max_size=3
        ),
        tags=st.lists(st.text(max_size=5), max_size=3),
    )
)
def test_what_a_model_dumps_is_valid_under_its_tight_schema(report: Report) -> None:
    value = parse(report.model_dump_json(), compact(Report.model_json_schema()))
    assert Report.model_validate(value) == report


def replies(*texts: str) -> tuple[list[Sampling], Any]:
    asked: list[Sampling] = []

    def ask(sampling: Sampling) -> Reply:
        asked.append(sampling)
        return Reply(texts[len(asked) - 1], None, USAGE, "sha", None)

    return asked, ask


def test_a_second_try_is_warmer_has_another_seed_and_both_are_paid() -> None:
    asked, ask = replies("[", "[]")
    reply = settle(ask, Sampling(seed=7), {"type": "array"})
    assert reply.value == [] and reply.retried
    assert [(s.temperature, s.seed) for s in asked] == [(0.0, 7), (0.4, 8)]
    assert (reply.usage.generated, reply.usage.prompt) == (6, 20)


def test_two_bad_tries_are_an_error_that_shows_both() -> None:
    _, ask = replies("[1", '{"a":1}')
    with pytest.raises(InvalidReply, match=r'first:  \[1(.|\n)*second: \{"a":1\}'):
        settle(ask, Sampling(), {"type": "array"})
