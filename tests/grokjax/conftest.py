"""The engine's tests run without implicit promotion: of dtypes, which would widen silently, and of ranks, which would broadcast."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import optax
import optax.contrib
import pytest


@pytest.fixture(autouse=True)
def strict_promotion(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Switches implicit promotion off, but for optax, which raises a traced decay to the power of an integer count."""
    monkeypatch.setattr(optax, "scale_by_adam", exempt(optax.scale_by_adam))
    monkeypatch.setattr(optax.contrib, "scale_by_muon", exempt(optax.contrib.scale_by_muon))
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def exempt(make: Callable[..., optax.GradientTransformation]) -> Callable[..., optax.GradientTransformation]:
    """The same transformation with the usual promotion in its updates."""

    def made(*args: Any, **arguments: Any) -> optax.GradientTransformation:
        transformation = make(*args, **arguments)

        def update(*args: Any) -> Any:
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
                return transformation.update(*args)

        return optax.GradientTransformation(transformation.init, update)

    return made
