"""`grokjax delays` prints and draws one comparison."""

EXAMPLE = "docs/example"


def test_the_table_the_test_and_the_figure_have_the_same_groups(call, tmp_path):
    code, out, err = call("delays", EXAMPLE, "--out", tmp_path / "survival.svg")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split()[:2] == ["train_size", "weight_decay"]
    (told,) = (line for line in out.splitlines() if line.startswith("Log-rank test"))
    assert told.startswith("Log-rank test of equal delays within train_size, by weight_decay: chi-squared 29.9 on 4, p ≤ 0.0002")
    drawn = (tmp_path / "survival.svg").read_text()
    assert "within train_size: p ≤ 0.0002" in drawn
    assert drawn.count("train_size = ") == 3, "a panel each"
    assert "grokked" not in out + drawn


def test_hyperparameters_that_are_neither_compared_nor_held_fixed_are_refused_unless_mixed(call):
    code, _, err = call("delays", EXAMPLE, "--strata", "")
    assert (code, "train_size also varies (100, 150, 250)" in err) == (2, True), err
    code, out, _ = call("delays", EXAMPLE, "--mix", "train_size")
    assert code == 0
    assert out.splitlines()[0].split()[0] == "weight_decay"
    assert "Log-rank test of equal delays, by weight_decay" in out


def test_ratios_and_the_law_are_printed(call):
    code, out, _ = call("delays", EXAMPLE, "--ratios", "--law", "all")
    assert code == 0
    assert "95 % (all together)" in out
    assert "delay proportional to train_size ** -3.43" in out
    assert "The delays do not follow a power law" in out
    code, _, err = call("delays", EXAMPLE, "--ratios", "--by", "weight_decay,train_size")
    assert (code, "--ratios compares the values of one hyperparameter" in err) == (2, True), err
    code, _, err = call("delays", EXAMPLE, "--law", "weight_decay")
    assert (code, "train_size also varies" in err) == (2, True), err


def test_a_sweep_in_which_nothing_generalized_has_no_test_and_says_why(call):
    code, out, _ = call("delays", EXAMPLE, "--where", "weight_decay=0.01,1", "--where", "train_size=100")
    assert code == 0
    assert "No log-rank test: no run generalized, so there is no event to test; train longer" in out


def test_the_incidence_is_drawn_by_all_that_varies(call, tmp_path):
    code, _, err = call("delays", EXAMPLE, "--plot", "incidence", "--delay", "500", "--out", tmp_path / "incidence.svg")
    assert code == 0, err
    assert "at least 500 steps after train accuracy" in (tmp_path / "incidence.svg").read_text()
