"""docs/hyperparameters.md: what each hyperparameter may be, as the fields of the configs declare it.

To write its tables anew after a change: python -m tests.test_hyperparameters_page
"""

import importlib
import pkgutil
from pathlib import Path

import grokjax.models
import grokjax.optimizers
import grokjax.tasks
from grokjax.config import RunConfig

PAGE = Path(__file__).parents[1] / "docs" / "hyperparameters.md"
FOLDERS = {"task": grokjax.tasks, "model": grokjax.models, "optimizer": grokjax.optimizers}
BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}


def classes(component, folder):
    """The classes that a folder defines for a component, by the name that a spec gives them."""
    modules = [importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    named = {cls.model_fields[component].default: cls for cls in found if component in getattr(cls, "model_fields", {})}
    return dict(sorted((name, cls) for name, cls in named.items() if isinstance(name, str)))


def allowed(schema):
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    bounds = [f"{words} {schema[key]:g}".replace("2.14748e+09", "2^31") for key, words in BOUNDS.items() if key in schema]
    return ", ".join([TYPES[schema["type"]], *bounds]).replace("number, ", "number ", 1)


def default(info):
    if info.is_required():
        return "required"
    if info.default_factory is not None:
        return f"that of `{info.default_factory.name}`"
    number = isinstance(info.default, int | float) and not isinstance(info.default, bool)
    text = f"{info.default:g}".replace("e-0", "e-") if number else str(info.default)
    return f"`{text.lower()}`" if text else "none"


def rows(of):
    """A row for each hyperparameter of several classes of a component, given by name."""
    lines = {}
    for name, cls in of.items():
        for field, schema in cls.model_json_schema(mode="validation")["properties"].items():
            if field in cls.model_fields and field not in FOLDERS:
                lines.setdefault((field, allowed(schema), default(cls.model_fields[field])), []).append(f"`{name}`")
    return [
        f"| `{field}` | {'all' if len(names) == len(of) > 1 else ', '.join(names)} | {may} | {other} |"
        for (field, may, other), names in lines.items()
    ]


def tables():
    lines = []
    for component, folder in FOLDERS.items():
        found = classes(component, folder)
        lines += [f"| `{component}` | all | {', '.join(f'`{name}`' for name in found)} | required |", *rows(found)]
    return lines + [row.replace("`RunConfig`", "all") for row in rows({"RunConfig": RunConfig})]


def test_the_page_has_every_hyperparameter_with_what_the_code_allows():
    written = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert written == tables(), "python -m tests.test_hyperparameters_page"


if __name__ == "__main__":
    print("\n".join(tables()))
