"""`finetune trim-vocab`: what stays of a vocabulary, and that the model is the same over what stays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Set
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("regex", reason="needs the extra train")

import numpy as np
import tiny_gguf
from hypothesis import given
from hypothesis import strategies as st
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.dataset.row import Message, Row, write_rows
from slm_core.engine import open_engine
from slm_core.engine.llama import LlamaEngine
from slm_core.engine.prompt import PromptFormat
from slm_core.errors import CouldNot, UserError
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header
from slm_core.settings import load_settings
from slm_finetune.base import dequantized_base
from slm_finetune.cli import main
from slm_finetune.gain.closeness import Reader, closeness
from slm_finetune.gguf_file import read_file, write_file
from slm_finetune.trim_vocab.byte_level import bytes_of
from slm_finetune.trim_vocab.cut import cut, vocabulary_of
from slm_finetune.trim_vocab.languages import writing_of
from slm_finetune.trim_vocab.reading import Tokenizer, compare, tokenizer
from slm_finetune.trim_vocab.texts import domain_texts
from slm_finetune.trim_vocab.vocabulary import Kept, TokenKind, Vocabulary, choose, fill

KOREAN = [
    "강물이 불어나 두 명이 실종되었습니다",
    "물과 음식이 필요합니다 3시 20분",
    "뷁 쀍 ㅋㅋ 한글 ㎡ ℃ … 「서울」",
]
ENGLISH = [
    "the river is rising, send water and food",
    "two people are missing near the bridge",
    "café naïve 😀 → 12%",
]
OTHERS = [
    "вода поднимается и люди пропали",
    "河水上涨两人失踪请送水和食物",
    "川の水が増えて二人が行方不明です",
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learnt words of five scripts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_gguf, "CORPUS", [*KOREAN, *ENGLISH, *OTHERS, *OTHERS])
        return write_tiny_model(tmp_path_factory.mktemp("base") / "tiny.gguf")


@cache
def written(*languages: str) -> Callable[[bytes], bool]:
    return writing_of(languages).holds


def trim(base: Path, out: Path, *, used: Set[int] = frozenset(), size: int | None = None) -> Kept:
    file = read_file(base)
    vocabulary = vocabulary_of(file, base)
    spoken = vocabulary.that(written("ko", "en"))
    first = spoken - vocabulary.that(written("en"))
    kept = choose(vocabulary, spoken, first, set(used), size)
    write_file(out, cut(file, vocabulary, kept, base_sha256=sha256_of(base), languages=("ko", "en")))
    return kept


@pytest.fixture(scope="module")
def trimmed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    out = tmp_path_factory.mktemp("trimmed") / "tiny.gguf"
    return out, trim(base, out)


@pytest.fixture(scope="module")
def readers(base: Path, trimmed: tuple[Path, Kept]) -> Iterator[tuple[Tokenizer, Tokenizer]]:
    out, _ = trimmed
    with (
        tokenizer(base, read_header(base).tokens) as before,
        tokenizer(out, read_header(out).tokens) as after,
    ):
        yield before, after


@pytest.mark.parametrize(
    ("piece", "stays"),
    [
        (b" water", True),
        ("침수".encode(), True),
        ("침수".encode()[:4], True),  # ends within a syllable
        ("침수".encode()[2:], True),  # begins within one
        ("침".encode()[1:2], True),
        ("😀".encode()[1:3], True),
        ("café".encode(), True),
        ("水".encode(), False),
        ("вода".encode(), False),
        ("水".encode()[:2], False),  # no Hangul syllable and no sign begins so
        (b"\xff", False),
        ("a水".encode(), False),
    ],
)
def test_a_token_stays_if_a_text_of_the_languages_can_hold_its_bytes(piece: bytes, stays: bool) -> None:
    assert written("ko", "en")(piece) is stays


def test_an_unknown_language_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(UserError, match=r"--lang: 'kor'(.|\n)*did you mean ko\?"):
        writing_of(["kor"])


def test_what_is_lost_is_the_mass_of_the_tokens_that_are_gone(base: Path, trimmed: tuple[Path, Kept]) -> None:
    out, kept = trimmed
    turns = (Message(role="user", content="침수 water"), Message(role="assistant", content='["water"]'))
    row = Row(messages=turns, task="needs", lang="en", source="test", licence="CC0-1.0", id="one")
    ids = np.array(kept.ids)
    found = closeness(out, [row], 1, reference=base, vocabulary=ids)

    with closing(Reader(base, 1)) as whole:
        reply = whole.read(row)
        inside = np.exp(whole.distributions(whole.states(row, reply))[:, ids].astype(float)).sum(axis=1)
    assert (found.rows, found.skipped) == (1, 0) and inside.max() < 0.999
    assert found.outside == pytest.approx(1 - inside.mean(), abs=1e-5)
    assert found.kl == pytest.approx(-np.log(inside).mean(), abs=1e-4), "the network is the same"
    with pytest.raises(CouldNot, match="no row is read as the same tokens"):
        closeness(out, [row], 1, reference=base, vocabulary=np.roll(ids, 1))


def test_rows_of_the_users_own_are_read_and_never_built_over(tmp_path: Path) -> None:
    form, domain = PromptFormat.of(read_header(write_tiny_model(tmp_path / "tiny.gguf"))), "disaster"
    turns = (Message(role="user", content="Ωmega"), Message(role="assistant", content="[]"))
    row = Row(messages=turns, task="needs", lang="en", source="test", licence="CC0-1.0", id="one")
    own = tmp_path / "own"
    write_rows(own / "dev.jsonl", [row])
    with pytest.raises(UserError, match=r"train\.jsonl: no rows to learn from"):
        domain_texts(form, load_settings(), {domain: own})
    assert [path.name for path in own.iterdir()] == ["dev.jsonl"]
    write_rows(own / "train.jsonl", [row])
    assert any("Ωmega" in text for text in domain_texts(form, load_settings(), {domain: own})[domain])


def test_a_bound_holds_though_the_number_is_filled_up(base: Path, tmp_path: Path) -> None:
    least = len(trim(base, tmp_path / "least.gguf", size=None).ids)
    kept = trim(base, tmp_path / "bound.gguf", size=least - 1)
    assert len(kept.ids) < least and len(kept.ids) % 32 == 0


def test_the_parts_of_a_kept_token_stay_and_a_merge_goes_with_its_result() -> None:
    letters, words = list("abcd"), ["ab", "abc", "cd"]
    vocabulary = Vocabulary([*letters, *words], [1] * 7, [("a", "b"), ("ab", "c"), ("c", "d")])
    kept = vocabulary.closed({vocabulary.ids["abc"]}) | vocabulary.always()
    assert {vocabulary.tokens[i] for i in kept} == {"a", "b", "c", "d", "ab", "abc"}
    assert vocabulary.kept_merges(kept) == [("a", "b"), ("ab", "c")]


def test_what_is_filled_up_comes_in_the_order_of_merges_and_with_its_parts() -> None:
    tokens = [*"abcd", "abc", "cd", "ab"]
    vocabulary = Vocabulary(tokens, [1] * 7, [("a", "b"), ("c", "d"), ("ab", "c")])
    assert fill(vocabulary, {0, 1, 2, 3}, vocabulary.by_rank, 5) == {0, 1, 2, 3, 6}
    assert fill(vocabulary, {0, 1, 2, 3}, [4], 5) == {0, 1, 2, 3}, "abc needs ab too, which does not fit"


def test_control_tokens_stay_and_unused_ones_go() -> None:
    kinds = [TokenKind.NORMAL, TokenKind.CONTROL, TokenKind.UNUSED, TokenKind.USER_DEFINED]
    vocabulary = Vocabulary(["a", "<|im_end|>", "[PAD1]", "<tool>"], kinds, [])
    assert vocabulary.always() == {0, 1, 3}


@pytest.mark.parametrize("text", [*KOREAN, *ENGLISH, "물 water 3,000명 <|im_start|>user\n침수<|im_end|>\n"])
def test_korean_and_english_are_read_as_the_very_same_tokens(
    readers: tuple[Tokenizer, Tokenizer], text: str
) -> None:
    before, after = readers
    assert after.tokens(text) == before.tokens(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_are_read_in_more_tokens_and_nothing_of_them_is_lost(
    readers: tuple[Tokenizer, Tokenizer], text: str
) -> None:
    before, after = readers
    assert len(after.ids(text)) > len(before.ids(text))
    assert b"".join(bytes_of(token) or b"" for token in after.tokens(text)).decode() == text


SCRIPTS = st.characters(exclude_categories=["Cs"]) | st.sampled_from("강물가힣ㅋ水河водаאبひカé😀 \n\t09az")


@given(text=st.text(SCRIPTS, max_size=40))
def test_any_text_comes_back_from_its_tokens(readers: tuple[Tokenizer, Tokenizer], text: str) -> None:
    after = readers[1]
    assert b"".join(bytes_of(token) or b"" for token in after.tokens(text)).decode() == text


def test_how_texts_are_read_is_counted_in_syllables_and_words(readers: tuple[Tokenizer, Tokenizer]) -> None:
    found = compare(*readers, ["물과 음식", "send water", OTHERS[0]])
    assert (found.texts, found.same, found.syllables, found.words) == (3, 2, 4, 2)
    assert found.hangul[0] == found.hangul[1] and found.latin[0] == found.latin[1]
    assert found.lines()[0] == "2 of 3 held-out texts are read as the very same tokens"


def test_a_word_that_the_domains_use_stays_whatever_its_script(base: Path, tmp_path: Path) -> None:
    header = read_header(base)
    with tokenizer(base, header.tokens) as before:
        used = set(before.ids(OTHERS[0]))
        expected = before.tokens(OTHERS[0])
    trim(base, tmp_path / "small.gguf", used=used)
    with tokenizer(tmp_path / "small.gguf", read_header(tmp_path / "small.gguf").tokens) as after:
        assert after.tokens(OTHERS[0]) == expected


def test_a_bound_keeps_hangul_and_the_most_frequent_latin_tokens(base: Path, tmp_path: Path) -> None:
    trim(base, tmp_path / "all.gguf")
    tokens = read_header(tmp_path / "all.gguf").tokens
    kept = trim(base, tmp_path / "small.gguf", size=288)
    small = read_header(tmp_path / "small.gguf").tokens
    assert len(small) == len(kept.ids) == 288 < len(tokens)
    gone = [bytes_of(token) or b"" for token in set(tokens) - set(small)]
    assert gone and not any(written("ko")(piece) and not written("en")(piece) for piece in gone)


def test_a_bound_below_what_must_stay_is_refused_with_the_least(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--size: 100 tokens(.|\n)*at least \d+"):
        trim(base, tmp_path / "small.gguf", size=100)


def test_rows_of_both_matrices_are_taken_over_byte_for_byte(base: Path, trimmed: tuple[Path, Kept]) -> None:
    out, kept = trimmed
    before, after = read_file(base), read_file(out)
    for name, tensor in before.tensors.items():
        rows = tensor.data[list(kept.ids)] if name in ("token_embd.weight", "output.weight") else tensor.data
        assert np.array_equal(after.tensors[name].data, rows), name
    assert len(kept.ids) % 32 == 0 and len(kept.ids) < len(read_header(base).tokens)


def distributions(model: Path, adapter: Path | None, prompt: str) -> np.ndarray:
    adapters = {"disaster": adapter} if adapter else {}
    engine = open_engine(load_settings(), model=str(model), adapters=adapters)
    assert isinstance(engine, LlamaEngine)
    with engine:
        return engine.next_token_distribution(prompt, "disaster" if adapter else None)


@pytest.mark.parametrize("with_adapter", [False, True])
def test_the_next_token_is_as_likely_as_before_among_the_kept_ones(
    base: Path, trimmed: tuple[Path, Kept], tmp_path: Path, with_adapter: bool
) -> None:
    out, kept = trimmed
    adapter = write_tiny_adapter(tmp_path / "adapter", base_sha256=sha256_of(base)) if with_adapter else None
    prompt = "<|im_start|>user\n강물이 불어나 send water<|im_end|>\n<|im_start|>assistant\n"
    before = distributions(base, adapter, prompt)[list(kept.ids)]
    before -= np.log(np.exp(before).sum())
    after = distributions(out, adapter, prompt)
    assert (np.exp(before) * (before - after)).sum() < 1e-5


def test_a_typed_reply_can_be_written_with_what_is_left(trimmed: tuple[Path, Kept]) -> None:
    schema = {"type": "object", "properties": {"needs": {"enum": ["물", "food"]}}, "required": ["needs"]}
    schema |= {"additionalProperties": False}
    with open_engine(load_settings(), model=str(trimmed[0]), adapters={}) as engine:
        reply = engine.chat([{"role": "user", "content": "물 водa"}], schema=schema)
    assert reply.value in ({"needs": "물"}, {"needs": "food"})


def test_transformers_reads_a_trimmed_file_as_the_device_does(
    trimmed: tuple[Path, Kept], readers: tuple[Tokenizer, Tokenizer], tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra train")
    folder = dequantized_base(trimmed[0], sha256_of(trimmed[0]), tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for text in (*KOREAN, *ENGLISH, *OTHERS):
        assert theirs(text, add_special_tokens=False)["input_ids"] == readers[1].ids(text)


def test_an_adapter_of_another_base_is_refused_by_a_trimmed_file(
    trimmed: tuple[Path, Kept], tmp_path: Path
) -> None:
    adapter = write_tiny_adapter(tmp_path / "adapter", base_sha256="0" * 64)
    with pytest.raises(UserError, match="trained on the base 0000"):
        open_engine(load_settings(), model=str(trimmed[0]), adapters={"disaster": adapter})


def test_a_tokenizer_that_is_no_byte_level_bpe_is_refused_by_name(base: Path, tmp_path: Path) -> None:
    file = read_file(base).replaced(values={"tokenizer.ggml.model": "llama"})
    with pytest.raises(UserError, match=r"the tokenizer of this file is 'llama'(.|\n)*'gpt2'"):
        vocabulary_of(file, tmp_path)


@pytest.fixture
def datasets() -> Path:
    """A few rows of both installed domains."""
    folder = Path(os.environ["SLM_HOME"]) / "datasets"
    for domain, task in (("disaster", "needs"), ("energy", "command")):
        for side, texts in (("train", KOREAN), ("dev", ENGLISH), ("test", [KOREAN[1], ENGLISH[1]])):
            write_rows(folder / domain / f"{side}.jsonl", [row(text, task) for text in texts])
    return folder


def row(text: str, task: str) -> Row:
    messages = [
        {"role": "system", "content": task},
        {"role": "user", "content": text},
        {"role": "assistant", "content": '["water"]'},
    ]
    return Row(messages=messages, task=task, lang="ko", source="test", licence="CC0-1.0")


def test_the_command_writes_the_file_its_page_and_prints_what_was_gained(
    base: Path, datasets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trim-vocab", "--domain", "disaster", "--lang", "ko,en", "--model", str(base)]
    out = tmp_path / "small.gguf"
    assert main([*words, "--adapter", "none", "--no-score", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "held-out texts are read as the very same tokens" in printed
    assert "| trimmed |" in printed and "tokens per Hangul syllable" in printed
    assert (tmp_path / "small.md").read_text(encoding="utf-8") == printed.rstrip("\n") + "\n"
    assert read_header(out).values["slm.trimmed_from"] == sha256_of(base)


def test_the_base_itself_is_never_written_over(base: Path, datasets: Path) -> None:
    words = ["trim-vocab", "--domain", "disaster", "--lang", "ko,en", "--model", str(base)]
    before = sha256_of(base)
    assert main([*words, "--out", str(base)]) == 2
    assert sha256_of(base) == before
