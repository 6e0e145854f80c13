"""Configurations and their names.

Without `@`, as published in arXiv 2411.09174, faults included: `A`, `B-0`, `C-1N`, `D-2N`,
`D+norm-2N`, `D-1N/6`: letter, Kaiser β, `N` where the taps are divided by their sum, `/K` where
there are not three of them. With `@`, the corrected design: `B@6`, `C@12`, `D@12`, `D-2@12`;
`D+plain@12` without the linear path around its activations; and `R@12`, which is `D@12` with radial
convolutions (`radial`). `D+5x5@12` and `D+symmetric@12`, with free 5×5 kernels and with 3×3 kernels
of all symmetries of the square, are controls for R. Other kernels than the jinc under an outer
Kaiser window: `D@radial12` under a radial one, and `D@sinc12`, a separable Kaiser-sinc, whose pass
band is a square. `D@ideal` filters by FFT, and `D@disc` as well, with a disc for a pass band. A
cutoff other than 0.25 cycles per pixel of the fine grid, above 0 and below that, follows a slash:
`D@12/0.2`, `D-2@6/0.22`.

These are names of one design. `levels` joins several by commas, one for each level of a network:
`D@12,D@6`.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from jinc.errors import JincError, unknown
from jinc.plain import exact
from jinc.signal import default_kaiser_beta, design_jinc, design_kaiser_sinc
from jinc.signal.ideal import BANDS, Band
from jinc.signal.resample import Phase

IDEAL = 0
"""The number of taps that stands for the ideal filter, applied by FFT."""


Kernels: TypeAlias = Literal["3x3", "5x5", "symmetric", "radial"]


class Kernel(NamedTuple):
    """A filter kernel.

    Args:
        design: `(taps, cutoff, kaiser_beta, normalize=…) -> [K, K]`.
        separable: whether it is an outer product, and its pass band a square.
    """

    design: Callable[..., Tensor]
    separable: bool = False


KERNELS: Mapping[str, Kernel] = {
    "jinc": Kernel(partial(design_jinc, window="outer")),
    "radial": Kernel(partial(design_jinc, window="radial")),
    "sinc": Kernel(design_kaiser_sinc, separable=True),
}
"""By the word before the taps in names, none for the jinc. A new kernel is a design function and a
line here."""

MOST_TAPS = 64
"""Longer filters than this are refused."""

MOST_GAIN = 16
"""Four times what makes up for the zeros between samples."""

USUAL_CUTOFF = 0.25
"""Cycles per pixel of the fine grid: all that the coarse one can hold along a row."""

EXAMPLES = (
    *("A", "D@6", "D@12", "D@ideal", "B@6", "C@6", "B@12", "C@12", "D-2@12", "D+plain@12"),
    *("D@12/0.2", "D@sinc12", "D@radial12", "D@disc", "R@6", "R@12"),
    *("B-0", "C-0", "D-0", "B-1", "C-1", "D-1", "B-1N", "C-1N", "D-1N", "B-2N", "C-2N", "D-2N"),
    *("D+norm-2N", "D-1N/6", "D+5x5@12", "D+symmetric@12"),
)
"""Names in help and errors, among them the thirteen of the paper's table."""


