"""Minutes of the `--help` examples on this machine, one after the other, from an empty SLM_HOME.

    python benchmarks/help_examples.py --out FOLDER [--mmlu DIR] [--only WORD]

Each line of EXAMPLES stands word for word in the help of its command (a test holds that) and runs in FOLDER,
with SLM_HOME in FOLDER/home: so the first that needs a model fetches it, and its minutes hold the download.
What each printed lies in FOLDER/NN.txt. A second run over the same FOLDER leaves out what ended with 0.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

EXAMPLES = (
    "slm specs",
    "slm specs --verify",
    "slm plan --calibrate",
    "slm plan --device raspberry-pi-5 --lang ko",
    "slm plan --device nvidia-a100 --memory PIM",
    "slm dataset build disaster",
    "finetune lora --domain disaster --model smollm2-135m-instruct --max-steps 30",
    "finetune convert --from path/to/model-folder --out model.gguf --type q8_0",
    "finetune quantize --domain disaster --model smollm2-135m-instruct --adapter none"
    " --no-score --out quantized/",
    "finetune prune --domain disaster --model smollm2-135m-instruct --adapter none"
    " --method layers --no-score --out s.gguf",
    "finetune prune --domain disaster --method wanda --pattern 2:4 --no-score --out sparse.gguf",
    "finetune trim-vocab --domain disaster --lang ko,en --out trimmed.gguf",
    "finetune distill --domain disaster --teacher qwen2.5-coder-1.5b-instruct --rows 40 --max-steps 20"
    " --no-score",
    "finetune router",
    'slm ask auto "거실 에어컨 24도로 맞춰 줘"',
    "finetune eval --suite mmlu --data-dir data/mmlu --model smollm2-135m-instruct --limit 114",
)


def words_of(example: str, out: Path) -> list[str]:
    """Return the example's words for this Python, with the first trained base as the folder to convert."""
    program, *rest = shlex.split(example)
    base = next(iter(sorted((out / "home" / "bases").glob("*"))), None)
    rest = [str(base) if word == "path/to/model-folder" and base else word for word in rest]
    return [str(Path(sys.executable).with_name(program)), *rest]


def run(number: int, example: str, out: Path) -> tuple[float, int]:
    """Run one example in `out`; return its minutes and exit code."""
    environment = {**os.environ, "SLM_HOME": str(out / "home")}
    begun = time.monotonic()
    with (out / f"{number:02d}.txt").open("w", encoding="utf-8") as file:
        code = subprocess.call(words_of(example, out), cwd=out, env=environment, stdout=file, stderr=file)
    return (time.monotonic() - begun) / 60, code


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mmlu", type=Path, help="folder with MMLU's files (else left out)")
    parser.add_argument("--only", default="", help="examples with this word in them")
    args = parser.parse_args()
    out = args.out.resolve()
    (out / "data").mkdir(parents=True, exist_ok=True)
    if args.mmlu and not (out / "data" / "mmlu").exists():
        (out / "data" / "mmlu").symlink_to(args.mmlu.resolve())
    print("| command | minutes | ended with |\n|---|---|---|")
    for number, example in enumerate(EXAMPLES, 1):
        done = out / f"{number:02d}.done"
        if args.only not in example or ("data/mmlu" in example and not args.mmlu):
            continue
        if not done.is_file():
            minutes, code = run(number, example, out)
            line = f"| `{example}` | {minutes:.1f} | {code} |"
            (done if code == 0 else out / f"{number:02d}.failed").write_text(line, "utf-8")
        else:
            line = done.read_text("utf-8")
        print(line, flush=True)


if __name__ == "__main__":
    main()
