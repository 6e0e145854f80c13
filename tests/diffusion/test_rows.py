"""Some images of a batch are asked about alone, and get the answer that they get in it."""

import pytest
import torch

from jinc.diffusion import (
    Rows,
    c4,
    calibrate,
    cfg,
    clip,
    evaluate_rows,
    make_schedule,
    project,
    symmetrize,
)

SCHEDULE = make_schedule("linear", 50)
LABELS = torch.tensor([1.0, -2.0, 0.5, 3.0])
T_EACH = torch.tensor([40, 3, 20, 20])


class Labelled:
    """One of a network's leaves; it can be joined with others, and asked about some images."""

    def __init__(self, labels, asked):
        self.labels, self.asked, self.shares = labels, asked, id(asked)

    def rows(self, places):
        return Labelled(self.labels[places], self.asked)

    def joined(self, parts):
        return Labelled(torch.cat([leaf.labels for leaf, _ in parts]), self.asked)

    def __call__(self, x_t, t):
        self.asked.append(self.labels.tolist())
        factor = self.labels * SCHEDULE.alpha_bar(t).float()
        return factor.view(-1, 1, 1, 1) * x_t


def images(seed):
    return torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(seed))


def nests(asked):
    leaf, other = Labelled(LABELS, asked), Labelled(-LABELS, asked)
    where = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(5))
    return {
        "leaf": leaf,
        "guided": cfg(leaf, other, 3.0),
        "held": project(clip(leaf), onto=images(1), where=where),
        "deep": project(
            calibrate(symmetrize(cfg(leaf, other, 3.0, rescale=0.5), c4()), SCHEDULE),
            onto=images(1),
            where=where,
        ),
    }


@pytest.mark.parametrize("name", ["leaf", "guided", "held", "deep"])
@pytest.mark.parametrize("places", [[1], [0, 3], [0, 1, 2, 3]], ids=str)
def test_the_answer_is_that_of_the_whole_batch(name, places) -> None:
    asked = []
    denoiser, chosen = nests(asked)[name], torch.tensor(places)
    whole = denoiser(images(0), T_EACH)
    before = [len(labels) for labels in asked]
    asked.clear()
    some = evaluate_rows(denoiser, images(0), T_EACH, chosen)
    assert some.shape == whole.shape
    assert some.isfinite().all()
    torch.testing.assert_close(some[chosen], whole[chosen], rtol=1e-5, atol=1e-6)
    assert [len(labels) for labels in asked] == [count * len(places) // 4 for count in before]


def test_a_plain_function_gets_all_rows() -> None:
    """It may hold something of each image, as this one does."""
    sizes = []

    def held(x_t, t):
        sizes.append(len(x_t))
        return LABELS.view(-1, 1, 1, 1) * x_t

    assert not isinstance(held, Rows)
    assert isinstance(Labelled(LABELS, []), Rows)
    denoiser = cfg(Labelled(LABELS, []), held, 2.0)
    some = evaluate_rows(denoiser, images(0), T_EACH, torch.tensor([2]))
    assert sizes == [4]
    torch.testing.assert_close(some[2], denoiser(images(0), T_EACH)[2])
