"""Training: settings, run folders, checkpoints, averages of weights, and the loop."""

from jinc.train.batches import Batch, Batches
from jinc.train.checkpoint import Checkpoint, load_checkpoint, load_newest, save_checkpoint
from jinc.train.config import CHANGEABLE, TrainConfig
from jinc.train.contradictions import refuse_unused
from jinc.train.cost import Cost, count_network, forward_gflop, measure
from jinc.train.ema import Ema
from jinc.train.guard import NotFinite
from jinc.train.precision import warn_of_slow_precision
from jinc.train.presets import PRESET_COSTS, PRESETS, find_preset, preset_image
from jinc.train.processes import Processes
from jinc.train.run import Run, is_new
from jinc.train.settings import SECTIONS
from jinc.train.setup import READING, build_network, build_task, check_settings, load_data
from jinc.train.trainer import Progress, Trainer
from jinc.train.written import as_written

__all__ = [
    "CHANGEABLE",
    "PRESETS",
    "PRESET_COSTS",
    "READING",
    "SECTIONS",
    "Batch",
    "Batches",
    "Checkpoint",
    "Cost",
    "Ema",
    "NotFinite",
    "Processes",
    "Progress",
    "Run",
    "TrainConfig",
    "Trainer",
    "as_written",
    "build_network",
    "build_task",
    "check_settings",
    "count_network",
    "find_preset",
    "forward_gflop",
    "is_new",
    "load_checkpoint",
    "load_data",
    "load_newest",
    "measure",
    "preset_image",
    "refuse_unused",
    "save_checkpoint",
    "warn_of_slow_precision",
]
