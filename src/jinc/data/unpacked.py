"""How much a compressed file may unpack to."""

from pathlib import Path

from jinc.errors import JincError

FREE_BYTES = 256 << 20
"""What any file may unpack to."""

MOST_RATIO = 50
"""Beyond that, bytes unpacked for each byte stored; images compress 2 to 20 times."""


def check_unpacked(path: Path, stored: int, unpacked: int) -> None:
    """Refuse a file that is made to fill memory, before anything of it is unpacked.

    Args:
        path: the file.
        stored: its size on disk, or that of the compressed part, bytes.
        unpacked: what it says that it unpacks to, bytes.

    Raises:
        JincError: that is over 256 MB and over 50 times as much.
    """
    if unpacked > max(FREE_BYTES, MOST_RATIO * stored):
        raise JincError(
            f"{path}: {stored / 1e6:,.1f} MB would unpack to {unpacked / 1e6:,.0f} MB, "
            f"over {MOST_RATIO} times as much; if it is sound, store it uncompressed"
        )
