"""Every model, loss and optimizer against NumPy, in float64."""

import itertools

import jax
import numpy as np
import pytest

from grokjax.config import RunConfig
from grokjax.engine import step as train
from grokjax.losses import LOSSES
from grokjax.optimizers.base import orthogonal_gradient
from grokjax.registry import classes_of
from tests.support import numpy_reference as reference

pytestmark = pytest.mark.slow

BASE = {"loss": "cross_entropy", "precision": "float64", "seed": 3, "steps": 1, "log_every": 1}
PARITY = {"task": "sparse_parity", "num_bits": 4, "parity_bits": 2, "train_size": 9, "test_size": 5}
PAIRS = {"task": "modular_arithmetic", "modulus": 5, "train_fraction": 0.5, "pairs": "ordered"}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.5, "embedding_weight_decay": 0.25, "warmup_steps": 2}
MODULAR = {"model": "modular_mlp", "embedding_size": 4, "hidden_size": 3}

MODELS = {
    "parity mlp": PARITY | {"model": "mlp", "hidden_size": 3, "loss": "clipped_binary_cross_entropy"},
    "deep mlp": PARITY | {"model": "mlp", "hidden_size": 3, "layers": 3, "activation": "tanh"},
    "mlp on tokens": PAIRS | {"model": "mlp", "hidden_size": 3, "activation": "quadratic"},
    "circle": PAIRS | MODULAR | {"embedding": "circle", "circle_frequencies": "1+2", "activation": "relu"},
    "transformer": PAIRS | {"model": "transformer", "width": 4, "heads": 2, "activation": "gelu"},
    "normed transformer": PAIRS | {"model": "transformer", "width": 4, "heads": 2, "layers": 2, "layer_norm": True},
} | {
    f"modular {embedding} tied {tied} collapsed {hidden} {output}": PAIRS
    | MODULAR
    | {"embedding": embedding, "tied_hidden": tied, "collapsed_hidden": hidden, "collapsed_output": output}
    | ({"embedding_size": 3} if hidden or output else {})
    for embedding, tied, hidden, output in itertools.product(("tied", "untied", "input_tied"), *[(True, False)] * 3)
    if tied or not hidden
}

OPTIMIZERS = {
    "adamw": ADAMW,
    "adam_l1": {"optimizer": "adam_l1", "learning_rate": 0.01, "l1_penalty": 0.03},
    "adam_l2": {"optimizer": "adam_l2", "learning_rate": 0.01, "l2_penalty": 0.3},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.1, "momentum": 0.9, "nesterov": True},
    "muon": {"optimizer": "muon", "learning_rate": 0.02, "weight_decay": 0.1, "embedding_learning_rate": 0.005},
    "orthogonal": ADAMW | {"orthogonal_gradient": True},
    "grokfast": ADAMW | {"gradient_filter": True, "filter_decay": 0.9, "filter_strength": 3.0},
    "both": ADAMW | {"gradient_filter": True, "orthogonal_gradient": True},
}


def states(flat, steps):
    """A run's states up to so many steps, in its precision, and its raw training examples."""
    config = RunConfig.from_flat(BASE | flat)
    with train.precision_scope(config), jax.default_matmul_precision("highest"):
        found = [train.init(config)]
        for _ in range(steps):
            found.append(train.step(config, found[-1]))
        examples, _ = config.task.make(jax.random.split(jax.random.key(config.data_seed))[0])
        return config, jax.device_get(found), jax.device_get(examples)


def reference_loss(config, examples):
    labels = np.asarray(examples.labels)
    model = reference.MODELS[config.model.model]
    return lambda params: reference.loss(config.loss, model(config, params, np.asarray(examples.inputs)), labels)


