"""Which design each module of a model gets."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import torch
from torch import nn

from jinc.errors import JincError
from jinc.models.convert.aliasing import ACTIVATIONS
from jinc.models.convert.operations import Operations
from jinc.models.convert.settings import Settings
from jinc.models.convert.tracing import CHANNELS_LAST, NO_MAP, Call
from jinc.nn.configs import Config, parse_config
from jinc.nn.levels import parse_configs
from jinc.signal.padding import Padding


class Designs:
    """The operations of each module.

    Args:
        model: unconverted.
        settings: how to convert it.
        calls: what it does; a module that resamples has the design of its finer side.

    Raises:
        JincError: one module would need several designs.
    """

    def __init__(self, model: nn.Module, settings: Settings, calls: Sequence[Call]) -> None:
        self.settings, self.configs = settings, parse_configs(settings.config)
        self.padding: Padding = settings.padding or "zeros"
        self.made: dict[Config, Operations] = {}
        devices = {each.device for each in model.parameters()} - {torch.device("meta")}
        self.device = devices.pop() if len(devices) == 1 else torch.device("cpu")
        self.unfit = {
            call.module
            for call in calls
            if call.function in ACTIVATIONS and call.reason in (CHANNELS_LAST, NO_MAP)
        }
        self.levels: dict[str, int] = {}
        names: dict[nn.Module, list[str]] = defaultdict(list)
        for name, module in model.named_modules(remove_duplicate=False):
            names[module].append(name)
        self.names = {same[0]: same for same in names.values()}
        for pattern in settings.designs:
            self._check_pattern(pattern)
        for name in self.names:
            self._check_one(name, [0])
        levels: dict[str, set[int]] = defaultdict(set)
        for call in calls:
            if call.has_form:
                levels[call.module].add(call.level)
        for name, found in levels.items():
            self._check_one(name, sorted(found))
            self.levels[name] = min(found)

    def of(self, name: str) -> Operations | None:
        """Return the operations of a module, those of A for its padding alone; or None."""
        config = self._config(name, self.levels.get(name, 0))
        if name in self.unfit or (config.letter == "A" and self.padding == "zeros"):
            return None
        if config not in self.made:
            with torch.device("cpu"):
                operations = Operations(config, self.padding)
            self.made[config] = operations.to(self.device)
        return self.made[config]

    def with_reason(self, call: Call) -> Call:
        """Return a call that was left, with the reason."""
        if not call.has_form:
            return call
        config = self._config(call.module, call.level)
        filters = config.filters_resampling, config.filters_activation
        if not filters[call.function in ACTIVATIONS]:
            return replace(call, reason=f"design {config.name} leaves it")
        if call.module in self.unfit:
            return replace(call, reason="its module also runs on what is no map [B, C, H, W]")
        return call

    def _config(self, name: str, level: int) -> Config:
        for pattern, config in self.settings.designs.items():
            if fnmatchcase(name, pattern):
                return parse_config(config)
        return self.configs.at(level)

    def _check_one(self, name: str, levels: Iterable[int]) -> None:
        """Raise a JincError if a module would need several designs."""
        uses = [(each, level) for each in self.names.get(name, [name]) for level in levels]
        found = {self._config(*use).name: use for use in reversed(uses)}
        if len(found) > 1:
            each = (
                f"{design} as {name or 'the model itself'} at level {level}"
                for design, (name, level) in found.items()
            )
            raise JincError(
                f"designs: one module would need {' and '.join(each)}; choose one by its name "
                f"(designs={{{name!r}: …}}), or split the module"
            )

    def _check_pattern(self, pattern: str) -> None:
        """Raise a JincError if a pattern matches no module."""
        names = [each for same in self.names.values() for each in same]
        if not any(fnmatchcase(name, pattern) for name in names):
            near = difflib.get_close_matches(pattern, names, 3, 0.3)
            advice = f"; nearest are {', '.join(near)}" if near else ""
            raise JincError(f"designs: {pattern!r} matches no module{advice}")
