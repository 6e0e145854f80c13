"""The command `jinc`: which commands there are, and how errors are told."""

import sys
import time
import warnings
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from jinc.cli.claims import claims
from jinc.cli.sources import option_sources, refuse_no_places
from jinc.cli.terminal import check_printed, prepare_terminal
from jinc.errors import (
    JincError,
    ToldElsewhere,
    check_launched,
    in_one_line,
    is_first_on_node,
    is_of_memory,
    told_once,
)
from jinc.files import one_line

BAD_INPUT = 2
STOPPED = 75
"""Training was asked to stop and saved; the same command with --resume goes on."""
INTERRUPTED = 130
GRACE = 3
"""Seconds that the process that tells of an error has; torchrun ends all once one has left."""

TRAIN = """Train a model on images.

--preset NAME takes the settings that `jinc presets` lists. `torchrun --nproc-per-node N -m jinc
train …` trains on N processes.

It ends with 0 when it is done; 2 for bad input; 3 when loss or gradients were not finite five
times in a row; 75 when SIGINT, SIGTERM or SIGUSR1 asked it to stop and it has saved, so that
--resume goes on. A second signal ends it at once.
"""

ROTATE = """Generate images turned by one angle after another, a little after every step.

All angles start from the same noise, and fresh noise goes along with the image, so that a sweep
shows one thing that turns; as far as the network can keep it.
"""

SHIFT = """Generate images shifted by one distance after another, a little after every step.

What leaves at one edge enters at the other. All distances start from the same noise, and fresh
noise goes along with the image.
"""

PROBE = """Say in decibels how well a model follows moves: shifts, turns and flips.

Every figure stands beside that of an exactly equivariant denoiser, its floor: what the grid of
pixels, the clipping and the moving itself take. 10 dB more is a tenth of the power of the error.
"""

COMPARE = """Denoise images by filters, in one step and iteratively; compare with the clean ones.

Part A of the CS180 course: a Gaussian blur, a median and non-local means; what the model predicts
from the noisy image at once; and what it makes of it in many small steps.
"""

app = App(
    name="jinc",
    help="Alias-free, rotation-aware pixel diffusion models.",
    help_epilogue="Any command takes its options from a YAML or TOML file too: --settings FILE.",
    version=lambda: version("jinc"),
    result_action="return_value",  # commands print what they have to say
)
app.command("jinc.cli.train:train", name="train", help=TRAIN)
app.command("jinc.cli.presets:presets", name="presets", help="List settings that make sense.")
app.command("jinc.cli.denoise:app", name="denoise", help="Train and test a single-step denoiser.")
app.command("jinc.cli.sample:sample", name="sample", help="Generate images from a run.")
app.command("jinc.cli.edit:edit", name="edit", help="Make pictures anew, more or less of them.")
app.command(
    "jinc.cli.inpaint:inpaint", name="inpaint", help="Generate what is missing in pictures."
)
app.command("jinc.cli.illusion:app", name="illusion", help="Pictures that are several things.")
app.command("jinc.cli.upscale:upscale", name="upscale", help="Make pictures larger.")
app.command("jinc.cli.rotate:rotate", name="rotate", help=ROTATE)
app.command("jinc.cli.shift:shift", name="shift", help=SHIFT)
app.command("jinc.cli.probe:probe", name="probe", help=PROBE)
app.command("jinc.cli.compare:compare", name="compare", help=COMPARE)
app.command("jinc.cli.evaluate:evaluate", name="evaluate", help="Score images against real ones.")
app.command("jinc.cli.study:app", name="study", help="Train, sample and score many networks.")
app.command("jinc.cli.report:report", name="report", help="Make a page of a run or a study.")
app.command("jinc.cli.info:info", name="info", help="Say what a run or a model is.")
app.command(
    "jinc.cli.features:app", name="features", help="Make networks that score generated images."
)
app.command("jinc.cli.filters:filters", name="filters", help="Draw a configuration's filter.")
app.command("jinc.cli.complexity:complexity", name="complexity", help="Draw where a loss looks.")
app.register_install_completion_command()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 2 for bad input, told in one line."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    prepare_terminal()
    try:
        check_launched()
        with warnings.catch_warnings(), claims():
            warnings.showwarning = _print_warning
            with told_once():
                app.config = (*option_sources(tokens), refuse_no_places)
                command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
            command(*bound.args, **bound.kwargs)
            check_printed()
    except ToldElsewhere as error:
        time.sleep(GRACE)
        sys.exit(error.exit_code)
    except (JincError, CycloptsError, OSError) as error:
        _print_line(str(error))
        sys.exit(error.exit_code if isinstance(error, JincError) else BAD_INPUT)
    except MemoryError as error:
        _print_line(f"there is not enough memory for this ({one_line(error)})")
        sys.exit(BAD_INPUT)
    except RuntimeError as error:
        if not is_of_memory(error):
            raise
        _print_line(
            f"there is not enough memory for this; make batches smaller ({one_line(error)})"
        )
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _print_line(text: str) -> None:
    print(in_one_line(f"jinc: {text}"), file=sys.stderr)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    if is_first_on_node():
        _print_line(f"warning: {message}")
