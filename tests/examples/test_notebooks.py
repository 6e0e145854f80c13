"""The notebooks are small and portable, and run from top to bottom."""

import ast
import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
MOST_BYTES = 200_000
ABSOLUTE = re.compile(r"(?<![\w./:<-])/(?!dev/)\w+/\w|\b[A-Z]:\\")
"""Paths of one machine."""

of_each = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def read(file: Path) -> nbformat.NotebookNode:
    return nbformat.read(file, as_version=4)


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts_of(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Everything but pictures."""
    for cell in notebook.cells:
        yield cell.source
        for out in cell.get("outputs", []):
            yield out.get("text", "") or out.get("data", {}).get("text/plain", "")


def test_the_documents_link_each() -> None:
    page = (EXAMPLES.parent / "docs" / "notebooks.md").read_text()
    linked = re.findall(r"\.\./examples/(.+?\.ipynb)\)", page)
    assert sorted(linked) == [file.name for file in NOTEBOOKS]


@of_each
def test_what_is_committed_is_small_whole_and_of_no_machine(file: Path) -> None:
    notebook = read(file)
    nbformat.validate(notebook)
    assert file.stat().st_size <= MOST_BYTES
    assert 8 <= len(notebook.cells) <= 18
    assert notebook.metadata.kernelspec.name == "python3"
    assert ABSOLUTE.findall("\n".join(texts_of(notebook))) == []
    for cell in code_of(notebook):
        assert cell.metadata == {}
        assert cell.execution_count is not None
        kinds = {out.get("name", out.output_type) for out in cell.outputs}
        assert kinds <= {"stdout", "display_data", "execute_result"}  # no warning, no error


@of_each
def test_imports_resolve_and_links_lead_somewhere(file: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    notebook = read(file)
    for cell in code_of(notebook):
        if cell.source.startswith("%%"):
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = import_module(node.module)
                assert [a.name for a in node.names if not hasattr(module, a.name)] == []
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)#:]+)\)", prose):
        assert (EXAMPLES / link).exists()


@pytest.mark.slow
@of_each
def test_it_runs_from_top_to_bottom(file: Path, tmp_path: Path, monkeypatch) -> None:
    from nbclient import NotebookClient

    shutil.copy(EXAMPLES / "cs180.py", tmp_path)
    scripts = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([scripts, os.environ["PATH"]]))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(read(file), kernel_name="python3", timeout=540, resources=where).execute()
