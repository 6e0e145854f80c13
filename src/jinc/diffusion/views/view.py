"""Views: linear orthogonal maps of images, how they are composed, inverted and made from functions.

White noise seen through a view is still white noise, so that a denoiser can be applied to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch

from jinc.errors import JincError
from jinc.plain import exact
from jinc.types import Images


@dataclass(frozen=True)
class View(ABC):
    """A linear orthogonal map of images `[B, C, H, W]` to images of the same shape.

    >>> import math
    >>> from jinc.diffusion import hflip, rotation
    >>> both = hflip().then(rotation(math.pi / 6))
    >>> both.name, both.inverted.name
    ('hflip then rotate 30', 'rotate -30 then hflip')
    """

    @property
    def name(self) -> str:
        """The name from which `view_by_name` makes an equal view: a word and its numbers."""
        numbers = (getattr(self, field.name) for field in fields(self))
        return " ".join([type(self).__name__, *map(exact, numbers)])

    @abstractmethod
    def __call__(self, x: Images) -> Images:
        """Apply the view to images `[B, C, H, W]`."""

    @abstractmethod
    def inverse(self, x: Images) -> Images:
        """Apply the inverse, which is the transpose, to images `[B, C, H, W]`."""

    @property
    def inverted(self) -> "View":
        """The inverse as a view."""
        return _Inverse(self)

    def enlarged(self, factor: int) -> "View":
        """The same view of images `factor` times as large: itself, if it has no sizes in pixels.

        It keeps an anagram made at 64×64 valid in a second stage at 256×256.
        """
        return self

    def then(self, after: "View") -> "View":
        """Compose: this view first, then `after`."""
        return composed((*parts_of(self), *parts_of(after)))


@dataclass(frozen=True)
class _Inverse(View):
    view: View

    @property
    def name(self) -> str:
        return f"undo {self.view.name}"

    def __call__(self, x: Images) -> Images:
        return self.view.inverse(x)

    def inverse(self, x: Images) -> Images:
        return self.view(x)

    @property
    def inverted(self) -> View:
        return self.view

    def enlarged(self, factor: int) -> View:
        return self.view.enlarged(factor).inverted


@dataclass(frozen=True)
class composed(View):
    """Several views, one after another; no parts at all make the identity."""

    parts: tuple[View, ...]

    @property
    def name(self) -> str:
        return " then ".join(part.name for part in self.parts) or "identity"

    def __call__(self, x: Images) -> Images:
        for part in self.parts:
            x = part(x)
        return x

    def inverse(self, x: Images) -> Images:
        for part in reversed(self.parts):
            x = part.inverse(x)
        return x

    @property
    def inverted(self) -> View:
        return composed(tuple(part.inverted for part in reversed(self.parts)))

    def enlarged(self, factor: int) -> View:
        return composed(tuple(part.enlarged(factor) for part in self.parts))


@dataclass(frozen=True)
class custom_view(View):
    """A view made from any function; `certify` tests whether it is one.

    Args:
        function: images to images of the same shape, linear and orthogonal.
        back: its inverse. By default the transpose, by automatic differentiation: `function` must
            then be written in torch, and the inverse takes about three times as long.
        title: its name; by default that of the function.

    >>> import torch
    >>> every_other = torch.tensor([1.0, -1.0]).repeat(2)
    >>> stripes = custom_view(lambda x: x * every_other, title="stripes")
    >>> stripes.name, float(stripes.inverse(torch.ones(1, 1, 1, 4)).sum())
    ('stripes', 0.0)
    """

    function: Callable[[Images], Images]
    back: Callable[[Images], Images] | None = None
    title: str = ""

    @property
    def name(self) -> str:
        return self.title or getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, x: Images) -> Images:
        return self.function(x)

    def inverse(self, x: Images) -> Images:
        return transposed(self, x, torch.zeros_like(x)) if self.back is None else self.back(x)


def transposed(view: View, x: Images, at: Images) -> Images:
    """Multiply by the transpose of a view's Jacobian.

    Args:
        view: any map of images written in torch.
        x: shaped like the view's output.
        at: where the Jacobian is evaluated, `[B, C, H, W]`; that of a linear view is constant.

    Returns:
        Shaped like `at`.

    Raises:
        JincError: the view cannot be differentiated.
    """
    with torch.enable_grad():
        at = at.detach().requires_grad_()
        seen = view(at)
        if not seen.requires_grad:
            raise JincError(f"view '{view.name}' cannot be differentiated: write it in torch alone")
        (answer,) = torch.autograd.grad(seen, at, x, create_graph=x.requires_grad)
    return answer


def parts_of(view: View) -> tuple[View, ...]:
    """The parts of a composed view; any other view is its only part."""
    return view.parts if isinstance(view, composed) else (view,)


def is_custom(view: View) -> bool:
    """Whether a view, or a part of it, is defined outside this package and so not yet certified."""
    if isinstance(view, _Inverse):
        return is_custom(view.view)
    if isinstance(view, composed):
        return any(is_custom(part) for part in view.parts)
    return isinstance(view, custom_view) or not type(view).__module__.startswith("jinc.")
