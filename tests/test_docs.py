"""The pages of docs/: links, names, and the parts of the reference that are read from the code.

`make docs` builds the site and turns every warning into an error; these tests need no Sphinx.
"""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

import grokjax
from grokjax.fields import COMPONENTS
from grokjax.registry import classes_of
from grokjax.scripts.main import VERBS

TOP = Path(__file__).parents[1]
GENERATED = importlib.util.module_from_spec(importlib.util.spec_from_file_location("generated", TOP / "docs" / "generated.py"))
GENERATED.__spec__.loader.exec_module(GENERATED)


def parts_of(*pages):
    """The generated parts that pages of the reference ask for, each with its words."""
    texts = [page.read_text("utf-8") for name in pages for page in (TOP / "docs" / "reference").glob(name)]
    return [tuple(words.split()) for text in texts for words in re.findall(r"^```{generated} (.*)$", text, re.MULTILINE)]


def first_cells(table):
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


def test_the_reference_has_every_hyperparameter_with_what_the_code_allows():
    tables = {words: GENERATED.generated(*words) for words in parts_of("hyperparameters.md")}
    for component in COMPONENTS:
        fields = {name for cls in classes_of(component).values() for name in cls.model_fields}
        assert set(first_cells(tables["hyperparameters", component])) == fields
    assert {"seed", "steps", "loss", "batch_size"} <= set(first_cells(tables["hyperparameters", "run"]))
    rows = {line.split("`")[1]: line for table in tables.values() for line in table.splitlines() if line.startswith("| `")}
    meaning, allowed, default, axis, owners = (cell.strip() for cell in rows["weight_decay"].split("|")[2:-1])
    assert (owners, allowed, default) == ("`adamw`, `muon`, `sgd`", "number at least 0", "required")
    assert meaning
    assert axis == "yes, side by side"
    assert rows["steps"].endswith("| required | no | all |")
    assert "| that of `seed` |" in rows["data_seed"]


def test_the_reference_has_every_column_command_and_public_name_once():
    for words in parts_of("columns.md"):
        names = first_cells(GENERATED.generated(*words))
        assert names == [column.name for column in GENERATED.dictionary()[words[1]]]
        assert len(names) > 20
    commands = GENERATED.generated(*parts_of("commands.md")[0])
    assert re.findall(r"^## grokjax (\w+)$", commands, re.MULTILINE) == [verb for verbs in VERBS.values() for verb in verbs]
    written = [name for words in parts_of("python/*.md") for name in re.findall(r":: grokjax\.(\w+)", GENERATED.generated(*words))]
    assert sorted(written) == sorted(grokjax.__all__)


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


@pytest.mark.parametrize("page", PAGES)
def test_every_whole_spec_of_a_page_can_be_run(page):
    """Specs of a task that the page itself writes are run in test_tutorial.py and test_extending.py."""
    for text in re.findall(r"^```toml\n(name = .*?)^```", (TOP / page).read_text("utf-8"), re.MULTILINE | re.DOTALL):
        spec = tomllib.loads(text)
        if spec["run"]["task"] in classes_of("task"):
            assert grokjax.load_spec(spec).size > 1


def test_every_message_of_the_troubleshooting_is_one_that_the_code_says():
    code = "\n".join(
        file.read_text("utf-8") for folder in ("grokjax", "sweeps", "analysis", "scripts") for file in (TOP / folder).rglob("*.py")
    )
    code = re.sub(r'"\s*\n\s*f?"|\{[^{}]*\}', lambda found: "" if found.group().startswith('"') else "...", code)
    table = re.findall(r"^\| `([^|]*)` \|", (TOP / "docs" / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert len(table) > 20
    for message in table:
        for part in message.split("..."):
            assert part.strip(" ?`;(),.") in code, message


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
