"""`slm chat`: turns, commands, Ctrl-C and a history that outgrows its slot, on the tiny model."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slm_core.cli import chat
from slm_core.cli.main import main
from slm_core.engine.contract import PromptTooLong, Reply, Usage
from slm_core.engine.llama import LlamaEngine

USAGE = Usage(prompt=10, cached=4, generated=3, first_token_s=0.1, total_s=0.2)


@pytest.fixture
def say(
    tiny_model: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run `slm chat` on the tiny model with these lines on standard input."""

    def run(lines: str, *flags: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        monkeypatch.setattr(chat, "MAX_TOKENS", 20)
        code = main(["chat", "--model", str(tiny_model), "--threads", "1", *flags])
        out = capfd.readouterr()
        return code, out.out, out.err

    return run


class Recorder:
    """An engine that keeps what it was asked; more than `room` messages do not fit."""

    model = "recorder"

    def __init__(self, room: int = 99) -> None:
        self.asked: list[list[dict[str, str]]] = []
        self.room = room

    def stream(self, messages: Any, **_: Any) -> Iterator[str | Reply]:
        if len(messages) > self.room:
            raise PromptTooLong.counted(len(messages), 0, self.room)
        self.asked.append(list(messages))
        yield "ok"
        yield Reply("ok", None, USAGE, "", None)


def talk(engine: Any, lines: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    chat.Conversation(engine, **({"prompts": {}, "interactive": False} | more)).talk()


def contents(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def test_every_line_is_a_turn_and_gets_a_reply(say: Any) -> None:
    code, out, err = say("hello\n\n강물이 불어나\n/stats\n")
    assert code == 0
    assert out.strip()
    assert "2 replies:" in err and "last reply:" in err


def test_nothing_on_standard_input_is_a_chat_without_turns(say: Any) -> None:
    code, out, _ = say("")
    assert (code, out) == (0, "")


def test_a_turn_that_does_not_fit_ends_a_pipe_with_both_lengths(say: Any) -> None:
    code, _, err = say("물 " * 3000 + "\n")
    assert code == 2
    assert "tokens long" in err and "a slot holds" in err


def test_two_system_prompts_are_refused(say: Any) -> None:
    code, _, err = say("", "--domain", "disaster", "--system", "x")
    assert code == 2
    assert "two system prompts" in err


def test_the_conversation_is_sent_whole_until_it_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Recorder()
    talk(engine, "one\ntwo\n/reset\nthree\n/quit\nfour\n", monkeypatch)
    assert [contents(messages) for messages in engine.asked] == [["one"], ["one", "ok", "two"], ["three"]]


def test_the_system_prompt_speaks_the_language_of_the_first_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Recorder()
    talk(engine, "안녕\nhello\n/reset\nhello\n", monkeypatch, prompts={"en": "Talk.", "ko": "말하세요."})
    assert [messages[0] for messages in engine.asked] == [
        {"role": "system", "content": prompt} for prompt in ("말하세요.", "말하세요.", "Talk.")
    ]


def test_a_history_that_outgrows_the_slot_loses_its_older_half_with_a_notice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Recorder(room=6)
    talk(engine, "1\n2\n3\n4\n", monkeypatch, prompts={"en": "Talk."})
    assert contents(engine.asked[-1]) == ["Talk.", "3", "ok", "4"]
    assert "first 4 messages are left out" in capsys.readouterr().err


def test_a_word_with_a_slash_that_is_no_command_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Recorder()
    talk(engine, "/resett\n", monkeypatch)
    assert engine.asked == []
    assert "/resett" in capsys.readouterr().err


def test_ctrl_c_stops_the_reply_and_keeps_the_conversation(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def interrupted(text: str) -> str:
        printed.append(text)
        if len(printed) == 3:
            raise KeyboardInterrupt
        return text

    monkeypatch.setattr("slm_core.cli.reply_text.printable", interrupted)
    with LlamaEngine(tiny_model) as engine:
        talk(engine, "강물\nwater\n", monkeypatch, interactive=True)
    assert len(printed) > 3
    assert "(stopped)" in capsys.readouterr().err


def test_a_model_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Evil(Recorder):
        def stream(self, messages: Any, **_: Any) -> Iterator[str | Reply]:
            yield "\x1b[2Jcleared"

    talk(Evil(), "hi\n", monkeypatch)
    assert capsys.readouterr().out == "\ufffd[2Jcleared\n"
