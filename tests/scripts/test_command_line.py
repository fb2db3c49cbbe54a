"""The command line as a user meets it, in processes of its own."""

import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.tables.load import load_curves, load_runs, load_weights
from grokjax.errors import AnalysisError
from grokjax.scripts import main
from grokjax.scripts.main import VERBS, make_app
from tests.support.command import grokjax
from tests.support.runs import MODULAR, SMALL_RUN
from tests.support.specs import write

GROKJAX = Path(sys.executable).with_name("grokjax")

ALL_VERBS = [verb for verbs in VERBS.values() for verb in verbs]
SCRIPTS = Path(main.__file__).resolve().parent


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_every_command_explains_itself_with_an_example(call, verb):
    code, out, _ = call(verb, "--help")
    assert code == 0
    assert f"Usage: grokjax {verb}" in out
    assert f"Examples:\n    grokjax {verb}" in out
    shown = out[: out.index("Examples:")]
    assert not re.search(r"^\W*--\S+( \S+)? *\W*$", shown, re.MULTILINE), "every option says what it does"


@pytest.mark.parametrize(("words", "asked"), [(["help"], ["--help"]), (["help", "boundary"], ["boundary", "--help"])])
def test_help_may_come_first(call, words, asked):
    assert call(*words) == call(*asked)
    assert call(*words)[0] == 0


def commands_of(text):
    """The commands in examples: lines that begin with grokjax, up to what the shell does with their output."""
    lines = re.findall(r"^ *(grokjax .*)$", re.sub(r"\s*\\\n\s*", " ", text), re.MULTILINE)
    return [shlex.split(re.split(r" (?:>|&&|\||#|&$)", f"{line} #")[0])[1:] for line in lines]


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_every_example_of_the_help_is_understood(verb):
    examples = commands_of((SCRIPTS / f"{verb}.py").read_text())
    assert examples
    for words in examples:
        make_app().parse_args(words)


def test_the_root_of_the_examples_is_the_one_that_the_first_command_of_the_help_makes(call):
    _, page, _ = call("--help")
    assert "Start with: grokjax run parity-demo --root results/demo" in " ".join(page.split())
    examples = [words for verb in ALL_VERBS for words in commands_of((SCRIPTS / f"{verb}.py").read_text())]
    assert ["run", "parity-demo", "--root", "results/demo"] in examples
    assert ["phases", "results/demo"] in examples


TOP = SCRIPTS.parent


@pytest.mark.parametrize("page", ["README.md", *(str(page.relative_to(TOP)) for page in sorted((TOP / "docs").rglob("*.md")))])
def test_every_command_in_the_docs_is_understood(page):
    blocks = re.findall(r"^```(?:sh|bash|console|text)?\n(.*?)^```", (TOP / page).read_text(), re.MULTILINE | re.DOTALL)
    for words in commands_of("".join(blocks)):
        make_app().parse_args(words)


def test_help_lists_every_command_with_a_sentence_and_imports_none(call):
    program = (
        "import sys; from grokjax.scripts.main import main\n"
        "try: main(['--help'])\n"
        "finally: print({'jax', 'ray', 'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"
    for verb in ALL_VERBS:
        assert re.search(rf"^\W*{verb} +[A-Z].*\. ", done.stdout, re.MULTILINE), verb


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["phase", "x"], "there is no command phase; the commands are run, retry"),
        (["phase", "x"], "did you mean phases?"),
        (["phases"], "ROOT requires an argument. See: grokjax phases --help"),
        (["phases", "x", "y"], "unexpected argument y. See: grokjax phases --help"),
        (["phases", "x", "--wher", "seed=0"], "Unknown option: --wher. Did you mean --where?"),
        (["delays", "x", "--kind", "last"], 'Choose from: "held", "first", "sustained"'),
        (["refine", "x", "--count", "0"], "Must be > 0"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_one_sentence_and_exit_code_2(call, arguments, says):
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert says in err


def test_warnings_are_shown_as_before_once_a_command_is_done(call):
    shown = warnings.showwarning
    call("specs")
    assert warnings.showwarning is shown


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["weight_decai=1"], "weight_decai is not a hyperparameter; did you mean weight_decay?"),
        (["train_size=0"], "train_size = 0"),
        (["log_every=30"], "log_every = 30 does not divide steps = 200"),
        (["parity_bits=31"], "parity_bits = 31 is more than num_bits = 30"),
        (["weight_decay=nan"], "weight_decay = nan"),
        (["hidden_size=16,16"], "has 16 twice"),
        (["hidden_size=wide"], "hidden_size = 'wide'"),
        (["weight_decay=-0.1"], "weight_decay = -0.1"),
        (["num_bits=8"], "more than the 256 sequences"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2_and_starts_nothing(tmp_path, settings, says):
    spec = write(tmp_path)
    done = grokjax("run", spec, *(word for setting in settings for word in ("--set", setting)), "--root", tmp_path / "root")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: mine", "is not TOML"),
        ('name = "mine"\n[axes]\nseed = []\n', "axis seed is empty"),
        ('name = "mine"\n[axis]\n', "axis is not a key of a spec; did you mean axes?"),
    ],
)
def test_a_bad_file_is_one_sentence_and_exit_code_2_and_starts_nothing(tmp_path, text, says):
    (tmp_path / "bad.toml").write_text(text)
    done = grokjax("run", tmp_path / "bad.toml", "--root", tmp_path / "root")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert says in done.stderr
    assert not (tmp_path / "root").exists()


