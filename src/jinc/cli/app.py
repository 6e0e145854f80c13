"""The command line `jinc`: its commands and its exit codes."""

import atexit
import gc
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from jinc.cli.places import claims
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
"""Training stopped on request after saving; the same command with --resume continues it."""
INTERRUPTED = 130
GRACE = 3
"""Seconds for another process to print the error: torchrun ends all once one has exited."""

TRAIN = """Train a model on images.

--preset NAME starts from the settings of a preset; `jinc presets` lists them. `torchrun
--nproc-per-node N -m jinc train …` trains on N processes.

Exit codes: 0 for success; 2 for invalid input; 3 if the loss or the gradient was not finite five
times in a row; 75 if SIGINT, SIGTERM or SIGUSR1 stopped training after saving a checkpoint, from
which --resume continues. A second signal ends the process at once.
"""

FINETUNE = """Train a model on in another configuration, such as an alias-free one.

The weights are those of the model, whose network and noise schedule stay. --teacher adds the
difference from its predictions to the loss; --blend changes its layers gradually. Exit codes are
those of `jinc train`.
"""

ROTATE = """Generate the same images at several angles: during sampling, or by a model's frame.

All angles share the initial noise, and fresh noise is rotated along with the image, so that a sweep
shows one rotating image; how consistent it is depends on the network. --by says what is rotated.
"""

SHIFT = """Generate the same images at several shifts: during sampling, or by a model's frame.

Shifts are circular. All of them share the initial noise, and fresh noise is shifted along with the
image. --by says what is shifted.
"""

PROBE = """Measure a model's equivariance to shifts, rotations and flips, in dB.

Each PSNR is shown with the reference (floor of the error) that an exactly equivariant denoiser
reaches on the same pixels, with the same clipping and transform. 10 dB more is a tenth of the error
power.
"""

EVALUATE = """Score images against real ones: FID, KID and others, each with its standard error.

Generated images are stored, so that an interrupted call continues and a larger --number only adds
images. `torchrun --nproc-per-node N -m jinc evaluate …` generates on N processes.
"""

CONVERT = """Make a trained model alias-free with its own weights, and measure what that changes.

No parameter is added, and names of weights stay, so that checkpoints load before and after.
"""

SEARCH = """Find the levels at which alias-free designs buy the most equivariance for their time.

Measures a trained model in many configurations, without training it further. An interrupted search
continues when it is called again.
"""

REPORT = """Make a self-contained HTML page of a run or a study.

It shows the results in the folder: scores of `jinc evaluate` or of the study, figures of `jinc
probe` and generated images; and it names the commands for what is missing.
"""

COMPARE = """Compare classical, one-step and iterative denoising of images.

As in part A of project 5 of CS180 (Berkeley): a Gaussian blur, a median filter and non-local means;
the model's prediction from the noisy image in one step; and sampling from the noisy image in many
steps.
"""


def _default(value: Any) -> str | None:
    """Show a default in help as it is typed; none for flags and values that are not set."""
    if isinstance(value, tuple | list):
        value = shlex.join(map(str, value))
    return None if value is None or value is False or value == "" else str(value)


app = App(
    name="jinc",
    help="Alias-free, rotation-aware pixel diffusion models.",
    help_epilogue="Every command also reads its options from a YAML or TOML file: --settings FILE.",
    version=lambda: version("jinc"),
    default_parameter=Parameter(show_default=_default),
    result_action="return_value",  # commands print their results themselves
)

for name, target, text in (
    ("train", "train:train", TRAIN),
    ("finetune", "finetune:finetune", FINETUNE),
    ("presets", "presets:presets", "List the presets of `jinc train`."),
    ("denoise", "denoise:app", "Train and test a single-step denoiser."),
    ("models", "models:models", "List the bundled models, which every command takes by name."),
    ("sample", "sample:sample", "Generate images from a run or model."),
    ("edit", "edit:edit", "Edit images (image-to-image, SDEdit)."),
    ("inpaint", "inpaint:inpaint", "Inpaint masked parts of images (RePaint)."),
    ("illusion", "illusion:app", "Generate visual anagrams and hybrid images."),
    ("upscale", "upscale:upscale", "Upscale images (super-resolution)."),
    ("rotate", "rotate:rotate", ROTATE),
    ("shift", "shift:shift", SHIFT),
    ("probe", "probe:probe", PROBE),
    ("compare", "compare:compare", COMPARE),
    ("evaluate", "evaluate:evaluate", EVALUATE),
    ("study", "study:app", "Train, sample and score many networks, and compare them in a table."),
    ("convert", "convert:convert", CONVERT),
    ("search", "search:search", SEARCH),
    ("report", "report:report", REPORT),
    ("info", "info:info", "Describe a run or a model."),
    ("features", "features:app", "Train feature networks, and compute feature statistics."),
    ("filters", "filters:filters", "Plot the anti-aliasing filter of a configuration."),
    ("complexity", "complexity:complexity", "Plot the complexity (loss-weight) maps of images."),
):
    app.command(f"jinc.cli.{target}", name=name, help=text)
app.command("jinc.app.command:app", help="Open a page in the browser on a model.")
app.register_install_completion_command()


def start() -> None:
    """Run the command line as a process of its own.

    What is imported is never garbage; searching it, also at exit, is a waste of time.
    """
    gc.disable()
    atexit.register(_leave_imported)
    main()


def _leave_imported() -> None:
    """Leave what is imported as it is at exit; Triton would report all of it as leaks."""
    if "triton" in sys.modules:
        gc.unfreeze()
    else:
        gc.freeze()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: code 2 for bad input, after one line that explains it."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    prepare_terminal()
    try:
        check_launched()
        with warnings.catch_warnings(), claims():
            warnings.showwarning = _print_warning
            with told_once():
                app.config = (*option_sources(tokens), refuse_no_places)
                command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
            if not gc.isenabled():
                gc.freeze()
                gc.enable()
            command(*bound.args, **bound.kwargs)
            check_printed()
    except ToldElsewhere as error:
        time.sleep(GRACE)
        sys.exit(error.exit_code)
    except (JincError, CycloptsError, OSError) as error:
        _print_line(str(error))
        sys.exit(error.exit_code if isinstance(error, JincError) else BAD_INPUT)
    except MemoryError as error:
        _print_line(f"out of memory ({one_line(error)})")
        sys.exit(BAD_INPUT)
    except RuntimeError as error:
        if not is_of_memory(error):
            raise
        _print_line(f"out of memory; reduce the batch size ({one_line(error)})")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _print_line(text: str) -> None:
    print(in_one_line(f"jinc: {text}"), file=sys.stderr)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    if is_first_on_node():
        _print_line(f"warning: {message}")
