"""docs/reference/hyperparameters.md: what each hyperparameter may be, as the fields of the configs declare it.

To write its tables anew after a change: python -m tests.test_hyperparameters_page
"""

from pathlib import Path

from grokjax.registry import classes_of
from grokjax.sweeps.spec.hyperparameters import RUN, hyperparameters

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "hyperparameters.md"


def row(each):
    everyone = each.component == RUN or (len(each.owners) == len(classes_of(each.component)) > 1)
    values = each.allowed if each.is_choice else [each.allowed[0].replace("true or false", "`true` or `false`")]
    allowed = ", ".join(f"`{value}`" if each.is_choice else value for value in values)
    default = f"that of `{each.same_as}`" if each.same_as else "required" if each.default is None else f"`{each.default}`"
    owners = "all" if everyone else ", ".join(f"`{name}`" for name in each.owners)
    return f"| `{each.name}` | {owners} | {allowed} | {default if default != '``' else 'none'} |"


def test_the_page_has_every_hyperparameter_with_what_the_code_allows():
    written = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert written == [row(each) for each in hyperparameters()], "python -m tests.test_hyperparameters_page"


if __name__ == "__main__":
    print("\n".join(row(each) for each in hyperparameters()))
