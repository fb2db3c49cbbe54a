import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.errors import SpecError
from grokjax.sweeps.execute.existing import enter_spec, load_specs
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.resources import Resources, workers_that_fit
from grokjax.sweeps.store.root import Root
from tests.support.specs import write


def spec_with(tmp_path, table):
    return load_spec(write(tmp_path, extra=table))


def test_a_table_says_what_a_worker_takes(tmp_path):
    table = '[resources]\ncpus = 2\ngpus = 0.25\nmemory = "4GB"\ncustom = { big = 0.5 }'
    resources = spec_with(tmp_path, table).resources
    assert resources.amounts == {"CPU": 2, "GPU": 0.25, "memory": 4e9, "big": 0.5}
    assert spec_with(tmp_path, '[resources]\nmemory = "2GiB"').resources.memory == 2 * 2**30
    assert spec_with(tmp_path, "[resources]\nmemory = 1000").resources.memory == 1000


def test_without_a_table_a_worker_takes_a_core_and_a_gpu_where_there_is_one(tmp_path):
    resources = spec_with(tmp_path, "").resources
    assert resources.settled(has_gpus=False).amounts == {"CPU": 1}
    assert resources.settled(has_gpus=True).amounts == {"CPU": 1, "GPU": 1}
    assert Resources(gpus=0).settled(has_gpus=True).amounts == {"CPU": 1}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("cpus = 0", "cpus = 0: input should be greater than or equal to 0.0001"),
        ("gpus = 2", "gpus = 2: input should be less than or equal to 1"),
        ("gpus = 1e-9", "gpus = 1e-09: a share is 0, or at least 0.0001"),
        ("cpus = nan", "cpus = nan: input should be a finite number"),
        ('cpus = "2"', "cpus = '2': input should be a valid number"),
        ('memory = "4 apples"', "memory = '4 apples': could not interpret byte unit: apples"),
        ("memory = 0", "memory = 0: leave it out"),
        ("memory = -1", "memory = -1"),
        ("cpu = 1", "[resources] cpu is none of cpus, gpus, memory, custom; did you mean cpus?"),
        ("custom = { GPU = 1 }", "'GPU' is no custom resource; give gpus in [resources]"),
        ("custom = { big = -1 }", "big = -1"),
    ],
)
def test_what_no_worker_can_take_is_one_sentence(tmp_path, table, says):
    with pytest.raises(SpecError) as told:
        spec_with(tmp_path, f"[resources]\n{table}")
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_resources_are_no_hyperparameter(tmp_path):
    with pytest.raises(SpecError, match=r"cpus is not a hyperparameter; what a worker takes of a cluster goes in \[resources\]"):
        load_spec(write(tmp_path), ["cpus=2"])
    with pytest.raises(SpecError, match="resources is a table of resources"):
        spec_with(tmp_path, "resources = 2")


def test_an_including_spec_changes_the_resources_it_names(tmp_path):
    base = write(tmp_path, extra='[resources]\ncpus = 2\nmemory = "1GB"')
    (tmp_path / "over.toml").write_text(f'include = "{base}"\nname = "over"\n[resources]\ncpus = 0.5')
    assert load_spec(str(tmp_path / "over.toml")).resources.amounts == {"CPU": 0.5, "memory": 1e9}


def test_resources_are_no_part_of_what_a_root_holds(tmp_path):
    """The same sweep under other resources: the same runs, the same entry, which keeps those last asked for."""
    before = spec_with(tmp_path, "")
    enter_spec(tmp_path / "root", before)
    (entry,) = (tmp_path / "root" / "specs").iterdir()
    for cpus in (2, 3):
        enter_spec(tmp_path / "root", spec_with(tmp_path, f"[resources]\ncpus = {cpus}"))
        assert list((tmp_path / "root" / "specs").iterdir()) == [entry]
        (kept,) = load_specs(Root.open(tmp_path / "root"))
        assert kept.resources.cpus == cpus
        assert kept.model_copy(update={"resources": before.resources}) == before


def test_a_root_of_a_version_without_resources_is_the_same_sweep(tmp_path):
    spec = spec_with(tmp_path, "")
    enter_spec(tmp_path / "root", spec)
    (path,) = (tmp_path / "root" / "specs").iterdir()
    older = json.loads(path.read_text())
    del older["spec"]["resources"]
    path.write_text(json.dumps(older))
    assert load_specs(Root.open(tmp_path / "root")) == [spec]
    enter_spec(tmp_path / "root", spec)
    assert list((tmp_path / "root" / "specs").iterdir()) == [path]


@pytest.mark.parametrize(
    ("amounts", "fit"),
    [
        ({"CPU": 1}, 4 + 8 + 2),
        ({"CPU": 3}, 1 + 2 + 0),  # two nodes' leftovers make no worker
        ({"CPU": 1, "GPU": 1}, 2),  # of a mixed cluster, the nodes with GPUs
        ({"CPU": 1, "GPU": 0.25}, 8),
        ({"CPU": 1, "GPU": 0.3333333333}, 6),
        ({"CPU": 1, "memory": 3e9}, 2 + 5 + 0),
        ({"CPU": 1, "big": 1}, 0),
    ],
)
def test_workers_fit_node_by_node(amounts, fit):
    cpu_node = {"CPU": 4.0, "memory": 8e9}
    gpu_node = {"CPU": 8.0, "GPU": 2.0, "memory": 16e9}
    small = {"CPU": 2.0, "memory": 1e9}
    assert workers_that_fit(amounts, [cpu_node, gpu_node, small]) == fit


@given(st.integers(1, 64), st.integers(1, 10_000))
def test_as_many_fit_as_a_share_says(nodes, parts):
    assert workers_that_fit({"GPU": 1 / parts}, [{"GPU": 1.0}] * nodes) == nodes * parts
