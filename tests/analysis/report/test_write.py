"""What goes into the page: packed numbers, read back by their definition; what is refused, and how it is said."""

import base64
import re
import zlib
from importlib import resources

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from grokjax.analysis.plots import PHASE_COLORS
from grokjax.analysis.report import sweep as report_sweep
from grokjax.analysis.report.curves import DECADES_A_CODE, SHARE_A_CODE, differences, drawn_metrics, pack_curves, planes
from grokjax.analysis.report.document import LIGHT, SCRIPTS, STYLES, document
from grokjax.analysis.report.page_data import PageAxes
from grokjax.analysis.report.write import write_report
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError, StoreError
from grokjax.sweeps.execute.existing import enter_spec
from tests.support.specs import spec_of


def unpacked(text):
    return zlib.decompress(base64.b64decode(text))


def codes_of(data, count):
    low, high = np.frombuffer(data, np.uint8).reshape(2, count).astype(np.uint16)
    return low | (high << 8)


def summed(folded, lengths):
    """Codes from second differences, by the definition."""
    signed = [(value >> 1) ^ -(value & 1) for value in folded.tolist()]
    parts = np.split(np.array(signed, np.int64), np.cumsum(lengths)[:-1])
    slopes = [np.concatenate([part[:1], np.cumsum(part[1:])]) for part in parts]
    return np.concatenate([np.cumsum(part) % 65536 for part in slopes]) if len(lengths) else np.array([])


@given(st.lists(st.lists(st.integers(0, 65535), min_size=1, max_size=20), min_size=1, max_size=5))
def test_differences_lead_back_to_the_codes(runs):
    codes = np.array([code for run in runs for code in run], np.uint16)
    lengths = [len(run) for run in runs]
    folded = differences(codes, np.cumsum(lengths) - lengths)
    assert summed(codes_of(planes(folded), len(codes)), lengths).tolist() == codes.tolist()


@given(st.lists(st.floats(width=64), min_size=1))
def test_planes_hold_every_bit(numbers):
    data = np.frombuffer(planes(np.array(numbers)), np.uint8).reshape(8, len(numbers))
    assert data.T.copy().view(np.float64).ravel().tobytes() == np.array(numbers).tobytes()


def decoded(packed, runs):
    """Every value of every metric by run_id, as page/sweep.js reads them."""
    found = {}
    for index, chunk in enumerate(packed.chunks):
        of = slice(index * 128, index * 128 + 128)
        lengths = packed.points[of].astype(int)
        total = lengths.sum()
        data = unpacked(chunk)
        for place, scale in enumerate(packed.scales):
            codes = summed(codes_of(data[2 * place * total : 2 * (place + 1) * total], total), lengths)
            values = scale.low + (codes - 2) * scale.step
            values = np.where(codes == 0, np.nan, np.where(codes == 1, 0, 10**values if scale.log else values))
            for run_id, part in zip(runs["run_id"][of], np.split(values, np.cumsum(lengths)[:-1]), strict=True):
                found[scale.name, run_id] = part
    return found


def test_curves_read_back_as_they_were_to_the_digit_promised(small_root):
    runs = load_runs(small_root)
    curves = load_curves(small_root)
    packed = pack_curves(curves, runs, budget=1e9)
    assert packed.every == 1
    found = decoded(packed, runs)
    by_run = dict(iter(curves.groupby("run_id")))
    for name in drawn_metrics(runs):
        for run_id in runs["run_id"][:30]:
            stored = by_run[run_id][name].to_numpy(float, na_value=np.nan)
            if name.endswith(("loss", "norm")):
                np.testing.assert_allclose(found[name, run_id], stored, rtol=10 ** (DECADES_A_CODE / 2) - 1 + 1e-6)
            else:
                np.testing.assert_allclose(found[name, run_id], stored, atol=SHARE_A_CODE / 2 + 1e-7)
    steps = by_run[runs["run_id"][0]]["step"].tolist()
    assert [list(grid) for grid in packed.grids] == [steps]


