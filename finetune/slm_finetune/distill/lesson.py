"""How the student is taught: the weights and bounds of a distillation, checked at the edge."""

from __future__ import annotations

import argparse
import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from slm_core.errors import UserError

ASKED = "teacher"  # --rationales without a file: the teacher is asked
Method = Literal["forward", "reverse"]


def _key(default: Any, type_: type, metavar: str, only: str, help_: str) -> Any:
    about = {"help": help_, "type": type_, "metavar": metavar, "only": only}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Lesson:
    """The figures of a distillation; each field but the method is a flag, whose help is told here."""

    method: Method = "forward"
    alpha: float = _key(0.5, float, "A", "", "weight of the row's own target; 1 - A is the teacher's")
    temperature: float = _key(1.0, float, "T", "forward", "softens teacher and student alike (Hinton 2015)")
    top_k: int = _key(32, int, "K", "forward", "likeliest tokens kept of each distribution")
    warm: float = _key(0.5, float, "SHARE", "reverse", "share of the steps on targets alone, before sampling")
    reply_tokens: int = _key(48, int, "N", "reverse", "bound of a sampled reply")
    rationale_weight: float = _key(0.5, float, "W", "", "weight of a rationale's tokens beside a target's")

    def as_dict(self) -> dict[str, Any]:
        """Return what is in force for this method."""
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.metadata.get("only", "") in ("", self.method)
        }


def add_lesson_flags(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each figure of a lesson."""
    parser.add_argument(
        "--method",
        choices=("forward", "reverse"),
        default="forward",
        help="forward: KL(teacher || student) on the rows; reverse: KL(student || teacher) on the student's "
        "own replies (MiniLLM) (default forward)",
    )
    for key in _figures():
        about = key.metadata
        only = f"; {about['only']} only" if about["only"] else ""
        help_ = f"{about['help']} (default {key.default:g}{only})"
        parser.add_argument(_flag(key.name), type=about["type"], metavar=about["metavar"], help=help_)


def lesson_of(args: argparse.Namespace) -> Lesson:
    """Read the flags.

    Raises:
        UserError: a figure out of range, or one that the other method takes.
    """
    given = {key.name: value for key in _figures() if (value := getattr(args, key.name)) is not None}
    for key in _figures():
        only = key.metadata["only"]
        if key.name in given and only and only != args.method:
            raise UserError(f"it has no meaning with --method {args.method}", where=_flag(key.name))
    lesson = Lesson(method=args.method, **given)
    _within("alpha", lesson.alpha, 0, 1)
    _within("temperature", lesson.temperature, 0.1, 20)
    _within("top_k", lesson.top_k, 1, 1024)
    _within("warm", lesson.warm, 0, 1)
    _within("reply_tokens", lesson.reply_tokens, 1, 1024)
    _within("rationale_weight", lesson.rationale_weight, 0, 10)
    return lesson


def _figures() -> list[dataclasses.Field[Any]]:
    return [key for key in dataclasses.fields(Lesson) if key.name != "method"]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _within(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise UserError(f"{value:g} is out of range", where=_flag(name), expected=f"{low:g} to {high:g}")
