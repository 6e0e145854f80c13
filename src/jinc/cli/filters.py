"""`jinc filters`."""

from pathlib import Path

from jinc.cli.places import check_png
from jinc.nn import parse_configs
from jinc.report import plot_filter


def filters(config: str = "D@6", /, *, out: Path) -> None:
    """Plot the anti-aliasing filter of a configuration: its taps and its frequency response.

    Args:
        config: name of a configuration: D@6, D@12/0.2, D-2N, …; D@12,D@6 plots one per level.
        out: the PNG file to write.
    """
    check_png(out)
    plot_filter(parse_configs(config), out)
    print(out)
