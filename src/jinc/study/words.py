"""The table of a study in words: a document of it, and its figures with as many digits as count."""

import math

from jinc.metrics import Column, Entry
from jinc.plain import power_of_ten, with_places
from jinc.study.judged import Judged
from jinc.study.table import Table


def as_markdown(table: Table) -> str:
    """Write it down for a document: a row a variant; ↓ lower is better, ↑ higher.

    A difference to the baseline that the seeds are sure of, at 95 %, is marked: + better, − worse.
    Under it stands who judged, on which images.
    """
    if not table.columns:
        return "Nothing has been scored yet.\n"
    rows = list(dict.fromkeys(cell.variant for cell in table.study.cells))
    heads = [f"{c.data}: {c.name} {'↓' if c.lower_is_better else '↑'}" for c in table.columns]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for variant in rows:
        words = [figure_words(column.entries.get(variant)) for column in table.columns]
        mark = " (baseline)" if variant == table.study.baseline else ""
        name = variant.replace("|", "\\|")
        lines.append(f"| {name}{mark} | " + " | ".join(words) + " |")
    lines += ["", *(f"- {each.words()}" for each in table.judged)]
    return "\n".join(lines) + "\n"


def heading(column: Column, judged: Judged | None) -> str:
    """Name a column where its data set and who judged are told elsewhere, and which way is better.

    Args:
        column: one score of one data set.
        judged: by whom; None where that is not known.
    """
    who = "" if judged is None else f" ({judged.extractor.name})"
    short = column.name.removesuffix(who).removesuffix(" of training")
    return f"{short} {'↓' if column.lower_is_better else '↑'}"


def figure_words(entry: Entry | None) -> str:
    """Say a figure with its error, in as many digits as make sense."""
    if entry is None:
        return "–"
    score, mark = entry.score, {True: " +", False: " −", None: ""}[entry.better]
    mean, error = score.mean, score.error
    if not error or not mean:
        power = power_of_ten(mean)
        said = f"{mean:.4g}" if not power else with_places(mean, 3 - power, power)
        return f"{said}{mark}" if error is None else f"{said} ± {error:.2g}{mark}"
    power = power_of_ten(mean, error)
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{with_places(mean, places, power)} ± {with_places(error, places, power)}{mark}"
