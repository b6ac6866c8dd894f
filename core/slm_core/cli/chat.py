"""`slm chat`: a conversation with a base model, streamed.

With `--domain` it takes the domain's system prompt. It talks to the base and not to the adapter: that one has
learnt the domain's tasks, not how to converse.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slm_core.cli.ask import AUTO, add_model_flags
from slm_core.errors import UserError

if TYPE_CHECKING:
    from slm_core.engine.contract import Engine, Reply
    from slm_core.router import Gate

EXAMPLES = """\
examples:
  slm chat
  slm chat --domain disaster --model qwen2.5-coder-1.5b-instruct
  slm chat --domain auto                                            the first words choose the domain
  echo "산사태가 나면 어떻게 하나요?" | slm chat --system "짧게 답하세요."

in the chat:
  /reset forgets the conversation   /stats shows what it cost   /quit or Ctrl-D leaves   Ctrl-C stops a reply
"""
MAX_TOKENS = 512
TEMPERATURE = 0.7  # a small model that talks greedily repeats itself
_HANGUL = re.compile(r"[가-힣]")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "chat",
        help="talk with a base model",
        description="Talk with a base model. Standard input that is no terminal is read one turn a line.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--domain", metavar="D", help="take the system prompt of a domain; auto: the gate chooses"
    )
    parser.add_argument("--system", metavar="TEXT", help="your own system prompt")
    add_model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Talk until the user leaves."""
    from slm_core.cli.reply_text import choices
    from slm_core.domain import find_domain
    from slm_core.engine import open_engine
    from slm_core.router import open_gate
    from slm_core.settings import load_settings

    if args.domain and args.system:
        raise UserError("two system prompts", where="--domain, --system", expected="one of them")
    settings = load_settings(model=args.model, context=args.context, threads=args.threads)
    gate = open_gate(settings) if args.domain == AUTO else None
    prompts = dict(find_domain(args.domain).chat_prompt) if args.domain and not gate else {}
    if args.system:
        prompts = {"ko": args.system, "en": args.system}
    engine = open_engine(settings)
    try:
        for line in choices(engine):
            _tell(line)
        Conversation(engine, prompts, gate).talk()
    finally:
        engine.close()
    return 0


@dataclass
class Conversation:
    """Turns with one engine; the system prompt speaks the language of the first turn."""

    engine: Engine
    prompts: dict[str, str]
    gate: Gate | None = None
    turns: list[dict[str, str]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    interactive: bool = field(default_factory=lambda: sys.stdin.isatty())

    def talk(self) -> None:
        """Read turns until the end of input or /quit."""
        if self.interactive:
            import readline  # noqa: F401 - gives input() editing and history

            _tell(f"{self.engine.model}: /reset, /stats, /quit; Ctrl-C stops a reply")
        while (text := self._next_turn()) is not None:
            if text.startswith("/"):
                if self._command(text):
                    return
            elif text:
                self._turn(text)

    def _next_turn(self) -> str | None:
        try:
            return (input("> ") if self.interactive else input()).strip()
        except EOFError:
            if self.interactive:
                print()
            return None
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            print()
            _tell("Ctrl-D or /quit leaves")
            return ""

    def _command(self, text: str) -> bool:
        """Do what a /word says; True leaves."""
        if text == "/quit":
            return True
        if text == "/reset":
            self.turns.clear()
            _tell("forgotten")
        elif text == "/stats":
            self._stats()
        else:
            _tell(f"unknown: {text.split()[0]} (there are /reset, /stats, /quit)")
        return False

    def _turn(self, text: str) -> None:
        if self.gate is not None and not self.turns:
            self._route(text)
        self.turns.append({"role": "user", "content": text})
        try:
            said = self._say()
        except UserError as error:
            self.turns.pop()
            if not self.interactive:
                raise
            _tell(str(error))
            return
        self.turns.append({"role": "assistant", "content": said})

    def _say(self) -> str:
        """Stream one reply; where the conversation does not fit, its older half goes first."""
        from slm_core.engine.contract import PromptTooLong

        while True:
            try:
                return self._stream()
            except PromptTooLong:
                if len(self.turns) == 1:
                    raise
                dropped = (len(self.turns) // 2 + 1) // 2 * 2  # whole exchanges: question and reply
                del self.turns[:dropped]
                _tell(
                    f"the conversation no longer fits: its first {dropped} messages are left out from here on"
                )

    def _stream(self) -> str:
        from slm_core.cli.reply_text import printable
        from slm_core.engine.contract import Reply, Sampling

        sampling = Sampling(max_tokens=MAX_TOKENS, temperature=TEMPERATURE, seed=len(self.replies))
        pieces: list[str] = []
        events = self.engine.stream([*self._system(), *self.turns], sampling=sampling)
        try:
            for event in events:
                if isinstance(event, Reply):
                    self.replies.append(event)
                else:
                    pieces.append(event)
                    print(printable(event), end="", flush=True)
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            _tell(" (stopped)")
        print(flush=True)
        return "".join(pieces)

    def _route(self, text: str) -> None:
        """Let the first words choose the domain whose system prompt the conversation takes."""
        from slm_core.domain import find_domain

        assert self.gate is not None
        route = self.gate.route(text)
        _tell(route.reason)
        self.prompts = dict(find_domain(route.domain).chat_prompt) if route.domain else {}

    def _system(self) -> list[dict[str, str]]:
        if not self.prompts:
            return []
        language = "ko" if _HANGUL.search(self.turns[0]["content"]) else "en"
        return [
            {"role": "system", "content": self.prompts.get(language) or next(iter(self.prompts.values()))}
        ]

    def _stats(self) -> None:
        from slm_core.cli.reply_text import cost

        if not self.replies:
            _tell("nothing said yet")
            return
        _tell(f"last reply: {cost(self.replies[-1].usage)}")
        read = sum(reply.usage.prompt - reply.usage.cached for reply in self.replies)
        written = sum(reply.usage.generated for reply in self.replies)
        _tell(f"{len(self.replies)} replies: {read} tokens read anew, {written} written")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
