import re
from pathlib import Path

import pytest

from grokjax.scripts.columns import dictionary, markdown_rows

TOP = Path(__file__).parents[1]


def test_the_dictionary_is_that_of_the_code():
    lines = (TOP / "docs" / "reference" / "columns.md").read_text().splitlines()
    written = [line for line in lines if line.startswith("|")]
    assert len(written) > 100, "tables of hyperparameters, outcomes and curves"
    assert written == [row for columns in dictionary().values() for row in markdown_rows(list(columns))], (
        "grokjax columns --markdown"
    )


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(str(page.relative_to(TOP)) for page in sorted((TOP / "docs").rglob("*.md"))),
)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (TOP / page).read_text()):
        assert (TOP / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_links_into_a_page_name_one_of_its_headings(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", (TOP / page).read_text()):
        headings = re.findall(r"^#+ (.*)$", ((TOP / page).parent / target if target else TOP / page).read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], f"{target}#{anchor}"


def test_the_architecture_names_calls_that_exist():
    text = (TOP / "docs" / "explanation" / "architecture.md").read_text()
    called = re.findall(r"`(?:\w+ = )?((?:sweeps|analysis|grokjax)(?:\.\w+)+)\.(\w+)", text)
    assert len(called) > 10, "one a line of the table at least"
    for module, name in called:
        inside = TOP / module.replace(".", "/") / name
        if inside.with_suffix(".py").exists() or inside.is_dir():
            continue  # a module or a package
        file = TOP / f"{module.replace('.', '/')}.py"
        defined = rf"^(def|class) {name}\b" if file.exists() else rf"^from .* import .*\b{name}\b"  # a package hands it on
        file = file if file.exists() else file.with_suffix("") / "__init__.py"
        assert re.search(defined, file.read_text(), re.MULTILINE), f"{module}.{name}"
