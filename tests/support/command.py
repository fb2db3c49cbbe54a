"""The command line, called in this process: a process of its own takes seconds to import what tests have imported already."""

import contextlib
import io
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

from grokjax.scripts.main import main

GROKJAX = Path(sys.executable).with_name("grokjax")


def grokjax(*arguments, cwd="."):
    """Calls a command and returns its exit code and what it printed, as `subprocess.run` does."""
    words = ["grokjax", *map(str, arguments)]
    said, complained, code = io.StringIO(), io.StringIO(), 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(mock.patch.object(sys, "argv", words))
        stack.enter_context(contextlib.redirect_stdout(said))
        stack.enter_context(contextlib.redirect_stderr(complained))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default")  # a command shows them
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    return subprocess.CompletedProcess(words, code, said.getvalue(), complained.getvalue())


def grokjax_in_process(*arguments):
    """What a command line ends with, and its last line to the user."""
    done = grokjax(*arguments)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]
