"""How often `slm ask` takes a text for a question, by the label that people gave it.

    python benchmarks/rag_is_question.py DATA

DATA holds 3i4k/fci_train_val.txt (Korean utterances, written without question marks) and
disaster_response_messages/disaster_response_validation.csv (English and translated messages). A question of
3i4K includes "tell me whether ...", which is a command by its form.

What this does not measure: written questions, which mostly carry their mark.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

from slm_core.rag import is_question

KINDS = ("fragment", "statement", "question", "command", "rhetorical question")
INTENTS, MESSAGES = "3i4k/fci_train_val.txt", "disaster_response_messages/disaster_response_validation.csv"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for line in (folder / INTENTS).read_text("utf-8").splitlines():
        label, text = line.split("\t", 1)
        if int(label) < len(KINDS):
            texts[KINDS[int(label)]].append(text)
    with (folder / MESSAGES).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            marked = "?" in row["message"]
            texts["message with a question mark" if marked else "message without one"].append(row["message"])
    for kind, said in texts.items():
        print(f"{kind:<30}{sum(map(is_question, said)):>7}/{len(said)} taken for questions")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
