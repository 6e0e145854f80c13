"""Noise schedules."""

import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jinc.errors import JincError, unknown
from jinc.schema import shown
from jinc.signal.tables import widest

MOST_STEPS = 100_000
"""Largest T of a schedule by name, in training and in files of models."""

MAX_BETA = 0.999
"""Upper bound of `beta_t`: a step that leaves no signal could not be undone."""

MOST_SIGNAL = 0.1
"""`√alpha_bar_{T−1}` above which sampling from pure noise is visibly biased."""

BETA_ENDS = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}
"""`beta_0` and `beta_{T−1}` of 1000 steps."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """The signal at each of T steps, as `alpha_bar_t`; t = −1 is clean.

    Args:
        alpha_bars: the share of the signal's power at t = 0 … T−1, `[T]`, strictly decreasing
            in (0, 1); the last may be 0 (zero terminal SNR). A float64 copy is stored on the CPU.

    Source: DDPM (arXiv 2006.11239), eq. 4.

    >>> schedule = Schedule.linear(T=1000)
    >>> len(schedule), float(schedule.alpha_bar(-1)), round(float(schedule.alpha_bar(0)), 4)
    (1000, 1.0, 0.9999)
    """

    alpha_bars: Tensor
    _tables: dict[torch.device, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        values = torch.as_tensor(self.alpha_bars).detach().to("cpu", torch.float64, copy=True)
        if values.ndim != 1 or len(values) == 0:
            raise JincError(f"alpha_bars must be a list of T ≥ 1 values, got {list(values.shape)}")
        falls = torch.cat([values.new_ones(1), values]).diff() < 0  # a NaN does not fall either
        wrong = ~(falls & (values >= 0))
        if bool(wrong.any()):
            t = int(wrong.nonzero()[0])
            raise JincError(f"alpha_bars must fall strictly from 1 towards 0; not so at t = {t}")
        object.__setattr__(self, "alpha_bars", values)

    def __len__(self) -> int:
        """T, the number of steps."""
        return len(self.alpha_bars)

    @property
    def signal_left(self) -> float:
        """`√alpha_bar_{T−1}`, the amplitude of the image at the last step, ideally near 0."""
        return math.sqrt(float(self.alpha_bars[-1]))

    def alpha_bar(self, t: int | Tensor) -> Tensor:
        """`alpha_bar_t`, the share of the image's power that is left at t; 1 at t = −1.

        Args:
            t: one step, or an integer tensor of steps of any shape, −1 … T−1.

        Returns:
            float64, of t's shape and on t's device (float32 on MPS, which has no float64);
            `[]` on the CPU for an int.

        Raises:
            IndexError: t is out of range (on a GPU a device assertion).
        """
        if not isinstance(t, Tensor):
            t = torch.tensor(t, device="cpu")
        return self._table(t.device).index_select(0, t.flatten() + 1).view(t.shape)

    @property
    def alphas(self) -> Tensor:
        """`alpha_t = alpha_bar_t / alpha_bar_{t−1}`, the share that one step keeps, `[T]`."""
        return self.alpha_bars / torch.cat([self.alpha_bars.new_ones(1), self.alpha_bars[:-1]])

    @property
    def betas(self) -> Tensor:
        """`beta_t = 1 − alpha_t`, the variance that one step adds, `[T]`."""
        return 1 - self.alphas

    @property
    def ends_in_pure_noise(self) -> bool:
        """Whether the last level has zero signal-to-noise ratio: `alpha_bar_{T−1} = 0`."""
        return float(self.alpha_bars[-1]) == 0

    def with_signal(self) -> "Schedule":
        """The same schedule with a trace of signal at its last level, for divisions by √ᾱ.

        Returns:
            itself where `alpha_bar_{T−1} > 0`; else a copy that ends at 2⁻²⁴ as in diffusers, or
            at 1 % of the level before where that is lower.
        """
        if not self.ends_in_pure_noise:
            return self
        before = self.alpha_bars[:-1]
        trace = (
            before[-1:].mul(0.01).clamp(max=2**-24)
            if len(before)
            else before.new_full((1,), 2**-24)
        )
        return Schedule(torch.cat([before, trace]))

    def _table(self, device: torch.device) -> Tensor:
        """`[1, alpha_bar_0, …]` on a device, moved there once: index t + 1 never wraps round."""
        if device not in self._tables:
            table = torch.cat([self.alpha_bars.new_ones(1), self.alpha_bars])
            self._tables[device] = table.to(widest(device)).to(device)
        return self._tables[device]

    @classmethod
    def from_betas(cls, betas: Tensor) -> "Schedule":
        """The schedule whose steps add the variances `beta_t`.

        Args:
            betas: `[T]`, each in (0, 1); the last may be 1 (zero terminal SNR).

        Raises:
            JincError: a beta is outside (0, 1).
        """
        betas = torch.as_tensor(betas).detach().to("cpu", torch.float64)
        allowed = (betas > 0) & (betas < 1)
        allowed[-1:] |= betas[-1:] == 1
        if not bool(allowed.all()):
            t = int((~allowed).nonzero()[0])
            raise JincError(f"every beta_t must lie in (0, 1); beta_{t} = {float(betas[t]):g}")
        return cls((1 - betas).cumprod(0))

    @classmethod
    def linear(
        cls, T: int = 1000, beta_start: float | None = None, beta_end: float | None = None
    ) -> "Schedule":
        """`beta_t` grows linearly.

        The usual ends are those of 1000 steps times 1000/T, so that any T ends in noise; below
        T = 21 the last ones are bounded by `MAX_BETA`.

        Args:
            T: number of steps.
            beta_start: `beta_0`, in (0, 1); `1e-4 · 1000/T` by default.
            beta_end: `beta_{T−1}`, in (0, 1); `0.02 · 1000/T` by default.

        Source: DDPM (arXiv 2006.11239), section 4; scaled as in Improved DDPM (arXiv 2102.09672).
        """
        start, end = _ends("linear", T, beta_start, beta_end)
        return cls.from_betas(_bounded(_ramp(start, end, T)))

    @classmethod
    def scaled_linear(
        cls, T: int = 1000, beta_start: float | None = None, beta_end: float | None = None
    ) -> "Schedule":
        """`√beta_t` grows linearly: gentler at the clean end than `linear`.

        Args:
            T: number of steps.
            beta_start: `beta_0`, in (0, 1); `0.00085 · 1000/T` by default.
            beta_end: `beta_{T−1}`, in (0, 1); `0.012 · 1000/T` by default.

        Source: latent diffusion (arXiv 2112.10752), its released configurations.
        """
        start, end = _ends("scaled_linear", T, beta_start, beta_end)
        return cls.from_betas(_bounded(_ramp(math.sqrt(start), math.sqrt(end), T) ** 2))

    @classmethod
    def cosine(cls, T: int = 1000, offset: float = 0.008, max_beta: float = MAX_BETA) -> "Schedule":
        """`alpha_bar` follows a squared cosine: signal is lost at an even pace.

        Args:
            T: number of steps.
            offset: s, keeps the first betas from vanishing; ≥ 0.
            max_beta: upper bound of `beta_t`, in (0, 1); without it the last one would be 1.

        Source: Nichol & Dhariwal (arXiv 2102.09672), eq. 17.
        """
        time = _ramp(0, 1, T + 1)
        f = torch.cos((time + offset) / (1 + offset) * torch.pi / 2) ** 2
        return cls.from_betas((1 - f[1:] / f[:-1]).clamp(max=max_beta))

    @classmethod
    def flow(cls, T: int = 1000) -> "Schedule":
        """Flow matching: levels evenly along the straight path from image to noise.

        The path is `z = (1−τ) x0 + τ eps = √((1−τ)² + τ²) x_t`, with
        `alpha_bar = (1−τ)²/((1−τ)² + τ²)`. Here τ_t is (t+1)/(T+1): 0 is clean, and 1, pure noise,
        is not reached, for `alpha_bar` would be 0.

        Args:
            T: number of steps.

        Source: rectified flow (arXiv 2209.03003); flow matching (arXiv 2210.02747), section 4.1.
        """
        tau = _ramp(1, T, T) / (T + 1)
        return cls((1 - tau) ** 2 / ((1 - tau) ** 2 + tau**2))


def make_schedule(
    name: str, T: int = 1000, *, scale_betas: bool = True, **options: float
) -> Schedule:
    """Make a schedule by name.

    Args:
        name: `linear`, `cosine`, `scaled_linear` or `flow`.
        T: number of steps, 1 … `MOST_STEPS`.
        scale_betas: multiply the default ends of linear betas by 1000/T. The other schedules depend
            on t/T only.
        options: of the constructor, such as `beta_end`.

    Raises:
        JincError: an unknown name or option, with the nearest known one, or too many steps.

    >>> len(make_schedule("cosine", T=50, offset=0.01))
    50
    """
    factories: dict[str, Callable[..., Schedule]] = {
        "linear": Schedule.linear,
        "cosine": Schedule.cosine,
        "scaled_linear": Schedule.scaled_linear,
        "flow": Schedule.flow,
    }
    _known("schedule", name, list(factories))
    if T > MOST_STEPS:
        raise JincError(f"timesteps: {shown(T)} is larger than {MOST_STEPS:,}")
    factory = factories[name]
    for option in options:
        _known(
            f"option of the {name} schedule", option, list(inspect.signature(factory).parameters)
        )
    if name in BETA_ENDS and not scale_betas:
        options = dict(zip(("beta_start", "beta_end"), BETA_ENDS[name], strict=True)) | options
    return factory(T, **options)


def warn_of_signal(schedule: Schedule) -> None:
    """Warn if the last step has more signal than sampling from pure noise assumes."""
    if schedule.signal_left > MOST_SIGNAL:
        warnings.warn(
            f"schedule: at t = {len(schedule) - 1}, where sampling starts from pure noise, "
            f"{schedule.signal_left:.2g} of the image is left in training (√alpha_bar, best below "
            f"{MOST_SIGNAL}), which biases samples; train with --scale-betas, more --timesteps or "
            "--schedule cosine",
            RuntimeWarning,
            stacklevel=1,
        )


def _known(kind: str, word: str, words: list[str]) -> None:
    if word not in words:
        raise unknown(f"no {kind} is called {shown(word)}", word, words)


def _ends(
    name: str, T: int, beta_start: float | None, beta_end: float | None
) -> tuple[float, float]:
    """Return both ends of the betas: those given, or the defaults scaled by 1000/T."""
    if T < 1:
        raise JincError(f"a schedule needs T ≥ 1 steps, got {T}")
    for given in (beta_start, beta_end):
        if given is not None and not 0 < given < 1:
            raise JincError(f"betas must lie in (0, 1), got {given:g}")
    start, end = (usual * (1000 / T) for usual in BETA_ENDS[name])
    return beta_start or start, beta_end or end


def _bounded(betas: Tensor) -> Tensor:
    return betas.clamp(max=MAX_BETA)


def _ramp(start: float, end: float, count: int) -> Tensor:
    """`count` values evenly from start to end, both included."""
    if count < 1:
        raise JincError(f"a schedule needs T ≥ 1 steps, got {count}")
    return torch.linspace(start, end, count, dtype=torch.float64)
