"""Make any model alias-free, with its own weights, and undo it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from jinc.errors import JincError
from jinc.models.convert.examples import Example, inputs_of
from jinc.models.convert.functions import alias_free_functions
from jinc.models.convert.modules import RULES, Rule
from jinc.models.convert.operations import Operations
from jinc.models.convert.settings import Settings
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
        operations: what the new value calls; None if it only saves the settings.
    """

    owner: nn.Module
    name: str
    attribute: str
    new: Any
    old: Any
    operations: Operations | None


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
            (type(each.owner).__name__, each.operations.config.name)
            for each in self.edits
            if each.operations is not None
        )


def convert(
    model: M,
    config: str | Path | Settings = "D@6",
    *,
    padding: Padding | None = None,
    designs: Mapping[str, str] = {},
    example: Example | None = None,
    rules: Sequence[Rule] = RULES,
) -> M:
    """Make a model alias-free in place: same weights, same keys, no new parameter.

    Args:
        model: any PyTorch model of maps `[B, C, H, W]`.
        config: B resamples, C activates, and D does both without aliasing; names joined by commas
            are designs of levels, full resolution first. The path of a `jinc.json`, or of a folder
            that has one, gives all settings; `save_pretrained` of a converted model writes it.
        padding: what lies beyond the edges, for filters and convolutions; zeros, the default,
            leaves convolutions as they are.
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
    if not isinstance(config, Settings):
        config = Settings.of(config, padding, designs)
    settings = replace(config, padding=config.padding or "zeros")
    if (before := getattr(model, MARK, None)) is not None:
        if before.settings == settings:
            return model
        raise JincError(
            f"model: it was converted to {before.settings.config}, {before.settings.padding}; "
            "call jinc.restore first"
        )
    run = inputs_of(model, example)
    edits = list(_edits(model, _Designs(settings, trace(model, run)), rules))
    if not edits:
        kind = type(model).__name__
        raise JincError(f"model: {kind} has nothing that {settings.config} replaces")
    _apply(edits)
    try:
        left = trace(model, run)
    except BaseException:
        _undo(edits)
        raise
    if hasattr(model, "save_pretrained"):
        edits.append(_saving(model, settings))
        _apply(edits[-1:])
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
                self.made[config] = Operations(config, self.settings.padding or "zeros")
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
            new = _with(kind, forward=forward)
            yield Edit(module, name, "__class__", new, kind, operations)
        for attribute, value in vars(module).items():
            if form := substitution.instead_of(value) or substitution.within(value):
                yield Edit(module, name, attribute, form, value, operations)


def _saving(model: nn.Module, settings: Settings) -> Edit:
    """Return the edit that saves the settings beside the weights."""
    kind: Any = type(model)

    def save_pretrained(self: Any, save_directory: str | Path, *args: Any, **kwargs: Any) -> Any:
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        settings.write(Path(save_directory))
        return kind.save_pretrained(self, save_directory, *args, **kwargs)

    return Edit(model, "", "__class__", _with(kind, save_pretrained=save_pretrained), kind, None)


def _with(kind: type[nn.Module], **methods: Callable[..., Any]) -> type[nn.Module]:
    """Return a class of the same name that differs in some methods alone."""
    same = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (kind,), {**methods, **same})


def _apply(edits: Sequence[Edit]) -> None:
    for owner, _, attribute, new, _, operations in edits:
        setattr(owner, attribute, new)
        if operations is not None and attribute == "__class__":
            owner.add_module(OPERATIONS, operations)  # moves its taps to the model's device


def _undo(edits: Sequence[Edit]) -> None:
    for owner, _, attribute, _, old, operations in reversed(edits):
        setattr(owner, attribute, old)
        if operations is not None and attribute == "__class__":
            delattr(owner, OPERATIONS)
