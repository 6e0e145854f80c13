"""What each process does for `test_processes`, by itself or with others.

The others are started by torchrun, or by this script itself as two copies of one process, which has
imported everything already.
"""

import hashlib
import json
import os
import signal
import socket
import sys
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from unittest import mock

from safetensors.torch import save_file

from jinc.data import read_digits
from jinc.errors import JincError, ToldElsewhere
from jinc.train import Processes, Run, TrainConfig, Trainer
from jinc.train.sharding import whole

TINY = {"width": 4, "levels": 1, "batch_size": 8, "timesteps": 20, "steps": 3, "device": "cpu"}
QUIET = {"sample_every": 0, "checkpoint_every": 1000, "log_every": 1, "learning_rate": 3e-3}
RESUNET = {"network": "resunet", "multipliers": (1, 2), "blocks": 1, "attention": (4,)}
COPIES = {
    "published": {"config": "D-2N", "ema_decay": (0.9, 0.99), "clip_gradient": 0.5},
    "accumulated": {"config": "A", "accumulation": 2, "equivariance": 0.1},
}
SHARDS = {
    "resunet": {"config": "D@6", "conditional": True, "label_dropout": 0.3, **RESUNET},
    "sharded": {"config": "D@6", "accumulation": 2, "clip_gradient": 0.5, "fsdp": True},
    "sharded resunet": {"config": "A", "fsdp": True, **RESUNET},
}
CASES = COPIES | SHARDS
"""What many processes have to do as one does it."""

TASKS = Path("/proc/self/task")
"""A folder for each thread of this process, on Linux."""


def main(folder: Path, *, shards: bool) -> None:
    with Processes.join("cpu") as processes:
        for name in SHARDS if shards else COPIES:
            learn(name, folder / name, processes)
        found: dict[str, object] = {
            "spoiled": spoiled_by_one(folder / "spoiled", processes, fsdp=shards)
        }
        if not shards:
            found |= {
                "shared": shared_failures(processes),
                "first": main_is_first(folder / "first", processes),
                "stopped": stopped_by_one(folder / "stopped", processes),
                "disk": full_disk(folder / "disk", processes),
            }
    tasks = TASKS.iterdir() if TASKS.is_dir() else ()
    found["threads"] = [(task / "comm").read_text().strip() for task in tasks]
    (folder / f"{processes.rank}.json").write_text(json.dumps(found))


def new_trainer(folder: Path, processes: Processes, **settings: object) -> Trainer:
    with processes.main_first():
        if processes.is_main:
            Run.create(folder, TrainConfig(**{**TINY, **QUIET, **settings}))
    return Trainer(Run.open(folder), read_digits(), processes=processes)


def learn(name: str, folder: Path, processes: Processes) -> None:
    """Train one of the cases, and leave its first gradient in the run folder."""
    trainer = new_trainer(folder, processes, **CASES[name])
    stepper = trainer.stepper
    stepper.gradients(0, trainer.batches.batch(0))
    named = {n: p.grad for n, p in stepper.network.named_parameters() if p.grad is not None}
    gradient = {n: g.contiguous() for n, g in whole(named).items()}
    for _ in trainer.steps():
        pass
    if processes.is_main:
        save_file(gradient, folder / "gradient.safetensors")


def shared_failures(processes: Processes) -> list[object]:
    """Fail on the last process, then on all."""
    last = processes.count - 1
    outcomes = [outcome(processes, fails=processes.rank == last), outcome(processes, fails=True)]
    return [*outcomes, outcome(processes, fails=False)]


def outcome(processes: Processes, *, fails: bool) -> object:
    try:
        with processes.together():
            if fails:
                raise JincError(f"told by {processes.rank}")
    except JincError as error:
        return type(error).__name__, str(error)
    return None


def main_is_first(file: Path, processes: Processes) -> list[object]:
    """Find what the main process wrote; and nothing is done where it failed."""
    with processes.main_first():
        if processes.is_main:
            file.write_text("read me")
        read = file.read_text()
    entered = False
    try:
        with processes.main_first():
            entered = True
            if processes.is_main:
                raise JincError("no data")
    except JincError as error:
        return [read, entered, type(error).__name__]
    return [read, entered, None]


def stopped_by_one(folder: Path, processes: Processes) -> list[object]:
    """Ask the last process to stop after its first step."""
    trainer = new_trainer(folder, processes, steps=9)
    for progress in trainer.steps():
        if progress.step == 1 and processes.rank == processes.count - 1:
            trainer.request_stop()
    return [trainer.stopped, trainer.step]


def spoiled_by_one(folder: Path, processes: Processes, **settings: object) -> dict[str, object]:
    """Let the last process alone meet NaN, once and survive it, then five times."""
    trainer = new_trainer(folder, processes, steps=20, ema_decay=(0.9,), **settings)
    sums, bad = [], {1, *range(3, 20)}

    @contextmanager
    def spoiling():
        network = trainer.stepper.network
        if processes.rank < processes.count - 1:
            yield
            return
        hook = network.register_forward_hook(
            lambda _, __, out: out * float("nan") if trainer.step in bad else out
        )
        yield
        hook.remove()

    code = None
    with spoiling():
        try:
            sums.extend(digest(trainer) for _ in islice(trainer.steps(), 19))
        except JincError as error:
            code = error.exit_code
    sums.append(digest(trainer))
    return {"sums": sums, "code": code, "step": trainer.step}


def digest(trainer: Trainer) -> str:
    """Return a sum of all that training changes; every process has to ask."""
    tensors = [t for group in trainer.stepper.groups().values() for t in group.values()]
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in tensors)).hexdigest()


def full_disk(folder: Path, processes: Processes) -> object:
    """Let the main process alone fail to write a checkpoint."""
    trainer = new_trainer(folder, processes, steps=1)
    problem = JincError("No space left on device") if processes.is_main else AssertionError
    with mock.patch("jinc.train.trainer.save_checkpoint", side_effect=problem):
        try:
            for _ in trainer.steps():
                pass
        except ToldElsewhere:
            return "told elsewhere"
        except JincError as error:
            return str(error)
    return None


def copy_processes(count: int) -> None:
    """Go on in so many copies of this process, as torchrun would start them, and end with them."""
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    copies = []
    for rank in range(count):
        if (copy := os.fork()) == 0:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            return
        copies.append(copy)
    for _ in copies:
        if os.wait()[1]:  # the others would wait for it
            for copy in copies:
                with suppress(ProcessLookupError):
                    os.kill(copy, signal.SIGKILL)
            sys.exit(1)
    sys.exit()


if __name__ == "__main__":
    if "RANK" not in os.environ:
        copy_processes(2)
    main(Path(sys.argv[1]), shards=sys.argv[2] == "shards")
