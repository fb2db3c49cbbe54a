"""The figures of tests/support/published.py: they add up, and they are those of the published files."""

from pathlib import Path

import pandas as pd
import pytest

from grokjax.analysis.labels.rules import AccuracyDelayRule, ArticleRule, classify
from tests.support.published import ARTICLE_PHASES, article_runs, delay_runs

CELL = ["train_size", "hidden_size", "weight_decay"]


@pytest.fixture
def published():
    """The folder of the published files, which are no part of this repository."""
    folder = Path(__file__).parents[2] / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("the published files are not beside this checkout")
    return folder


def counts(runs, phases):
    return runs.groupby([*CELL, phases.astype(str).rename("phase")]).size()


def test_the_rule_of_the_article_finds_the_published_phases_in_every_cell():
    runs = article_runs()
    assert len(runs) == 75 * 9
    pd.testing.assert_series_equal(counts(runs, classify(runs, ArticleRule())), counts(runs, runs["published_phase"]))
    # counted from the published file with awk, without this code
    by_weight_decay = runs.groupby(["weight_decay", "published_phase"]).size().unstack(fill_value=0)
    assert by_weight_decay[list(ARTICLE_PHASES)].to_numpy().tolist() == [
        [120, 3, 12, 0],
        [70, 43, 20, 2],
        [3, 103, 28, 1],
        [17, 78, 29, 11],
        [33, 20, 1, 81],
    ]


def test_the_counts_are_those_of_the_published_files(published):
    article = pd.read_csv(published / "parity_sweep_published.csv")
    runs = article_runs()
    pd.testing.assert_series_equal(counts(article, classify(article, ArticleRule())), counts(runs, runs["published_phase"]))
    steps = pd.read_csv(published / "representation_phase_steps.csv").replace(99999, None)
    steps = steps.rename(columns={f"{part}_steps": f"first_step_{part}_accuracy_90" for part in ("train", "test")})
    found = classify(steps, AccuracyDelayRule()).astype(str).value_counts()
    assert found.to_dict() == delay_runs()["published_phase"].value_counts().to_dict()
