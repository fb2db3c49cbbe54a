"""Hyperparameters of runs that train in well under a second."""

from typing import Any

SMALL_RUN: dict[str, Any] = {
    "task": "sparse_parity",
    "num_bits": 30,
    "parity_bits": 3,
    "train_size": 200,
    "test_size": 300,
    "model": "mlp",
    "hidden_size": 16,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "weight_decay": 0.1,
    "b1": 0.99,
    "b2": 0.98,
    "loss": "clipped_binary_cross_entropy",
    "seed": 0,
    "steps": 200,
    "log_every": 50,
}

MODULAR: dict[str, Any] = {
    "task": "modular_arithmetic",
    "modulus": 7,
    "train_fraction": 0.5,
    "model": "modular_mlp",
    "embedding_size": 6,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 1.0,
    "loss": "cross_entropy",
    "seed": 0,
    "steps": 40,
    "log_every": 20,
}

# One of every task, model and optimizer, to be combined: {**TASKS[a], **MODELS[b], **OPTIMIZERS[c]}.
PAIRS = {"task": "modular_arithmetic", "modulus": 7, "train_fraction": 0.6}
TASKS = {
    "sparse_parity": {"task": "sparse_parity", "num_bits": 6, "parity_bits": 2, "train_size": 30, "test_size": 30},
    "modular_arithmetic": PAIRS,
    "permutation_composition": {"task": "permutation_composition", "permuted": 3, "train_fraction": 0.6},
    "digits": {"task": "digits", "train_size": 40},
}
MODELS = {
    "mlp": {"model": "mlp", "hidden_size": 6, "layers": 2},
    "modular_mlp": {"model": "modular_mlp", "embedding_size": 6},
    "untied": {"model": "modular_mlp", "embedding_size": 6, "embedding": "untied", "tied_hidden": False},
    "collapsed": {"model": "modular_mlp", "embedding_size": 6, "embedding": "input_tied", "collapsed_output": True},
    "circle": {"model": "modular_mlp", "embedding_size": 2, "hidden_size": 5, "embedding": "circle"},
    "constructed_circle": {"model": "constructed_circle", "hidden_size": 5, "precision": "float64"},
    "transformer": {"model": "transformer", "width": 8, "heads": 2},
    "normed": {"model": "transformer", "width": 8, "heads": 2, "layers": 2, "layer_norm": True},
}
OPTIMIZERS = {
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1},
    "adam_l1": {"optimizer": "adam_l1", "l1_penalty": 1e-3},
    "adam_l2": {"optimizer": "adam_l2", "l2_penalty": 1e-2},
    "sgd": {"optimizer": "sgd", "weight_decay": 0.1, "momentum": 0.9, "nesterov": True},
    "muon": {"optimizer": "muon", "weight_decay": 0.1, "embedding_weight_decay": 0.3, "embedding_learning_rate": 3e-5},
}
