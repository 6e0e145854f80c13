"""Flow matching from the command line."""

from jinc.train import Run


def test_flow_matching(jinc, tiny, refused, tmp_path) -> None:
    words = ("--prediction", "flow", "--schedule", "flow", "--out", tmp_path / "run")
    assert jinc("train", *tiny, *words).code == 0
    run = Run.open(tmp_path / "run")
    assert (run.config.prediction, run.config.schedule) == ("flow", "flow")
    for sampler in ("ddim", "heun", "adaptive"):
        out = tmp_path / sampler
        said = jinc("sample", run.path, "-n", 2, "--sampler", sampler, "--steps", 4, "--out", out)
        assert said.code == 0, said
        assert list(out.glob("*.png"))
    refused("train", *tiny, "--prediction", "flaw", "--out", tmp_path / "no", says="flow")
