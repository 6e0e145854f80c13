"""Make any model alias-free, with its own weights, and undo it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from jinc.errors import JincError
from jinc.models.convert.examples import Example, as_run
from jinc.models.convert.functions import alias_free_functions
from jinc.models.convert.modules import RULES, Rule
from jinc.models.convert.operations import Operations
from jinc.models.convert.substitute import Substitution
from jinc.models.convert.tracing import Call, trace
from jinc.nn.configs import Config, parse_config
from jinc.nn.levels import parse_configs
from jinc.signal.padding import Padding

M = TypeVar("M", bound=nn.Module)
MARK = "_jinc_conversion"
OPERATIONS = "jinc_operations"


class Edit(NamedTuple):
    """An attribute that gets another value.

    Args:
        owner: the module.
        name: qualified, of the module in its model.
        attribute: of the module; `__class__` for its `forward`.
        new: the other value.
        old: the value it had.
        operations: what the new value calls.
    """

    owner: nn.Module
    name: str
    attribute: str
    new: Any
    old: Any
    operations: Operations


@dataclass(frozen=True)
class Settings:
    """How a model is converted.

    Args:
        config: designs by level, such as `D@6`, or `D@12,D@6`.
        padding: what lies beyond the edges.
        designs: designs by pattern of qualified names, before those by level; `A` leaves modules
            as they are.
    """

    config: str
    padding: Padding
    designs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Conversion:
    """What a conversion changed, and what it left.

    Args:
        settings: how the model was converted.
        edits: of attributes, in order.
        left: calls that can alias still.
    """

    settings: Settings
    edits: list[Edit] = field(repr=False)
    left: list[Call]

    @property
    def replaced(self) -> Counter[tuple[str, str]]:
        """How many modules of each class have each design."""
        return Counter(
            (type(each.owner).__name__, each.operations.config.name) for each in self.edits
        )


def convert(
    model: M,
    config: str = "D@6",
    *,
    padding: Padding = "zeros",
    designs: Mapping[str, str] | None = None,
    example: Example | None = None,
    rules: Sequence[Rule] = RULES,
) -> M:
    """Make a model alias-free in place: same weights, same keys, no new parameter.

    Args:
        model: any PyTorch model of maps `[B, C, H, W]`.
        config: B resamples, C activates, and D does both without aliasing; names joined by commas
            are designs of levels, full resolution first.
        padding: what lies beyond the edges, for filters and convolutions; `zeros` leaves
            convolutions as they are.
        designs: designs by pattern of qualified names, such as `{"up_blocks.*": "A"}`, before
            those by level; A leaves modules as they are.
        example: inputs of one call; needed for other models than diffusers'.
        rules: how to convert modules whose code cannot stay; the first that applies decides.

    Returns:
        The model; `conversion(model)` describes what changed.

    Raises:
        JincError: the model was converted otherwise, has nothing to convert, cannot run, or a
            design cannot convert a model. The model is then unchanged.
    """
    settings = Settings(parse_configs(config).name, padding, dict(designs or {}))
    if (before := getattr(model, MARK, None)) is not None:
        if before.settings == settings:
            return model
        raise JincError(
            f"model: it was converted to {before.settings.config}, {before.settings.padding}; "
            "call jinc.restore first"
        )
    run = as_run(model, example)
    edits = list(_edits(model, _Designs(settings, trace(model, run)), rules))
    if not edits:
        raise JincError(f"model: {type(model).__name__} has nothing that {config} replaces")
    _apply(edits)
    try:
        left = trace(model, run)
    except BaseException:
        _undo(edits)
        raise
    setattr(model, MARK, Conversion(settings, edits, left))
    return model


def conversion(model: nn.Module) -> Conversion:
    """Return what `convert` changed.

    Raises:
        JincError: the model has not been converted.
    """
    found: Conversion | None = getattr(model, MARK, None)
    if found is None:
        raise JincError(f"model: {type(model).__name__} was not converted by jinc.convert")
    return found


def restore(model: M) -> M:
    """Undo `convert` in place: the model is exactly what it was.

    Raises:
        JincError: the model has not been converted.
    """
    _undo(conversion(model).edits)
    delattr(model, MARK)
    return model


class _Designs:
    """The operations of each module."""

    def __init__(self, settings: Settings, calls: Sequence[Call]) -> None:
        self.settings, self.configs = settings, parse_configs(settings.config)
        self.made: dict[Config, Operations] = {}
        self.levels: dict[str, int] = {}
        self.channels_last = {call.module for call in calls if not call.channels_first}
        for call in calls:
            self.levels[call.module] = min(call.level, self.levels.get(call.module, call.level))

    def of(self, name: str) -> Operations | None:
        """Return the operations of a module, or None to leave it."""
        patterns = (pattern for pattern in self.settings.designs if fnmatch(name, pattern))
        pattern = next(patterns, None)
        level = self.levels.get(name, 0)
        config = (
            self.configs.at(level)
            if pattern is None
            else parse_config(self.settings.designs[pattern])
        )
        if config.letter == "A" or name in self.channels_last:
            return None
        if config not in self.made:
            with torch.device("cpu"):
                self.made[config] = Operations(config, self.settings.padding)
        return self.made[config]


def _edits(model: nn.Module, designs: _Designs, rules: Sequence[Rule]) -> Iterator[Edit]:
    """Yield the edits of all modules of a model."""
    substituting = cache(lambda operations: Substitution(alias_free_functions(operations)))
    for name, module in model.named_modules():
        operations, kind = designs.of(name), type(module)
        if operations is None:
            continue
        substitution = substituting(operations)
        ways = (rule(module, name, operations) for rule in rules)
        forward: Callable[..., Any] | None = next(filter(None, ways), None)
        if forward := forward or substitution.within(kind.forward):
            new = _with(kind, forward)
            yield Edit(module, name, "__class__", new, kind, operations)
        for attribute, value in vars(module).items():
            if form := substitution.instead_of(value) or substitution.within(value):
                yield Edit(module, name, attribute, form, value, operations)


def _with(kind: type[nn.Module], forward: Callable[..., Any]) -> type[nn.Module]:
    """Return a class that differs in `forward` alone, under the same name."""
    same = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (kind,), {"forward": forward, **same})


def _apply(edits: Sequence[Edit]) -> None:
    for owner, _, attribute, new, _, operations in edits:
        setattr(owner, attribute, new)
        if attribute == "__class__":
            owner.add_module(OPERATIONS, operations)  # moves its taps to the model's device


def _undo(edits: Sequence[Edit]) -> None:
    for owner, _, attribute, _, old, _ in reversed(edits):
        setattr(owner, attribute, old)
        if attribute == "__class__":
            delattr(owner, OPERATIONS)