@dataclass(frozen=True)
class Config:
    """How a network resamples and where its nonlinearities act.

    Args:
        letter: A is the baseline; B resamples without aliasing, C activates without, D does both;
            R is D with radial convolutions.
        taps: filter size K, 1 to 64; `IDEAL` for the ideal filter.
        kaiser_beta: shape of the Kaiser window.
        cutoff: cycles per pixel of the fine grid.
        filter: the kernel, a name in `KERNELS`.
        band: pass band of the ideal filter, `square` or `disc`.
        normalize: whether the taps are divided by their sum.
        gain: factor of the taps on the way up.
        phase: where new pixels stand (`signal.resample.upsample`).
        kappa: slope of the linear path around the band of an activation.
        norm_inside: whether the first GroupNorm stands inside the upsampled domain (D+norm).
        cutoff_up: cutoff on the way up, where it differs from that on the way down.
        kernels: of convolutions, `3x3`, `5x5` or `symmetric`; those of R are `radial`.
    """

    letter: str
    taps: int = 3
    kaiser_beta: float = 0.0
    cutoff: float = USUAL_CUTOFF
    filter: str = "jinc"
    band: Band = "square"
    normalize: bool = True
    gain: float = 1.0
    phase: Phase = "cosited"
    kappa: float = 0.0
    norm_inside: bool = False
    cutoff_up: float | None = None
    kernels: Kernels = "3x3"

    def __post_init__(self) -> None:
        if self.letter not in ("A", "B", "C", "D", "R"):
            raise JincError(f"config: {self.letter!r} is not one of the letters A, B, C, D and R")
        if self.letter == "R" and self.kernels == "3x3":
            object.__setattr__(self, "kernels", "radial")
        if (self.letter == "R") != (self.kernels == "radial"):
            raise JincError(f"config: {self.letter} does not go with {self.kernels} kernels")
        if not isinstance(self.taps, int) or not 0 <= self.taps <= MOST_TAPS:
            raise JincError(f"config: {self.taps!r} is no number of taps up to {MOST_TAPS}")
        if self.phase == "half" and self.taps % 2:
            raise JincError(f"config: phase 'half' needs an even number of taps, not {self.taps}")
        if self.norm_inside and self.letter != "D":
            raise JincError(f"config: only D can have its norm inside, not {self.letter}")
        if not 0 < self.gain <= MOST_GAIN or not 0 <= self.kappa <= 1:
            raise JincError(
                f"config: gain {self.gain:g} or kappa {self.kappa:g} is outside (0, {MOST_GAIN}] "
                "and [0, 1]"
            )
        if self.filter not in KERNELS:
            raise unknown(f"config: {self.filter!r} is no kernel", self.filter, KERNELS)
        if self.band not in BANDS:
            raise unknown(f"config: {self.band!r} is no pass band", self.band, BANDS)

    @property
    def filters_resampling(self) -> bool:
        """Whether up- and downsampling are alias-free."""
        return self.letter in "BDR"

    @property
    def filters_activation(self) -> bool:
        """Whether activations are alias-free."""
        return self.letter in "CDR"

    @property
    def separable(self) -> bool:
        """Whether the kernel is separable, and its pass band a square."""
        return KERNELS[self.filter].separable

    @property
    def has_taps(self) -> bool:
        """Whether there is a filter of finitely many taps."""
        return self.letter != "A" and self.taps != IDEAL

    @property
    def is_corrected(self) -> bool:
        """Whether this is the corrected design and not the published one."""
        return self.gain == 4.0

    @property
    def name(self) -> str:
        """The shortest name of the configuration, ending in `*` if no name describes all of it."""
        name = _nearest_name(self)
        return name if _means(name, self) else name + "*"

    def kernel(self) -> Tensor:
        """Design the taps `[K, K]`, float64.

        Raises:
            JincError: this configuration has no taps.
        """
        if not self.has_taps:
            raise JincError(f"config: {self.name} has no filter taps")
        return _designed(self).to(torch.get_default_device(), copy=True)

    def kernel_up(self) -> Tensor:
        """Design the taps for upsampling; see `kernel`."""
        up = self.cutoff if self.cutoff_up is None else self.cutoff_up
        return replace(self, cutoff=up, cutoff_up=None).kernel()


@lru_cache(maxsize=64)
def _designed(config: Config) -> Tensor:
    """Cached, since a network has the same taps in a hundred places."""
    taps, cutoff, beta = config.taps, config.cutoff, config.kaiser_beta
    with torch.device("cpu"):
        return KERNELS[config.filter].design(taps, cutoff, beta, normalize=config.normalize)


_BETA = r"(?P<beta>\d+(?:\.\d+)?)"
_PUBLISHED = re.compile(
    rf"(?P<letter>[BCD])(?P<extra>\+norm)?-{_BETA}(?P<n>N)?(?:/(?P<taps>\d+))?", re.ASCII
)
_FILTERS = "|".join(name for name in KERNELS if name != "jinc")
_CORRECTED = re.compile(
    rf"(?P<letter>[BCDR])(?P<extra>\+plain)?(?:\+(?P<kernels>5x5|symmetric))?(?:-{_BETA})?@(?:(?P<filter>{_FILTERS})?(?P<taps>\d+)|(?P<ideal>ideal|disc))"
    r"(?:/(?P<cutoff>\d+|\d*\.\d+))?",
    re.ASCII,
)


