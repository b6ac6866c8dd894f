"""Prompt text: what Transformers would write for training, the engine writes for the device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_gguf import CONTROL, TEMPLATE

from slm_core.engine.prompt import PromptFormat
from slm_core.errors import UserError

CHATS = [
    [{"role": "user", "content": "안녕 <b>&</b> 'quote'"}],
    [{"role": "system", "content": "짧게"}, {"role": "user", "content": "  spaces \n"}],
    [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ],
]
TRICKY = """\
{%- set ns = namespace(first=true) -%}
{% for message in messages %}
    {% if message.role == 'system' and not loop.first %}
        {% continue %}
    {% endif %}
    {% if message.role == 'assistant' %}
        {% generation %}{{ message.content | trim }}{% endgeneration %}
    {% else %}
{{ bos_token if ns.first }}{{ {'text': message['content'], 'n': loop.index} | tojson }}
    {% endif %}
    {% set ns.first = false %}
{% endfor %}
{% if add_generation_prompt %}>>{% endif %}
"""


@pytest.mark.parametrize("template", [TEMPLATE, TRICKY])
@pytest.mark.parametrize("messages", CHATS)
def test_the_template_renders_as_in_transformers(template: str, messages: list[dict[str, str]]) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    theirs, _ = render_jinja_template(
        [messages], chat_template=template, add_generation_prompt=True, bos_token="<s>", eos_token="</s>"
    )
    ours = PromptFormat(template, {"bos_token": "<s>", "eos_token": "</s>"}, [])
    assert ours.render(messages) == theirs[0]


def test_a_template_may_refuse_messages_in_its_own_words() -> None:
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
    with pytest.raises(UserError, match="no system turn"):
        PromptFormat(template, {}, []).render([{"role": "system", "content": "x"}])


def test_a_template_cannot_reach_out_of_its_sandbox() -> None:
    template = "{{ messages.__class__.__mro__ }}"
    with pytest.raises(UserError, match=r"refuses(.|\n)*unsafe"):
        PromptFormat(template, {}, []).render(CHATS[0])


@given(parts=st.lists(st.sampled_from([*CONTROL, "<|im_", "end|>", "<", " ", "물"]), max_size=8))
def test_no_joining_of_pieces_spells_a_control_token(parts: list[str]) -> None:
    text = PromptFormat(TEMPLATE, {}, CONTROL).defuse("".join(parts))
    assert not any(token in text for token in CONTROL)


def test_other_text_is_left_as_it_is() -> None:
    text = "a <| b |> <im_start> 물 <|im_start |>"
    assert PromptFormat(TEMPLATE, {}, CONTROL).defuse(text) == text


def test_no_messages_are_refused() -> None:
    with pytest.raises(UserError, match="no message"):
        PromptFormat(TEMPLATE, {}, []).render([])
