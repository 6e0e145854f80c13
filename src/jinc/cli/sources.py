"""Where options come from besides the command line: a settings file, a preset, a run's own file."""

from dataclasses import fields
from pathlib import Path
from typing import TypeAlias

from cyclopts.config import Dict, Toml, Yaml

from jinc.errors import JincError
from jinc.files import one_line

Source: TypeAlias = Toml | Yaml | Dict

_BUILT_IN: dict[tuple[str, ...], str] = {("denoise", "train"): "mnist-denoiser"}
"""Commands that are a preset in themselves."""


def option_sources(tokens: list[str]) -> tuple[Source, ...]:
    """Return what options come from, the first before the others.

    They are the file of `--settings`; for a run that is resumed its own settings; and the preset of
    `--preset`. What names them is taken out of the tokens.

    Raises:
        JincError: a file or a preset is not there.
    """
    sources: list[Source] = []
    if settings := _value_of("--settings", tokens, take=True):
        sources.append(_settings_source(Path(settings)))
    command = next((c for c in [("train",), *_BUILT_IN] if tuple(tokens[: len(c)]) == c), None)
    if command is None:
        return tuple(sources)
    if "--resume" in tokens and (out := _value_of("--out", tokens)):
        own = Path(out) / "config.yaml"
        sources += [_settings_source(own)] if own.is_file() else []
    if preset := _BUILT_IN.get(command) or _value_of("--preset", tokens, take=True):
        sources.append(_preset_source(preset))
    return tuple(sources)


def _preset_source(name: str) -> Dict:
    from jinc.train import TrainConfig, find_preset  # heavy, and not always needed

    preset, usual = find_preset(name), TrainConfig()
    found = {field.name: getattr(preset, field.name) for field in fields(TrainConfig)}
    said = {n: v for n, v in found.items() if v != getattr(usual, n)}
    lists = {n: list(v) for n, v in said.items() if isinstance(v, tuple)}
    options = {n.replace("_", "-"): v for n, v in (said | lists).items()}
    return Dict(options, use_commands_as_keys=False, source=f"preset {name}")


def _value_of(wanted: str, tokens: list[str], *, take: bool = False) -> str | None:
    """Find `wanted VALUE` or `wanted=VALUE` among the tokens, and take it out where asked."""
    for place, token in enumerate(tokens):
        option, equals, value = token.partition("=")
        if option != wanted:
            continue
        if not equals and place + 1 == len(tokens):
            raise JincError(f"{wanted}: names nothing")
        found = value if equals else tokens[place + 1]
        if take:
            del tokens[place : place + (1 if equals else 2)]
        return found
    return None


def _settings_source(file: Path) -> Toml | Yaml:
    kinds: dict[str, type[Toml] | type[Yaml]] = {".yaml": Yaml, ".yml": Yaml, ".toml": Toml}
    if file.suffix.lower() not in kinds:
        raise JincError(f"--settings: {file}: is neither .yaml nor .toml")
    if not file.is_file():
        raise JincError(f"--settings: {file}: no such file")
    source = kinds[file.suffix.lower()](file, use_commands_as_keys=False)
    try:
        _ = source.config  # read now, for cyclopts would not say which file is damaged
    except Exception as error:
        reason = one_line(error.__cause__ or error)
        raise JincError(f"--settings: {file}: cannot be read ({reason})") from None
    return source
