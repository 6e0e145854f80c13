"""Visual anagrams: one picture that is something else through every view."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from jinc.diffusion.effects.batched import Branch
from jinc.diffusion.effects.effect import Effect
from jinc.diffusion.effects.reductions import Reduction, mean
from jinc.diffusion.views.certify import ALLOWED, certify
from jinc.diffusion.views.view import View, is_custom
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps

_MEAN = mean()


@dataclass(frozen=True)
class anagram(Effect):
    """Ask every denoiser about what is seen through its view, turn the answers back, and join them.

    `x0_i = view_i⁻¹ D_i(view_i x_t)`; the reduction makes one of them. Views must be orthogonal:
    through any other, noise is not white, and no denoiser knows what it sees. This package's own
    are; a view of yours is certified on images of the shape, type and device at hand when it first
    meets them.

    Args:
        parts: pairs (view, denoiser), one or more.
        reduce: `mean()`, `sum_preserving(schedule)`, `alternating(levels)`, or your own.

    Raises:
        JincError: no parts, or one that is not such a pair; when asked, a view that is not
            orthogonal, with the law it breaks.

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
        """The question as it looks through the view of each part that is asked."""
        self._certify(x_t)
        return [Branch(denoiser, view(x_t), t) for view, denoiser in self._asked(t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answers as they were before their views, joined."""
        pairs = zip(self._asked(t), answers, strict=True)
        return self.reduce([view.inverse(answer) for (view, _), answer in pairs], x_t, t)

    def _asked(self, t: Steps) -> list[tuple[View, Denoiser]]:
        """The parts that the reduction wants."""
        return [self.parts[k] for k in self.reduce.asked(len(self.parts), t)]

    def _certify(self, x_t: Images) -> None:
        """Try views from outside on the first images of a kind."""
        kind = (x_t.shape[1:], x_t.dtype, x_t.device)
        if kind in self._tried:
            return
        dtype = x_t.dtype if x_t.dtype in ALLOWED else torch.float32
        for view, _ in self.parts:
            if is_custom(view):
                certify(view, x_t.shape[1:], dtype=dtype, device=x_t.device)
        self._tried.add(kind)
