"""Packages that add to grokjax, installed into a folder."""

import contextlib
import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from grokjax.analysis.labels.rules import rules
from tests.support.command import GROKJAX

EACH = "import sys; from grokjax.scripts.main import main\ntry: main(%r)\nexcept SystemExit as end: assert not end.code, end.code\n"


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


class Site:
    """A folder of installed packages, and the command line of a Python that has it on its path."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, entries, **modules):
        """Installs a package."""
        install(self.folder, entries, **modules)

    def install_project(self, pyproject, **modules):
        """Installs the project that a pyproject.toml describes."""
        project = tomllib.loads(pyproject)
        assert set(project["tool"]["setuptools"]["py-modules"]) == set(modules)
        groups = project["project"]["entry-points"].items()
        self.install(
            "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups), **modules
        )

    def grokjax(self, *arguments, settings=(), installed=True):
        """The ended process of one command."""
        command = [GROKJAX, *map(str, arguments), *(part for setting in settings for part in ("--set", setting))]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self._environment(installed))

    def in_order(self, commands):
        """The ended process of several commands, each the words after `grokjax`; it stops at the first that fails."""
        program = "".join(EACH % (words,) for words in commands)
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=self._environment())

    def run(self, spec, root, *settings):
        """What a sweep without Ray writes to standard error."""
        ended = self.grokjax("run", spec, "--root", root, "--executor", "inline", settings=settings)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    def _environment(self, installed=True):
        path = [str(self.folder)] * installed + [os.environ.get("PYTHONPATH", "")]
        return os.environ | {"PYTHONPATH": os.pathsep.join(path)}
