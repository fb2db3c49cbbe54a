"""The example notebook of the docs, run as a reader would run it."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[1]
NOTEBOOK = TOP / "docs" / "notebooks" / "reading_a_root.ipynb"


def test_the_example_runs_and_is_kept_with_what_it_shows(monkeypatch):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kept = [text_of(cell) for cell in code]
    assert all(kept), "jupyter execute --inplace docs/notebooks/reading_a_root.ipynb"
    assert NOTEBOOK.stat().st_size < 1_000_000
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")]))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    assert [text_of(cell) for cell in code] == kept, "the same tables, so what the text says of them holds"
    assert any("inline-table" in output.get("data", {}).get("text/html", "") for cell in code for output in cell.outputs), "the map"


def text_of(cell):
    """What a cell tells in words; of a picture, that there is one."""
    shown = [output.get("data", {}) | {"text": output.get("text")} for output in cell.outputs]
    return ["picture" if "image/png" in each else each.get("text/plain") or each["text"] for each in shown]