def test_bad_places_are_exit_code_2(tmp_path, swept, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for arguments, says in (
        (["run", "no-such-spec"], "cannot read spec no-such-spec"),
        (["run", "parity-demo", "--root", tmp_path / "file"], "file is a file; choose a folder as --root"),
        (["run", "parity-demo", "--root", "/proc/x"], "cannot write to root /proc/x"),
        (["run", "parity-demo", "--root", tmp_path], "holds other files (file ...); choose a new or empty folder"),
        (["phases", swept, "--x", "hiden_size"], "did you mean hidden_size?"),
        (
            ["run", "parity-demo", "--root", swept],
            "holds results of another sweep:\n  log_every  50 in the root, 100 in this spec\n",
        ),
        (["phases", tmp_path / "nothing"], "holds no sweep"),
        (["phases", swept, "--x", "depth"], "depth is not in the table"),
        (["phases", swept, "--where", "weight_decay=7"], "no run has it; weight_decay is 0.0, 1.0"),
        (["phases", swept, "--threshold", "loss_threshold=0"], "loss_threshold = 0.0 is out of range"),
        (["curves", swept], "choose one cell with where NAME=VALUE for"),
        (["compare", swept, tmp_path / "no.csv"], "cannot read"),
        (["status", tmp_path], "holds no sweep"),
        (["run", "parity-demo", "--address", "127.0.0.1:1"], "cannot reach a Ray cluster at 127.0.0.1:1"),
        (["run", "parity-demo", "--address", "nonsense"], "write host:port, or auto"),
        (["run", "parity-demo", "--address", "ray://host:10001"], "this is Ray's client; write the address of the cluster"),
        (["run", "parity-demo", "--address", "host:1", "--executor", "inline"], "--executor inline trains in this process"),
        (["status", "x" * 300], "cannot read root"),
        (
            ["run", "parity-demo", "--root", "ftp://bucket/x"],
            "ftp://bucket/x is not an address of a root; use a folder, or s3://...",
        ),
        (["phases", swept, "--out", "/dev/null/x.png"], "cannot write /dev/null/x.png"),
        (["phases", swept, "--facet", "l1_penalty"], "no run has a value of l1_penalty"),
        (["specs", "parity"], "no shipped spec parity"),
    ):
        code, _, done = call(*arguments)
        lines = 4 if "another sweep" in says else 1  # two differences
        assert (code, done.count("\n")) == (2, lines), done
        assert says in done
    assert not (tmp_path / "results").exists()


def test_phases_draws_and_counts(swept):
    done = grokjax("phases", swept)
    assert done.returncode == 0, done.stderr
    assert (swept / "phases.png").read_bytes().startswith(b"\x89PNG")
    assert (swept / "phases.svg").exists()
    assert done.stdout.splitlines()[-3].split()[0] == "all"


def test_curves_of_a_cell(swept, tmp_path):
    done = grokjax("curves", swept, "--where", "weight_decay=1", "--where", "train_size=100", "--out", tmp_path / "cell.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cell.pdf").read_bytes().startswith(b"%PDF")


def test_probes_are_columns_and_weights_come_back(modular):
    curves = load_curves(modular)
    assert curves["step"].tolist() == [0, 20, 40] * 2
    assert not curves.drop(columns=["signal_weight_norm", "distractor_weight_norm"]).isna().any(axis=None)
    assert {len(units) for units in curves["neuron_frequency"]} == {6}
    assert curves["key_frequencies"].between(1, 3).all()
    run_id = curves["run_id"].iloc[-1]
    weights = load_weights(modular, run_id)
    assert weights.step.tolist() == [0, 20, 40]
    assert weights.arrays["embedding"].shape == (3, 7, 6)
    last = dict(curves["matrix_norms"].iloc[-1])
    for name, array in weights.arrays.items():
        assert last[name] == pytest.approx(np.linalg.norm(array[-1]), rel=1e-5)
    with pytest.raises(AnalysisError, match="holds no committed run"):
        load_weights(modular, "nobody")


def test_weights_draws_them(modular, tmp_path):
    done = grokjax("weights", modular, "--where", "seed=1", "--matrix", "embedding")
    assert done.returncode == 0, done.stderr
    assert (modular / "weights.png").read_bytes().startswith(b"\x89PNG")
    for arguments, says in (
        ([], "choose one run with where NAME=VALUE for seed: 0, 1"),
        (["--where", "seed=0", "--matrix", "W"], "has no stored matrix W"),
    ):
        done = grokjax("weights", modular, *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert says in done.stderr


def test_runs_without_snapshots_keep_no_weights(swept):
    with pytest.raises(AnalysisError, match=r"no weights of run .* were kept; set snapshots"):
        load_weights(swept, load_runs(swept)["run_id"].iloc[0])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["operation=divide", "modulus=12"], "modulus = 12 is not prime"),
        (["collapsed_output=true", "hidden_size=4"], "cannot be tied"),
        (["collapsed_hidden=true", "hidden_size=4"], "must be equal"),
        (["probes=inputs"], "inputs needs task = 'sparse_parity'"),
        (["batch_size=1000"], "batch_size = 1000 is more than the 24 training examples"),
        (["snapshots=9"], "snapshots = 9: keep 0, or 2"),
        (["loss=clipped_binary_cross_entropy"], "needs two classes"),
        (["model=constructed_circle", "embedding_size=6"], "embedding_size belongs to model modular_mlp"),
        (["task=digits", "modulus=7"], "modulus belongs to task modular_arithmetic"),
        (["precision=float16"], "precision = 'float16'"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(tmp_path, settings, says):
    spec = write(tmp_path, dict.fromkeys(SMALL_RUN) | MODULAR)
    done = grokjax("plan", spec, *(word for setting in settings for word in ("--set", setting)))
    *warnings, error = done.stderr.splitlines()
    assert done.returncode == 2
    assert says in error
    assert all("left out" in warning for warning in warnings), "what the narrowed sweep cannot use"


def test_a_sweep_agrees_with_its_own_table(swept, tmp_path):
    pd.read_parquet(swept / "runs").to_csv(tmp_path / "same.csv")
    done = grokjax("compare", swept, tmp_path / "same.csv")
    assert "equal in 4 of 4 cells (100%)" in done.stdout
    assert "shares 0.000" in done.stdout


def test_status_and_plan_know_what_is_done(swept):
    assert "8 of 8 runs done" in grokjax("status", swept).stdout
    spec = swept.parent / "mine.toml"
    assert "8 committed, 0 to train" in grokjax("plan", spec, "--root", swept).stdout
    assert "8 committed, 4 to train" in grokjax("plan", spec, "--root", swept, "--set", "seed=0..2").stdout


def test_a_shipped_spec_printed_is_a_spec(tmp_path):
    (tmp_path / "copy.toml").write_text(grokjax("specs", "parity-demo").stdout)
    assert "64" in grokjax("plan", tmp_path / "copy.toml").stdout


def test_starting_a_sweep_loads_neither_pandas_nor_matplotlib():
    program = "import sys, grokjax.scripts.run, grokjax.sweeps.execute.worker; print({'pandas', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()", "each would take half a second of every start"


def test_a_reader_that_ends_first_is_no_success(small_root):
    """Whatever the command had still to do, such as drawing a figure, may not have been done."""
    with subprocess.Popen([GROKJAX, "status", small_root], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as started:
        started.stdout.close()
        said = started.stderr.read()
    assert (started.returncode, said) == (141, b"")
