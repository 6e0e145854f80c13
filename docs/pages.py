"""What the site takes from elsewhere: README and its like, results, notebooks, docstrings.

`mkdocs.yml` names this file as a hook. Pages that are made here have no second copy to keep.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
RENAMED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
}
ROOMS = (
    "jinc",
    *("jinc.signal", "jinc.nn", "jinc.diffusion", "jinc.models", "jinc.models.convert"),
    *("jinc.metrics", "jinc.data", "jinc.train", "jinc.study"),
)
"""In reading order: from the mathematics to whole studies."""

BUNDLED = "src/jinc/bundled"
"""Models with a card and a picture."""

FIGURES = """# Where figures come from

Every figure of these pages is in a file of `results/`, which a script of `studies/` or `bench/`, or
a study (`studies/*.yaml`, by `jinc study run`), writes again.

| file | what | script | machine |
| --- | --- | --- | --- |
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of rooms in the navigation."""
    rooms = [{room: f"api/{room}.md"} for room in ROOMS]
    for entry in config.nav:
        if "Python" in entry:
            entry["Python"] = rooms
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = {name: _moved((ROOT / source).read_text()) for source, name in RENAMED.items()}
    made["figures.md"] = _figures()
    made |= {f"api/{room}.md": _names(room) for room in ROOMS}
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    shown = ("results/**/*.html", "results/bench/*.png", "examples/*.ipynb", f"{BUNDLED}/*/[Rg]*")
    for page in sorted(file for pattern in shown for file in ROOT.glob(pattern)):
        name = page.relative_to(ROOT).as_posix().replace(BUNDLED, "bundled")
        files.append(File.generated(config, name, abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, config: MkDocsConfig, **_: Any) -> str:
    """Point to where files are on the site, and call pages by their titles."""
    markdown = re.sub(r"\]\(\.\./(?:src/jinc/)?(results|examples|bundled)/", r"](\1/", markdown)
    titles = dict(_titles(config.nav))

    def titled(link: re.Match[str]) -> str:
        return f"[{titles.get(link[2], link[1])}]({link[2]}{link[3]})"

    return re.sub(r"\[(?:docs/)?([a-z0-9]+\.md)\]\(([a-z0-9]+\.md)(#?[^)]*)\)", titled, markdown)


def _titles(entries: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the pages of a navigation with their titles."""
    for entry in entries:
        for title, below in entry.items():
            yield from [(below, title)] if isinstance(below, str) else _titles(below)


def _moved(text: str) -> str:
    """Rewrite the links of a page of the root."""
    text = re.sub(r"\]\(docs/", "](", text)
    for source, name in RENAMED.items():
        text = text.replace(f"]({source})", f"]({name})")
    return text


def _names(room: str) -> str:
    """Show the public names of a room, in its own order, each from the file that defines it."""
    tree = ast.parse((ROOT / "src" / room.replace(".", "/") / "__init__.py").read_text())
    text = f"# {room}\n\n{ast.get_docstring(tree)}\n\n"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("jinc."):
            for alias in node.names:
                if alias.asname == alias.name:  # what is imported for others
                    text += f"::: {node.module}.{alias.name}\n"
    return text


def _figures() -> str:
    """Make the table of results: the question, the script that writes a file, and its machine."""
    scripts = {
        path: path.read_text()
        for room in ("studies", "bench")
        for path in sorted((ROOT / room).glob("*.py"))
    }
    rows = []
    for file in sorted((ROOT / "results").rglob("*.json")):
        name = file.relative_to(ROOT).as_posix()
        if len(file.relative_to(ROOT).parts) > 3:  # the cells of a study
            continue
        makers = [
            path.relative_to(ROOT).as_posix() for path, text in scripts.items() if name in text
        ]
        found = json.loads(file.read_text())
        facts = found if isinstance(found, dict) else {}
        what, machine = (
            str(facts.get(key) or "–").replace("|", "\\|") for key in ("what", "machine")
        )
        made = ", ".join(f"`{maker}`" for maker in makers) or "–"
        rows.append(f"| {name.removeprefix('results/')} | {what} | {made} | {machine} |")
    return FIGURES + "\n".join(rows) + "\n"
