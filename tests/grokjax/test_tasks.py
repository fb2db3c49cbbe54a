import itertools

import jax
import numpy as np
import pydantic
import pytest

from grokjax.tasks.base import replace_labels
from grokjax.tasks.digits import Digits
from grokjax.tasks.modular_arithmetic import ModularArithmetic
from grokjax.tasks.permutation_composition import PermutationComposition, composition_table
from grokjax.tasks.sparse_parity import SparseParity


def examples(task, seed=0):
    """Train and test examples as NumPy arrays: inputs, labels, inputs, labels."""
    return [np.asarray(array) for part in task.make(jax.random.key(seed)) for array in part]


@pytest.mark.parametrize(("num_bits", "parity_bits"), [(30, 3), (10, 10), (6, 1)])
def test_labels_are_the_parity_of_the_first_bits_and_the_last_input_is_one(num_bits, parity_bits):
    task = SparseParity(num_bits=num_bits, parity_bits=parity_bits, train_size=40, test_size=20)
    for part, size in zip(task.make(jax.random.key(1)), (40, 20), strict=True):
        inputs, labels = np.asarray(part.inputs), np.asarray(part.labels)
        assert inputs.shape == (size, num_bits + 1)
        assert set(np.unique(inputs)) <= {0.0, 1.0}
        assert (inputs[:, -1] == 1).all()
        np.testing.assert_array_equal(labels, inputs[:, :parity_bits].sum(1).astype(int) % 2)


def test_few_bits_give_each_sequence_once_over_train_and_test():
    train, _, test, _ = examples(SparseParity(num_bits=6, parity_bits=2, train_size=40, test_size=24))
    assert len({tuple(row) for row in np.concatenate([train, test]).tolist()}) == 64


def test_seeds_give_different_data_and_one_seed_the_same():
    for task in (
        SparseParity(num_bits=30, parity_bits=3, train_size=50, test_size=50),
        ModularArithmetic(modulus=11, train_fraction=0.4),
        PermutationComposition(permuted=3, train_fraction=0.5),
        Digits(train_size=100),
    ):
        first, again, other = (examples(task, seed)[0] for seed in (0, 0, 1))
        assert (first == again).all()
        assert (first != other).any()


RESULTS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "a^2+b^2": lambda a, b: a**2 + b**2,
    "a^2+ab+b^2": lambda a, b: a**2 + a * b + b**2,
    "a^3+ab": lambda a, b: a**3 + a * b,
}


@pytest.mark.parametrize("operation", [*RESULTS, "divide"])
@pytest.mark.parametrize("pairs", ["ordered", "a<=b"])
@pytest.mark.parametrize("p", [7, 11])
def test_every_pair_comes_once_with_its_result(operation, pairs, p):
    task = ModularArithmetic(operation=operation, modulus=p, pairs=pairs, train_fraction=0.4)
    train, train_labels, test, test_labels = examples(task)
    assert len(train) == task.num_train == int(0.4 * task.num_examples)
    seen = dict(zip(map(tuple, np.concatenate([train, test]).tolist()), np.concatenate([train_labels, test_labels]), strict=True))
    assert len(seen) == len(train) + len(test)
    wanted = [(a, b) for a, b in itertools.product(range(p), repeat=2) if pairs == "ordered" or a <= b]
    assert seen.keys() == {(a, b) for a, b in wanted if operation != "divide" or b}
    for (a, b), label in seen.items():
        if operation == "divide":
            assert label * b % p == a
        else:
            assert label == RESULTS[operation](a, b) % p


def test_the_published_sizes():
    task = ModularArithmetic(modulus=67, pairs="a<=b", train_fraction=0.4)
    assert (task.num_examples, task.num_train) == (2278, 911)


def test_permutations_compose_as_functions_do():
    permutations = list(itertools.permutations(range(4)))
    table = composition_table(4)
    for (i, a), (j, b) in itertools.product(enumerate(permutations), repeat=2):
        assert permutations[table[i, j]] == tuple(a[b[k]] for k in range(4))
    task = PermutationComposition(train_fraction=0.5)
    assert (task.num_tokens, task.num_train) == (120, 7200)
    train, labels, *_ = examples(PermutationComposition(permuted=4, train_fraction=0.5))
    assert (labels == table[train[:, 0], train[:, 1]]).all()


def test_digits_are_those_that_ship():
    train, labels, test, test_labels = examples(Digits(train_size=1000))
    assert (train.shape, test.shape) == ((1000, 65), (797, 65))
    assert (train[:, -1] == 1).all()
    assert (train.min(), train.max()) == (0, 1)
    assert np.bincount(np.concatenate([labels, test_labels])).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize(("share", "classes"), [(0.0, 5), (0.3, 5), (1.0, 2), (0.5, 2)])
def test_label_noise_replaces_just_that_share_by_other_classes(share, classes):
    labels = np.arange(200) % classes
    noisy = np.asarray(replace_labels(jax.random.key(3), labels, share, classes))
    assert (noisy != labels).sum() == round(share * 200)
    assert set(noisy) <= set(range(classes))
    if 0 < share < 1:
        assert len(set(np.flatnonzero(noisy != labels)) & set(range(100))) not in (0, round(share * 200)), "not in one half alone"


@pytest.mark.parametrize(
    ("task", "wrong", "told"),
    [
        (ModularArithmetic, {"operation": "divide", "modulus": 12, "train_fraction": 0.5}, "modulus = 12 is not prime"),
        (ModularArithmetic, {"modulus": 3, "train_fraction": 0.01}, "train_fraction = 0.01"),
        (SparseParity, {"num_bits": 3, "parity_bits": 4, "train_size": 2}, "parity_bits = 4"),
    ],
)
def test_impossible_tasks_are_told(task, wrong, told):
    with pytest.raises(pydantic.ValidationError, match=told):
        task(**wrong)
