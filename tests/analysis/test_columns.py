import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.columns import numbers
from grokjax.errors import AnalysisError


def test_a_column_is_read_as_numbers_or_refused_by_its_first_value():
    table = pd.DataFrame({"steps": pd.array([1, None], "Int64"), "note": [None, "late"]})
    assert np.array_equal(numbers(table, "steps"), [1, np.nan], equal_nan=True)
    assert numbers(table, "steps", dtype=np.float32).dtype == np.float32
    with pytest.raises(AnalysisError, match=r"^a budget needs numbers in the column note; it holds 'late'$"):
        numbers(table, "note", "a budget needs")
    with pytest.raises(AnalysisError, match=r"^the rule needs the column loss, and the table has steps, note$"):
        numbers(table, "loss")
