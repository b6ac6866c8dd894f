"""The command `slm`; a verb is one module beside this file and one line in `VERBS`."""

from __future__ import annotations

from collections.abc import Sequence

from slm_core.cli.verbs import Command

VERBS = {
    "ask": "one text to a domain's expert, one typed reply",
    "chat": "talk with a base model",
    "demo": "broker, pipeline and page with a simulated stream",
    "dataset": "build, check and describe the training data of a domain",
    "run": "a domain at work on live streams or on a recording",
    "batch": "files in, a folder with a domain's report out",
    "broker": "an MQTT broker on this machine",
    "rag": "index the documents of a domain and search them",
    "specs": "what the models are made of: parameters, attention, cache, published scores",
    "models": "list, fetch and check the models of the catalog",
    "plan": "which model fits which device, how fast, at what energy",
    "doctor": "what is installed, which settings are in force and from where",
}

EXAMPLES = """\
examples:
  slm models list
  slm doctor
  slm VERB --help      every verb has its own examples
"""


SLM = Command("slm", "slm_core.cli", VERBS, "Domain experts that run on the device.", EXAMPLES)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `slm` with these arguments (default: the process's) and return its exit code."""
    return SLM.main(argv)


if __name__ == "__main__":
    raise SystemExit(main())
