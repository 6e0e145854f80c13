"""How a run ends whose loss or gradients are not finite again and again."""

from typing import NoReturn

from jinc.files import write_json
from jinc.plain import number_or_none
from jinc.train.batches import Batches
from jinc.train.ledger import LIMIT, NotFinite, StepReport
from jinc.train.processes import Processes
from jinc.train.run import Run
from jinc.train.stepper import Stepper


def give_up(
    last: StepReport,
    rate: float,
    run: Run,
    stepper: Stepper,
    batches: Batches,
    processes: Processes,
) -> NoReturn:
    """Report what the last step looked like, which changed nothing, and stop.

    Args:
        last: report of the step.
        rate: its learning rate.
        run: where the report goes.
        stepper: holds the network.
        batches: what the step saw.
        processes: who takes part.

    Raises:
        NotFinite: always.
    """
    step = last.step
    weights, gradients = stepper.norms(step, batches.batch(step))
    report = {
        "step": step + 1,
        "loss": number_or_none(last.loss),
        "gradient_norm": number_or_none(last.gradient_norm),
        "indices": batches.indices(step).tolist(),
        "t": batches.times(step).tolist(),
        "weight_norms": weights,
        "gradient_norms": gradients,
        "learning_rate": rate,
    }
    error = NotFinite(
        f"{run.path}: loss or gradients were not finite {LIMIT} times in a row, up to step "
        f"{step + 1}; none of these steps was applied, see {run.not_finite.name}; lower "
        "learning_rate"
    )
    with processes.together():
        if processes.is_main:
            write_json(run.not_finite, report)
        raise error
    raise error
