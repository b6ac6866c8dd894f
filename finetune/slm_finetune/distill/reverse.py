"""Training on the student's own replies, judged by the teacher: MiniLLM (Gu, Dong, Wei and Huang 2024).

In each step the student answers the batch's prompts at temperature 1, the teacher gives its distribution at
every token of these replies, and the loss is (1 - alpha) * reverse + alpha * CE(target). `reverse` is the KL
of each token, summed exactly over the vocabulary, as a mean over the tokens: the single-step part of the
paper's gradient (section 2.2). The paper's pre-training loss is here the cross entropy of the rows.

Left out: the part that rewards a token for those that follow it (with six replies a step its noise hid the
rest: on a tiny model the KL stayed at 4.1 nat with it and fell to 3.0 without), sampling from a mixture with
the teacher (it would have to decode step by step beside the student), and with it the weights of importance.
What remains is on-policy distillation with the reverse KL (Agarwal and others 2024). In place of the paper's
first phase, a student tuned beforehand, the first steps train on the targets alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slm_finetune.distill.divergence import reverse_divergence
from slm_finetune.distill.lesson import Lesson
from slm_finetune.distill.teacher import Teacher
from slm_finetune.examples import Example
from slm_finetune.trainer import ExpertTrainer


class ReverseTrainer(ExpertTrainer):
    """ExpertTrainer that samples; the dev loss stays the cross entropy.

    Args:
        teacher: open for the whole run.
        examples: of the training rows.
        weights: of each training row.
        answered: rows that are answered; those after them (rationales) have their targets alone.
        lesson: alpha, warm-up and bound of a reply.
        size: of the vocabulary that the teacher knows too.
        *args, **kwargs: those of ExpertTrainer.
    """

    def __init__(
        self,
        *args: Any,
        teacher: Teacher,
        examples: Sequence[Example],
        weights: Sequence[float],
        answered: int,
        lesson: Lesson,
        size: int,
        **kwargs: Any,
    ) -> None:
        self.teacher, self.examples, self.weights = teacher, examples, weights
        self.answered, self.lesson, self.size = answered, lesson, size
        super().__init__(*args, **kwargs)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss of a batch: of its targets, and after the warm-up of the student's replies."""
        loss = super().compute_loss(model, inputs, False, num_items_in_batch)
        rows = inputs["row"].tolist()
        if rows[0] >= 0 and self.state.global_step >= self.lesson.warm * self.state.max_steps:
            prompts = [self.examples[row].prompt for row in rows if row < self.answered]
            if prompts:
                bare = self.accelerator.unwrap_model(model)
                loss = self.lesson.alpha * loss + (1 - self.lesson.alpha) * self._on_policy(bare, prompts)
        return (loss, {"loss": loss}) if return_outputs else loss

    def token_losses(self, logits: Any, targets: Any, rows: Sequence[int], lengths: Sequence[int]) -> Any:
        """Return the cross entropy of each reply token, weighted by its row."""
        import torch

        losses = super().token_losses(logits, targets, rows, lengths)
        if rows[0] < 0:
            return losses
        weights = torch.tensor([self.weights[row] for row in rows], device=losses.device)
        return losses * weights.repeat_interleave(torch.tensor(lengths, device=losses.device))

    def _on_policy(self, model: Any, prompts: Sequence[tuple[int, ...]]) -> Any:
        import torch

        replies = sample(model, prompts, self.lesson.reply_tokens, self.examples[0].target[-1])
        logits = reply_logits(model, prompts, replies)[:, : self.size].float()
        views = [self.teacher.log_probabilities(*pair) for pair in zip(prompts, replies, strict=True)]
        teacher = torch.cat([torch.from_numpy(view) for view in views]).to(logits.device)
        return reverse_divergence(logits, teacher).mean()


def sample(model: Any, prompts: Sequence[Sequence[int]], bound: int, end: int) -> list[list[int]]:
    """Return one reply for each prompt, drawn at temperature 1, with its end token where it ended.

    Args:
        model: the student.
        prompts: token ids.
        bound: tokens of a reply at most.
        end: the token that ends a turn.
    """
    import torch
    from transformers import GenerationConfig

    width = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[end] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    config = GenerationConfig(
        max_new_tokens=bound,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        repetition_penalty=1.0,
        eos_token_id=end,
        pad_token_id=end,
    )
    learning = model.training
    model.eval()
    with torch.no_grad():
        whole = model.generate(
            input_ids=ids.to(model.device), attention_mask=mask.to(model.device), generation_config=config
        )
    model.train(learning)
    return [_until(row, end) for row in whole[:, width:].tolist()]


def reply_logits(model: Any, prompts: Sequence[Sequence[int]], replies: Sequence[Sequence[int]]) -> Any:
    """Return the student's logits before each token of all replies, [tokens, vocabulary], with gradient."""
    import torch

    rows = [torch.tensor([*prompt, *reply]) for prompt, reply in zip(prompts, replies, strict=True)]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)
    ones = [torch.ones(len(row), dtype=torch.long) for row in rows]
    mask = torch.nn.utils.rnn.pad_sequence(ones, batch_first=True).to(model.device)
    base = model.get_base_model()
    hidden = base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    before = [
        hidden[i, len(prompt) - 1 : len(prompt) + len(reply) - 1]
        for i, (prompt, reply) in enumerate(zip(prompts, replies, strict=True))
    ]
    return base.lm_head(torch.cat(before))


def _until(tokens: list[int], end: int) -> list[int]:
    """Keep what stands before the end token, and that token."""
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens
