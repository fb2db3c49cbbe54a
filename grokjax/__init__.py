"""Hyperparameter sweeps for grokking research: specs, packs of vmapped JAX runs on Ray, Parquet tables, phase diagrams.

The public names are those of `__init__.pyi`; each is loaded when it is first used. So reading results loads neither jax nor ray.
"""

import difflib
import logging
from typing import Any

import lazy_loader

# What is logged is shown by a handler that asks for it; without one, Python would print warnings of this package a second time.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except AttributeError:
        if name in __all__ or name.startswith("__"):
            raise
        close = difflib.get_close_matches(name, __all__, n=1)
        hint = f"did you mean {close[0]}?" if close else "dir(grokjax) lists them"
        raise AttributeError(f"grokjax has no public name {name}; {hint}", name=name) from None
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("grokjax."):
            raise
        raise ImportError(
            f"{error.name} was not found: this checkout has no symbolic links (grokjax/sweeps -> ../sweeps); "
            "install the package with pip, or check it out with git's core.symlinks on"
        ) from None
