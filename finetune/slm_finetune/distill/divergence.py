"""The divergences that distillation lowers, token by token, in nat.

Forward: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", section 2. Reverse:
Gu, Dong, Wei and Huang 2024, "MiniLLM: Knowledge Distillation of Large Language Models", section 2.2.
"""

from __future__ import annotations

from typing import Any


def kept_divergence(logits: Any, ids: Any, log_probabilities: Any, temperature: float) -> Any:
    """Return KL(teacher || student) over the teacher's k kept tokens and one outcome for all others.

    Joining outcomes can only lower a divergence (data processing inequality), so this is a lower bound of the
    KL over the whole vocabulary, and equal to it where k is the vocabulary.

    Args:
        logits: of the student, [tokens, vocabulary].
        ids: the teacher's k likeliest tokens, [tokens, k].
        log_probabilities: of these and of the rest, [tokens, k + 1], already at `temperature`.
        temperature: by which the student's logits are divided.
    """
    import torch

    scaled = logits / temperature
    kept = scaled.gather(1, ids)
    parts = [kept]
    if ids.shape[1] < logits.shape[1]:  # an empty rest has a log of minus infinity and no gradient
        rest = scaled.scatter(1, ids, float("-inf")).logsumexp(1, keepdim=True)
        parts.append(rest)
    student = torch.cat(parts, dim=1) - scaled.logsumexp(1, keepdim=True)
    teacher = log_probabilities[:, : student.shape[1]]
    terms = teacher.exp() * (teacher.clamp(min=-1e4) - student)  # 0 * log 0 is 0
    return terms.sum(1)


def reverse_divergence(logits: Any, teacher: Any) -> Any:
    """Return KL(student || teacher) at each token, summed over the whole vocabulary.

    The exact sum is what MiniLLM calls the single-step part: its gradient has no sampling noise of its own.

    Args:
        logits: of the student, [tokens, vocabulary].
        teacher: log-probabilities of the teacher, [tokens, vocabulary].
    """
    import torch

    student = torch.log_softmax(logits, dim=-1)
    return (student.exp() * (student - teacher)).sum(-1)
