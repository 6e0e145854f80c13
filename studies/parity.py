"""Does our U-Net match the published one, with its weights?

    python studies/parity.py FOLDER [--out results/parity.json]

FOLDER has files of the published implementation: weights, an input, its timesteps and the output.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from jinc import load_official


@torch.no_grad()
def largest_difference(file: Path) -> tuple[str, float]:
    """Return the configuration of a file and the largest difference of the outputs."""
    recorded = load_file(file)
    network = load_official(file)
    found = network(recorded["io/x"], recorded["io/t"])
    return network.config.name, (found - recorded["io/y"]).abs().max().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/parity.json"))
    options = parser.parse_args()

    differences = dict(map(largest_difference, sorted(options.folder.glob("*.safetensors"))))
    for name, difference in differences.items():
        print(f"{name:8} {difference:.1e}")
    result = {"what": "largest difference from the published outputs", "by_config": differences}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
