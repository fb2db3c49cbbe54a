"""What the public names take: a sweep from a name, a file or a dict; a figure to any path; warnings said once."""

import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import grokjax
from grokjax.errors import AnalysisError
from tests.support.runs import SMALL_RUN

INLINE = grokjax.Execution(executor="inline")


def test_a_sweep_is_run_from_a_dict_or_a_file_and_into_an_opened_root(tmp_path):
    run = {name: value for name, value in SMALL_RUN.items() if name != "seed"}
    tables = {"name": "small", "run": run, "axes": {"seed": [0, 1]}}
    outcome = grokjax.run_sweep(tables, tmp_path / "root", INLINE)
    assert isinstance(outcome, grokjax.Outcome)
    results = grokjax.open_root(tmp_path / "root")
    (tmp_path / "more.toml").write_text(
        'name = "more"\n[axes]\nseed = "0..2"\n[run]\n' + "".join(f"{name} = {value!r}\n" for name, value in run.items())
    )
    grokjax.run_sweep(tmp_path / "more.toml", results.root, INLINE)
    assert len(results.refresh().runs) == 3


def test_a_figure_is_saved_to_a_path_or_a_text(tmp_path):
    for path in (tmp_path / "a.png", str(tmp_path / "b.svg")):
        assert grokjax.save_figure(Figure(), path) == Path(path)
        assert Path(path).exists()
    with pytest.raises(AnalysisError, match=r"a figure is a .png, .svg, .pdf or .pgf file"):
        grokjax.save_figure(Figure(), "a.bmp")


def test_a_rule_can_be_written_with_public_names_alone():
    assert issubclass(grokjax.ArticleRule, grokjax.NamedRule)
    assert issubclass(grokjax.ComponentError, grokjax.UserError)
    assert issubclass(grokjax.Interrupted, KeyboardInterrupt)


def test_a_file_that_is_left_out_is_reported_once():
    program = """
import grokjax
from grokjax.errors import BadFileError
from grokjax.sweeps.store.read import warn_left_out
warn_left_out(BadFileError("cannot read x"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("left out: cannot read x") == 1, done.stderr
