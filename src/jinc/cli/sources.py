"""Options from elsewhere than the command line: a settings file, a preset, a run's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from cyclopts.config import Dict

from jinc.errors import JincError


@dataclass(frozen=True)
class Source:
    """Options by their names.

    They are nested under the names of the command, since cyclopts ignores top-level options with
    the name of a command: --upscale and --complexity.

    Args:
        options: their values.
        name: of the source, for errors.
    """

    options: Mapping[str, Any]
    name: str

    def __call__(self, app: Any, commands: tuple[str, ...], arguments: Any) -> None:
        """Set the arguments that are not set yet."""
        options: Any = self.options
        for command in reversed(commands):
            options = {command: options}
        Dict(options, source=self.name)(app, commands, arguments)


_BUILT_IN: dict[tuple[str, ...], str] = {("denoise", "train"): "mnist-denoiser"}
"""Commands that always use a preset."""


def option_sources(tokens: list[str]) -> tuple[Source, ...]:
    """Return the sources of options, by precedence, and remove --settings and --preset from tokens.

    They are the file of `--settings`; the own settings of a run to be resumed; and the preset of
    `--preset`.

    Raises:
        JincError: a file or a preset does not exist.
    """
    sources: list[Source] = []
    if settings := _value_of("--settings", tokens, take=True):
        sources.append(_settings_source(Path(settings)))
    commands = [("train",), ("finetune",), *_BUILT_IN]
    command = next((c for c in commands if tuple(tokens[: len(c)]) == c), None)
    if command is None:
        return tuple(sources)
    if "--resume" in tokens and (out := _value_of("--out", tokens)):
        own = Path(out) / "config.yaml"
        sources += [_settings_source(own, of_run=True)] if own.is_file() else []
    if preset := _BUILT_IN.get(command) or _value_of("--preset", tokens, take=True):
        sources.append(_preset_source(preset))
    return tuple(sources)


def refuse_no_places(_: Any, __: tuple[str, ...], arguments: Any) -> None:
    """Refuse an empty path, which would be the working folder."""
    for argument in arguments:
        if Path in (argument.hint, *get_args(argument.hint)):
            for token in argument.tokens:
                place = str(token.value)
                if not place.strip() or "\0" in place:
                    raise JincError(f"{argument.name}: {place!r} is not a path")


def _preset_source(name: str) -> Source:
    from jinc.train import TrainConfig, find_preset  # heavy, and not always needed

    preset, usual = find_preset(name), TrainConfig()
    found = {field.name: getattr(preset, field.name) for field in fields(TrainConfig)}
    said = {n: v for n, v in found.items() if v != getattr(usual, n)}
    lists = {n: list(v) for n, v in said.items() if isinstance(v, tuple)}
    options = {n.replace("_", "-"): v for n, v in (said | lists).items()}
    return Source(options, f"preset {name}")


def _value_of(wanted: str, tokens: list[str], *, take: bool = False) -> str | None:
    """Return the value of `wanted VALUE` or `wanted=VALUE`; remove both from tokens if `take`."""
    for place, token in enumerate(tokens):
        option, equals, value = token.partition("=")
        if option != wanted:
            continue
        found = value if equals else "".join(tokens[place + 1 : place + 2])
        if not found.strip():
            raise JincError(f"{wanted}: has no value")
        if take:
            del tokens[place : place + (1 if equals else 2)]
        return found
    return None


def _settings_source(file: Path, of_run: bool = False) -> Source:
    from jinc.documents import read_toml, read_yaml  # slow to import, and seldom needed

    readers = {".yaml": read_yaml, ".yml": read_yaml, ".toml": read_toml}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise JincError(f"--settings: {file}: must end in .yaml or .toml")
    try:
        options = reader(file)
    except JincError as error:
        raise JincError(f"--settings: {error}") from None
    if of_run or (file.name == "config.yaml" and file.with_name("log.jsonl").is_file()):
        from jinc.train import as_written  # heavy, and not always needed

        options = as_written(options)
    return Source(options, str(file))
