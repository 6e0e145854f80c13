"""Good inputs of every kind, which attacks change: the smallest there are."""

import gzip
import io
import json
import pickle
import struct
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from jinc.cli import main
from jinc.metrics import DigitClassifier, save_digit_classifier

TINY = (
    *("--width", "4", "--levels", "1", "--config", "A", "--timesteps", "10", "--steps", "2"),
    *("--batch-size", "4", "--sample-every", "0", "--log-every", "1", "--device", "cpu"),
)

SETTINGS = """\
config: A
width: 4
levels: 1
timesteps: 10
steps: 2
batch-size: 4
sample-every: 0
device: cpu
"""

STUDY = """\
what: Does it help?
train: {image_size: 8, width: 4, levels: 1, timesteps: 10, steps: 2, batch_size: 4, sample_every: 0}
data:
  digits: {data: digits, score: {features: judge, split: all}}
variants:
  A: {config: A}
  D: {config: D@6, sample: {steps: 2}}
seeds: [0]
baseline: A
sample: {number: 20, steps: 2}
scores: [frechet, kernel]
"""


def jinc(*words: str) -> None:
    """Run a command that has to go well, and say nothing."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        try:
            main([*words])
        except SystemExit as left:
            raise RuntimeError(f"jinc {' '.join(words)}: {said.getvalue()}") from left


def make_bases(folder: Path) -> None:
    """Make a run, models, sets of images, results and studies in the working folder `folder`."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 8, 8), np.uint8)
    for number, image in enumerate(images):
        place = folder / "images" / f"class {number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / "photo.png")
    Image.fromarray((images[0] > 128).astype(np.uint8) * 255).save(folder / "mask.png")
    np.savez(folder / "set.npz", images=images, labels=np.arange(30) % 3)
    np.save(folder / "set.npy", images)
    mnist = folder / "mnist"
    mnist.mkdir()
    digits = rng.integers(0, 256, (30, 28, 28), np.uint8)
    head = struct.pack(">IIII", 2051, 30, 28, 28)
    (mnist / "train-images-idx3-ubyte").write_bytes(head + digits.tobytes())
    labels = struct.pack(">II", 2049, 30) + bytes(range(10)) * 3
    (mnist / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    rows = [",".join(map(str, [i % 10, *digit.ravel()])) for i, digit in enumerate(digits)]
    (folder / "set.csv").write_text("\n".join(rows) + "\n")
    batch = {b"data": rng.integers(0, 256, (30, 3072), np.uint8), b"labels": [1] * 30}
    (folder / "data_batch_1").write_bytes(pickle.dumps(batch, 2))
    (folder / "settings.yaml").write_text(SETTINGS)
    (folder / "settings.toml").write_text(
        "\n".join(line.replace(": A", ': "A"').replace(": cpu", ': "cpu"').replace(": ", " = ")
                  for line in SETTINGS.splitlines())
    )  # fmt: skip
    (folder / "study.yaml").write_text(STUDY.replace("judge", str(folder / "judge")))
    torch.manual_seed(0)
    save_digit_classifier(folder / "judge", DigitClassifier(), "mnist", {})
    jinc(
        "train",
        "--out",
        "run",
        "--data",
        "images",
        "--conditional",
        "--label-dropout",
        "0.5",
        *TINY,
    )
    jinc("train", "--out", "upscaler", "--data", "images", "--upscale", "2", *TINY)
    jinc("train", "--out", "denoiser", "--data", "images", "--noise-std", "0.5", *TINY)
    jinc("sample", "run", "--out", "samples", "-n", "6", "--steps", "2")
    jinc("features", "statistics", "images", "--out", "statistics.npz", "--features", "judge")
    jinc("probe", "run", "--out", "probed", "-n", "2", "--steps", "2", "--only", "network")
    jinc("study", "run", "study.yaml", "--out", "studied")
    make_pipeline(folder / "pipeline")
    for path in folder.rglob("*"):  # for those who are nobody
        path.chmod(0o777 if path.is_dir() else 0o666)


def make_pipeline(folder: Path) -> None:
    """Make a model folder of diffusers."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=2,
        block_out_channels=(4, 4),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    DDPMPipeline(unet, DDPMScheduler(num_train_timesteps=10)).save_pretrained(folder)


def resealed(folder: Path) -> None:
    """Give a changed folder a manifest that fits, as somebody who means harm would."""
    import hashlib

    manifest = folder / "manifest.json"
    if manifest.is_file() and not manifest.is_symlink():
        files = [file for file in folder.iterdir() if file.is_file() and file != manifest]
        sums = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in files
            if file.stat().st_size < 2**26
        }
        manifest.write_text(json.dumps(sums))
