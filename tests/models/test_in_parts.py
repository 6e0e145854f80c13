"""Many images asked in parts get the answers that they get alone."""

import pytest
import torch

from jinc.models import SamplingPlan, joint_denoiser


@pytest.mark.parametrize("count", [1, 64, 65, 150])
def test_each_image_gets_its_own_answer(make_model, count) -> None:
    model = make_model(classes=3)
    plan = SamplingPlan(number=count, prompts=("2", "0"), clip=False)
    generator = torch.Generator().manual_seed(0)
    x_t = torch.randn(count, 1, 8, 8, generator=generator)
    t = torch.arange(count) % model.timesteps
    with torch.no_grad():
        found = joint_denoiser(model, plan)(x_t, t)
        assert found.shape == x_t.shape
        for i in {0, count // 2, count - 1}:
            alone = plan.denoiser(model, [i])(x_t[i : i + 1], t[i : i + 1])
            torch.testing.assert_close(found[i : i + 1], alone)


def test_no_more_are_shown_at_once_than_fit(make_model, monkeypatch) -> None:
    model, seen = make_model(), []
    network = model.network.forward
    count = lambda x, *rest: seen.append(len(x)) or network(x, *rest)  # noqa: E731
    monkeypatch.setattr(model.network, "forward", count)
    monkeypatch.setattr("jinc.models.generation.plan.PIXELS", 64 * 5)
    with torch.no_grad():
        joint_denoiser(model, SamplingPlan(number=12))(
            torch.zeros(12, 1, 8, 8), torch.zeros(12).long()
        )
    assert seen == [5, 5, 2]
