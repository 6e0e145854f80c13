"""The plot of a fine-tuning."""

import pytest

from jinc.errors import JincError
from jinc.metrics.search import pareto_front
from jinc.report import plot_finetuning
from jinc.report.finetuning import points

LOG = [
    {"step": 0, "score": 9.0, "equivariance": 30.0, "original_score": 4.0}
    | {"original_equivariance": 15.0},
    {"step": 5, "loss": 0.5},
    {"step": 10, "score": 5.0, "equivariance": 28.0},
    {"step": 20, "score": None, "equivariance": 28.0},
    {"step": 30, "score": 6.0, "equivariance": 20.0},
]


def test_it_shows_the_front(tmp_path):
    shown = points(LOG)
    assert [point.step for point in shown] == [0, 10, 30]
    every = [*points(LOG, "original_"), *shown]
    best = pareto_front(every, lambda point: (point.score, point.equivariance))
    assert best == [(0, 15, 4), (10, 28, 5), (0, 30, 9)]
    plot_finetuning(LOG, tmp_path / "finetune.png")
    assert (tmp_path / "finetune.png").stat().st_size > 0


def test_a_log_without_scores_is_refused(tmp_path):
    with pytest.raises(JincError, match="no scores with equivariance to draw"):
        plot_finetuning([{"step": 1, "loss": 1.0}], tmp_path / "finetune.png")
