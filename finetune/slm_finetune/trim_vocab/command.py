"""The verb `finetune trim-vocab`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm_core.errors import MissingExtra, UserError

if TYPE_CHECKING:
    from slm_core.settings import Settings
    from slm_finetune.gain import Gain
    from slm_finetune.trim_vocab.reading import Reading
    from slm_finetune.trim_vocab.vocabulary import Kept

LATIN = ("en",)  # whose tokens are so many that --size bounds them

EPILOG = """\
examples:
  finetune trim-vocab --domain disaster --lang ko,en --out trimmed.gguf
  finetune trim-vocab --domain disaster --lang ko,en --size 32000 --model FILE.gguf --out small.gguf
  slm ask disaster "We need water and tents" --model trimmed.gguf

What stays: control tokens, single bytes, all that can occur in a text of these languages, and all that
prompts, documents and training rows of every installed domain are read as. Text of the languages is then
read as the very same tokens as before; other text is read byte by byte. Adapters of the base fit the
trimmed file: slm ask takes it for its base.

--size N keeps all tokens of other scripts than Latin, and of Latin ones and signs the most frequent (by merge
rank): smaller, but rare words take more tokens.
"""


@dataclass(frozen=True)
class Job:
    """What is asked for, resolved."""

    model: str
    path: Path
    sha256: str
    languages: tuple[str, ...]
    size: int | None
    own: tuple[Path, ...]
    out: Path
    settings: Settings
    datasets: Mapping[str, Path]


def register(subparsers: Any) -> None:
    """Add the verb to `finetune`."""
    from slm_finetune.gain import add_gain_flags
    from slm_finetune.trim_vocab.languages import known_languages

    parser = subparsers.add_parser(
        "trim-vocab",
        help="take tokens of other languages out of a model file",
        description="Take the tokens of other languages out of a model file, and measure what that gains.",
        epilog=f"{EPILOG}\nlanguages: {', '.join(known_languages())}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--domain", required=True, metavar="D", help="an installed domain, whose rows are measured with")
    add("--lang", required=True, metavar="L", help="languages that stay, e.g. ko,en")
    add("--model", metavar="M", help="a catalog name or a .gguf file (default: the base in the settings)")
    add("--adapter", metavar="DIR|none", help="adapter for the domain score (default: the installed one)")
    add("--size", type=int, metavar="N", help="keep at most N tokens")
    add(
        "--text",
        type=Path,
        action="append",
        default=[],
        metavar="F",
        help="a text of your own whose tokens stay too (repeatable)",
    )
    add("--out", type=Path, required=True, metavar="F.gguf", help="file to write; F.md lies beside it")
    add("--json", action="store_true", help="print what was measured as JSON")
    add_gain_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Cut, write, measure, print."""
    try:
        import regex  # noqa: F401
    except ImportError as error:
        raise MissingExtra("finetune trim-vocab", "train") from error
    from slm_core.adapters import resolve_adapter
    from slm_core.domain import find_domain
    from slm_core.files import write_atomically
    from slm_finetune.gain import probe_of
    from slm_finetune.trim_vocab.measured import measured, report, reread

    job = _job(args)
    domain = find_domain(args.domain)
    probe = probe_of(args, domain, job.settings)
    adapter = resolve_adapter(args.adapter, domain, job.model, job.settings)
    kept, before = trim(job)
    reading = reread(job)
    gains = measured(job, kept, probe, adapter)
    text = report(job, kept, before, reading, gains)
    write_atomically(job.out.with_suffix(".md"), text.encode())
    print(_as_json(kept, before, reading, gains) if args.json else text)
    return 0


def trim(job: Job) -> tuple[Kept, int]:
    """Write the trimmed file; return what stayed of how many tokens.

    Raises:
        UserError: the tokenizer is no byte-level BPE, an unknown language, or a bound that is too low.
    """
    from slm_core.engine.prompt import PromptFormat
    from slm_core.gguf_head import read_header
    from slm_finetune.gguf_file import read_file, write_file
    from slm_finetune.trim_vocab.cut import cut, special_ids, vocabulary_of
    from slm_finetune.trim_vocab.languages import writing_of
    from slm_finetune.trim_vocab.reading import tokenizer, used_ids
    from slm_finetune.trim_vocab.texts import domain_texts, own_text
    from slm_finetune.trim_vocab.vocabulary import choose

    file = read_file(job.path)
    vocabulary = vocabulary_of(file, job.path)
    spoken = vocabulary.that(writing_of(job.languages).holds)
    first = spoken - vocabulary.that(writing_of(LATIN).holds)
    texts = domain_texts(PromptFormat.of(read_header(job.path)), job.settings, job.datasets)
    texts["own"] = [own_text(path) for path in job.own]
    with tokenizer(job.path, vocabulary.tokens) as reader:
        used = {id_ for name, part in texts.items() for id_ in used_ids(reader, part, name)}
    used |= special_ids(file)
    kept = choose(vocabulary, spoken, first, used, job.size)
    print(f"{len(kept.ids):,} of {len(vocabulary.tokens):,} tokens stay", file=sys.stderr)
    write_file(job.out, cut(file, vocabulary, kept, base_sha256=job.sha256, languages=job.languages))
    return kept, len(vocabulary.tokens)


def _job(args: argparse.Namespace) -> Job:
    from slm_core.catalog import Bar, ensure, find_model
    from slm_core.catalog.verify import known_sha256
    from slm_core.settings import load_settings
    from slm_finetune.gguf_file import new_file
    from slm_finetune.trim_vocab.languages import scripts_of

    settings = load_settings(model=args.model)
    languages = tuple(part.strip() for part in args.lang.split(",") if part.strip())
    scripts_of(languages)
    if args.size is not None and args.size < 1:
        raise UserError(f"{args.size} tokens", where="--size", expected="a positive number")
    path = ensure(settings.model, settings, Bar())
    out = new_file(args.out, path)
    name, sha256 = find_model(settings.model).name, known_sha256(path, settings)
    datasets = {args.domain: args.dataset} if args.dataset else {}
    return Job(name, path, sha256, languages, args.size, tuple(args.text), out, settings, datasets)


def _as_json(kept: Kept, before: int, reading: Reading, gains: list[Gain]) -> str:
    tokens = {"before": before, "after": len(kept.ids), "kept": kept.reasons}
    found = {"tokens": tokens, "reading": reading.as_dict(), "files": [gain.as_dict() for gain in gains]}
    return json.dumps(found, ensure_ascii=False)
