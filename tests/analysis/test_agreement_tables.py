"""Agreement and sensitivity of bad tables: a sentence, never a traceback."""

import contextlib

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import RULES
from grokjax.analysis.statistics.agreement import agreement, most_moved, nearby, sensitivity
from grokjax.errors import AnalysisError

NUMBER = st.one_of(st.none(), st.floats(), st.integers(-2, 6000), st.text(max_size=2))
COLUMNS = sorted({"x", "y", *(name for rule in RULES.values() for name in rule().columns)})
TABLES = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, NUMBER)), max_size=3)


@settings(max_examples=30)
@given(TABLES, st.sampled_from(sorted(RULES)), st.sampled_from(["y", "x", "z"]))
def test_sensitivity_of_bad_tables(rows, name, y):
    runs, rule = pd.DataFrame(rows, columns=COLUMNS), RULES[name]()
    with contextlib.suppress(AnalysisError):
        values = {name: each[:2] for name, each in nearby(rule, runs).items()}
        moved = most_moved(sensitivity(runs, rule, values, x="x", y=y), [y, "x"])
        assert moved["distance"].between(0, 1).all()


@settings(max_examples=30)
@given(TABLES, st.lists(st.sampled_from(sorted(RULES)), max_size=3))
def test_agreement_of_bad_tables(rows, names):
    with contextlib.suppress(AnalysisError):
        found = agreement(pd.DataFrame(rows, columns=COLUMNS), [RULES[name]() for name in names])
        assert found.table["agreement"].between(0, 1).all()
