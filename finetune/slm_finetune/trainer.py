"""TRL's SFT trainer with two savings for small machines: no logits over the prompt, no frozen layer
computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trl import SFTTrainer

from slm_finetune.examples import Example
from slm_finetune.frozen import only_layers


class ExpertTrainer(SFTTrainer):
    """SFTTrainer whose batches carry row numbers, so that stored hidden states can stand in for the lower
    layers.

    Args:
        first_layer: lowest adapted layer; everything below is frozen.
        states: hidden states by row number, or none (then the whole model runs).
        *args, **kwargs: those of SFTTrainer.
    """

    def __init__(
        self, *args: Any, first_layer: int = 0, states: dict[str, list[Any]] | None = None, **kwargs: Any
    ) -> None:
        self.first_layer, self.states = first_layer, states
        super().__init__(*args, **kwargs)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss over the reply's tokens of a batch."""
        base = self.accelerator.unwrap_model(model).get_base_model()
        hidden = self._hidden(base.model, inputs)[:, :-1]
        labels = inputs["labels"][:, 1:]
        learnt = (
            labels != -100
        )  # only these positions pay for the output matrix (a quarter of a 0.5B's arithmetic)
        logits = base.lm_head(hidden[learnt])
        tokens = learnt.sum() if num_items_in_batch is None else num_items_in_batch
        rows, lengths = inputs["row"].tolist(), learnt.sum(1).tolist()
        loss = self.token_losses(logits.float(), labels[learnt], rows, lengths).sum() / tokens
        return (loss, {"loss": loss}) if return_outputs else loss

    def token_losses(self, logits: Any, targets: Any, rows: Sequence[int], lengths: Sequence[int]) -> Any:
        """Return the loss of each reply token, those of one row after those of another; here the cross
        entropy.

        Args:
            logits: [reply tokens, vocabulary].
            targets: [reply tokens].
            rows: the numbers of the batch's rows; negative on the dev side.
            lengths: how many of the reply tokens are each row's.
        """
        import torch

        return torch.nn.functional.cross_entropy(logits, targets, reduction="none")

    def _hidden(self, decoder: Any, inputs: dict[str, Any]) -> Any:
        if self.states is None:
            ids = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
            return decoder(**ids, use_cache=False).last_hidden_state
        embeds = self._stored(inputs)
        with only_layers(decoder, self.first_layer, decoder.config.num_hidden_layers):
            out = decoder(inputs_embeds=embeds, attention_mask=inputs["attention_mask"], use_cache=False)
        return out.last_hidden_state

    def _stored(self, inputs: dict[str, Any]) -> Any:
        import torch

        assert self.states is not None
        part = self.states["dev" if int(inputs["row"][0]) < 0 else "train"]
        rows = [part[number if number >= 0 else -1 - number] for number in inputs["row"].tolist()]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def as_dataset(examples: Sequence[Example], dev: bool = False) -> Any:
    """Return a Hugging Face dataset with ids, labels and row numbers (-1, -2, ... mark the dev side)."""
    from datasets import Dataset

    return Dataset.from_list(
        [
            {
                "input_ids": list(e.prompt + e.target),
                "labels": [-100] * len(e.prompt) + list(e.target),
                "length": len(e),
                "row": -1 - number if dev else number,
            }
            for number, e in enumerate(examples)
        ]
    )


def collate(pad: int) -> Any:
    """Return a collator that pads a batch on the right."""
    import torch

    def batch(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        def padded(key: str, value: int) -> Any:
            rows = [torch.tensor(item[key]) for item in items]
            return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)

        ones = [torch.ones(len(item["input_ids"]), dtype=torch.long) for item in items]
        return {
            "input_ids": padded("input_ids", pad),
            "labels": padded("labels", -100),
            "attention_mask": torch.nn.utils.rnn.pad_sequence(ones, batch_first=True),
            "row": torch.tensor([item["row"] for item in items]),
        }

    return batch
