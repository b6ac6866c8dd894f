"""What every embedder promises, held by each backend; and the bundled one's Korean and English."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from slm_core.errors import CouldNot, MissingExtra, UserError
from slm_core.files import sha256_of
from slm_core.rag.embedder import Embedder, open_embedder, spec_of

HAVE_SENTENCE_TRANSFORMERS = importlib.util.find_spec("sentence_transformers") is not None


def tiny_transformer(folder: Path) -> Path:
    """A BERT of random weights that knows single characters: enough for the contract, not for meaning."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    letters = [chr(n) for n in range(33, 127)] + [chr(n) for n in range(0x1100, 0x1200)]
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
    ]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(vocabulary), **size)).save_pretrained(folder)
    return folder


def skewed_map(folder: Path) -> Path:
    """A map far from none, in the form that `finetune embed` writes."""
    draw = np.random.default_rng(0).standard_normal((384, 384)).astype(np.float32)
    np.save(folder / "map.npy", np.eye(384, dtype=np.float32) + draw / 20)
    card = {"embedder": open_embedder().name, "sha256": sha256_of(folder / "map.npy")}
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    return folder


@pytest.fixture(scope="module", params=["e5", "e5+map", "sentence-transformers"])
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    if request.param == "e5":
        return open_embedder("e5")
    if request.param == "e5+map":
        return open_embedder(f"e5+map:{skewed_map(tmp_path_factory.mktemp('map'))}")
    if not HAVE_SENTENCE_TRANSFORMERS:
        pytest.skip("sentence-transformers is not installed: pip install 'ondevice-slm[embed]'")
    folder = tiny_transformer(tmp_path_factory.mktemp("st") / "tiny")
    return open_embedder(f"sentence-transformers:{folder}", offline=True)


TEXTS = ["침수된 집은 가스를 먼저 살핀다.", "Drop, cover and hold on.", "물"]


def test_a_row_a_text_each_of_length_one(embedder: Embedder) -> None:
    for rows in (embedder.queries(TEXTS), embedder.passages(TEXTS)):
        assert rows.shape[0] == 3 and rows.dtype == np.float32
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)


def test_questions_and_passages_have_vectors_of_one_size(embedder: Embedder) -> None:
    assert embedder.queries(TEXTS).shape == embedder.passages(TEXTS).shape


def test_a_text_alone_has_the_vector_it_has_among_others(embedder: Embedder) -> None:
    together = embedder.passages(TEXTS)
    assert np.allclose(embedder.passages(TEXTS[1:2])[0], together[1], atol=1e-3)
    assert np.allclose(embedder.passages(TEXTS), together, atol=1e-3), "and again"


def test_no_text_gives_no_row(embedder: Embedder) -> None:
    assert len(embedder.passages([])) == len(embedder.queries([])) == 0


def test_the_name_opens_the_same_embedder_again(embedder: Embedder) -> None:
    assert open_embedder(spec_of(embedder.name), offline=True).name == embedder.name


@pytest.mark.parametrize(
    ("question", "fits", "other"),
    [
        (
            "집이 물에 잠겼는데 들어가도 되나요?",
            "침수된 주택은 전기를 점검한 뒤에 쓴다.",
            "물을 자주 마신다.",
        ),
        ("is flood water safe to drink", "Boil the water for a minute.", "Get under a sturdy table."),
        ("what to do in an earthquake", "지진이 나면 탁자 밑에 들어간다.", "빙판길에서는 걸음을 좁힌다."),
    ],
)
def test_the_bundled_embedder_ranks_korean_english_and_across(question: str, fits: str, other: str) -> None:
    e5 = open_embedder()
    better, worse = e5.passages([fits, other]) @ e5.queries([question])[0]
    assert better > worse


@pytest.mark.skipif(HAVE_SENTENCE_TRANSFORMERS, reason="sentence-transformers is installed")
def test_a_missing_backend_says_what_to_install() -> None:
    with pytest.raises(MissingExtra) as missing:
        open_embedder("sentence-transformers:some/model")
    assert "pip install 'ondevice-slm[embed]'" in str(missing.value)


def test_a_folder_that_is_no_model_is_one_clear_line(tmp_path: Path) -> None:
    if not HAVE_SENTENCE_TRANSFORMERS:
        pytest.skip("sentence-transformers is not installed: pip install 'ondevice-slm[embed]'")
    (tmp_path / "config.json").write_text(json.dumps({}), "utf-8")
    with pytest.raises(CouldNot, match="cannot open"):
        open_embedder(f"sentence-transformers:{tmp_path}", offline=True)


@pytest.mark.parametrize("spec", ["bge", "sentence-transformers:", "E5"])
def test_an_unknown_embedder_names_the_known_ones(spec: str) -> None:
    with pytest.raises(UserError, match="e5, or sentence-transformers"):
        open_embedder(spec)
