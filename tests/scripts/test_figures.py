"""Every kind of figure from a root, as the command writes it."""

import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.statistics.units import unit_frequencies, unit_maps
from grokjax.analysis.tables.load import load_curves, load_runs, load_weights

KINDS = {
    "phases": "phases ROOT",
    "shares": "phases ROOT --shares all",
    "map": "map ROOT final_test_loss",
    "difference": "compare ROOT ROOT",
    "sensitivity": "agreement ROOT",
    "boundary": "boundary ROOT train_size",
    "fits": "boundary ROOT train_size --fits",
    "delays": "delays ROOT --plot map",
    "survival": "delays ROOT --plot survival",
    "scatter": "delays ROOT --plot scatter",
    "curves": "curves ROOT",
    "sheet": "curves ROOT --sheet",
    "bands": "curves ROOT --by weight_decay",
    "weights": "weights ROOT",
    "waves": "weights ROOT --plot waves",
    "stars": "weights ROOT --plot stars",
    "spectra": "weights ROOT --plot spectra",
}
MODULAR_KINDS = ("weights", "waves", "stars", "spectra")
CELL = ("--where", "weight_decay=1", "--where", "train_size=100")
REACHED = ("--train", "loss_1e_2", "--test", "loss_1e_2")
ONE_SIZE = ("--where", "train_size=100")
ARGUMENTS = {"curves": CELL, "sheet": CELL, "bands": ONE_SIZE} | dict.fromkeys(MODULAR_KINDS, ("--where", "seed=1"))


def drawing(kind, root, *further):
    """The command that draws a kind of figure from a root."""
    return (*(root if word == "ROOT" else word for word in KINDS[kind].split()), *further)


def words(svg):
    """The text of a figure, its lines joined."""
    return " ".join(re.findall(r">([^<>]*)</text>", svg.read_text()))


@pytest.fixture(scope="session")
def fitted(swept, tmp_path_factory):
    """The root `swept`, as if its runs had got to accuracies at steps: its own are too short for that."""
    root = tmp_path_factory.mktemp("fitted") / "root"
    shutil.copytree(swept, root)
    for number, file in enumerate(sorted((root / "runs").iterdir())):
        runs = pq.read_table(file)
        steps = {
            "first_step_train_accuracy_99": [10] * len(runs),
            "first_step_test_accuracy_99": [20 + 10 * number] + [None] * (len(runs) - 1),
        }
        steps |= {name.replace("first", "sustained"): values for name, values in steps.items()}
        for name, values in steps.items():
            place = runs.schema.get_field_index(name)
            runs = runs.set_column(place, runs.schema.field(place), pa.array(values, pa.int64()))
        pq.write_table(runs, file)
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_as_png_svg_and_pdf_at_the_width_of_a_paper(call, kind, fitted, modular, tmp_path):
    root = modular if kind in MODULAR_KINDS else fitted
    outs = [tmp_path / f"figure.{suffix}" for suffix in ("png", "svg", "pdf")]
    wanted = [word for out in outs for word in ("--out", out)]
    code, out, err = call(*drawing(kind, root, *ARGUMENTS.get(kind, ()), "--width", "single", *wanted))
    assert code == 0, err
    assert [line for line in out.splitlines() if line.startswith("Wrote")] == [f"Wrote {path}" for path in outs]
    assert not out.startswith("Wrote"), "the answer in text comes first"
    png, svg, pdf = (out.read_bytes() for out in outs)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 3.5 * 300, "pixels across"
    assert re.search(rb'width="252pt"', svg), "3.5 inches"
    assert re.search(r"\b\d[\d,]* runs?\b", words(outs[1])), "words are text, and tell how many runs there are"
    assert b"/FontFile2" in pdf, "the fonts are in it"


@pytest.mark.parametrize("kind", ["phases", "shares", "curves", "sheet", "weights", "stars"])
def test_without_out_they_lie_in_the_root(call, kind, fitted, modular):
    root = modular if kind in MODULAR_KINDS else fitted
    code, out, err = call(*drawing(kind, root, *ARGUMENTS.get(kind, ())))
    assert code == 0, err
    assert out.splitlines()[-2:] == [f"Wrote {root}/{kind}.png", f"Wrote {root}/{kind}.svg"]
    assert (root / f"{kind}.svg").exists()


@pytest.mark.parametrize("kind", ["sensitivity", "boundary", "delays"])
def test_a_verb_that_answers_in_text_draws_nothing_unless_asked_to(call, kind, fitted):
    before = sorted(fitted.iterdir())
    arguments = [word for word in drawing(kind, fitted) if word != "--fits"]
    code, out, err = call(*arguments)
    assert (code, "Wrote" in out) == (0, False), err
    assert sorted(fitted.iterdir()) == before


