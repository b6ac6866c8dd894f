"""`slm ask`: one text, one typed and checked reply; one question, one answer out of the documents."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.errors import UserError

if TYPE_CHECKING:
    from slm_core.domain import Domain
    from slm_core.engine.contract import Mix
    from slm_core.expert import Expert
    from slm_core.rag import Library
    from slm_core.router import Route
    from slm_core.settings import Settings

DOCUMENTS = "documents"  # the task that is every domain's: an answer out of its documents

EXAMPLES = """\
examples:
  slm ask disaster "강릉시 옥계면 침수로 2명 실종, 식수가 필요합니다"
  slm ask disaster "침수된 집에 들어가도 되나요?"                      a question: out of the documents
  slm ask disaster "We need water and tents" --task needs --json
  slm ask disaster "generator indoors" --task documents
  slm ask disaster - --adapter none < message.txt
  slm ask auto "거실 에어컨 24도로 맞춰 줘"                       the gate chooses (finetune router trains it)
"""
AUTO = "auto"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "ask",
        help="one text to a domain's expert, one typed reply; a question to its documents",
        description="Give a domain's expert one text and get one typed, checked reply. Where the domain has "
        "documents, a question is answered out of them, in their words and with citations.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("domain", metavar="D", help=f"a domain, e.g. disaster; {AUTO}: the gate chooses it")
    parser.add_argument("text", metavar="TEXT", help="the text, or - to read it from standard input")
    parser.add_argument(
        "--task",
        metavar="T",
        help=f"a task of the domain, or {DOCUMENTS} (default: {DOCUMENTS} for a question, else the first)",
    )
    add_model_flags(parser)
    parser.add_argument(
        "--adapter", metavar="A", help="a folder, a domain's name, or none (default: the installed one)"
    )
    parser.add_argument(
        "--mix",
        action="store_true",
        help=f"with {AUTO}: where a second domain is near, mix both adapters by weight",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of every verb that runs a model."""
    parser.add_argument(
        "--model", metavar="M", help="a catalog name or a .gguf file (default: the settings')"
    )
    parser.add_argument("--context", type=int, metavar="N", help="tokens that a slot holds (default: chosen)")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads (default: chosen)")


def run(args: argparse.Namespace) -> int:
    """Ask, and print the reply."""
    from slm_core.domain import find_domain
    from slm_core.engine import LOCAL
    from slm_core.rag import Library
    from slm_core.settings import load_settings

    settings = load_settings(model=args.model, context=args.context, threads=args.threads)
    if args.mix and args.domain != AUTO:
        raise UserError("one domain is nothing to mix", where="--mix", expected=f"slm ask {AUTO}")
    if args.mix and settings.engine != LOCAL:
        raise UserError("a server takes one adapter a request", where="--mix", expected="SLM_ENGINE=llama")
    route = _routed(args, settings) if args.domain == AUTO else None
    if route and route.domain is None:
        return _for_none(route, args)
    mix = route.mix if route and args.mix else None
    domain = find_domain((route and route.domain) or args.domain)
    with Library(domain, settings) as library:
        if args.task == DOCUMENTS:
            return _ask_documents(library, _text(args.text), args)
        _check_task(library, args.task)  # a wrong name is told before standard input is read
        text = _text(args.text)
        if args.task is None and (said := _said_of_the_run(domain, settings, text)) is not None:
            print(json.dumps({"reply": said, "by": "code"}, ensure_ascii=False) if args.json else said)
            return 0
        if args.task is None and library.has_documents() and _chooses_documents(domain, text):
            return _ask_documents(library, text, args)
    return _ask_expert(domain, settings, text, args, mix)


def _said_of_the_run(domain: Domain, settings: Settings, text: str) -> str | None:
    """Return what the domain says of its last run at this site, where the text is about that."""
    from slm_core.bus.store import remembered

    if domain.at_work is None:
        return None
    return domain.at_work(text, remembered(settings.home / "run" / settings.site / f"{domain.name}.sqlite"))


def _routed(args: argparse.Namespace, settings: Settings) -> Route:
    """Return where the gate sends the text, and say why."""
    from slm_core.router import open_gate

    if args.task or args.adapter:
        flag = "--task" if args.task else "--adapter"
        raise UserError(f"{flag} belongs to one domain", where=AUTO, expected=f"a domain, or no {flag}")
    args.text = _text(args.text)
    route = open_gate(settings).route(args.text)
    print(route.reason, file=sys.stderr)
    return route


def _for_none(route: Route, args: argparse.Namespace) -> int:
    shares = {name: round(share, 4) for name, share in route.probabilities.items()}
    said = json.dumps({"domain": None, "probabilities": shares})
    print(said if args.json else "none of the installed domains answers this")
    return 0


def _check_task(library: Library, name: str | None) -> None:
    try:
        library.domain.task(name)
    except UserError as error:
        if not library.has_documents():
            raise
        raise UserError(error.what, expected=f"{error.expected}, {DOCUMENTS}") from error


def _chooses_documents(domain: Domain, text: str) -> bool:
    """Decide, and say what was decided and how to get the other."""
    from slm_core.rag import is_question

    first = domain.tasks[0].name
    if is_question(text):
        print(f"a question: answered out of the documents (--task {first} for the {first})", file=sys.stderr)
        return True
    print(f"no question: task {first} (--task {DOCUMENTS} for the documents)", file=sys.stderr)
    return False


def _ask_documents(library: Library, question: str, args: argparse.Namespace) -> int:
    from slm_core.cli import cited_text

    cited = library.answer(question)
    if args.json:
        print(json.dumps(cited_text.as_json(cited), ensure_ascii=False))
    else:
        print("\n".join(cited_text.as_lines(cited)))
    return 0


def _ask_expert(
    domain: Domain, settings: Settings, text: str, args: argparse.Namespace, mix: Mix | None = None
) -> int:
    from slm_core.cli import reply_text
    from slm_core.expert import open_expert

    task = domain.task(args.task)
    request = task.parse_request(text)
    expert = open_expert(domain, settings, adapter=args.adapter, mix=mix)
    try:
        for line in reply_text.choices(expert.engine):
            print(line, file=sys.stderr)
        if mix and len(mix) > 1:
            print(_mixed(expert, mix), file=sys.stderr)
        answer = expert.answer(task.name, request)
    finally:
        expert.close()
    if args.json:
        print(json.dumps(reply_text.as_json(answer), ensure_ascii=False))
    else:
        print("\n".join(reply_text.as_lines(answer)))
    return 0


def _mixed(expert: Expert, mix: Mix) -> str:
    if expert.mix:
        return "adapters mixed: " + ", ".join(f"{name} {weight:.2f}" for name, weight in expert.mix.items())
    here = expert.engine.adapters() if expert.engine else {}
    return f"nothing is mixed: no adapter of {', '.join(sorted(mix.keys() - here.keys()))} is in force"


def _text(given: str) -> str:
    """The text itself, or standard input; both as they are, for spans count their characters."""
    text = _standard_input() if given == "-" else given
    if not text.strip():
        raise UserError(
            "the text is empty", where="TEXT", expected="a text, or - and something on standard input"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes that the locale could not read
        raise UserError(
            "the text is no UTF-8", where="TEXT", mend="a UTF-8 locale (LC_ALL=C.UTF-8), or - and a file"
        ) from error
    return text


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"byte {error.start} is no UTF-8", where=Path("/dev/stdin"), mend="iconv -f CP949 -t UTF-8"
        ) from error
