from typing import Literal

import pydantic

from grokjax.sweeps.spec import hyperparameters as module
from grokjax.sweeps.spec.hyperparameters import hyperparameters
from grokjax.tasks.base import Task


def test_a_choice_of_one_value_is_a_choice(monkeypatch):
    one = pydantic.create_model("One", __base__=Task, task=(Literal["one"], "one"), pairs=(Literal["ordered"], "ordered"))
    monkeypatch.setattr(module, "classes_of", lambda component: {"one": one} if component == "task" else {})
    (pairs,) = (each for each in hyperparameters() if each.name == "pairs")
    assert (pairs.allowed, pairs.is_choice, pairs.default) == (("ordered",), True, "ordered")
