"""The command `jinc`: which commands there are, and how errors are told."""

import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from cyclopts import App, CycloptsError
from cyclopts.config import Toml, Yaml

from jinc.errors import JincError
from jinc.files import one_line

BAD_INPUT = 2
INTERRUPTED = 130

app = App(
    name="jinc",
    help="Alias-free, rotation-aware pixel diffusion models.",
    help_epilogue="Any command takes its options from a YAML or TOML file too: --settings FILE.",
    version=lambda: version("jinc"),
    result_action="return_value",  # commands print what they have to say
)
app.command("jinc.cli.train:train", name="train", help="Train a model on images.")
app.command("jinc.cli.sample:sample", name="sample", help="Generate images from a run.")
app.command("jinc.cli.info:info", name="info", help="Say what a run or a model is.")
app.command("jinc.cli.filters:filters", name="filters", help="Draw a configuration's filter.")
app.register_install_completion_command()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 2 for bad input, told in one line."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            app.config = _option_sources(tokens)
            app(tokens, exit_on_error=False, print_error=False)
    except (JincError, CycloptsError, OSError) as error:
        _print_line(str(error))
        sys.exit(BAD_INPUT)
    except MemoryError as error:
        _print_line(f"there is not enough memory for this ({one_line(error)})")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _print_line(text: str) -> None:
    print(f"jinc: {' '.join(text.split())}", file=sys.stderr)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    _print_line(f"warning: {message}")


def _option_sources(tokens: list[str]) -> tuple[Toml | Yaml, ...]:
    """Return the files that options come from, the first before the others.

    They are the file of `--settings`, which is taken out of the tokens, and for a run that is
    resumed its own settings.
    """
    sources = []
    if settings := _value_of("--settings", tokens, take=True):
        sources.append(_settings_source(Path(settings)))
    if tokens[:1] == ["train"] and "--resume" in tokens and (out := _value_of("--out", tokens)):
        own = Path(out) / "config.yaml"
        sources += [_settings_source(own)] if own.is_file() else []
    return tuple(sources)


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
