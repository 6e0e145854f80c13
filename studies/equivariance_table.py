"""Print the figures of `equivariance.py` as the tables of `docs/equivariance.md`.

python studies/equivariance_table.py [results/equivariance.json]
"""

import json
import sys
from pathlib import Path
from typing import Any

WHAT = {"mnist": "MNIST", "mnist-m": "MNIST-M"}
KINDS = {"as it is": "original", "shifted": "shift-invariant", "turned": "rotation-invariant"}
PADDINGS = {"zeros": "zero", "circular": "circular"}
HEAD = (
    "network | ε loss | ½ px, ε at t = 300 | rotation, ε at t = 300 | EQ-T | EQ-T frac | EQ-R | "
    "½ px during sampling"
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
    """Return the configuration, and whether the equivariance loss was used."""
    return f"`{cell['config']}`" + (" + equivariance loss" if cell["loss"] else "")


def levels(run: dict[str, Any], of: str) -> list[str]:
    """Return the equivariance of the network at t = 300 to half a pixel and to rotations."""
    at = [each for move in run["network"].values() for each in move if each["t"] == 300]
    return [decibels(each[of]) for each in at]


def figures(found: dict[str, Any]) -> list[str]:
    """Return EQ-T, EQ-T frac, EQ-R, and the figure of half a pixel during sampling."""
    return [
        decibels(db) for db in (*found["eq"].values(), found["on the way"]["DDIM-50"]["shifted"])
    ]


def turns(found: dict[str, Any]) -> list[str]:
    """Return the mean over ±90° and ±45° for each sampler and operator."""
    row = []
    for sampler in ("DDIM-50", "DDIM-20", "DDPM-1000"):
        turned = found["on the way"].get(sampler, {"turned": {}})["turned"]
        for operator in ("unitary", "spline"):
            dbs = turned.get(operator)
            wide = [dbs[i] for i in ((0, 1, 4, 5) if len(dbs) == 6 else (0, 1))] if dbs else []
            row.append(decibels(sum(wide) / len(wide)) if wide else "")
    return row


def decibels(db: float) -> str:
    """Format a figure."""
    return f"{db:.1f}" if db < 100 else "≥ 100"


def main() -> None:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "results/equivariance.json")
    result = json.loads(file.read_text())
    sorts: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for run in result["runs"].values():
        cell = run["cell"]
        sorts.setdefault((cell["data"], cell["kind"], cell["padding"]), []).append(run)
    for (data, kind, padding), runs in sorts.items():
        print(f"### {WHAT[data]}, {KINDS[kind]}; {PADDINGS[padding]} padding\n")
        runs.sort(key=lambda run: (run["cell"]["loss"], run["cell"]["config"]))
        floor = result["floors"][f"{data} {kind}"]
        first = [
            [name(run["cell"]), f"{run['loss']:.4f}", *levels(run, "eps_db"), *figures(run)]
            for run in runs
        ]
        print(
            table(HEAD, [*first, ["floor", "", *levels(runs[0], "eps_floor_db"), *figures(floor)]])
        )
        second = [[name(run["cell"]), *turns(run)] for run in runs]
        print(table(WAYS, [*second, ["floor", *turns(floor)]]))


if __name__ == "__main__":
    main()