def assert_follows(flat, steps=1, rtol=1e-10):
    config, found, examples = states(flat, steps)
    objective, optimizer = reference_loss(config, examples), reference.Optimizer(config)
    params = found[0].params
    assert all(weights.dtype == np.float64 for weights in params.values())
    for state in found[1:]:
        params = optimizer(params, reference.gradient(objective, params))
        for name, weights in params.items():
            np.testing.assert_allclose(state.params[name], weights, rtol=rtol, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_and_an_adamw_step_of_every_model(name):
    config, (before, _), examples = states(MODELS[name] | ADAMW, 1)
    with train.precision_scope(config):
        gradients = jax.grad(train._objective, argnums=1)(config, before.params, before.train, None)
    expected = reference.gradient(reference_loss(config, examples), before.params)
    assert expected.keys() == gradients.keys()
    for weights, gradient in expected.items():
        np.testing.assert_allclose(gradients[weights], gradient, rtol=1e-10, atol=1e-12, err_msg=weights)
    assert_follows(MODELS[name] | ADAMW)


def test_every_kind_of_model_and_optimizer_is_among_these():
    assert {flat["model"] for flat in MODELS.values()} | {"constructed_circle"} == classes_of("model").keys()
    assert {flat["optimizer"] for flat in OPTIMIZERS.values()} == classes_of("optimizer").keys()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("model", ["normed transformer", "modular untied tied True collapsed False False"])
def test_three_steps_of_every_optimizer(model, name):
    assert_follows(MODELS[model] | OPTIMIZERS[name], steps=3)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_on_every_loss(loss):
    assert_follows(MODELS["deep mlp"] | ADAMW | {"loss": loss})


def test_the_factored_products_are_the_one_hot_form():
    for name, flat in MODELS.items():
        config, (state,), examples = states(flat | ADAMW, 0)
        if config.model.model == "modular_mlp":
            with train.precision_scope(config):
                outputs = config.model.apply(config.task, state.params, state.train.inputs)
            one_hot_form = reference.modular_mlp(config, state.params, np.asarray(examples.inputs))
            np.testing.assert_allclose(outputs.T, one_hot_form, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", ["deep mlp", "mlp on tokens", "transformer", "modular untied tied False collapsed False False"])
def test_a_batch_is_the_next_examples_of_the_epochs_order(name):
    """Three steps, in two epochs of two batches of 4 among 9 or 12 examples; what is left over of each waits."""
    config, found, examples = states(MODELS[name] | ADAMW | {"batch_size": 4}, 3)
    optimizer, params = reference.Optimizer(config), found[0].params
    batches, _ = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), 3))
    for step, state in enumerate(found[1:]):
        epoch, batch = divmod(step, config.task.num_train // 4)
        with train.precision_scope(config):
            order = jax.random.permutation(jax.random.fold_in(batches, epoch), config.task.num_train)
        chosen = np.asarray(order)[4 * batch : 4 * batch + 4]
        told = type(examples)(*(np.asarray(part)[chosen] for part in examples))
        params = optimizer(params, reference.gradient(reference_loss(config, told), params))
        for weights, expected in params.items():
            np.testing.assert_allclose(state.params[weights], expected, rtol=1e-9, atol=1e-12, err_msg=weights)


def test_stablemax_is_differentiated_at_zero():
    outputs, labels = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]), np.array([0, 0])

    def loss(x):
        s = np.where(x >= 0, x + 1, 1 / (1 - np.minimum(x, 0)))
        return np.mean(np.log(s.sum(0)) - np.log(s[labels, [0, 1]]))

    with jax.enable_x64(True):
        gradient = jax.grad(LOSSES["stablemax_cross_entropy"].objective)(jax.numpy.asarray(outputs), jax.numpy.asarray(labels))
    for at in np.ndindex(outputs.shape):
        ahead, back = outputs.copy(), outputs.copy()
        ahead[at] += 1e-6
        back[at] -= 1e-6
        np.testing.assert_allclose(gradient[at], (loss(ahead) - loss(back)) / 2e-6, atol=1e-5)


def test_an_orthogonal_gradient_of_nothing_but_rounding_is_zero():
    transformation = orthogonal_gradient()
    for weight in (0.3, 0.7, 0.9):
        weights, gradient = {"w": jax.numpy.full((1, 1), weight)}, {"w": jax.numpy.full((1, 1), 5.0)}
        update, _ = transformation.update(gradient, transformation.init(weights), weights)
        assert float(update["w"][0, 0]) == 0
