"""Embeddings of prompts: by a text encoder, once for each prompt, or from a file."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save as serialize
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import writing
from jinc.tensors import read_tensors

TOKENS = 77
"""Length of texts for networks trained on captions, such as DeepFloyd IF."""


class Embedder(Protocol):
    """Embeds prompts: a `PromptEncoder`, or a `PromptTable` of stored embeddings."""

    def __call__(self, prompt: str) -> Tensor:
        """Return the embedding, `[L, D]`: D numbers for each of L tokens."""

    def to(self, device: torch.device | str) -> None:
        """Move to a device, if there is a network to move."""


@dataclass(frozen=True, eq=False)
class PromptEncoder:
    """A text encoder and its tokenizer, with a cache; an `Embedder`.

    Args:
        tokenizer: of `transformers`.
        encoder: tokens to embeddings.
        length: tokens of every text: shorter ones are padded, longer ones cut with a warning.
        masked: whether padding is masked in the encoder.
        lowered: whether texts are lower-cased and stripped.
    """

    tokenizer: Callable[..., Any]
    encoder: nn.Module
    length: int = TOKENS
    masked: bool = True
    lowered: bool = True
    _known: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, tokenizer: Any, encoder: nn.Module) -> "PromptEncoder":
        """Use the settings of pipelines: DeepFloyd IF's for T5, Stable Diffusion's for others."""
        settings: Any = encoder.config
        if getattr(settings, "model_type", None) == "t5":
            return cls(tokenizer, encoder)
        # A tokenizer that knows no limit says 10³⁰.
        longest = getattr(tokenizer, "model_max_length", TOKENS)
        length = int(longest) if longest < 10**6 else TOKENS
        masked = bool(getattr(settings, "use_attention_mask", False))
        return cls(tokenizer, encoder, length, masked, lowered=False)

    def __call__(self, prompt: str) -> Tensor:
        """Return the embedding, `[L, D]`, on the encoder's device."""
        text = plain(prompt) if self.lowered else prompt
        if text not in self._known:
            self._known[text] = self._encode(text)
        return self._known[text]

    def to(self, device: torch.device | str) -> None:
        """Move the encoder; cached embeddings move when they are used."""
        self.encoder.to(device)

    @torch.no_grad()
    def _encode(self, text: str) -> Tensor:
        tokens = self.tokenizer(
            [text],
            padding="max_length",
            max_length=self.length,
            truncation=True,
            add_special_tokens=True,
            return_tensors="pt",
        )
        whole = self.tokenizer([text], add_special_tokens=True).input_ids[0]
        if len(whole) > self.length:
            message = f"prompt: {text[:40]!r}… has {len(whole)} tokens, {self.length} are read"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        device = next(self.encoder.parameters()).device
        mask = tokens.attention_mask.to(device) if self.masked else None
        said: Tensor = self.encoder(tokens.input_ids.to(device), attention_mask=mask)[0]
        return said[0]


def plain(prompt: str) -> str:
    """Lower-case and strip a prompt, as DeepFloyd IF does.

    >>> plain(" A Cat ")
    'a cat'
    """
    return prompt.lower().strip()


@dataclass(frozen=True, eq=False)
class PromptTable:
    """Embeddings by prompt; an `Embedder`.

    Args:
        embeddings: for each prompt `[L, D]`, or `[1, L, D]`; "" is the empty prompt.
        source: for errors.
    """

    embeddings: Mapping[str, Tensor]
    source: str = "embeddings"
    _plain: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that embeddings have one shape and a float type."""
        kept = {prompt: _single(value) for prompt, value in self.embeddings.items()}
        shapes = {tuple(value.shape) for value in kept.values()}
        if not kept:
            raise JincError(f"{self.source}: holds no prompts")
        if len(shapes) > 1 or len(min(shapes)) != 2:
            shown = " and ".join(str(list(shape)) for shape in sorted(shapes)[:2])
            raise JincError(f"{self.source}: one shape [L, D] is expected of all, got {shown}")
        if not all(value.is_floating_point() for value in kept.values()):
            raise JincError(f"{self.source}: floating-point numbers are expected")
        object.__setattr__(self, "embeddings", kept)
        self._plain.update({plain(prompt): value for prompt, value in kept.items()})

    def __call__(self, prompt: str) -> Tensor:
        """Return the embedding, `[L, D]`; case is ignored if need be.

        Raises:
            JincError: an unknown prompt; the message names the nearest ones.
        """
        found = self.embeddings.get(prompt, self._plain.get(plain(prompt)))
        if found is None:
            raise JincError(f"prompt: {prompt!r} is not in {self.source}; {self._hint(prompt)}")
        return found

    def to(self, device: torch.device | str) -> None:
        """Do nothing: embeddings move when they are used."""

    def _hint(self, prompt: str) -> str:
        near = get_close_matches(plain(prompt), self._plain, n=3)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        some = [repr(known) for known in list(self.embeddings)[:8]]
        return f"there are {', '.join(some)}{', …' if len(self.embeddings) > len(some) else ''}"


def read_prompts(file: str | Path) -> PromptTable:
    """Read a table of prompts.

    Args:
        file: safetensors, or PyTorch's file of a dictionary, of tensors by prompt; no code is run.

    Raises:
        JincError: it cannot be read, or is of another kind.
    """
    path = Path(file)
    return PromptTable(read_tensors(path), str(path))


def write_prompts(file: str | Path, embed: Embedder, prompts: Iterable[str]) -> None:
    """Write the embeddings of prompts, and of "", which guidance needs.

    Args:
        file: `.safetensors`, for `read_prompts`.
        embed: the encoder.
        prompts: to embed.

    Raises:
        JincError: the file cannot be written.
    """
    prompts = list(prompts)
    if "__metadata__" in prompts:  # the format has another use for that name
        raise JincError(f"{file}: '__metadata__' is no prompt")
    found = {prompt: embed(prompt) for prompt in dict.fromkeys(["", *prompts])}
    # Prompts that differ in case alone share memory, which the format does not allow.
    data = serialize({prompt: value.cpu().clone() for prompt, value in found.items()})
    with writing(Path(file)) as opened:
        opened.write(data)


def _single(value: Tensor) -> Tensor:
    """Unpack a batch of one, as pipelines return."""
    return value[0] if value.ndim == 3 and len(value) == 1 else value