def test_values_that_a_log_scale_cannot_show_are_kept_apart_from_missing_ones():
    runs = pd.DataFrame({"run_id": ["a", "none", "b"], "final_train_loss": [1.0, None, 1.0]})
    values = [1.0, 0.0, 1e-45, np.nan, np.inf, 3e38, 0.5]
    curves = pd.DataFrame({"run_id": ["a"] * 4 + ["b"] * 3, "step": [0, 10, 20, 25, 0, 10, 30], "train_loss": values})
    packed = pack_curves(curves, runs, budget=1e9)
    found = decoded(packed, runs)
    assert found["train_loss", "a"][1] == 0
    assert np.isnan(found["train_loss", "a"][3])
    assert np.isnan(found["train_loss", "b"][0]), "what is not finite is not drawn"
    np.testing.assert_allclose(found["train_loss", "a"][[0, 2]], [1, 1e-45], rtol=0.4)
    assert packed.points.tolist() == [4, 0, 3]
    assert [packed.grids[index][: count - 1] for index, count in zip(packed.grid, packed.points, strict=True) if count] == [
        (0, 10, 20),
        (0, 10),
    ]


def test_curves_are_thinned_to_the_budget_and_keep_their_ends(small_root):
    runs, curves = load_runs(small_root), load_curves(small_root)
    whole = pack_curves(curves, runs, budget=1e9)
    ends = {key: values[-1] for key, values in decoded(whole, runs).items()}
    kept = set()
    for share in (0.75, 0.5, 0.4, 0.35, 0.3):
        thinned = pack_curves(curves, runs, budget=whole.size * share)
        assert thinned.size <= whole.size * share
        assert thinned.rows == whole.rows == 21
        np.testing.assert_equal({key: values[-1] for key, values in decoded(thinned, runs).items()}, ends)
        kept.add(thinned.every)
    assert any(20 % every for every in kept), "the last row is not always one of every n-th"


def test_a_page_that_is_thinned_says_so(small_root, tmp_path):
    report = write_report(small_root, tmp_path / "small.html", megabytes=0.405)
    assert report.every > 1
    assert f'"every":{report.every}' in (tmp_path / "small.html").read_text()


def test_nothing_in_the_file_points_outside_it(small_root, tmp_path):
    write_report(small_root, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert re.findall(r'(?:src|href|action)="(?!data:,)', text) == []
    assert re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML|document\.write", text.replace("uPlot.iife", "")) is None
    assert "default-src &#x27;none&#x27;" in text
    assert str(small_root.parent) not in text, "a page does not tell where it was made"


def test_what_data_says_cannot_end_the_element_that_holds_it():
    text = document("</title><b>", {"title": "</script><script>alert(1)</script>"}, {})
    assert text.count("</script>") == 3
    assert "<title>&lt;/title&gt;&lt;b&gt;</title>" in text


def test_every_file_of_the_page_is_in_it_after_what_it_imports():
    folder = resources.files("grokjax.analysis.report") / "page"
    assert {file.name for file in folder.iterdir()} == {*SCRIPTS, *STYLES, "page.html"}
    names = []
    for index, name in enumerate(SCRIPTS):
        text = (folder / name).read_text("utf-8")
        for imported in re.findall(r'from "\./(.+)";', text):
            assert imported in SCRIPTS[:index], f"{name} imports {imported}"
        names += re.findall(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names)), "the files share one scope"


def test_the_page_has_the_colours_of_the_figures():
    assert {phase: LIGHT[phase] for phase in PHASE_COLORS} == PHASE_COLORS


def test_what_cannot_be_drawn_is_said(small_root, tmp_path, monkeypatch):
    out = tmp_path / "page.html"
    with pytest.raises(AnalysisError, match=r"weight_decai is not in the table; there are .*did you mean weight_decay\?"):
        write_report(small_root, out, axes=PageAxes(x="weight_decai"))
    with pytest.raises(AnalysisError, match="hidden_size is given twice"):
        write_report(small_root, out, axes=PageAxes(x="hidden_size", y="hidden_size"))
    with pytest.raises(StoreError, match="holds no sweep"):
        write_report(tmp_path, out)
    enter_spec(tmp_path / "empty", spec_of())
    with pytest.raises(AnalysisError, match="holds no finished runs yet"):
        write_report(tmp_path / "empty", out)
    with pytest.raises(AnalysisError, match=r"cannot write .*; choose another file"):
        write_report(small_root, "/dev/null/page.html")
    monkeypatch.setattr(report_sweep, "MOST_RUNS", 100)
    with pytest.raises(AnalysisError, match="108 runs are more than the 100 that a page can hold; choose some with where"):
        write_report(small_root, out)
    assert not out.exists()
