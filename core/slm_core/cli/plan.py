"""`slm plan`: which model fits which device, how fast, at what energy; every figure with its reason."""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import closing
from pathlib import Path

from slm_core.catalog import Model, find_model
from slm_core.catalog.fetch import locate
from slm_core.cli import plan_text
from slm_core.errors import SlmError, UserError
from slm_core.plan.calibration import (
    Calibration,
    load_calibration,
    runs_here,
    save_calibration,
    this_machine,
)
from slm_core.plan.devices import find_device
from slm_core.plan.footprint import Need
from slm_core.plan.language import Fertility, measured
from slm_core.plan.memories import Memory, find_memory, load_memories
from slm_core.plan.planning import Place, Plan
from slm_core.plan.recommend import Recommendation, recommend
from slm_core.settings import Settings, load_settings

EXAMPLES = """\
examples:
  slm plan                                      this machine, measured first where it was not yet
  slm plan --device raspberry-pi-5 --lang ko
  slm plan --device jetson-orin-nano --model qwen3-4b --context 2048 --speech --vision
  slm plan --device snapdragon-8-gen-3 --memory HBM3E
  slm plan --device nvidia-a100 --memory PIM     with the check of what AiMX is said to do
  slm plan --devices mine.toml --device my-board --json
  slm plan --calibrate
  slm plan --list                               the devices and memories that are known
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = subparsers.add_parser(
        "plan",
        help="which model fits which device, how fast, at what energy",
        description="Says whether a model fits a device, when its first token comes, how fast it writes and"
        " what a reply costs in energy, and which model is recommended there. Every figure has its reason.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--device", metavar="D", help="a known device (default: this machine)")
    verb.add_argument("--devices", metavar="FILE.toml", type=Path, help="devices of your own")
    verb.add_argument("--memory", metavar="M", help=f"what if it had {', '.join(load_memories())}")
    verb.add_argument(
        "--model", metavar="M", help="a catalog name or a .gguf file (default: the recommended)"
    )
    verb.add_argument("--quantization", metavar="Q", help="e.g. Q8_0 (default: that of the model's file)")
    verb.add_argument(
        "--context", metavar="N", type=_count, default=Need.context, help="tokens a slot (4096)"
    )
    verb.add_argument("--lang", choices=("ko", "en"), default=Need.language, help="of the replies (ko)")
    verb.add_argument(
        "--adapters", metavar="N", type=_none_or_more, default=Need.adapters, help="domains (6)"
    )
    verb.add_argument("--speech", action="store_true", help="recognition and voice beside it")
    verb.add_argument("--vision", action="store_true", help="pose and objects beside it")
    verb.add_argument("--prompt", metavar="N", type=_count, default=Need.prompt, help="its tokens (400)")
    verb.add_argument("--new", metavar="N", type=_count, default=Need.new, help="of them not cached (100)")
    verb.add_argument("--reply", metavar="N", type=_count, default=Need.reply, help="its tokens (100)")
    verb.add_argument("--watts", metavar="W", type=_watts, help="what the device draws while it writes")
    verb.add_argument("--plot", metavar="F.svg", type=Path, help="draw the roofline")
    verb.add_argument("--calibrate", action="store_true", help="measure this machine, in about 20 s")
    verb.add_argument("--list", action="store_true", help="the devices and memories that are known")
    verb.add_argument("--json", action="store_true", help="one JSON value on stdout")


def run(args: argparse.Namespace) -> int:
    """Calibrate, list, or plan."""
    settings = load_settings()
    if args.list:
        plan_text.print_list(args.json)
        return 0
    if args.calibrate:
        if args.device not in (None, "this"):
            raise UserError("--calibrate measures this machine", where=f"--device {args.device}")
        found = _calibrate(settings, args.model)
        plan_text.print_calibration(found, settings.home, args.json)
        return 0
    if args.plot and args.plot.is_dir():
        raise UserError(
            "this is a folder", where=f"--plot {args.plot}", expected="a file to write, e.g. plan.svg"
        )
    if args.new > args.prompt:
        raise UserError(
            f"{args.new} tokens are not cached, of a prompt of {args.prompt}",
            where="--new",
            expected="at most those of --prompt",
        )
    if args.prompt + args.reply > args.context:
        raise UserError(
            f"a prompt of {args.prompt} tokens and a reply of {args.reply} do not fit into {args.context}",
            where="--context",
            expected=f"at least {args.prompt + args.reply}, or a shorter --prompt or --reply",
        )
    memory = find_memory(args.memory) if args.memory else None
    place = _place(args, settings, memory)
    need = Need(
        language=args.lang,
        context=args.context,
        adapters=args.adapters,
        speech=args.speech,
        vision=args.vision,
        prompt=args.prompt,
        new=args.new,
        reply=args.reply,
    )
    advice = recommend(place, need)
    plan = _plan(args, settings, place, need, advice)
    if args.plot:
        from slm_core.plan.drawing import draw_plan

        draw_plan(plan, args.plot)
    (plan_text.print_json if args.json else plan_text.print_plan)(plan, advice)
    return 0


def _place(args: argparse.Namespace, settings: Settings, memory: Memory | None) -> Place:
    if args.device and args.device != "this":
        device = find_device(args.device, args.devices)
        return Place.of(device.model_copy(update={"watts": args.watts}) if args.watts else device, memory)
    if args.devices:
        raise UserError("--devices without --device", where=args.devices, mend="name one of them: --device D")
    found = load_calibration(settings.home) or _calibrate(settings, None)
    return Place.of(this_machine(found, args.watts), memory, runs_here(found))


def _plan(
    args: argparse.Namespace, settings: Settings, place: Place, need: Need, advice: Recommendation
) -> Plan:
    """The model asked for, else the recommended one, else the default, which shows what is amiss."""
    quantization = args.quantization.upper() if args.quantization else None
    if args.model is None and advice.choice is not None:
        model, weights = advice.choice.model, advice.choice.weights
        quantization = quantization or (None if weights.own else weights.quantization)
    else:
        model = find_model(args.model or settings.model)
    fertility = _fertility(model, settings, need)
    return Plan.of(model, place, need, quantization=quantization, fertility=fertility)


def _fertility(model: Model, settings: Settings, need: Need) -> Fertility | None:
    """Measured with the model's own tokenizer where its file is here, else None."""
    path = locate(model, settings)
    if path is None:
        return None
    from slm_core.engine.server import LlamaServer

    try:
        with closing(LlamaServer(path, adapters=[], slots=1, context=256, threads=1)) as server:
            return measured(server.tokenize, need.language)
    except SlmError:  # a file that llama.cpp cannot load can still be planned
        return None


def _calibrate(settings: Settings, name: str | None) -> Calibration:
    """Measure this machine and keep what was found; says on stderr what it does.

    A run of one model that was asked for is added to those of others, as long as the threads are the same.
    """
    from slm_core.cli.calibrating import calibrate

    found = calibrate(settings, find_model(name) if name else None)
    before = load_calibration(settings.home) if name else None
    if before and before.threads == found.threads:
        found = found.with_runs_of(before)
    elif before:
        models = ", ".join(probe.model for probe in before.probes) or "no model"
        what = f"runs with {before.threads} threads, not {found.threads}, are forgotten: {models}"
        print(what, file=sys.stderr)
    save_calibration(found, settings.home)
    return found


def _count(text: str) -> int:
    return _at_least(text, 1)


def _none_or_more(text: str) -> int:
    return _at_least(text, 0)


def _at_least(text: str, least: int) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is below {least}")
    return number


def _watts(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no power, expected more than 0 W")
    return number
