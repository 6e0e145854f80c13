"""Methods that call other functions than those written in them.

A converted module has the code of its own methods, with other globals: where the code says
`F.silu`, an alias-free form is called. So every module that resamples or activates by functions of
torch can be converted, torch's own and others', and compilers see plain Python.
"""

import inspect
from collections.abc import Mapping
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from jinc.models.convert.functions import Function

MODULES = (torch, nn, F)
INNER = (("nn", nn), ("functional", F))
"""Where one of them stands in another."""


class Substitution:
    """Functions to call instead of others.

    Args:
        forms: what to call instead of each function.
    """

    def __init__(self, forms: Mapping[Function, Function]) -> None:
        self._by_id = {id(function): form for function, form in forms.items()}
        self._modules: dict[int, ModuleType] = {}
        self._names = {
            name for module in MODULES for name, value in vars(module).items() if self._has(value)
        }

    def within(self, method: object) -> FunctionType | None:
        """Return a method with the same code that calls the forms, or None if nothing changes."""
        if not isinstance(method, FunctionType):
            return None
        names = _names_in(method.__code__)
        new = {
            name: self._instead(value)
            for name, value in method.__globals__.items()
            if name in names and (self._has(value) or (_is_torch(value) and names & self._names))
        }
        if not new:
            return None
        known = {**method.__globals__, **new}
        # Compilers would import the module of this name, and find the functions replaced here.
        known.pop("__name__", None)
        copy = FunctionType(
            method.__code__, known, method.__name__, method.__defaults__, method.__closure__
        )
        copy.__kwdefaults__, copy.__doc__ = method.__kwdefaults__, method.__doc__
        return copy

    def methods(self, kind: type[nn.Module]) -> dict[str, FunctionType]:
        """Return the methods of a class that call the forms, but the one that makes modules."""
        methods = inspect.getmembers_static(kind, inspect.isfunction)
        new = {name: self.within(method) for name, method in methods if name != "__init__"}
        return {name: method for name, method in new.items() if method is not None}

    def instead_of(self, value: object) -> Function | None:
        """Return the form of a function, or of a partial application of one, or None."""
        if isinstance(value, partial) and (form := self.instead_of(value.func)):
            return partial(form, *value.args, **value.keywords)
        return self._by_id.get(id(value))

    def _has(self, value: object) -> bool:
        return self.instead_of(value) is not None

    def _instead(self, value: Any) -> Any:
        """Return the form of a function, or a copy of a module that has the forms."""
        if form := self.instead_of(value):
            return form
        if id(value) not in self._modules:
            copy = self._modules[id(value)] = ModuleType(value.__name__)
            copy.__dict__.update(vars(value))
            for name, each in vars(value).items():
                if self._has(each) or (name, each) in INNER:
                    setattr(copy, name, self._instead(each))
        return self._modules[id(value)]


def _is_torch(value: object) -> bool:
    """Whether a value is one of the modules; arrays would compare element by element."""
    return any(value is module for module in MODULES)


def _names_in(code: CodeType) -> set[str]:
    """Return the names that a function uses, and those in it."""
    inner = (_names_in(each) for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*inner)
