import re
from pathlib import Path

import pytest

from grokjax.config import hyperparameter_fields
from sweeps.schema import CURVE_COLUMNS, OUTCOME_COLUMNS, PROVENANCE_COLUMNS

TOP = Path(__file__).parents[1]


def test_the_dictionary_has_every_column_and_no_other():
    listed = re.findall(r"^\| `(\w+)` \|", (TOP / "docs" / "columns.md").read_text(), re.MULTILINE)
    runs = ["run_id", *(name for name in hyperparameter_fields() if name != "steps")]
    columns = [column.name for column in (*OUTCOME_COLUMNS, *PROVENANCE_COLUMNS, *CURVE_COLUMNS)]
    assert sorted(listed) == sorted(runs + columns)


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(str(page.relative_to(TOP)) for page in sorted((TOP / "docs").glob("*.md"))),
)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (TOP / page).read_text()):
        assert (TOP / page).parent.joinpath(target).exists(), target


def test_the_architecture_names_calls_that_exist():
    for module, name in re.findall(
        r"`(?:\w+ = )?((?:sweeps|analysis|grokjax)\.\w+)\.(\w+)", (TOP / "docs" / "architecture.md").read_text()
    ):
        assert re.search(rf"^(def|class) {name}\b", (TOP / f"{module.replace('.', '/')}.py").read_text(), re.MULTILINE), (
            f"{module}.{name}"
        )
