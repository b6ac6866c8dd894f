"""A plan: does a model fit a device, how fast is it there, at what energy; each figure with its reason.

Speeds are those of one request at a time, on a device that is neither throttled nor busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

from slm_core.catalog import Model
from slm_core.plan.architecture import Architecture
from slm_core.plan.devices import GB, Device
from slm_core.plan.fit import reached
from slm_core.plan.footprint import Need, Part, Weights, parts_of, read_by_prompt, weights_of
from slm_core.plan.language import Fertility, stated
from slm_core.plan.memories import Memory
from slm_core.plan.roofline import Efficiency, Machine, Work, prompt, step


@dataclass(frozen=True)
class Answer:
    """One figure or choice, and why it is that."""

    name: str
    value: float | bool | str | None
    unit: str
    reason: str


@dataclass(frozen=True)
class Run:
    """What a model reached of a device's peaks when it ran there, and the bytes that a step of it reads."""

    read_bytes: float
    efficiency: Efficiency


@dataclass(frozen=True)
class Place:
    """Where a model would run: a device, perhaps with another memory, and what is reached of its peaks.

    Args:
        device, machine, memory: as they are said to be.
        published: what published points say of the device or its class.
        runs: what models reached there, where some were run.
    """

    device: Device
    machine: Machine
    published: Efficiency
    memory: Memory | None = None
    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, device: Device, memory: Memory | None = None, runs: Sequence[Run] = ()) -> Place:
        """Return the place."""
        published = reached(device.name, device.runtime)
        return cls(device, Machine.of(device, memory), published, memory, tuple(runs))

    def efficiency(self, read_bytes: float) -> Efficiency:
        """Return what a model reaches: as much as the run that read the nearest number of bytes a step.

        So a model that was run is planned by its own run. What is reached changes with size (a step has a
        fixed cost) and with the kernels of a quantization.
        """
        nearest = min(self.runs, key=lambda run: abs(log(run.read_bytes / read_bytes)), default=None)
        return nearest.efficiency if nearest else self.published


