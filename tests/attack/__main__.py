"""What comes of hostile inputs? `python -m tests.attack [--number 3000] [--seed 0] [--out F]`.

Beside them: races of two writers, kills, signals and full disks, `--trials` of each.
"""

import argparse
import json
import platform
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from tests.attack.cases import KINDS, case
from tests.attack.server import Outcome, attack, make_ready
from tests.attack.trials import WRITERS, full_disks, kills, races


def attacks(root: Path, numbers: range, seed: int) -> list[Outcome]:
    """Run the attacks of a seed, and tell what must not be."""
    outcomes = []
    for number in numbers:
        outcome = attack(case(seed, number), root / "bases", root)
        outcomes.append(outcome)
        if outcome.faults:
            words = " ".join(outcome.words)[:300]
            print(number, outcome.kind, outcome.faults, words, outcome.environment, flush=True)
    return outcomes


def trials(root: Path, count: int, seed: int) -> dict[str, dict[str, Any]]:
    """Run so many races, kills and full disks for each command that writes."""
    rng = random.Random(seed)
    return {
        kind: {
            "two writers": races(root, kind, count),
            "kills": kills(root, kind, count, rng),
            "full disks": full_disks(root, kind, count, rng),
        }
        for kind in (WRITERS if count else ())
    }


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
        "seconds_most": max((outcome.seconds for outcome in outcomes), default=0.0),
        "megabytes_most": max((outcome.megabytes for outcome in outcomes), default=0.0),
        "found": [outcome.facts() for outcome in outcomes if outcome.faults],
    }


def main() -> None:
    """Run all of it, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/attack.json"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attack") as name:
        root = Path(name)
        root.chmod(0o777)
        make_ready(root)
        found: dict[str, Any] = {"seed": asked.seed, "first": asked.first}
        found["machine"] = f"{platform.machine()}, torch {torch.__version__}"
        found["trials"] = trials(root, asked.trials, asked.seed)
        outcomes: list[Outcome] = []
        for first in range(asked.first, asked.first + asked.number, 100):
            last = min(first + 100, asked.first + asked.number)
            outcomes += attacks(root, range(first, last), asked.seed)
            found |= facts(outcomes)
            asked.out.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(json.dumps({n: v for n, v in found.items() if n != "found"}) + "\n")


if __name__ == "__main__":
    main()
