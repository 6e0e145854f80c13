"""What every network refuses."""

import pytest
import torch

from jinc.errors import JincError
from jinc.nn import NO_CLASS, Conditioning, CS180UNet, ResUNet, UNet

MAKERS = {
    "unet": lambda: UNet("A", channels=1, width=4, levels=1, classes=3),
    "resunet": lambda: ResUNet(width=8, multipliers=(1, 2), blocks=1, channels=1, classes=3),
    "cs180": lambda: CS180UNet(width=2, image_size=8, classes=3),
}
X, T = torch.zeros(2, 1, 8, 8), torch.tensor([1, 2])


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([-7, 0], "labels: -7 is not 0 to 2, nor -1 for none"),
        ([0, 3], "labels: 3 is not 0 to 2"),
        ([0], r"labels: \[1\] is not \[2\]"),
        ([[0], [1]], r"labels: \[2, 1\] is not \[2\]"),
    ],
)
def test_labels_of_no_class_are_refused(kind, labels, reason) -> None:
    with pytest.raises(JincError, match=f"^{reason}"):
        MAKERS[kind]()(X, T, Conditioning(torch.tensor(labels)))


@pytest.mark.parametrize("kind", MAKERS)
def test_every_class_is_taken_and_none(kind) -> None:
    network = MAKERS[kind]().eval()
    for labels in ([NO_CLASS, 0], [1, 2]):
        assert network(X, T, Conditioning(torch.tensor(labels))).shape == X.shape


def test_labels_on_a_device_are_not_looked_at() -> None:
    network = MAKERS["unet"]().to("meta")
    x, t, labels = X.to("meta"), T.to("meta"), torch.tensor([0, 3], device="meta")
    assert network(x, t, Conditioning(labels)).shape == X.shape
    with pytest.raises(JincError, match=r"labels: \[1\] is not \[2\]"):
        network(x, t, Conditioning(labels[:1]))


def test_a_compiled_network_with_labels_is_one_graph() -> None:
    network = MAKERS["unet"]()
    traced = torch.compile(network, backend="eager", fullgraph=True)
    labels = Conditioning(torch.tensor([2, NO_CLASS]))
    torch.testing.assert_close(traced(X, T, labels), network(X, T, labels))
