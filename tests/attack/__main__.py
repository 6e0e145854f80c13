"""What comes of hostile inputs? `python -m tests.attack [--number 3000] [--seed 0] [--out F]`."""

import argparse
import json
import platform
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from tests.attack.cases import KINDS, case
from tests.attack.server import Outcome, attack, make_ready


def trial(numbers: range, seed: int, tell: bool = False) -> list[Outcome]:
    """Run the attacks of a seed."""
    with tempfile.TemporaryDirectory(prefix="attack") as name:
        root = Path(name)
        root.chmod(0o777)
        make_ready(root)
        outcomes = []
        for number in numbers:
            outcome = attack(case(seed, number), root / "bases", root)
            outcomes.append(outcome)
            if tell and outcome.faults:
                print(
                    number, outcome.kind, outcome.faults, " ".join(outcome.words)[:300], flush=True
                )
        return outcomes


def facts(outcomes: list[Outcome]) -> dict[str, Any]:
    """Count what came of attacks."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    codes = Counter(str(outcome.code) for outcome in outcomes)
    faults = Counter(fault.split(":")[0] for outcome in outcomes for fault in outcome.faults)
    return {
        "attacks": len(outcomes),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "exit codes": dict(sorted(codes.items())),
        "faults": dict(faults),
        "seconds_most": max(outcome.seconds for outcome in outcomes),
        "megabytes_most": max(outcome.megabytes for outcome in outcomes),
        "found": [outcome.facts() for outcome in outcomes if outcome.faults],
    }


def main() -> None:
    """Run the attacks, and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    outcomes = trial(range(asked.first, asked.first + asked.number), asked.seed, tell=True)
    found = {"seed": asked.seed, **facts(outcomes)}
    found["machine"] = f"{platform.machine()}, torch {torch.__version__}"
    text = json.dumps(found, indent=2) + "\n"
    if asked.out:
        asked.out.write_text(text)
    else:
        sys.stdout.write(json.dumps({n: v for n, v in found.items() if n != "found"}) + "\n")


if __name__ == "__main__":
    main()
