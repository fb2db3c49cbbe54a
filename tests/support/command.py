"""The command line, as a process of its own and within this one."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

from grokjax.scripts.main import main

GROKJAX = Path(sys.executable).with_name("grokjax")


def grokjax(*arguments, cwd=None):
    return subprocess.run([GROKJAX, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd, timeout=300)


def grokjax_in_process(*arguments):
    """What a command line ends with, and its last line to the user."""
    told = io.StringIO()
    argv = mock.patch.object(sys, "argv", ["grokjax", *map(str, arguments)])
    with argv, contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    return code, (told.getvalue().strip().splitlines() or [""])[-1]
