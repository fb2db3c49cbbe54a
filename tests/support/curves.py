"""Curves given by hand."""

import numpy as np

from grokjax.sweeps.store.schema import SCALARS


def curve(train_loss, test_loss, train_accuracy, test_accuracy):
    given = {"train_loss": train_loss, "test_loss": test_loss, "train_accuracy": train_accuracy, "test_accuracy": test_accuracy}
    return {each.name: np.asarray(given.get(each.name, np.ones(len(train_loss))), np.float32) for each in SCALARS}
