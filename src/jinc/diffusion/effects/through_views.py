"""Effects through views: conjugation, symmetrisation over a group, and visual anagrams."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from jinc.diffusion.effects.effect import Branch, Effect
from jinc.diffusion.effects.reductions import Reduction, mean
from jinc.diffusion.views.certify import ALLOWED, certify
from jinc.diffusion.views.view import View, is_custom
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps

_MEAN = mean()


@dataclass(frozen=True)
class conjugate(Effect):
    """Denoise through a view: `view⁻¹ D(view x_t)`.

    White noise seen through a view is white noise, so that the denoiser sees nothing unusual.

    >>> from jinc.diffusion import hflip
    >>> darken_left = lambda x_t, t: x_t * torch.tensor([0.0, 1.0])
    >>> darken_right = conjugate(darken_left, hflip())
    >>> darken_right(torch.ones(1, 1, 1, 2), torch.tensor([5])).tolist()
    [[[[1.0, 0.0]]]]
    """

    denoiser: Denoiser
    view: View

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        return [Branch(self.denoiser, self.view(x_t), t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        return self.view.inverse(answers[0])


@dataclass(frozen=True)
class symmetrize(Effect):
    """Make any denoiser equivariant: average its predictions through all views of a group.

    `S(x) = mean_g g⁻¹ D(g x)`. Then S(h x) = mean_g h (g h)⁻¹ D(g h x) = h S(x), for with g also
    g h runs through the whole group. This holds as exactly as the views form a group: to rounding
    for `c4` and `d4`; for `rotations` by other angles, whose products on a grid are only nearly
    rotations, an error is left, on noise as large as a third of that of the denoiser alone.

    A network is called once, with as many times the images as there are views.

    Args:
        denoiser: what is averaged.
        views: the group, such as `c4()`; at least one.
    """

    denoiser: Denoiser
    views: Sequence[View]

    def __post_init__(self) -> None:
        if not self.views:
            raise JincError("symmetrize needs one view or more")

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        return [Branch(self.denoiser, view(x_t), t) for view in self.views]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        pairs = zip(self.views, answers, strict=True)
        return torch.stack([view.inverse(answer) for view, answer in pairs]).mean(0)


@dataclass(frozen=True)
class anagram(Effect):
    """Visual anagrams: one image that shows something else through every view.

    Each prediction is made through its view and undone, `x0_i = view_i⁻¹ D_i(view_i x_t)`, and the
    reduction combines them. Views must be orthogonal: through any other, noise is not white, and
    denoisers do not know what they see. Views from outside this package are certified on the first
    images of each shape, type and device.

    Args:
        parts: pairs (view, denoiser), one or more.
        reduce: `mean()`, `sum_preserving(schedule)`, `alternating(levels)`, or another `Reduction`.

    Raises:
        JincError: no parts, or one that is not a pair; when called, a view that is not orthogonal,
            with the law it breaks.

    Source: visual anagrams (arXiv 2311.17919), section 3.2.

    >>> from jinc.diffusion import hflip, identity
    >>> cat, dog = (lambda x_t, t: x_t), (lambda x_t, t: torch.tensor([[[[2.0, 0.0]]]]))
    >>> both = anagram([(identity(), cat), (hflip(), dog)])
    >>> both(torch.tensor([[[[4.0, 6.0]]]]), torch.tensor([5])).tolist()
    [[[[2.0, 4.0]]]]
    """

    parts: Sequence[tuple[View, Denoiser]]
    reduce: Reduction = _MEAN
    _tried: set[tuple[torch.Size, torch.dtype, torch.device]] = field(
        default_factory=set, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.parts:
            raise JincError("anagram needs one part (view, denoiser) or more")
        for k, part in enumerate(self.parts):
            if not (isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], View)):
                raise JincError(f"parts[{k}] must be a pair (view, denoiser), such as (hflip(), d)")

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        self._certify(x_t)
        return [Branch(denoiser, view(x_t), t) for view, denoiser in self._selected(t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        pairs = zip(self._selected(t), answers, strict=True)
        return self.reduce([view.inverse(answer) for (view, _), answer in pairs], x_t, t)

    def _selected(self, t: Steps) -> list[tuple[View, Denoiser]]:
        return [self.parts[k] for k in self.reduce.selected(len(self.parts), t)]

    def _certify(self, x_t: Images) -> None:
        kind = (x_t.shape[1:], x_t.dtype, x_t.device)
        if kind in self._tried:
            return
        dtype = x_t.dtype if x_t.dtype in ALLOWED else torch.float32
        for view, _ in self.parts:
            if is_custom(view):
                certify(view, x_t.shape[1:], dtype=dtype, device=x_t.device)
        self._tried.add(kind)
