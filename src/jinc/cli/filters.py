"""`jinc filters`."""

from pathlib import Path

from jinc.errors import JincError
from jinc.nn import parse_configs
from jinc.report import plot_filter


def filters(config: str = "D@6", /, *, out: Path) -> None:
    """Draw the filter of a configuration: taps, response over the plane and along lines.

    Args:
        config: name of a configuration: D@6, D@12/0.2, D-2N, …; of D@12,D@6 each level is drawn.
        out: the PNG to write.
    """
    if out.suffix.lower() != ".png":
        raise JincError(f"--out: {out} does not end in .png")
    plot_filter(parse_configs(config), out)
    print(out)
