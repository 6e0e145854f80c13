"""Make any model alias-free, with its own weights, and undo it."""

import copyreg
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from torch import nn

from jinc.errors import JincError
from jinc.models.convert.checks import check_convertible, check_forward, first_form
from jinc.models.convert.designs import Designs
from jinc.models.convert.examples import Example, inputs_of
from jinc.models.convert.functions import alias_free_functions
from jinc.models.convert.modules import RULES, Rule
from jinc.models.convert.operations import OPERATIONS, Operations
from jinc.models.convert.settings import Settings
from jinc.models.convert.substitute import Substitution
from jinc.models.convert.tracing import PADDING, Call, trace
from jinc.signal.padding import Padding

M = TypeVar("M", bound=nn.Module)
MARK = "_jinc_conversion"


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
        left: calls that can alias still, each with the reason.
        resolved: names of modules that made fewer calls that can alias than before.
        padded: names of modules that pad otherwise than before.
        unseen: names of changed modules that did not run with the example; what they call is not
            known, and they have the design of full resolution.
    """

    settings: Settings
    edits: list[Edit] = field(repr=False)
    left: list[Call]
    resolved: frozenset[str]
    padded: frozenset[str]
    unseen: list[str]

    @property
    def replacing(self) -> list[Edit]:
        """Edits by which modules make fewer calls that can alias."""
        return [each for each in self.edits if each.operations and each.name in self.resolved]

    @property
    def replaced(self) -> Counter[tuple[str, str]]:
        """How many modules of each class have each design."""
        modules = {each.name: each for each in self.replacing}
        return Counter(
            (type(each.owner).__name__, each.operations.config.name)
            for each in modules.values()
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
            leaves convolutions as they are, others replace their padding of any kind, also where
            the design is A.
        designs: designs by pattern of qualified names, such as `{"up_blocks.*": "A"}`, before
            those by level; A keeps resampling and nonlinearities.
        example: inputs of one call; needed for other models than diffusers'.
        rules: how to convert modules whose code cannot stay; the first that applies decides.

    Returns:
        The model; `conversion(model)` describes what changed.

    Raises:
        JincError: the model was converted otherwise, has nothing to convert, cannot run, is
            scripted, compiled or quantised, or a design or rule cannot convert it. It is then
            unchanged.
    """
    if not isinstance(model, nn.Module):
        raise JincError(f"model: {model!r:.60} is no torch.nn.Module; see also jinc.open_model")
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
    check_convertible(model, rules)
    inputs = inputs_of(model, example)
    around = settings.padding or "zeros"
    calls, ran = trace(model, inputs, around)
    designs_of = Designs(model, settings, calls)
    edits = list(_edits(model, designs_of, rules))
    try:
        _apply(edits)
        left = [designs_of.with_reason(each) for each in trace(model, inputs, around)[0]]
        if len(left) == len(calls):
            raise JincError(_nothing(model, settings, left))
    except BaseException:
        _undo(edits)
        raise
    if hasattr(model, "save_pretrained"):
        edits.append(_saving(model, settings))
        _apply(edits[-1:])
    changed = dict.fromkeys(each.name for each in edits if each.operations is not None)
    unseen = [name for name in changed if name not in ran]
    fewer = Counter(map(_kind, calls)) - Counter(map(_kind, left))
    resolved, padded = (
        frozenset(name for name, pads in fewer if pads == kind) for kind in (False, True)
    )
    setattr(model, MARK, Conversion(settings, edits, left, resolved, padded, unseen))
    return model


def _kind(call: Call) -> tuple[str, bool]:
    """Return the module of a call, and whether it pads."""
    return call.module, call.function == PADDING


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
    edits = conversion(model).edits
    _undo(edits)
    kinds = {each.new: each.old for each in edits if each.attribute == "__class__"}
    for module in model.modules():  # also adapters, which copy layers or their classes
        vars(module).pop(MARK, None)
        if type(module) in kinds:
            module.__class__ = kinds[type(module)]
            module._modules.pop(OPERATIONS, None)
    return model


def _nothing(model: nn.Module, settings: Settings, left: Sequence[Call]) -> str:
    """Return that there is nothing to convert, and why."""
    why = next((f"; {call.function}: {call.reason}" for call in left), "")
    return f"model: {type(model).__name__} has nothing that {settings.config} replaces{why}"


def _edits(model: nn.Module, designs: Designs, rules: Sequence[Rule]) -> Iterator[Edit]:
    """Yield the edits of all modules of a model."""
    substituting = cache(lambda operations: Substitution(alias_free_functions(operations)))
    methods_of = cache(lambda substitution, kind: substitution.methods(kind))
    for name, module in model.named_modules():
        kind: Any = type(module)
        operations = designs.of(name)
        if operations is None:
            continue
        substitution = substituting(operations)
        known = RULES if operations.config.letter == "A" else rules
        form = first_form(known, module, name, operations)
        methods = {"forward": form} if form else methods_of(substitution, kind)
        if methods:
            check_forward(module, name)
            new = _with(kind, **methods)
            yield Edit(module, name, "__class__", new, kind, operations)
        for attribute, value in vars(module).items():
            if other := substitution.instead_of(value) or substitution.within(value):
                yield Edit(module, name, attribute, other, value, operations)


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
    make: type[type] = _Converted if issubclass(_Converted, type(kind)) else type(kind)
    made: type[nn.Module] = make(kind.__name__, (kind,), {**methods, **same})
    return made


class _Converted(type):
    """Type of the classes that `_with` makes, which have no names by which pickle finds them."""


def _no_pickle(kind: _Converted) -> NoReturn:
    raise JincError(
        f"pickle: {kind.__name__} is converted; save state_dict(), which is as before, or call "
        "jinc.restore first"
    )


copyreg.pickle(_Converted, _no_pickle)


def _apply(edits: Sequence[Edit]) -> None:
    for owner, _, attribute, new, _, operations in edits:
        setattr(owner, attribute, new)
        if operations is not None and attribute == "__class__":
            owner.add_module(OPERATIONS, operations)  # its taps move with the model


def _undo(edits: Sequence[Edit]) -> None:
    """Undo edits, also where not all were made."""
    for owner, _, attribute, _, old, operations in reversed(edits):
        setattr(owner, attribute, old)
        if operations is not None and attribute == "__class__":
            owner._modules.pop(OPERATIONS, None)
