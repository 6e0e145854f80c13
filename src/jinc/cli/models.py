"""Models as the command line names them: a run folder or a model folder, a class by its name."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from jinc.errors import JincError
from jinc.models import Model
from jinc.train import Run


def open_model(source: Path) -> Model:
    """Read the model of a run folder, or a model folder itself.

    Raises:
        JincError: there is none, or it is damaged.
    """
    if not source.exists():
        raise JincError(f"{source}: no such run or model folder")
    if (source / "diffusion.json").is_file():
        return Model.load(source)
    return Run.open(source).model()


def class_labels(model: Model, classes: Sequence[str]) -> list[int] | None:
    """Turn class names or numbers into labels; all classes where none is named.

    Returns:
        Labels, or None for a model without classes.

    Raises:
        JincError: a class that the model does not know, or any for a model without classes.
    """
    names = model.class_names
    if not names:
        if classes:
            raise JincError("--class: this model was trained without classes")
        return None
    return [_label(word, names) for word in classes] or list(range(len(names)))


def _label(word: str, names: Sequence[str]) -> int:
    if word in names:
        return names.index(word)
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    near = difflib.get_close_matches(word, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise JincError(f"--class: {word!r} is no class of this model; {hint}")
