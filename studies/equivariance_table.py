"""The figures of `equivariance.py` as tables for `docs/equivariance.md`.

python studies/equivariance_table.py [results/equivariance.json]
"""

import json
import sys
from pathlib import Path
from typing import Any

WHAT = {"mnist": "MNIST", "mnist-m": "MNIST-M"}
HEAD = (
    "network | loss of ε | ½ px, ε at t = 300 | turn, ε at t = 300 | EQ-T | EQ-T frac | EQ-R | "
    "½ px on the way"
)
WAYS = (
    "network | DDIM-50, unitary | spline | DDIM-20, unitary | spline | DDPM-1000, unitary | spline"
)


def table(head: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    names = head.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def name(cell: dict[str, Any]) -> str:
    """Return what sets a network apart from those of its table."""
    return f"`{cell['config']}`" + (" with the loss" if cell["loss"] else "")


def figures(run: dict[str, Any], who: str) -> list[str]:
    """Return a row of the first table: of the network, or of its floor."""
    levels = run["network"]
    suffix = "eps_db" if who == "network" else "eps_floor_db"
    at = [next(e for e in levels[move] if e["t"] == 300)[suffix] for move in levels]
    dbs = [*at, *run[f"eq of {who}"].values(), run[f"on the way of {who}"]["DDIM-50"]["shifted"]]
    return [f"{db:.1f}" if db < 100 else "≥ 100" for db in dbs]


def turns(run: dict[str, Any], who: str) -> list[str]:
    """Return a row of the second table: the mean over ±90° and ±45°, which differ little."""
    row = []
    for sampler in ("DDIM-50", "DDIM-20", "DDPM-1000"):
        turned = run[f"on the way of {who}"].get(sampler, {"turned": {}})["turned"]
        for operator in ("unitary", "spline"):
            dbs = turned.get(operator)
            wide = [dbs[i] for i in ((0, 1, 4, 5) if len(dbs) == 6 else (0, 1))] if dbs else []
            row.append(f"{sum(wide) / len(wide):.1f}" if wide else "")
    return row


def main() -> None:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "results/equivariance.json")
    runs = json.loads(file.read_text())["runs"].values()
    sorts: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for run in runs:
        cell = run["cell"]
        sorts.setdefault((cell["data"], cell["kind"], cell["padding"]), []).append(run)
    for (data, kind, padding), found in sorts.items():
        print(f"### {WHAT[data]}, {kind}; padding {padding}\n")
        found.sort(key=lambda run: (run["cell"]["loss"], run["cell"]["config"]))
        losses = [f"{run['loss']:.4f}" for run in found]
        first = [
            [name(run["cell"]), loss, *figures(run, "network")]
            for run, loss in zip(found, losses, strict=True)
        ]
        print(table(HEAD, [*first, ["floor", "", *figures(found[0], "floor")]]))
        second = [[name(run["cell"]), *turns(run, "network")] for run in found]
        print(table(WAYS, [*second, ["floor", *turns(found[0], "floor")]]))


if __name__ == "__main__":
    main()
