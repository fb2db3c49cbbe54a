import pytest

from grokjax.sweeps.spec.axes import axis_values, parse_setting


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ([3, 1, 2], [3, 1, 2]),
        ("0..3", [0, 1, 2, 3]),
        ("5..5", [5]),
        ("750..1750 step 250", [750, 1000, 1250, 1500, 1750]),
        ("0..8 step 4", [0, 4, 8]),
        ("0.1..0.5 step 0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("0.01..1 log 5", [0.01, 0.0316227766017, 0.1, 0.316227766017, 1.0]),
        ("16..256 log 5", [16, 32, 64, 128, 256]),
        ("1e-4..1e-2 log 3", [1e-4, 1e-3, 1e-2]),
        ("0..1 linear 5", [0.0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_ranges_include_both_ends(written, values):
    assert axis_values(written) == values


@pytest.mark.parametrize(
    "written",
    [
        "0..",
        "a..b",
        "3..1",
        "0..1 log 5",
        "0.1..1",
        "0..1 log 1",
        "0..5 step 0",
        "0..10 step 4",
        "0..1 step 0.3",
        "0..nan",
        "0..3000000000",
        "0..1 linear 3000000000",
        7,
        {"range": [0, 1]},
    ],
)
def test_ranges_that_make_no_sense_are_refused(written):
    with pytest.raises(ValueError, match=r"\S+ \S+"):
        axis_values(written)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("3", 3),
        ("adamw", "adamw"),
        ("true", True),
        ("0.1,1", [0.1, 1]),
        ("0..2", [0, 1, 2]),
        ("adamw,adam_l1", ["adamw", "adam_l1"]),
    ],
)
def test_settings_read_as_they_look(text, value):
    assert parse_setting(text) == value
