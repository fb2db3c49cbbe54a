"""The examples of docs/howto/own-*.md, installed as their text says and run as a user would."""

import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from grokjax import AnalysisError, load_curves, load_runs, phase_grid
from tests.support.packages import Site

pytestmark = pytest.mark.slow

HOWTO = Path(__file__).parents[1] / "docs" / "howto"


def programs(page):
    return re.findall(r"^```python\n(.*?)^```", (HOWTO / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


(GCD,), (SIGN,), (SPECTRAL,) = programs("own-task.md"), programs("own-model.md"), programs("own-metric.md")
(SPEC,) = re.findall(r'^```toml\n(name = "gcd".*?)^```', (HOWTO / "own-task.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
(PROBE_ENTRY,) = re.findall(r'"grokjax.probes"\]\n(.*)', (HOWTO / "own-metric.md").read_text("utf-8"))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")


def gcd_spec(folder):
    (folder / "gcd.toml").write_text(SPEC.replace("steps = 2000", "steps = 100").replace("log_every = 100", "log_every = 50"))
    return folder / "gcd.toml"


def test_an_optimizer_of_a_package_trains(tmp_path, site):
    site.install("[grokjax.components]\ngcd = gcd\n", gcd=GCD)
    site.install("[grokjax.parts]\nsign = sign\n", sign=SIGN)  # the group's name in version 0.1
    site.run(gcd_spec(tmp_path), tmp_path / "root", "optimizer=adamw,sign")
    runs = load_runs(tmp_path / "root")
    assert runs["task"].tolist() == ["gcd"] * 4
    assert sorted(runs["optimizer"]) == ["adamw"] * 2 + ["sign"] * 2
    assert (runs["largest"] == 12).all()
    assert (runs["num_classes"] == 12).all()
    assert (runs["final_train_accuracy"] > 0.5).all()


def test_a_probe_of_a_package_reaches_tables_and_commands_and_is_read_without_the_package(tmp_path, site):
    site.install(f"[grokjax.probes]\n{PROBE_ENTRY.replace(chr(34), '')}\n", spectral=SPECTRAL)
    site.install("[grokjax.components]\ngcd = gcd\n", gcd=GCD)
    root = tmp_path / "root"
    site.run(gcd_spec(tmp_path), root, "probes=spectral")
    runs, curves = load_runs(root), load_curves(root)  # in this process the package is not installed
    name, meaning = "hidden_spectral_norm", "largest singular value of the hidden weights; with the probe spectral"
    assert curves[name].notna().all()
    assert (curves.attrs["units"][name], curves.attrs["meanings"][name]) == ("1", meaning)
    last = curves.groupby("run_id")[name].last()
    assert runs.set_index("run_id")[f"final_{name}"].astype(float).tolist() == pytest.approx(last.astype(float).tolist())
    assert load_curves(root, columns=[name]).columns.tolist() == ["run_id", "step", name]
    described = site.grokjax("columns", name)
    assert "largest singular value" in " ".join(described.stdout.split()), described
    drawn = site.grokjax("curves", root, "--metrics", name, "--out", tmp_path / "curves.pdf", installed=False)
    assert drawn.returncode == 0, drawn.stderr
    page = site.grokjax("report", root, "--out", tmp_path / "page.html", installed=False)
    assert page.returncode == 0, page.stderr
    assert name in (tmp_path / "page.html").read_text()
    for file in (root / "runs").iterdir():  # only what was asked for is in the files
        assert f"final_{name}" in pq.read_schema(file).names


def test_changed_source_is_warned_of_at_every_run_and_a_raised_version_trains_anew(tmp_path, site):
    entry, root = "[grokjax.components]\ngcd = gcd\n", tmp_path / "root"
    site.install(entry, gcd=GCD)
    assert "the source of" not in site.run(gcd_spec(tmp_path), root)
    first = set(load_runs(root)["run_id"])
    site.install(entry, gcd=GCD + "# changed\n")
    warned = site.run(gcd_spec(tmp_path), root)
    assert "the source of task 'gcd' changed since these results were made, and its version is still 1; raise `version`" in warned
    assert set(load_runs(root)["run_id"]) == first
    assert "the source of" in site.run(gcd_spec(tmp_path), root), "as long as results of both are in the root"
    raised = GCD.replace("    inputs: ClassVar", "    version = 2\n    inputs: ClassVar", 1)
    site.install(entry, gcd=raised + "# changed again\n")
    assert "the source of" not in site.run(gcd_spec(tmp_path), root)
    runs = load_runs(root)
    assert (len(first), len(runs)) == (2, 4)
    assert set(runs.loc[runs["component_versions"] == "task 2", "run_id"]) == set(runs["run_id"]) - first
    with pytest.raises(AnalysisError, match=r"component_versions also varies \(1, task 2\)"):
        phase_grid(runs, pd.Series("fail", runs.index), x="hidden_size", y="weight_decay")


BROKEN = """
from typing import Annotated, Literal
import pydantic
from grokjax.models.base import Model

class Half(Model):
    model: Literal["half"] = "half"

class Whole(Model):
    model: Literal["whole"] = "whole"
    def init(self): ...
    def apply(self): ...
    def step_flops(self): ...

class Another(Whole):
    model: Literal["another"] = "another"
    hidden_size: Annotated[int, pydantic.Field(description="of the map")]

class Optional(Whole):
    model: Literal["optional"] = "optional"
    clip: Annotated[float | None, pydantic.Field(description="greatest norm")] = None

class Unnamed(Whole):
    activation: Literal["relu"] = "relu"

class Mlp(Whole):
    model: Literal["mlp"] = "mlp"
"""


def test_what_is_wrong_with_a_package_is_said_in_a_sentence_and_stops_only_those_who_need_it(site, tmp_path):
    for module, reasons in {
        "import nonexist": ("broken, which an installed package names under grokjax.components, fails: ",),
        BROKEN: (
            "broken.Half lacks apply, ",
            "broken.Another declares hidden_size as 'of the map', but ",
            "broken.Optional declares clip as float | None; ",
            "broken.Unnamed has the name whole, which broken.Whole has; ",
            "broken.Mlp has the name mlp, which grokjax.models.mlp.Mlp has; ",
        ),
    }.items():
        site.install("[grokjax.components]\nbroken = broken\n", broken=module)
        answer = site.grokjax("plan", "parity-demo")
        assert (answer.returncode, answer.stderr.count("\n")) == (0, len(reasons)), answer.stderr
        assert all(f"grokjax: left out: {reason}" in answer.stderr for reason in reasons), answer.stderr
        answer = site.grokjax("plan", gcd_spec(tmp_path))
        assert (answer.returncode, answer.stderr.count("\n")) == (2, len(reasons) + 1), answer.stderr
        error = answer.stderr.splitlines()[-1]
        assert "got 'gcd'; " in error
        assert all(f"; {reason}" in error for reason in reasons), error
