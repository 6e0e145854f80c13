"""How many network calls do adaptive steps take in the networks of a study?

    python studies/adaptive_calls.py runs/complexity-small \
        [--number 128] [--tolerance 0.02] [--out results/complexity-small/calls.json]

Every network of the study generates some images with adaptive steps; the script counts the network
calls of each image.
"""

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import torch

from jinc.diffusion.samplers.adaptive import AdaptiveStep
from jinc.models import SamplingPlan, generate_images
from jinc.report.pages import networks, study_cells
from jinc.train import Run


def calls(run: Run, number: int, tolerance: float) -> dict[str, Any]:
    """Generate images, and count the calls."""
    model = run.model()
    plan = SamplingPlan(number=number, sampler="adaptive", tolerance=tolerance)
    found = [
        step.calls[: len(numbers)]
        for numbers, step in generate_images(model, plan)
        if step.t == -1 and isinstance(step, AdaptiveStep)
    ]
    each = torch.cat(found).double()
    return {"mean": each.mean().item(), "std": each.std().item(), "most": int(each.max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--number", type=int, default=128)
    parser.add_argument("--tolerance", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path("results/complexity-small/calls.json"))
    options = parser.parse_args()

    found = {
        f"{cell.data} {cell.variant} {cell.seed}": calls(
            cell.run, options.number, options.tolerance
        )
        for cell in networks(study_cells(options.study))
        if cell.run is not None
    }
    result = {
        "what": "network calls per image with adaptive steps",
        "tolerance": options.tolerance,
        "images": options.number,
        "networks": found,
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    print(json.dumps(result, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
