"""Labels: which are refused, how they are aligned, what a rule is, and whether it fits the task."""

import pandas as pd
import pytest

from grokjax.analysis.labels.default_rule import misfit
from grokjax.analysis.labels.rules import PHASES, ArticleRule, CrossingRule, align_phases, classify, is_built_in
from grokjax.analysis.statistics.boundary import boundaries, boundary
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.errors import AnalysisError

RUNS = pd.DataFrame({"x": [1, 1, 2, 2], "y": 1, "seed": [0, 1, 0, 1]})
OWN = pd.Series(["late", "never", "late", "grok"])
LABELS = pd.Series(["grok", "fail", "grok", "grok"])


@pytest.mark.parametrize(
    "use",
    [
        lambda labels: phase_grid(RUNS, labels, x="x", y="y"),
        lambda labels: boundary(RUNS, labels, "x"),
        lambda labels: boundaries(RUNS, labels, "x", ["y"]),
        lambda labels: classify(RUNS, lambda runs: labels),
    ],
)
def test_labels_that_are_no_phases_are_refused_by_name(use):
    for labels in (OWN, OWN.astype("category"), OWN.tolist()):
        with pytest.raises(
            AnalysisError, match="late is not a phase; a label is one of memorize, grok, generalize, fail, diverged, undecided"
        ):
            use(labels)
    with pytest.raises(AnalysisError, match="1 of 4 runs have a null label"):
        use(LABELS.where(LABELS == "grok"))


def test_labels_are_aligned_by_their_index():
    shuffled = LABELS.loc[[3, 1, 0, 2]]
    pd.testing.assert_frame_equal(phase_grid(RUNS, shuffled, x="x", y="y"), phase_grid(RUNS, LABELS, x="x", y="y"))
    half = RUNS.iloc[2:]
    assert phase_grid(half, LABELS, x="x", y="y")["grok_count"].tolist() == [2]
    assert boundary(RUNS, shuffled, "x").cells["successes"].tolist() == [1, 2]
    with pytest.raises(AnalysisError, match="2 of 4 runs have no label"):
        phase_grid(RUNS, LABELS.iloc[2:], x="x", y="y")


def test_labels_in_a_list_are_in_the_order_of_the_runs():
    aligned = align_phases(LABELS.tolist(), pd.Index(list("abcd")))
    assert aligned.to_dict() == dict(zip("abcd", LABELS, strict=True))
    assert tuple(aligned.cat.categories) == PHASES
    with pytest.raises(AnalysisError, match="a Series with a phase for each run, got str"):
        align_phases("grok", RUNS.index)


def test_a_function_of_one_run_is_told_what_a_rule_is():
    def of_a_run(run):
        return "grok" if run["x"] > 1 else "fail"

    with pytest.raises(
        AnalysisError, match=r"called once, with the whole runs table, .* pass lambda runs: runs.apply\(rule, axis=1\)"
    ):
        classify(RUNS, of_a_run)
    assert classify(RUNS, lambda runs: runs.apply(of_a_run, axis=1)).tolist() == ["fail", "fail", "grok", "grok"]
    with pytest.raises(ValueError, match="another mistake"):
        classify(RUNS, lambda runs: int("another mistake"))


def test_a_rule_made_for_another_task_says_which_runs_it_calls_fail_although_they_fit():
    runs = pd.DataFrame(
        {
            "task": ["modular_arithmetic"] * 3,
            "min_train_loss": [1e-4, 1e-4, 1.0],
            "min_test_loss": 1e-4,
            "max_loss_ratio": 1e6,
            "first_step_train_accuracy_99": [100, 100, None],
            "modulus": 67,
        }
    )
    sentence = misfit(runs, ArticleRule())
    assert "article was made for sparse_parity, not for modular_arithmetic: it calls 2 of 3 runs fail that reach 99 %" in sentence
    assert "such as crossing" in sentence
    assert "calls 3 of 3" in misfit(runs.drop(columns="first_step_train_accuracy_99"), ArticleRule())
    assert misfit(runs, ArticleRule(loss_convention="per_class")) is None, "nothing that fits is called fail"
    assert misfit(runs.assign(task="sparse_parity"), ArticleRule()) is None
    assert misfit(runs, CrossingRule()) is None
    assert misfit(runs.drop(columns="task"), ArticleRule()) is None


def test_built_in_rules_are_known_from_others():
    assert is_built_in(ArticleRule(loss_threshold=1))
    assert not is_built_in(lambda runs: LABELS)
