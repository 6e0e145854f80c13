"""What a view of an image is, how views are joined and undone, and views made of any function.

A view is a linear orthogonal map of images: it looks at the same picture differently, and white
noise through it is white noise. So a denoiser can be asked about what is seen through it.
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
    """A linear orthogonal map of images `[B, C, H, W]` onto images of the same shape.

    >>> import math
    >>> from jinc.diffusion import hflip, rotation
    >>> both = hflip().then(rotation(math.pi / 6))
    >>> both.name, both.inverted.name
    ('hflip then rotate 30', 'rotate -30 then hflip')
    """

    @property
    def name(self) -> str:
        """What `view_by_name` makes an equal view of: the word for it, and its numbers."""
        numbers = (getattr(self, field.name) for field in fields(self))
        return " ".join([type(self).__name__, *map(exact, numbers)])

    @abstractmethod
    def __call__(self, x: Images) -> Images:
        """What is seen of images `[B, C, H, W]`."""

    @abstractmethod
    def inverse(self, x: Images) -> Images:
        """The images `[B, C, H, W]` that are seen as x; it is also the transpose."""

    @property
    def inverted(self) -> "View":
        """The view that undoes this one."""
        return _Undone(self)

    def enlarged(self, factor: int) -> "View":
        """The same view of images that are `factor` times as large: itself, if it counts no pixels.

        So an anagram made at 64×64 is still one after a second stage, at 256×256.
        """
        return self

    def then(self, after: "View") -> "View":
        """Look through this view first, and through `after` at what it shows."""
        return composed((*parts_of(self), *parts_of(after)))


@dataclass(frozen=True)
class _Undone(View):
    """A view the other way round."""

    view: View

    @property
    def name(self) -> str:
        """`undo` and the view's name."""
        return f"undo {self.view.name}"

    def __call__(self, x: Images) -> Images:
        """The view's inverse."""
        return self.view.inverse(x)

    def inverse(self, x: Images) -> Images:
        """The view."""
        return self.view(x)

    @property
    def inverted(self) -> View:
        """The view."""
        return self.view

    def enlarged(self, factor: int) -> View:
        """The larger view the other way round."""
        return self.view.enlarged(factor).inverted


@dataclass(frozen=True)
class composed(View):
    """Several views, one after another.

    Args:
        parts: the first one to look through first; none at all changes nothing.
    """

    parts: tuple[View, ...]

    @property
    def name(self) -> str:
        """The parts' names with `then` between them."""
        return " then ".join(part.name for part in self.parts) or "identity"

    def __call__(self, x: Images) -> Images:
        """Through every part."""
        for part in self.parts:
            x = part(x)
        return x

    def inverse(self, x: Images) -> Images:
        """Back through every part, the last one first."""
        for part in reversed(self.parts):
            x = part.inverse(x)
        return x

    @property
    def inverted(self) -> View:
        """The parts undone, the last one first."""
        return composed(tuple(part.inverted for part in reversed(self.parts)))

    def enlarged(self, factor: int) -> View:
        """Every part enlarged."""
        return composed(tuple(part.enlarged(factor) for part in self.parts))


@dataclass(frozen=True)
class custom_view(View):
    """A view of your own; `certify` says whether it is one.

    Args:
        function: images to images of the same shape, linear and orthogonal.
        back: its inverse. Without one it is the transpose, by automatic differentiation, for which
            `function` has to be written in torch; that costs about three times the function.
        title: what it is called; by default as the function is.

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
        """The title, or else the function's name."""
        return self.title or getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, x: Images) -> Images:
        """The function."""
        return self.function(x)

    def inverse(self, x: Images) -> Images:
        """The given inverse, or the transpose.

        Raises:
            JincError: there is no inverse, and the function cannot be differentiated.
        """
        if self.back is not None:
            return self.back(x)
        return transposed(self, x, torch.zeros_like(x))


def transposed(view: View, x: Images, at: Images) -> Images:
    """Multiply by the transpose of a view's Jacobian.

    Args:
        view: any map of images written in torch.
        x: what is multiplied, shaped as the view's answer.
        at: where the Jacobian is taken, `[B, C, H, W]`; a linear view's is the same everywhere.

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
    """The parts of a composed view; any other is its own only part."""
    return view.parts if isinstance(view, composed) else (view,)


def is_custom(view: View) -> bool:
    """Whether a view, or a part of it, comes from outside this package: nobody has tried it yet."""
    if isinstance(view, _Undone):
        return is_custom(view.view)
    if isinstance(view, composed):
        return any(is_custom(part) for part in view.parts)
    return isinstance(view, custom_view) or not type(view).__module__.startswith("jinc.")
