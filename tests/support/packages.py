"""Packages that add to grokjax, installed into a folder."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from grokjax.analysis.labels.rules import rules


def install(folder: Path, entry_points: str, **modules: str) -> dict[str, str]:
    """Writes what installing a package leaves: its modules, and its entry points.

    Returns:
      The environment of a process that has the package.
    """
    name = "-".join(modules)
    information = folder / f"{name}-0.1.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text(entry_points)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


@contextlib.contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """A context in which this process has the packages in a folder, and their rules."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    rules.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for file in folder.glob("*.py"):
            sys.modules.pop(file.stem, None)
        rules.cache_clear()