def test_a_root_with_missing_runs_gives_figures_that_say_so(call, fitted, tmp_path):
    partial = tmp_path / "root"
    shutil.copytree(fitted, partial)
    file = min((partial / "runs").iterdir())
    runs = pq.read_table(file)
    kept = [1, 2]  # of two weight decays with two seeds each
    gone = len(runs) - len(kept)
    pq.write_table(runs.take(kept), file)
    for kind in ("phases", "shares", "delays", "survival", "scatter", "sensitivity", "boundary", "fits"):
        code, out, err = call(*drawing(kind, partial, "--out", tmp_path / f"{kind}.svg"))
        assert code == 0, err
        assert f"Partial: {gone} of 8 runs are still missing." in words(tmp_path / f"{kind}.svg"), kind
        assert f"partial: {gone} of 8 runs are still missing" in out + err, kind
    assert call("phases", partial, "--where", "seed=0", "--out", tmp_path / "seed.svg")[0] == 0
    assert "of 4 runs are still missing" in words(tmp_path / "seed.svg"), "also of those that were asked for"


def test_a_rule_that_does_not_fit_the_task_is_warned_of_beside_the_counts(call, fitted, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(fitted, root)
    for file in (root / "runs").iterdir():
        runs = pq.read_table(file)
        place = runs.schema.get_field_index("task")
        pq.write_table(runs.set_column(place, runs.schema.field(place), pa.array(["modular"] * len(runs))), file)
    code, _, err = call("phases", root, "--rule", "article", "--out", tmp_path / "map.svg")
    assert code == 0, err
    assert "grokjax: the rule article was made for" in err
    assert "the rule article was made for" in words(tmp_path / "map.svg")


def test_stored_frequencies_and_shares_are_those_of_the_figures(modular):
    curves = load_curves(modular)
    for _, run in load_runs(modular).iterrows():
        maps = unit_maps(load_weights(modular, run["run_id"]), run)
        stored = curves[curves["run_id"] == run["run_id"]]
        assert stored["step"].tolist() == maps.step.tolist()
        for at, row in enumerate(stored.to_dict("records")):
            found = unit_frequencies(maps, at)
            assert found.frequency.tolist() == list(row["neuron_frequency"])
            np.testing.assert_allclose(found.share, list(row["neuron_share"]), rtol=1e-5)
            assert len(found.keys) == row["key_frequencies"]


def test_the_step_is_the_kept_one_nearest_to_that_asked_for(call, modular, tmp_path):
    for step, kept in ((9, 0), (10**9, 40)):
        arguments = ("--where", "seed=1", "--step", step, "--out", tmp_path / "waves.svg")
        code, _, err = call(*drawing("waves", modular, *arguments))
        assert code == 0, err
        assert f"at step {kept}:" in words(tmp_path / "waves.svg")


def test_bad_input_is_told_in_one_sentence(call, fitted, modular, tmp_path):
    empty = tmp_path / "empty"
    shutil.copytree(fitted, empty, ignore=shutil.ignore_patterns("*.parquet"))
    out = ("--out", tmp_path / "x.svg")
    for arguments, says in (
        (("phases", fitted, "--shares", "all", "--x", "hiden_size"), "did you mean hidden_size?"),
        (("phases", fitted, "--shares", "groks"), "there is no phase groks; there are memorize, grok"),
        (("phases", fitted, "--width", "wide"), "--width wide: use single, double, or inches from 2 to 40"),
        (("phases", fitted, "--width", "1"), "--width 1: use single"),
        (("phases", tmp_path / "nothing", "--out", tmp_path / "a.gif"), "a figure is a .png, .svg, .pdf or .pgf file"),
        (("delays", fitted, "--train", "accuracy_98"), "train = accuracy_98 is out of range; use accuracy_90"),
        (("delays", fitted, "--plot", "map", "--x", "seed", "--y", "seed", *out), "given twice"),
        (("delays", fitted, "--by", "depth"), "depth is not in the table"),
        (
            ("delays", fitted, "--plot", "scatter", "--train", "loss_1e_5", *out),
            "no run reaches train loss ≤ 1e-5 nats; choose another crossing than loss_1e_5",
        ),
        (("boundary", fitted, "depth"), "depth is not in the table"),
        (("boundary", fitted, "train_size", "--fits", "--phase", "groks", *out), "there is no phase groks"),
        (("boundary", fitted, "train_size", "--fits"), "--fits needs a file to draw to; add --out FILE"),
        (("curves", fitted, "--sheet"), "choose one cell with where NAME=VALUE for"),
        (("curves", fitted, *CELL, "--sheet", "--metrics", "train_loss"), "a sheet draws its own metrics"),
        (("weights", modular, "--plot", "waves"), "choose one run with where NAME=VALUE for seed: 0, 1"),
        (("weights", modular, "--plot", "waves", "--matrix", "output"), "--matrix is for --plot path"),
        (("weights", fitted, "--plot", "waves", *CELL, "--where", "seed=0"), "has no stored weights; set snapshots"),
        (("phases", empty), "holds no finished runs yet"),
        (("phases", tmp_path / "nothing"), "holds no sweep"),
    ):
        code, _, err = call(*arguments)
        assert code == 2, arguments
        assert says in err
        assert sum(line.startswith("grokjax: ") for line in err.splitlines()) == 1, err
