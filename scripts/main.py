"""The `grokjax` command: registers and loads the verbs, and prints errors and warnings."""

import ast
import contextlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import metadata, resources
from typing import Annotated, TextIO

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError, UnusedCliTokensError

from grokjax.errors import BadFileWarning, UserError, nearest

# Each verb is the function `command` of the module with its name.
VERBS = {
    "Run sweeps": ("run", "retry", "plan", "status", "verify", "compact"),
    "Study results": (
        "phases",
        "map",
        "curves",
        "weights",
        "boundary",
        "surface",
        "importance",
        "variants",
        "delays",
        "agreement",
        "compare",
        "refine",
    ),
    "Tables, pages and reference": ("query", "export", "report", "columns", "specs"),
}
ANYWHERE = Group("Global options", sort_key=90)
CLOSED_PIPE = 128 + 13  # as a shell reports a process that SIGPIPE ended


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 something failed or is wrong, 2 bad input, 130 interrupted,
    141 the reader of its output, such as `head`, ended before it did.

    Args:
      arguments: the command-line arguments after `grokjax`; those of this process when None.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            status = make_app().meta(sys.argv[1:] if arguments is None else list(arguments))
            sys.stdout.flush()
            sys.exit(status)
        except (CycloptsError, UserError) as error:
            sys.stderr.write(f"grokjax: {_sentence(error)}\n")
            sys.exit(2)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(CLOSED_PIPE)  # not 0: what the command had still to do was not done


def make_app() -> App:
    """The command line, with every verb registered by the name of its module."""
    app = App(
        name="grokjax",
        help="Hyperparameter sweeps for grokking research, from a short spec to a phase diagram.",
        help_epilogue="`grokjax help VERB` explains a verb, with examples. Start with: grokjax run parity-demo --root results/demo",
        version=lambda: metadata.version("grokjax"),
        version_flags=["--version"],
        help_format="plaintext",
        group_parameters=Group("Options", sort_key=10),
        default_parameter=Parameter(negative=(), consume_multiple=False, show_default=_shown_default),
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
    )
    app["--help"].group = app["--version"].group = ANYWHERE
    for place, (title, names) in enumerate(VERBS.items()):
        group = Group(title, sort_key=place)
        for order, name in enumerate(names):
            text, examples = _help(name)
            path = f"{__package__}.{name}:command"
            app.command(path, name=name, help=text, help_epilogue=examples, group=group, sort_key=order)

    @app.meta.default
    def launch(
        *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        verbose: Annotated[
            bool, Parameter(("--verbose", "-v"), group=ANYWHERE, help="Show log messages on standard error.")
        ] = False,
    ) -> int | None:
        if words[:1] == ("help",):
            words = (*words[1:], "--help")
        with _logs_shown() if verbose else contextlib.nullcontext():
            code: int | None = app(words)
        return code

    return app


@contextlib.contextmanager
def _logs_shown() -> Iterator[None]:
    """A context that shows grokjax's log messages, from level INFO, on standard error."""
    logger, handler = logging.getLogger("grokjax"), logging.StreamHandler()
    level = logger.level
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _help(name: str) -> tuple[str, str]:
    """A verb's help text and examples, read from its source: importing the module would load pandas, jax or Ray."""
    module = ast.parse(resources.files(__package__).joinpath(f"{name}.py").read_text(encoding="utf-8"))
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "command")
    text, heading, examples = (ast.get_docstring(next(functions)) or "").partition("Examples:\n")
    unwrapped = re.sub(r"(?<=\S)\n(?=\S)", " ", text.partition("\nArgs:\n")[0])
    return unwrapped.strip(), heading + examples


def _shown_default(value: object) -> object:
    """The default of an option as --help shows it; nothing if leaving the option out has no effect."""
    return None if value is None or value is False or value == () else value


def _sentence(error: Exception) -> str:
    """An error as one line that also says what to do."""
    if not isinstance(error, CycloptsError):
        return str(error)
    help_page = " ".join(("grokjax", *(error.command_chain or ()), "--help"))
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected argument {' '.join(error.unused_tokens or ())}. See: {help_page}"
    if not isinstance(error, UnknownCommandError):
        return f"{' '.join(str(error).split())} See: {help_page}"
    name = (error.unused_tokens or [""])[0]
    verbs = [verb for names in VERBS.values() for verb in names]
    return f"there is no command {name}; the commands are {', '.join(verbs)}{nearest(name, verbs)}"


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """Prints a warning about a skipped file as one line; prints other warnings as Python does."""
    plain = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(f"grokjax: {message}\n" if issubclass(category, BadFileWarning) else plain)
