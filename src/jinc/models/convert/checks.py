"""What cannot be converted: one line, before anything changes."""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import nn

from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.convert.modules import Rule
from jinc.models.convert.operations import OPERATIONS, Operations

QUANTISED = ("torch.ao.nn.", "torch.nn.quantized.", "torch.nn.intrinsic.")


def check_convertible(model: nn.Module, rules: Sequence[Rule]) -> None:
    """Raise a JincError if the code of a module cannot be changed, or a rule is no function."""
    is_list = isinstance(rules, Sequence) and not isinstance(rules, str)
    for rule in rules if is_list else [rules]:
        if not (is_list and callable(rule)):
            raise JincError(f"rules: {rule!r} is no function (module, name, operations)")
    for name, module in model.named_modules():
        where = name or "it"
        if OPERATIONS in module._modules:
            raise JincError(f"model: {where} is converted already; call jinc.restore on its model")
        if isinstance(module, torch.jit.ScriptModule):
            raise JincError(f"model: {where} is scripted (torch.jit); convert before scripting")
        if hasattr(module, "_orig_mod") or module._compiled_call_impl is not None:
            raise JincError(f"model: {where} is compiled (torch.compile); convert before compiling")
        if type(module).__module__.startswith(QUANTISED):
            raise JincError(f"model: {where} is quantised (torch.ao); convert before quantising")


def check_forward(module: nn.Module, name: str) -> None:
    """Raise a JincError if a module has a `forward` that hides that of its class."""
    if "forward" in vars(module):
        raise JincError(
            f"model: {name or 'it'} has a forward of its own, as hooks of accelerate give it; "
            "remove it, convert, and put it back"
        )


def first_form(
    rules: Sequence[Rule], module: nn.Module, name: str, operations: Operations
) -> Callable[..., Any] | None:
    """Return the form that the first rule which applies has for a module, or None.

    Raises:
        JincError: a rule fails, or returns something else than a function.
    """
    for rule in rules:
        called = getattr(rule, "__name__", rule)
        try:
            form = rule(module, name, operations)
        except Exception as error:
            cause = one_line(error)[:150]
            raise JincError(f"rules: {called} fails for {name or 'it'}: {cause}") from error
        if isinstance(form, FunctionType):
            return form
        if form is not None:
            raise JincError(
                f"rules: {called} returned {form!r} for {name or 'it'}; "
                "return a function forward(self, …), or None"
            )
    return None
