"""A short run on each real data set: it trains, goes on from its checkpoint, and samples."""

import numpy as np
import pytest
from PIL import Image

from jinc.cli import main

SETS = {
    "MNIST idx": ("mnist", "mnist/raw", "--image-size=16"),
    "MNIST CSV": ("mnist", "mnist/mnist_train_small.csv", "--image-size=16"),
    "CIFAR-10 pickled": ("cifar10", "cifar-10-batches-py", "--augment=hflip"),
    "CIFAR-10 binary": ("cifar10", "cifar-10-batches-bin", "--augment=hflip"),
    "MNIST-M": ("mnist_m", "mnist_m", "--conditional"),
    "faces": ("faces", "faces", "--image-size=64"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_trains_resumes_and_samples(name, real_data, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JINC_CACHE", str(tmp_path / "cache"))
    unpacked, path, *options = SETS[name]
    data, run, out = real_data(unpacked) / path, tmp_path / "run", tmp_path / "out"
    settings = ["--width=8", "--batch-size=8", "--log-every=5", "--sample-every=0", *options]
    main(["train", f"--data={data}", f"--out={run}", "--steps=10", *settings])
    main(["train", f"--out={run}", "--resume", "--steps=20"])
    main(["sample", str(run), "-n=4", "--steps=4", f"--out={out}"])
    assert (run / "checkpoints" / "step-00000020").is_dir()
    assert (run / "log.jsonl").read_text().count("loss") == 4
    images = [np.asarray(Image.open(out / f"00000{i}.png")) for i in range(4)]
    assert all(image.std() > 0 for image in images)
    side = {"MNIST": 16, "faces": 64}.get(name.split()[0], 32)
    assert all(image.shape[:2] == (side, side) for image in images)
