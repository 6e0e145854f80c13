"""What a network in training has besides its weights."""

from torch import Tensor, nn


def kept_buffers(network: nn.Module) -> list[Tensor]:
    """Return the buffers that training may change, as the running means of a batch normalisation.

    They are those that are saved with the weights. Filter taps are not: they follow from how the
    network is made, and stay as they are.
    """
    kept = network.state_dict(keep_vars=True)
    return [buffer for name, buffer in network.named_buffers() if name in kept]
