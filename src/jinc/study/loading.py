"""What a file of a study says, as it stands; nothing in it may be said twice."""

from pathlib import Path
from typing import Any

import yaml

from jinc.errors import JincError
from jinc.files import one_line


def load_study(file: Path) -> dict[str, Any]:
    """Read a file.

    Args:
        file: YAML.

    Raises:
        JincError: it cannot be read, says something twice, or is no study.
    """
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise JincError(f"{file}: cannot be read as a study ({one_line(error)})") from None
    if not isinstance(found, dict):
        raise JincError(f"{file}: does not hold a study")
    return found


class _Loader(yaml.SafeLoader):
    """Reads plain values, and refuses a name that is given twice, of which the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [str(self.construct_object(key)) for key, _ in node.value]
        for place, name in enumerate(names):
            if name in names[:place]:
                line = node.value[place][0].start_mark.line + 1
                raise ValueError(f"line {line}: {name} is there twice")
        return super().construct_mapping(node, deep)
