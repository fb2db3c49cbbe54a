"""The door: what `import grokjax` promises, that it is documented, and what it costs."""

import dataclasses
import inspect
import subprocess
import sys

import pytest

import grokjax

FIELDS = {field.name for field in dataclasses.fields(grokjax.Results)}


@pytest.mark.parametrize("name", grokjax.__all__)
def test_every_public_name_loads_and_is_documented(name):
    public = getattr(grokjax, name)
    if callable(public):
        assert len((inspect.getdoc(public) or "").split()) >= 5, f"{name} needs a docstring that says what it is"


@pytest.mark.parametrize("name", sorted(name for name in vars(grokjax.Results) if not name.startswith("_") and name not in FIELDS))
def test_every_public_method_of_results_says_what_it_does(name):
    assert len((inspect.getdoc(getattr(grokjax.Results, name)) or "").split()) >= 8, f"Results.{name} needs a docstring"


def test_nothing_else_is_promised():
    assert sorted(name for name in dir(grokjax)) == sorted(grokjax.__all__)


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(AttributeError, match=r"^grokjax has no public name load_run; did you mean load_runs\?"):
        _ = grokjax.load_run
    with pytest.raises(AttributeError, match=r"dir\(grokjax\) lists them"):
        _ = grokjax.xyzzy


def test_the_folders_are_no_packages_of_their_own():
    for folder in ("sweeps", "analysis", "scripts"):
        with pytest.raises(ImportError, match=f"import grokjax.{folder}, not {folder}"):
            __import__(folder)


def test_importing_grokjax_loads_no_library():
    program = """
import sys
import grokjax
print(sorted({"jax", "ray", "flax", "numpy", "pandas", "pyarrow", "matplotlib"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
