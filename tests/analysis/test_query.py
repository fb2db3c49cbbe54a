"""SQL over a root: what it sees, and what it cannot reach."""

import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.labels.rules import ArticleRule, CrossingRule, classify
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.analysis.tables.query import query
from grokjax.errors import AnalysisError, StoreError
from grokjax.sweeps.store.duplicates import committed_rows
from grokjax.sweeps.store.root import Root
from tests.support.s3 import s3_server


def test_the_views_are_the_tables(small_root):
    runs, curves = load_runs(small_root), load_curves(small_root)
    seen = query(small_root, "SELECT * FROM runs ORDER BY run_id")
    assert seen.columns.tolist() == runs.columns.tolist()
    pd.testing.assert_series_equal(seen["min_test_loss"], runs["min_test_loss"])
    last = query(small_root, "SELECT run_id, arg_max(test_loss, step) AS loss FROM curves GROUP BY run_id ORDER BY run_id")
    expected = curves[curves["step"] == 100]["test_loss"].to_numpy(float)
    np.testing.assert_array_equal(last["loss"].to_numpy(float), expected)


def test_labels_are_those_of_the_rules(small_root):
    runs = load_runs(small_root)
    seen = query(small_root, "SELECT * FROM LABELS ORDER BY run_id", CrossingRule(delay=7))
    assert seen.columns.tolist() == ["run_id", "phase", "article", "accuracy_delay", "crossing", "final"]
    assert seen["article"].tolist() == classify(runs, ArticleRule()).tolist()
    assert seen["phase"].tolist() == classify(runs, CrossingRule(delay=7)).tolist()
    joined = "SELECT count(*) AS n FROM runs JOIN labels USING (run_id) JOIN curves USING (run_id)"
    assert query(small_root, joined)["n"].tolist() == [8 * 3]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nothing FROM runs", 'Referenced column "nothing" not found'),
        ("SELECT * FROM weights", "Table with name weights does not exist"),
        ("SELEC 1", "syntax error"),
        ("", "a query is one SELECT"),
        ("SELECT 1; SELECT 2", "a query is one SELECT"),
        ("COPY runs TO '{root}/runs/x.parquet'", "a query is one SELECT"),
        ("EXPLAIN ANALYZE COPY runs TO '{root}/runs/x.parquet'", "a query is one SELECT"),
        ("SET enable_external_access = true", "a query is one SELECT"),
        ("CREATE TABLE runs2 AS FROM runs", "a query is one SELECT"),
        ("SELECT * FROM read_text('{outside}')", "Cannot access file"),
        ("SELECT * FROM read_text('{root}/../outside.txt')", "Cannot access file"),
        ("SELECT * FROM '{outside}'", "does not exist"),
        ("SELECT * FROM glob('{outside}*')", "Cannot access file"),
        ("SELECT * FROM read_parquet('https://127.0.0.1:1/x.parquet')", "Cannot access file"),
        ("SELECT * FROM frame", "does not exist"),
    ],
)
def test_what_cannot_be_answered_is_told_in_a_sentence(small_root, sql, says):
    frame = pd.DataFrame({"secret": [1]})
    outside = small_root.parent / "outside.txt"
    outside.write_text("secret")
    before = sorted(path.name for path in small_root.rglob("*"))
    with pytest.raises(AnalysisError, match=says) as error:
        query(small_root, sql.format(root=small_root, outside=outside))
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in small_root.rglob("*")) == before
    assert len(frame) == 1


def test_roots_without_runs_say_so(tmp_path):
    with pytest.raises(StoreError, match="holds no sweep"):
        query(tmp_path, "SELECT 1")
    (tmp_path / "specs").mkdir()
    with pytest.raises(AnalysisError, match="holds no finished runs yet"):
        query(tmp_path, "FROM runs")


@pytest.mark.parametrize("name", ["it's a root", "[a] root*"])
def test_a_run_in_two_packs_is_seen_once_and_odd_names_are_names(small_root, tmp_path, name):
    root = tmp_path / name
    shutil.copytree(small_root, root)
    pack = sorted((root / "runs").iterdir())[0]
    for table in ("runs", "curves"):
        rows = pq.read_table(root / table / pack.name)
        if table == "runs":
            stopped = rows.set_column(rows.schema.get_field_index("stopped_by"), "stopped_by", pa.array(["article"] * len(rows)))
            rows = stopped.set_column(rows.schema.get_field_index("pack_id"), "pack_id", pa.array(["zzz"] * len(rows)))
        pq.write_table(rows, root / table / "zzz.parquet")
    assert len(committed_rows(Root.open(root))) > 8
    assert query(root, "SELECT count(*) AS n, count(stopped_by) AS stopped FROM runs").to_numpy().tolist() == [[8, 0]]
    assert query(root, "SELECT count(*) AS n FROM curves")["n"].tolist() == [24]


def test_a_root_in_an_object_store_is_queried_too(small_root, monkeypatch):
    sql = "SELECT seed, max(step) AS last FROM curves JOIN runs USING (run_id) JOIN labels USING (run_id) GROUP BY seed ORDER BY 1"
    with s3_server(monkeypatch) as address:
        storage = Root(address)
        for path in (path for path in small_root.rglob("*") if path.is_file()):
            storage.put(str(path.relative_to(small_root)), path.read_bytes())
        assert query(address, sql).to_numpy().tolist() == [[0, 100], [1, 100]]
