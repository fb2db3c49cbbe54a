"""The commands on a sweep of drawn points, which is no grid."""

import pytest

from benchmarks.synthetic import write_sweep
from grokjax.analysis.results import open_root
from grokjax.sweeps.spec.load import load_spec
from tests.support.runs import SMALL_RUN


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root of 32 Sobol points over two hyperparameters, one seed each, with made-up curves."""
    drawn = {"weight_decay": "0.01..1 log", "learning_rate": "1e-4..1e-2 log"}
    run = {name: value for name, value in SMALL_RUN.items() if name not in drawn}
    sample = {"method": "sobol", "count": 32, "seed": 0, "axes": drawn}
    folder = tmp_path_factory.mktemp("drawn") / "root"
    write_sweep(folder, load_spec({"name": "drawn", "run": run, "sample": sample}))
    return folder


def middle(results):
    """A function as a rule: runs of strong weight decay grok."""
    return ["grok" if value > 0.1 else "memorize" for value in results["weight_decay"]]


def test_the_map_has_true_axes_and_no_panels(root):
    results = open_root(root, rule=middle)
    x, y, facet = results.axes()
    assert {x, y} == {"weight_decay", "learning_rate"}
    assert facet is None
    (panel,) = results.plot_phases().axes
    assert panel.child_axes
    assert panel.get_xscale() == panel.get_yscale() == "log"


def test_surface_importance_and_refinement_of_a_root(root):
    results = open_root(root, rule=middle)
    found = results.surface()
    assert len(found.contour()) == 1
    assert "share" in {line.get_label() for line in results.plot_surface().axes[0].lines}
    assert results.importance().effects["hyperparameter"].iloc[0] == "weight_decay"
    assert len(results.plot_importance().axes[0].patches) == 2
    spec = results.refine(4)
    (zipped,) = spec["zipped"]
    assert {len(values) for values in zipped.values()} == {4}
    assert set(zipped) == {"weight_decay", "learning_rate"}
    load_spec(spec)


def test_the_commands_say_what_is_missing(call, root):
    code, _, error = call("surface", root, "--x", "weight_decay", "--y", "hidden_size", "--mix", "learning_rate")
    assert code == 2
    assert "hidden_size is 16 in all runs; choose a hyperparameter with two values or more" in error
    code, _, error = call("importance", root, "--names", "l1_penalty")
    assert code == 2
    assert "no run has a value of l1_penalty; name other hyperparameters" in error
    code, _, error = call("importance", root, "--names", "weight_decai", "--mix", "learning_rate")
    assert code == 2
    assert "weight_decai is not in the table" in error
    assert "did you mean weight_decay?" in error


def test_the_commands_draw_the_example(call, tmp_path):
    code, out, _ = call("surface", "docs/example", "--phase", "memorize", "--out", tmp_path / "surface.pdf")
    assert code == 0
    assert "share of memorize against all others over weight_decay and train_size" in out
    assert "75 runs at 15 points, 0 left out; the 95 % band of the share contains one half on" in out
    assert (tmp_path / "surface.pdf").exists()
    code, _, error = call("importance", "docs/example")
    assert code == 2
    assert "15 points have runs that count, and importance needs 20" in error
