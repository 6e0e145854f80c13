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

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compare names as they are written, before `<<` brings in those of others."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"line {line}: {key.value} is there twice")
                seen.add(key.value)
        return node
