"""Training on the rows' targets and on what the teacher thinks of them.

The loss of a reply token is alpha * CE(target) + (1 - alpha) * T^2 * KL(teacher || student), both softened by
T in the KL; T^2 keeps the size of its gradient when T changes (Hinton, Vinyals and Dean 2015, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slm_finetune.distill.divergence import kept_divergence
from slm_finetune.distill.kept import Kept
from slm_finetune.distill.lesson import Lesson
from slm_finetune.trainer import ExpertTrainer


class ForwardTrainer(ExpertTrainer):
    """ExpertTrainer with a teacher; the dev loss stays the cross entropy, so that runs with and without
    compare.

    Args:
        kept: the teacher's view of each training row; None where the row has its target alone.
        weights: of each training row.
        lesson: alpha and temperature.
        size: of the vocabulary that the teacher knows too.
        *args, **kwargs: those of ExpertTrainer.
    """

    def __init__(
        self,
        *args: Any,
        kept: Sequence[Kept | None],
        weights: Sequence[float],
        lesson: Lesson,
        size: int,
        **kwargs: Any,
    ) -> None:
        self.kept, self.weights, self.lesson, self.size = kept, weights, lesson, size
        super().__init__(*args, **kwargs)

    def token_losses(self, logits: Any, targets: Any, rows: Sequence[int], lengths: Sequence[int]) -> Any:
        """Return the loss of each reply token of the rows."""
        import torch

        losses = super().token_losses(logits, targets, rows, lengths)
        if rows[0] < 0:
            return losses
        at, mixed = 0, []
        for row, length in zip(rows, lengths, strict=True):
            own, kept = losses[at : at + length], self.kept[row]
            if kept is not None:
                own = self._taught(own, logits[at : at + length, : self.size], kept)
            mixed.append(self.weights[row] * own)
            at += length
        return torch.cat(mixed)

    def _taught(self, own: Any, logits: Any, kept: Kept) -> Any:
        import torch

        alpha, temperature = self.lesson.alpha, self.lesson.temperature
        ids = torch.from_numpy(kept.ids).long().to(logits.device)
        theirs = torch.from_numpy(kept.log_probabilities).to(logits.device)
        divergence = kept_divergence(logits, ids, theirs, temperature)
        return alpha * own + (1 - alpha) * temperature**2 * divergence
