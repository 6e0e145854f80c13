"""Training: settings, run folders, checkpoints, averages of weights, and the loop."""

from jinc.train.batches import Batch, Batches
from jinc.train.checkpoint import Checkpoint, load_checkpoint, load_newest, save_checkpoint
from jinc.train.config import TrainConfig
from jinc.train.ema import Ema
from jinc.train.run import Run
from jinc.train.setup import build_model, check_settings, load_data
from jinc.train.trainer import Progress, Trainer

__all__ = [
    "Batch",
    "Batches",
    "Checkpoint",
    "Ema",
    "Progress",
    "Run",
    "TrainConfig",
    "Trainer",
    "build_model",
    "check_settings",
    "load_checkpoint",
    "load_data",
    "load_newest",
    "save_checkpoint",
]
