"""Handwritten digits of 8 x 8 pixels, from scikit-learn."""

import functools
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pydantic

from grokjax.tasks.base import Examples, Task, split

IMAGES, PIXELS = 1797, 64


class Digits(Task):
    """Which digit is it? The 1,797 images of 8 x 8 pixels that scikit-learn ships (UCI, Alpaydin and Kaynak 1998).

    Inputs are the 64 pixels from 0 to 1 and a last one, which gives each hidden unit its bias. `train_size` random images are
    for training, all others for testing.
    """

    inputs: ClassVar[Literal["vectors"]] = "vectors"

    task: Literal["digits"] = "digits"
    train_size: Annotated[int, pydantic.Field(ge=1, lt=IMAGES, description="training examples")]

    @property
    def num_inputs(self) -> int:
        return PIXELS + 1

    @property
    def num_classes(self) -> int:
        return 10

    @property
    def num_train(self) -> int:
        return self.train_size

    def make(self, key: jax.Array) -> tuple[Examples, Examples]:
        inputs, labels = _images()
        return split(key, jnp.asarray(inputs), jnp.asarray(labels), self.train_size)


@functools.cache
def _images() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # noqa: PLC0415  (a second to import, and only this task needs it)

    pixels, labels = load_digits(return_X_y=True)
    return np.pad(pixels / 16, ((0, 0), (0, 1)), constant_values=1).astype(np.float32), labels.astype(np.int32)
