"""Size against quality against speed of one expert in many files, as a picture.

    finetune quantize --domain disaster --task needs --out DIR --json > rows.jsonl
    finetune prune ... --json >> rows.jsonl
    python benchmarks/compression_speed.py ... >> rows.jsonl
    python benchmarks/compression_plot.py rows.jsonl --out docs/pictures/compression.svg

A later row of the same name adds to an earlier one: so all speeds can come from the same minutes.

Each row is one file: megabytes on disk across, KL to the float32 expert upwards (log scale), the area of the
mark its decode speed. Rows without a KL (a missing extra, the reference itself) are left out and counted.
A trimmed file is compared with the base and not with the expert, so it does not belong here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def read_rows(paths: list[Path]) -> list[dict[str, Any]]:
    rows = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    merged: dict[str, dict[str, Any]] = {}
    for row in rows:
        merged.setdefault(row["name"], {}).update(row)
    shown = [row for row in merged.values() if row.get("kl")]
    print(f"{len(shown)} files shown, {len(merged) - len(shown)} left out", file=sys.stderr)
    return shown


def draw(rows: list[dict[str, Any]], out: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "compression"  # the same rows give the same bytes
    figure, axes = pyplot.subplots(figsize=(9, 6))
    largest = max(row["decode"] for row in rows)
    for number, row in enumerate(sorted(rows, key=lambda row: row["kl"])):
        pruned = any(word in row["name"] for word in ("prune", "layers", "mlp", "wanda", "magnitude"))
        size = 400 * row["decode"] / largest
        at = row["bytes"] / 1e6, row["kl"]
        axes.scatter(*at, s=size, color="tab:red" if pruned else "tab:blue", alpha=0.6, linewidths=0)
        beside = 1.05, (number + 0.5) / len(rows)  # a column in the order of KL: marks lie too near
        axes.annotate(row["name"], at, xytext=beside, textcoords="axes fraction", fontsize=7, va="center",
                      arrowprops={"arrowstyle": "-", "color": "grey", "lw": 0.4})  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_formatter("{x:.0f}")
    axes.set_xlabel("MB on disk (log)")
    axes.set_ylabel("KL to the float32 expert, nat a token (log)")
    axes.set_title("One expert in many files: area is decode speed; blue quantized, red pruned")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path, nargs="+", help="JSON lines of finetune quantize and prune")
    parser.add_argument("--out", type=Path, default=Path("compression.svg"))
    args = parser.parse_args()
    rows = read_rows(args.rows)
    if not rows:
        raise SystemExit("no file with a KL in these rows")
    draw(rows, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