def parse_config(name: str) -> Config:
    """Parse the name of one design.

    Args:
        name: as in the docstring of this module.

    Raises:
        JincError: no configuration has this name; the message names the nearest.

    >>> parse_config("D-2N").taps, parse_config("D@12").kaiser_beta
    (3, 3.0)
    """
    if name == "A":
        return Config("A")
    if match := _PUBLISHED.fullmatch(name):
        return _published(name, match)
    if match := _CORRECTED.fullmatch(name):
        return _corrected(name, match)
    if "," in name:
        raise JincError(f"config: {name!r} has a design for each level, a single one is expected")
    if name.split("-")[0].split("@")[0] == "E":
        raise JincError(
            "config: E is a sampling procedure, not a network: images are rotated during sampling; "
            "train A, B, C, D or R, and use jinc rotate"
        )
    folded = {example.upper(): example for example in EXAMPLES}
    near = difflib.get_close_matches(name.upper(), folded, 1, 0.3)
    hint = (
        f"did you mean {folded[near[0]]}?"
        if near
        else f"some that exist: {', '.join(EXAMPLES[:6])}"
    )
    raise JincError(f"config: {name!r} is not a configuration; {hint}")


def _published(name: str, match: re.Match[str]) -> Config:
    letter, norm_inside = match["letter"], match["extra"] is not None
    if norm_inside and letter != "D":
        raise JincError(f"config: {name!r}: only D can have its norm inside; did you mean D+norm?")
    taps = _checked_taps(name, int(match["taps"] or 3), least=1)
    return Config(
        letter, taps, float(match["beta"]), normalize=bool(match["n"]), norm_inside=norm_inside
    )


def _corrected(name: str, match: re.Match[str]) -> Config:
    letter, plain = match["letter"], match["extra"] is not None
    if plain and letter == "B":
        raise JincError(f"config: {name!r}: B leaves activations as they are, `+plain` has no use")
    kappa = 0.0 if plain or letter == "B" else 0.5
    band: Band = "disc" if match["ideal"] == "disc" else "square"
    kernels: Kernels = match["kernels"] or "3x3"  # type: ignore[assignment]  # by the pattern
    design = Config(
        letter, taps=IDEAL, gain=4.0, phase="half", kappa=kappa, band=band, kernels=kernels
    )
    if match["taps"] is None:
        if match["beta"]:
            raise JincError(
                f"config: {name!r}: an ideal filter has no β; write {letter}@{match['ideal']}"
            )
        if match["cutoff"]:
            raise JincError(
                f"config: {name!r}: the cutoff of an ideal filter is fixed; "
                f"write {letter}@{match['ideal']}"
            )
        return design
    taps = _checked_taps(name, int(match["taps"]), least=2)
    if taps % 2:
        head = f"{letter}@{match['filter'] or ''}"
        near = f"{head}{taps - 1} or {head}{taps + 1}"
        raise JincError(f"config: {name!r}: the number of taps must be even; write {near}")
    beta = float(match["beta"]) if match["beta"] else default_kaiser_beta(taps)
    cutoff = _checked_cutoff(name, match["cutoff"]) if match["cutoff"] else USUAL_CUTOFF
    kernel = match["filter"] or "jinc"
    return replace(design, taps=taps, kaiser_beta=beta, cutoff=cutoff, filter=kernel)


def _checked_taps(name: str, taps: int, least: int) -> int:
    if not least <= taps <= MOST_TAPS:
        raise JincError(f"config: {name!r}: {taps} taps are outside {least} to {MOST_TAPS}")
    return taps


def _checked_cutoff(name: str, text: str) -> float:
    cutoff = float(text)
    if not 0 < cutoff <= USUAL_CUTOFF:
        head = name.removesuffix(f"/{text}")
        raise JincError(
            f"config: {name!r}: cutoff {text} is outside (0, {USUAL_CUTOFF}] cycles per pixel of "
            f"the fine grid; write {head}/0.2, or {head} for {USUAL_CUTOFF}"
        )
    return cutoff


def _means(name: str, config: Config) -> bool:
    try:
        return parse_config(name) == config
    except JincError:
        return False


def _nearest_name(config: Config) -> str:
    if config.letter == "A":
        return "A"
    beta = exact(config.kaiser_beta)
    if not config.is_corrected:
        head = config.letter + "+norm" * config.norm_inside
        return f"{head}-{beta}{'N' * config.normalize}" + f"/{config.taps}" * (config.taps != 3)
    head = config.letter + "+plain" * (config.kappa == 0 and config.filters_activation)
    head += f"+{config.kernels}" if config.kernels in ("5x5", "symmetric") else ""
    if config.taps == IDEAL:
        return f"{head}@{'ideal' if config.band == 'square' else config.band}"
    if config.kaiser_beta != default_kaiser_beta(config.taps):
        head += f"-{beta}"
    cutoff = "" if config.cutoff == USUAL_CUTOFF else f"/{exact(config.cutoff)}"
    kernel = "" if config.filter == "jinc" else config.filter
    return f"{head}@{kernel}{config.taps}{cutoff}"
