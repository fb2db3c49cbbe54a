"""The parts of the reference that are read from the code, as Markdown: hyperparameters, columns, commands and public names.

A page includes one with the directive `generated`, which `conf.py` defines. None of them is kept in the repository.
"""

from __future__ import annotations

import re
from importlib import resources

from grokjax.registry import classes_of
from grokjax.scripts.columns import dictionary, type_name
from grokjax.scripts.main import make_app
from grokjax.sweeps.spec.hyperparameters import RUN, Hyperparameter, hyperparameters

AXIS = {"static": "yes", "traced": "yes, side by side", "recording": "no"}


def generated(what: str, *names: str) -> str:
    """The part `what` of the reference, such as `generated("columns", "runs")`."""
    return {"hyperparameters": hyperparameter_table, "columns": column_table, "commands": commands, "python": public_names}[what](
        *names
    )


def hyperparameter_table(component: str) -> str:
    """The hyperparameters of all tasks, models or optimizers, or those of every run (`run`)."""
    rows = [_hyperparameter(each) for each in hyperparameters() if each.component == component]
    return _table(("hyperparameter", "meaning", "allowed", "default", "axis", "of"), rows)


def _hyperparameter(each: Hyperparameter) -> tuple[str, ...]:
    everyone = each.component == RUN or (len(each.owners) == len(classes_of(each.component)) > 1)
    allowed = ", ".join(f"`{value}`" for value in each.allowed) if each.is_choice else each.allowed[0]
    default = f"that of `{each.same_as}`" if each.same_as else "required" if each.default is None else f"`{each.default}`"
    owners = "all" if everyone else ", ".join(f"`{name}`" for name in each.owners)
    return f"`{each.name}`", each.meaning, allowed, default if default != "``" else "none", AXIS[each.role], owners


def column_table(table: str) -> str:
    """The columns of the table `runs` or `curves`."""
    rows = [(f"`{each.name}`", type_name(each.type), each.unit, each.meaning) for each in dictionary()[table]]
    return _table(("column", "type", "unit", "meaning"), rows)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = (header, ("---",) * len(header), *(tuple(cell.replace("|", r"\|") for cell in row) for row in rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def commands() -> str:
    """Every command with its arguments and options, a section each."""
    text = make_app().generate_docs(output_format="markdown", heading_level=1)
    return text[text.index("## grokjax run") :]


def public_names(*folders: str) -> str:
    """The public names that `grokjax/__init__.pyi` takes from these modules, each with its docstring."""
    names = [name for module, name in public() if module.startswith(folders)]
    return "\n\n".join(f"```{{eval-rst}}\n.. auto{_kind(name)}:: grokjax.{name}\n```" for name in names)


def public() -> list[tuple[str, str]]:
    """Module and name of everything that `import grokjax` offers, in the order of `__init__.pyi`."""
    text = resources.files("grokjax").joinpath("__init__.pyi").read_text(encoding="utf-8")
    statements = re.findall(r"^from \.(\S+) import (\([^)]*\)|.*)", text, re.MULTILINE)
    return [(module, name) for module, names in statements for name in re.findall(r"(\w+) as \w+", names)]


def _kind(name: str) -> str:
    import grokjax  # noqa: PLC0415  (loads the libraries behind the name)

    public_name = getattr(grokjax, name)
    if not isinstance(public_name, type):
        return "function" if callable(public_name) else "data"
    return "exception" if issubclass(public_name, BaseException) else "class"
