"""Every command that README and docs show is one that the command line understands."""

import re
import shlex
from pathlib import Path

import pytest

from jinc.cli.app import app
from jinc.cli.sources import option_sources

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shell_lines(page: Path) -> list[str]:
    """Return the lines of a page's shell blocks that call jinc, continuations joined."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.removesuffix("…") for line in lines if line.startswith("jinc ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_commands_are_understood(page: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)  # for --settings
    for line in shell_lines(page):
        _, *words = shlex.split(line, comments=True)
        app.config = option_sources(words)
        app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_readme_shows_commands() -> None:
    assert len(shell_lines(PAGES[0])) > 15
