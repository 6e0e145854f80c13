"""The run folder: config.yaml, log.jsonl, checkpoints/, samples/, model/."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jinc.errors import JincError
from jinc.files import one_line, reading, writing
from jinc.locks import LOCK
from jinc.models import Model, Upscaler, model_folder
from jinc.train.config import TrainConfig

MOST_BYTES_OF_LOG = 64 << 20
"""About half a million lines."""


@dataclass(frozen=True)
class Run:
    """A run folder."""

    path: Path

    @classmethod
    def create(cls, path: Path, config: TrainConfig) -> Self:
        """Create a run folder with its settings.

        Raises:
            JincError: the path exists, or the folder cannot be created.
        """
        cls.check_free(path)
        config.write(path / "config.yaml")
        return cls(path)

    @staticmethod
    def check_free(path: Path) -> None:
        """Check that a path does not exist, or is a folder without a run's results.

        Raises:
            JincError: it is taken, or cannot be read.
        """
        try:
            taken = (path / "config.yaml").is_file()
            if not path.exists() or (path.is_dir() and is_new(path) and not taken):
                return
            if not taken:
                raise JincError(f"{path}: exists and is no run; choose another --out")
            raise JincError(f"{path}: holds a run already; continue it with --resume")
        except OSError as error:
            raise JincError(f"{path}: {one_line(error)}") from None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a run folder; raise a JincError if it is missing or no run."""
        if not path.is_dir():
            raise JincError(f"{path}: no such run folder")
        if not (path / "config.yaml").is_file():
            raise JincError(f"{path}: is no run folder, it has no config.yaml")
        return cls(path)

    @property
    def config(self) -> TrainConfig:
        """Its settings, from `config.yaml`."""
        return TrainConfig.read(self.path / "config.yaml")

    @property
    def checkpoints(self) -> Path:
        """Its folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """Its log, one JSON object per line."""
        return self.path / "log.jsonl"

    @property
    def not_finite(self) -> Path:
        """The report of a run that could not go on."""
        return self.path / "not-finite.json"

    def samples(self, step: int, sampler: str = "") -> Path:
        """The picture of samples after so many steps, by the first sampler or a further one."""
        return self.path / "samples" / f"step-{step:08d}{sampler and '-' + sampler}.png"

    def model(self) -> Model:
        """Load the averaged model of the newest checkpoint."""
        return Model.load(model_folder(self.path))

    def upscaler(self) -> Upscaler:
        """Load the same of a super-resolution run."""
        return Upscaler.load(model_folder(self.path))

    def append_log(self, entry: dict[str, Any]) -> None:
        """Append a line to the log."""
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise JincError(f"{self.log}: {one_line(error)}") from None

    def read_log(self) -> list[dict[str, Any]]:
        """Return the entries of the log, without malformed lines, e.g. a last one cut off."""
        if not self.log.exists():
            return []
        entries = []
        with reading(self.log) as file:
            lines = file.read(MOST_BYTES_OF_LOG + 1).splitlines()
        if sum(map(len, lines)) > MOST_BYTES_OF_LOG:
            raise JincError(f"{self.log}: is larger than {MOST_BYTES_OF_LOG >> 20} MiB")
        for line in lines:
            with suppress(ValueError, RecursionError):
                entries.append(json.loads(line))
        return [e for e in entries if isinstance(e, dict) and isinstance(e.get("step"), int)]

    def forget_log_after(self, step: int) -> None:
        """Drop the lines of later steps, which a resume repeats, and of changes at this one."""
        past = [e for e in self.read_log() if e["step"] < step + ("changed" not in e)]
        with writing(self.log) as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in past).encode())


def is_new(path: Path) -> bool:
    """Whether a folder holds at most the settings of a run that has not done a step."""
    names = {file.name for file in path.iterdir() if not file.name.startswith(".config.yaml.")}
    return names <= {"config.yaml", "log.jsonl", LOCK} and not Run(path).read_log()
