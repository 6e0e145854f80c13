"""Model folders that claim more than they hold are refused in a line, before memory is taken."""

import hashlib
import json
import resource
import time

import pytest

from jinc.cli.info import info
from jinc.errors import JincError
from jinc.nn import ResUNet, UNet
from jinc.nn.checks import MOST
from jinc.train import TrainConfig

HUGE = 10**18


def changed(folder, name, change):
    """Change a JSON file of a model folder and its sum in the manifest."""
    file, manifest = folder / name, folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    sums = json.loads(manifest.read_text())
    sums[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(sums))


NETWORK, MODEL = "config.json", "diffusion.json"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (
            NETWORK,
            {"levels": HUGE},
            "levels: 1000000000000000000 is not a whole number from 1 to 12",
        ),
        (NETWORK, {"width": HUGE}, "width: "),
        (NETWORK, {"width": 4096, "levels": 12}, "has shape|is missing"),
        (NETWORK, {"channels": HUGE}, "channels: "),
        (NETWORK, {"classes": HUGE}, "classes: "),
        (NETWORK, {"classes": True}, "classes: True is not a whole number"),
        (NETWORK, {"classes": 10**400}, "classes: a whole number has over 64 bits"),
        (NETWORK, {"augmentations": HUGE}, "augmentations: "),
        (NETWORK, {"width": "4"}, "width: '4' is not a whole number"),
        (NETWORK, {"width": None}, "width: None is not a whole number"),
        (NETWORK, {"padding": {"a": 1}}, "padding: .* is not one of"),
        (NETWORK, {"config": 3}, "config: 3 is not "),
        (NETWORK, {"config": {"letter": "D", "taps": HUGE}}, "taps"),
        (NETWORK, {"config": {"letter": "D", "sharp": 1}}, "config: 'sharp' is unknown"),
        (NETWORK, {"config": {"letter": "D", "taps": 6, "kappa": 1e308}}, "kappa"),
        (
            NETWORK,
            {"config": ["A"] * 99999 + ["D@6"]},
            "config: 100,000 designs for levels, 16 at most",
        ),
        (NETWORK, {"network": ["unet"]}, "is no network"),
        (NETWORK, {"network": "resunet", "multipliers": [1] * 13}, "unknown|levels: 13"),
        (NETWORK, {"surprise": 1}, "'surprise' is unknown"),
        (MODEL, {"timesteps": HUGE}, "timesteps: .* is larger than 100,000"),
        (MODEL, {"timesteps": 3.5}, "timesteps: 3.5 is not a whole number"),
        (MODEL, {"timesteps": 0}, "T ≥ 1"),
        (MODEL, {"schedule": ["linear"]}, "schedule: .* is not a text"),
        (MODEL, {"schedule": "x" * 999}, "no schedule is called"),
        (MODEL, {"prediction": "noise"}, "prediction: 'noise' is not one of eps, x0, v, flow"),
        (MODEL, {"image_size": [HUGE, HUGE]}, "image_size: "),
        (MODEL, {"image_size": 8}, "image_size: 8 is not a list of 2"),
        (MODEL, {"image_size": [8, 8, 8]}, "image_size: "),
        (MODEL, {"class_names": {"a": 1}}, "class_names: "),
        (MODEL, {"class_names": ["a"] * 9999}, "9999 classes are named, the network has 0"),
        (MODEL, {"guidable": "yes"}, "guidable: 'yes' is not true or false"),
        (MODEL, {"surprise": 1}, "'surprise' is unknown; a newer version may have written it"),
    ],
    ids=range(32),
)
def test_claims_are_refused_before_memory_is_taken(make_model, tmp_path, name, change, says):
    make_model().save(tmp_path / "model")
    changed(tmp_path / "model", name, change)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(JincError, match=says) as told:
        info(tmp_path / "model")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # KiB, of 1 GiB
    assert time.process_time() - start < 5
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300 + len(str(tmp_path))


def test_training_has_the_same_bounds():
    """What can be trained can be loaded, and the other way round."""
    for name in ("width", "levels", "timesteps"):
        assert getattr(TrainConfig(data="x", **{name: MOST[name]}), name) == MOST[name]
        with pytest.raises(JincError, match=f"{name}: "):
            TrainConfig(data="x", **{name: MOST[name] + 1})
    for make in (lambda: UNet(levels=13), lambda: ResUNet(multipliers=(1,) * 13)):
        with pytest.raises(JincError, match="levels: 13 is not a whole number from 1 to 12"):
            make()