@dataclass(frozen=True)
class Plan:
    """One model in one quantization at one place."""

    model: Model
    architecture: Architecture
    weights: Weights
    need: Need
    place: Place
    fertility: Fertility
    parts: list[Part]

    @classmethod
    def of(
        cls,
        model: Model,
        place: Place,
        need: Need,
        *,
        quantization: str | None = None,
        fertility: Fertility | None = None,
    ) -> Plan:
        """Plan a model.

        Args:
            model: of the catalog, or of a file.
            place: where it would run.
            need: what is wanted of it.
            quantization: e.g. `Q8_0`; left out, that of the model's file, else `Q4_K_M`.
            fertility: tokens a unit of text where they were measured, else those stated.

        Raises:
            UserError: the model's figures or the quantization are not known.
        """
        architecture = Architecture.of(model)
        weights = weights_of(model, architecture, quantization)
        known = fertility or stated(model, need.language)
        return cls(model, architecture, weights, need, place, known, parts_of(weights, architecture, need))

    @property
    def bytes(self) -> float:
        """Everything in memory."""
        return sum(part.bytes for part in self.parts)

    @property
    def fits(self) -> bool:
        """Whether all of it has room."""
        return self.bytes <= self.place.machine.room

    @property
    def efficiency(self) -> Efficiency:
        """What it reaches of the place's peaks."""
        return self.place.efficiency(self.weights.read)

    @property
    def _seen(self) -> int:
        """Tokens that the step in the middle of a reply sees."""
        return self.need.prompt + self.need.reply // 2

    @property
    def step(self) -> Work:
        """The work of the step in the middle of a reply."""
        cache = self.architecture.kv_bytes(self._seen)
        reading = self.place.machine.reading_s(self.weights.read, cache, self.bytes)
        operations = self.architecture.decode_flops(self._seen)
        return step(reading, operations, self.place.machine, self.efficiency)

    @property
    def prompt(self) -> Work:
        """The work of reading a typical prompt of which nothing is cached."""
        return self._reading_of(self.architecture.prefill_flops(self.need.prompt), self.need.prompt)

    @property
    def new_text(self) -> Work:
        """The work of reading what is new of it, the domain's head being in its slot."""
        head, shape = self.need.prompt - self._new, self.architecture
        whole = shape.prefill_flops(self.need.prompt)
        if not head:
            return self.prompt
        output = 2 * shape.vocabulary * shape.d_model  # in both, and needed once
        return self._reading_of(whole - shape.prefill_flops(head) + output, self._new)

    @property
    def _new(self) -> int:
        """Tokens of the prompt that are not cached; never more than it has."""
        return min(self.need.new, self.need.prompt)

    def _reading_of(self, operations: float, tokens: int) -> Work:
        """Of a mixture, the weights of every expert that one of the tokens is routed to (`weights.py`)."""
        weights = read_by_prompt(self.weights, self.architecture, tokens)
        reading = self.place.machine.prompt_reading_s(weights, self.bytes)
        return prompt(reading, operations, self.place.machine, self.efficiency)

    @property
    def tokens_s(self) -> float:
        """Tokens a second in the middle of a typical reply."""
        return 1 / self.step.seconds

    @property
    def first_token_s(self) -> float:
        """Seconds from a typical prompt to the first token of its reply, the first time a domain is asked."""
        return self.prompt.seconds

    @property
    def again_s(self) -> float:
        """The same once the domain was asked before, so that only what is new has to be read."""
        return self.new_text.seconds

    @property
    def units_s(self) -> float:
        """Syllables of Korean or words of English a second."""
        return self.tokens_s / self.fertility.tokens

    @property
    def reply_s(self) -> float:
        """Seconds of a typical reply, its prompt included, once the domain was asked before."""
        return self.again_s + (self.need.reply - 1) / self.tokens_s

    @property
    def joules(self) -> float | None:
        """Energy of a typical reply of a domain that was asked before, where the power is known."""
        watts = self.place.device.watts
        return None if watts is None or self.place.memory else watts * self.reply_s

    @property
    def context_that_fits(self) -> int:
        """The largest context of a slot, in steps of 256, with which all has room; 0 where none has.

        Prompt and reply must fit into it.
        """
        least = self.need.prompt + self.need.reply
        for context in range(self.need.context // 256 * 256, least - 1, -256):
            parts = parts_of(self.weights, self.architecture, replace(self.need, context=context))
            if sum(part.bytes for part in parts) <= self.place.machine.room:
                return context
        return 0

    def answers(self) -> list[Answer]:
        """Return every figure with its reason, in the order in which they are shown."""
        need, text = self.need, self.fertility
        return [
            Answer("fits", self.fits, "", self._room()),
            *(Answer(part.name, round(part.bytes / GB, 3), "GB", part.reason) for part in self.parts),
            Answer(
                "first_token",
                _short(self.first_token_s),
                "s",
                self._why(f"{need.prompt} tokens, nothing cached", self.prompt),
            ),
            Answer(
                "again",
                _short(self.again_s),
                "s",
                f"first token of a domain that was asked before: only {self._new} tokens are not cached",
            ),
            Answer("tokens", _short(self.tokens_s), "/s", self._why(f"{self._seen} tokens seen", self.step)),
            Answer(
                f"{text.unit}s",
                _short(self.units_s),
                "/s",
                f"{text.tokens:.2f} tokens a {text.unit}: {text.reason}",
            ),
            self._energy(),
        ]

    def _room(self) -> str:
        room = self.place.machine.room
        if room == float("inf"):
            return "the cells are taken to be as many as the model needs"
        text = f"{self.bytes / GB:.2f} of the {room / GB:.2f} GB that a model may take"
        if self.fits:
            return text
        most = max(self.parts, key=lambda part: part.bytes)
        context = self.context_that_fits
        mend = f"with --context {context} it would" if context else "no context is short enough"
        return f"{text}; the most is {most.name} ({most.reason}); {mend}"

    def _why(self, what: str, work: Work) -> str:
        fixed = f" and {1000 * work.step_s:.1f} ms a step" if work.step_s else ""
        reason = self.efficiency.reason
        return f"{what}; bound by {work.bound}, {work.share:.0%} of its peak{fixed} ({reason})"

    def _energy(self) -> Answer:
        device, need, joules = self.place.device, self.need, self.joules
        if joules is not None:
            work = f"{self._new} new tokens read, {need.reply} written"
            reason = f"{device.watts:g} W for {self.reply_s:.3g} s: {work}"
            return Answer("energy", _short(joules), "J a reply", reason)
        why = "no power is known for this memory" if self.place.memory else "its power is not known (--watts)"
        return Answer("energy", None, "J a reply", why)


def _short(value: float) -> float:
    return float(f"{value:.3g}")
