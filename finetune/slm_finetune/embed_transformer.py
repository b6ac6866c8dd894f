"""Tuning a sentence-transformers model on question-passage pairs, with its own trainer.

The loss is MultipleNegativesRankingLoss (in-batch negatives); no text stands twice in a batch. After each
epoch the dev questions are ranked; the best weights stay in memory, and nothing is written before the end.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slm_core.errors import CouldNot, MissingExtra
from slm_core.rag.embedder import Embedder, Vectors
from slm_finetune.embed_map import Score
from slm_finetune.embed_pairs import Pair

DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True)
class TransformerRecipe:
    """How a model is tuned; `patience` counts epochs without a better dev figure."""

    learning_rate: float = 2e-5
    batch: int = 16
    epochs: int = 3
    patience: int = 1
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


class InHand:
    """A model in memory as an embedder."""

    name = passages_name = "in hand"

    def __init__(self, model: Any) -> None:
        self.model = model

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Embed with the model's prompt for queries."""
        return _unit(self.model.encode_query, texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Embed with the model's prompt for documents."""
        return _unit(self.model.encode_document, texts)


def open_model(folder: Path) -> InHand:
    """Open a folder of sentence-transformers for training.

    Raises:
        MissingExtra: its packages are not installed; CouldNot: it is none.
    """
    try:
        import accelerate  # noqa: F401
        import datasets  # noqa: F401
        import sentence_transformers
    except ImportError as error:
        raise MissingExtra("finetune embed --model", "embed,train") from error
    try:
        return InHand(sentence_transformers.SentenceTransformer(str(folder), local_files_only=True))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CouldNot(f"sentence-transformers cannot open {folder}: {reason}") from error


def tune(
    embedder: InHand, train: Sequence[Pair], dev: Callable[[Embedder], Score], recipe: TransformerRecipe
) -> str:
    """Tune the model in place, leave it with the best weights and return why these."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers import PrinterCallback

    pairs = {"anchor": [pair.question for pair in train], "positive": [pair.answer for pair in train]}
    best = _best(embedder, dev, recipe.patience)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SentenceTransformerTrainer(
            model=embedder.model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                num_train_epochs=recipe.epochs,
                per_device_train_batch_size=recipe.batch,
                learning_rate=recipe.learning_rate,
                warmup_steps=0.1,
                seed=recipe.seed,
                batch_sampler="no_duplicates",
                prompts=_prompts(embedder.model) or None,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                logging_steps=50,
                dataloader_pin_memory=False,
            ),
            train_dataset=Dataset.from_dict(pairs),
            loss=MultipleNegativesRankingLoss(embedder.model),
            callbacks=[best],
        )
        trainer.remove_callback(PrinterCallback)  # it prints to stdout, where the result goes
        trainer.train()
    embedder.model.load_state_dict(best.weights)
    return str(best.reason)


def _best(embedder: InHand, dev: Callable[[Embedder], Score], patience: int) -> Any:
    from transformers import TrainerCallback

    class Best(TrainerCallback):  # type: ignore[misc]  # Transformers carry no types
        """Keeps the weights with the best dev figure and stops when it grows no more."""

        def __init__(self) -> None:
            self.first = self.score = dev(embedder)
            self.weights = copy.deepcopy(embedder.model.state_dict())
            self.reason, self.epoch = "no epoch was better than none on the dev questions", 0

        def on_epoch_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            epoch, score = round(state.epoch), dev(embedder)
            if score > self.score:
                self.score, self.epoch = score, epoch
                self.weights = copy.deepcopy(embedder.model.state_dict())
                self.reason = f"epoch {epoch}: dev recall@5 {self.first[0]:.3f} -> {score[0]:.3f}"
                self.reason += f", MRR {self.first[1]:.3f} -> {score[1]:.3f}"
            print(f"epoch {epoch}: dev recall@5 {score[0]:.3f}, MRR {score[1]:.3f}", file=sys.stderr)
            control.should_training_stop = epoch - self.epoch >= patience

    return Best()


def _prompts(model: Any) -> dict[str, str]:
    """Return the prompts that the model itself puts before questions and passages."""
    own = {name: text for name, text in model.prompts.items() if text}
    document = next((own[name] for name in DOCUMENT_PROMPTS if name in own), None)
    found = {"anchor": own.get("query"), "positive": document}
    return {column: text for column, text in found.items() if text}


def _unit(encode: Any, texts: Sequence[str]) -> Vectors:
    rows = encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(rows, dtype=np.float32)
