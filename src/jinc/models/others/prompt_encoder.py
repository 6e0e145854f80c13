"""What a prompt says, as a text encoder puts it into numbers: once for each prompt."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

TOKENS = 77
"""How long texts are for networks that were trained on captions, DeepFloyd IF among them."""


class Embedder(Protocol):
    """Puts prompts into numbers: a `PromptEncoder`, or a `PromptTable` of what one said."""

    def __call__(self, prompt: str) -> Tensor:
        """What a network is told, `[L, D]`: D numbers for each of L tokens."""
        ...

    def to(self, device: torch.device | str) -> None:
        """Go where the network goes, as far as that helps."""
        ...


@dataclass(frozen=True, eq=False)
class PromptEncoder:
    """A text encoder and its tokenizer; an `Embedder` that asks them once for each prompt.

    Args:
        tokenizer: texts to numbers of tokens, as `transformers` has them.
        encoder: numbers of tokens to what the network is told.
        length: tokens of every text: shorter ones are filled up, of longer ones the end is cut off,
            with a warning.
        masked: whether the encoder is told what is filled up.
        lowered: whether texts are put in small letters, without spaces around them.
    """

    tokenizer: Callable[..., Any]
    encoder: nn.Module
    length: int = TOKENS
    masked: bool = True
    lowered: bool = True
    _known: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, tokenizer: Any, encoder: nn.Module) -> "PromptEncoder":
        """Choose the rest as pipelines do: DeepFloyd IF's for T5, Stable Diffusion's for others."""
        settings: Any = encoder.config
        if getattr(settings, "model_type", None) == "t5":
            return cls(tokenizer, encoder)
        # A tokenizer that knows no limit says 10³⁰.
        longest = getattr(tokenizer, "model_max_length", TOKENS)
        length = int(longest) if longest < 10**6 else TOKENS
        masked = bool(getattr(settings, "use_attention_mask", False))
        return cls(tokenizer, encoder, length, masked, lowered=False)

    def __call__(self, prompt: str) -> Tensor:
        """What a network is told, `[L, D]`, on the encoder's device."""
        text = plain(prompt) if self.lowered else prompt
        if text not in self._known:
            self._known[text] = self._encode(text)
        return self._known[text]

    def to(self, device: torch.device | str) -> None:
        """Move the encoder; what it has said moves when it is used."""
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
    """A prompt as DeepFloyd IF reads it: in small letters, without spaces around it.

    >>> plain(" A Cat ")
    'a cat'
    """
    return prompt.lower().strip()
