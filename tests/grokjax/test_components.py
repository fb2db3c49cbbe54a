"""What classes of other packages may declare, and what their versions do."""

from typing import Annotated, Literal

import jax.numpy as jnp
import pydantic
import pytest

from grokjax import entry_points, registry
from grokjax.config import RunConfig, hyperparameter_fields
from grokjax.engine.step import init, measure
from grokjax.errors import ComponentError
from grokjax.fields import PositiveInt, Traced, same_as
from grokjax.metrics import Metric
from grokjax.models.mlp import Mlp
from grokjax.models.transformer import Transformer
from grokjax.probes import Probe
from grokjax.registry import check_names, component_versions, source_digest
from grokjax.tasks.sparse_parity import SparseParity


def declaring(name, annotation, base=Mlp):
    """A subclass that declares one field again, or anew; made of pydantic alone, so that no registry finds it."""
    return pydantic.create_model("Other", __base__=pydantic.BaseModel, **{name: (annotation, ...)})


@pytest.mark.parametrize(
    ("name", "annotation"),
    [
        ("hidden_size", Annotated[int, pydantic.Field(description="numbers in the residual stream")]),
        ("hidden_size", Annotated[float, pydantic.Field(description="hidden units")]),
        ("init_scale", Annotated[float, pydantic.Field(description="factor on all first weights")]),  # traced in the others
    ],
    ids=["description", "type", "role"],
)
def test_a_field_name_with_another_meaning_in_the_same_component_is_refused(name, annotation):
    with pytest.raises(ComponentError, match=f"Other declares {name} as .*use a new name, or the same type, role and description"):
        check_names([("model", Mlp), ("model", declaring(name, annotation))])


def test_the_same_meaning_is_accepted_and_another_component_never():
    same = declaring("hidden_size", Annotated[PositiveInt, pydantic.Field(description="hidden units")])
    check_names([("model", Mlp), ("model", same)])
    with pytest.raises(ComponentError, match="use a new name"):
        check_names([("model", Mlp), ("task", same)])
    with pytest.raises(ComponentError, match="use a new name"):
        check_names([("run", RunConfig), ("task", declaring("steps", int))])


@pytest.mark.parametrize("annotation", [float | None, list[int], Literal[1, 2], object], ids=str)
def test_a_type_that_no_column_can_hold_is_refused(annotation):
    with pytest.raises(ComponentError, match=r"Other declares clip as .*; a hyperparameter is a bool, int, float, str or a"):
        check_names([("model", declaring("clip", annotation))])


@pytest.mark.parametrize("annotation", [bool, int, float, str, Literal["one"], Annotated[Literal["one", "two"], Traced]], ids=str)
def test_a_type_that_a_column_can_hold_is_accepted(annotation):
    check_names([("model", declaring("clip", annotation))])


def test_a_default_of_one_model_is_not_the_default_of_all():
    assert same_as(hyperparameter_fields()["hidden_size"]) is None
    assert same_as(hyperparameter_fields()["embedding_weight_decay"]) == "weight_decay"


def test_a_version_enters_the_run_id_only_if_it_is_not_1(small_run, monkeypatch):
    before = small_run().run_id
    monkeypatch.setattr(Transformer, "version", 2)
    assert small_run().run_id == before
    monkeypatch.setattr(SparseParity, "version", 2)
    raised = small_run().run_id
    assert raised != before
    assert small_run().raised_versions == {"task": 2}
    monkeypatch.setattr(Mlp, "version", 2)
    assert len({before, raised, small_run().run_id}) == 3
    columns = {"seed": [0, 1], "weight_decay": [0.1, 0.2]}
    columns |= small_run().defaults_of(columns, given=columns)
    assert list(small_run().run_ids(columns)) == [small_run(seed=0).run_id, small_run(seed=1, weight_decay=0.2).run_id]


def test_the_source_of_a_class_counts_for_other_packages_alone(tmp_path, monkeypatch):
    assert component_versions([("task", "digits")]) == {"task digits": (1, "")}
    monkeypatch.syspath_prepend(tmp_path)
    digests = []
    for name, text in (("first_package", "class A: ...\n"), ("second_package", "class A: ...  # changed\n")):
        (tmp_path / f"{name}.py").write_text(text)
        digests.append(source_digest(__import__(name).A))
    assert all(digests)
    assert digests[0] != digests[1]


def test_a_class_of_another_package_never_replaces_one_of_ours(monkeypatch, capsys):
    """Found anew beside the registry's own copy, which stays as it is."""
    monkeypatch.setattr(entry_points, "_left_out", {})
    ours = registry.classes_of("task")
    unnamed = type("Unnamed", (SparseParity,), {"__module__": "mine"})
    named = type("Named", (SparseParity,), {"__module__": "mine", "__annotations__": {"task": str}, "task": "named"})
    found = registry._classes.__wrapped__()["task"]
    assert found == {**ours, "named": named}
    warning = capsys.readouterr().err
    assert "mine.Unnamed has the name sparse_parity, which grokjax.tasks.sparse_parity.SparseParity has" in warning
    assert warning.count("\n") == 1
    del unnamed, named, found  # so that no later scan finds them


class Entry:
    """An entry point of an installed package."""

    value, group = "mine:PROBE", registry.PROBE_ENTRY_POINTS

    def __init__(self, loaded):
        self.load = lambda: loaded


@pytest.fixture
def installed(monkeypatch):
    def install(*probes):
        registry.available_probes.cache_clear()
        entries = [Entry(probe) for probe in probes]
        monkeypatch.setattr(
            entry_points.metadata, "entry_points", lambda group: entries if group == registry.PROBE_ENTRY_POINTS else []
        )

    monkeypatch.setattr(entry_points, "_left_out", {})
    registry.classes_of("task")  # the classes are those of this package, whatever else is installed
    yield install
    registry.available_probes.cache_clear()


def probe_of(name, measure, metric="largest_weight"):
    return Probe(name, measure, (Metric(metric, "1", "greatest absolute weight"),))


def test_a_probe_of_another_package_is_measured_like_any_other(small_run, installed):
    installed(probe_of("largest", lambda run: {"largest_weight": jnp.max(jnp.abs(run.params["hidden"]))}))
    config = small_run(probes="largest+gradient")
    state = init(config)
    measured = measure(config, state)
    assert measured["largest_weight"] == jnp.max(jnp.abs(state.params["hidden"]))
    assert measured["gradient_norm"] > 0
    assert [metric.name for metric in registry.metrics_of(config.chosen_probes)][-1] == "largest_weight"


def test_what_a_probe_of_another_package_gets_wrong_is_said_in_a_sentence(small_run, installed, capsys):
    installed(probe_of("largest", lambda run: {"greatest": jnp.zeros(())}))
    with pytest.raises(ValueError, match="the probe largest returns greatest, but declares largest_weight"):
        measure(small_run(probes="largest"), init(small_run()))
    for probes, says in (
        ((probe_of("inputs", dict),), "defines the probe inputs, which exists already"),
        ((probe_of("mine", dict, "train_loss"),), "defines the metric train_loss, which exists already"),
        ((len,), "is not a grokjax.probes.Probe"),
    ):
        installed(*probes)
        capsys.readouterr()
        assert "gradient" in registry.available_probes()
        assert says in capsys.readouterr().err
        with pytest.raises(ValueError, match=f"none of .*{says}"):
            small_run(probes="greatest")
