"""The weights of runs on the page: packed in turn while they fit, and shown as they are at each step."""

import numpy as np
import pytest

from benchmarks.synthetic import write_sweep
from grokjax.analysis.report.snapshots import keeps_weights, pack_snapshots
from grokjax.analysis.report.sweep import page_sweep
from grokjax.analysis.report.write import write_report
from grokjax.analysis.tables.load import load_runs
from tests.support.page import shown, until
from tests.support.specs import spec_of

STEPS = np.array([0, 500, 1000, 1500, 2000])


def weights_of(seed):
    """A wide matrix that thinning cuts, and a small one with a zero, a missing value and both signs."""
    random = np.random.default_rng(seed)
    small = random.normal(size=(len(STEPS), 2, 3)).astype(np.float32)
    small[:, 0, 0], small[2, 1, 2] = 0, np.nan
    return {"hidden": random.normal(size=(len(STEPS), 130, 4)).astype(np.float32), "output": small}


@pytest.fixture(scope="module")
def kept_root(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "root"
    root = write_sweep(path, spec_of({"weight_decay": (0.0, 0.1), "seed": (0, 1, 2)}, snapshots=5))
    for index, run_id in enumerate(load_runs(path)["run_id"]):
        root.put_weights(run_id, STEPS, weights_of(index))
    return root


def test_the_first_seeds_of_all_cells_come_before_the_second_ones(kept_root):
    sweep = page_sweep(load_runs(kept_root), None, frozenset())
    every = pack_snapshots(kept_root, sweep, 1e9)
    assert len(every.blocks) == every.kept == 6
    seeds = sweep.runs["seed"].iloc[list(every.blocks)].tolist()
    assert seeds == [0, 0, 1, 1, 2, 2]
    assert every.layouts == [
        {
            "steps": STEPS.tolist(),
            "matrices": [
                {"name": "hidden", "rows": 44, "columns": 4, "every": [3, 1]},
                {"name": "output", "rows": 2, "columns": 3, "every": [1, 1]},
            ],
        }
    ]
    three = pack_snapshots(kept_root, sweep, sum(len(block) for block in list(every.blocks.values())[:3]))
    assert list(three.blocks) == list(every.blocks)[:3]
    assert three.kept == 6
    assert keeps_weights(sweep)


def test_a_sweep_without_weights_has_no_film(open_page, small_root, tmp_path):
    assert not keeps_weights(page_sweep(load_runs(small_root), None, frozenset()))
    write_report(small_root, tmp_path / "page.html")
    run = load_runs(small_root)["run_id"][0]
    page = open_page(tmp_path / "page.html", f"#run={run}")
    shown(page, run)
    assert page.locator(".film").count() == 0


PIXELS = """shown => {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: shown.width, height: shown.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(shown, 0, 0);
  return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
}"""


def test_the_film_shows_the_entries_at_its_step_and_the_link_has_it(open_page, kept_root, tmp_path):
    write_report(kept_root, tmp_path / "page.html")
    run = load_runs(kept_root)["run_id"][1]
    page = open_page(tmp_path / "page.html", f"#run={run}&film=1000")
    shown(page, run)
    values = weights_of(1)["output"]
    limit = np.nanmax(np.abs(values))
    for place, step in ((2, 1000), (3, 1500)):
        assert page.locator(".film output").inner_text() == f"step {step:,}"
        pixels = np.array(page.locator(".film canvas").nth(1).evaluate(PIXELS)).reshape(2, 3, 4)
        entries = values[place]
        strength = np.where(pixels[..., 0] > pixels[..., 2], 1, -1) * (pixels[..., 3] - 1) / 254
        known = np.isfinite(entries)
        np.testing.assert_allclose(strength[known], entries[known] / limit, atol=0.01)
        assert ((pixels == [128, 128, 128, 255]).all(axis=-1) == ~known).all()
        page.focus("#film")
        page.keyboard.press("ArrowRight")
    until(page, "location.hash.includes('film=2000')")
    until(page, "document.getElementById('readout').textContent === 'step 2,000'")
    page.click("#play")
    until(page, "document.querySelector('.film output').textContent === 'step 0'")
    until(page, "document.querySelector('.film output').textContent === 'step 2,000'")
    assert page.locator("#play").inner_text() == "Play"


def test_a_control_at_zero_has_a_bin_of_its_own(open_page, tmp_path):
    decays = (0.0, *(1e-4 * 1.2**index for index in range(60)))
    write_sweep(tmp_path / "root", spec_of({"weight_decay": decays, "seed": (0,)}, log_every=1000))
    write_report(tmp_path / "root", tmp_path / "page.html")
    page = open_page(tmp_path / "page.html", "#x=weight_decay&y=")
    texts = page.locator("tfoot th").all_inner_texts()
    assert texts[0] == "0"
    assert len(texts) == 13
    cells = page.eval_on_selector_all("[role=gridcell]", "all => all.map(each => each.getAttribute('aria-label'))")
    assert cells[0].startswith("weight_decay 0: 1 ")
