"""Specs of small sweeps, as files and as objects."""

from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from tests.support.runs import SMALL_RUN

SWEEP = SweepSpec(
    name="grid",
    run=SMALL_RUN | {"steps": 20_000},
    axes={"hidden_size": (16, 64, 258), "weight_decay": (0.1, 1.0), "seed": tuple(range(15))},
)
GRID = list(groups_of(SWEEP))
STEPS = {"steps": 2000, "log_every": 100}
AXES = {"weight_decay": (0.01, 0.1, 1.0), "hidden_size": (16, 64), "train_size": (750, 1250), "seed": tuple(range(9))}


def write(tmp_path, run=None, axes=None, extra=""):
    def toml(value):
        return repr(value).replace("'", '"').replace("True", "true")

    lines = ['name = "mine"', extra, "[run]"]
    lines += [f"{name} = {toml(value)}" for name, value in (SMALL_RUN | (run or {})).items() if value is not None]
    lines += ["[axes]", *(f"{name} = {toml(values)}" for name, values in (axes or {}).items())]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines))
    return str(path)


def spec_of(axes=AXES, name="small", **run):
    fixed = {key: value for key, value in SMALL_RUN.items() if key not in axes} | STEPS | run
    return SweepSpec(name=name, description="a small sweep", run=fixed, axes=axes, rule="article")
