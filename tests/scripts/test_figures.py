"""Every kind of figure from a root, as the command writes it."""

import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from grokjax.analysis.statistics.units import unit_frequencies, unit_maps
from grokjax.analysis.tables.load import load_curves, load_runs, load_weights
from grokjax.scripts.figure import KINDS, kinds
from tests.support.command import grokjax

MODULAR_KINDS = ("weights", "waves", "stars", "spectra")
CELL = ("--where", "weight_decay=1", "--where", "train_size=100")
REACHED = ("--train", "loss_1e_2", "--test", "loss_1e_2")
ALONG = ("train_size",)
ARGUMENTS = {"curves": CELL, "sheet": CELL, "boundary": ALONG, "fits": ALONG} | dict.fromkeys(MODULAR_KINDS, ("--where", "seed=1"))


@pytest.fixture(scope="session")
def app():
    return kinds([])


def figure(app, *arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


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
        for name, values in steps.items():
            place = runs.schema.get_field_index(name)
            runs = runs.set_column(place, runs.schema.field(place), pa.array(values, pa.int64()))
        pq.write_table(runs, file)
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_as_png_svg_and_pdf_at_the_width_of_a_paper(app, kind, fitted, modular, tmp_path):
    root = modular if kind in MODULAR_KINDS else fitted
    outs = [tmp_path / f"figure.{suffix}" for suffix in ("png", "svg", "pdf")]
    told = figure(
        app, kind, root, *ARGUMENTS.get(kind, ()), "--width", "single", *(word for out in outs for word in ("--out", out))
    )
    assert told.exit_code == 0, told.exception
    assert [line for line in told.stdout.splitlines() if line.startswith("Wrote")] == [f"Wrote {out}" for out in outs]
    png, svg, pdf = (out.read_bytes() for out in outs)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 3.5 * 300, "pixels across"
    assert re.search(rb'width="252pt"', svg), "3.5 inches"
    assert re.search(r"\b\d[\d,]* runs?\b", words(outs[1])), "words are text, and tell how many runs there are"
    assert b"/FontFile2" in pdf, "the fonts are in it"


def test_without_out_they_lie_in_the_root(app, fitted):
    told = figure(app, "shares", fitted)
    assert told.stdout.splitlines() == [f"Wrote {fitted}/shares.png", f"Wrote {fitted}/shares.svg"]
    assert (fitted / "shares.svg").exists()


def test_a_root_with_missing_runs_gives_figures_that_say_so(app, fitted, tmp_path):
    partial = tmp_path / "root"
    shutil.copytree(fitted, partial)
    file = min((partial / "runs").iterdir())
    runs = pq.read_table(file)
    kept = [1, 2]  # of two weight decays with two seeds each
    gone = len(runs) - len(kept)
    pq.write_table(runs.take(kept), file)
    for kind in ("phases", "shares", "delays", "survival", "scatter", "sensitivity", "boundary", "fits"):
        told = figure(app, kind, partial, *ARGUMENTS.get(kind, ()), "--out", tmp_path / f"{kind}.svg")
        assert told.exit_code == 0, told.exception
        assert f"Partial: {gone} of 8 runs are still missing." in words(tmp_path / f"{kind}.svg"), kind
    narrowed = figure(app, "phases", partial, "--where", "seed=0", "--out", tmp_path / "seed.svg")
    assert narrowed.exit_code == 0
    assert "of 4 runs are still missing" in words(tmp_path / "seed.svg"), "also of those that were asked for"


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


def test_the_step_is_the_kept_one_nearest_to_that_asked_for(app, modular, tmp_path):
    for step, kept in ((9, 0), (10**9, 40)):
        told = figure(app, "waves", modular, "--where", "seed=1", "--step", step, "--out", tmp_path / "waves.svg")
        assert told.exit_code == 0, told.exception
        assert f"at step {kept}:" in words(tmp_path / "waves.svg")


def test_bad_input_is_told_in_one_sentence(app, fitted, modular, tmp_path):
    empty = tmp_path / "empty"
    shutil.copytree(fitted, empty, ignore=shutil.ignore_patterns("*.parquet"))
    for arguments, says in (
        (("shares", fitted, "--x", "hiden_size"), "did you mean hidden_size?"),
        (("shares", fitted, "--phase", "groks"), "there is no phase groks; there are memorize, grok"),
        (("shares", fitted, "--width", "wide"), "--width wide: use single, double, or inches from 2 to 40"),
        (("shares", fitted, "--width", "1"), "--width 1: use single"),
        (("shares", fitted, "--out", tmp_path / "a.gif"), "a figure is a .png, .svg or .pdf file"),
        (("delays", fitted, "--train", "accuracy_98"), "train = accuracy_98 is out of range; use accuracy_90"),
        (("delays", fitted, "--x", "seed", "--y", "seed"), "asked for twice"),
        (("survival", fitted, "--by", "depth"), "depth is not in the table"),
        (("scatter", fitted, "--train", "loss_1e_5"), "no run has first_step_train_loss_1e_5"),
        (("boundary", fitted, "depth"), "depth is not in the table"),
        (("fits", fitted, "train_size", "--phase", "groks"), "there is no phase groks"),
        (("sheet", fitted), "choose one cell: add --where NAME=VALUE for"),
        (("waves", modular), "choose one run: add --where NAME=VALUE for seed: 0, 1"),
        (("waves", fitted, *CELL, "--where", "seed=0"), "kept no weights; set snapshots"),
        (("phases", empty), "holds no finished runs yet"),
        (("phases", tmp_path / "nothing"), "holds no sweep"),
    ):
        told = figure(app, *arguments)
        assert told.exit_code == 1, arguments
        assert says in str(told.exception)
    told = grokjax("figure", "phasez", fitted)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "there is no figure phasez; there are phases, shares" in told.stderr
    assert "did you mean phases?" in told.stderr


def test_the_kinds_explain_themselves():
    told = grokjax("figure", "--help")
    assert told.returncode == 0
    assert "Example" in told.stdout
    for kind in KINDS:
        assert kind in told.stdout
