import jax
import pytest

from grokjax.engine import step as train


def test_a_device_without_float64_is_told_before_anything_is_compiled(small_run, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "METAL")
    with pytest.raises(ValueError, match=r"precision = 'float64'.*METAL"):
        train.precision_scope(small_run(precision="float64"))
    with train.precision_scope(small_run()):
        pass
