import jax
import numpy as np
import pytest

from grokjax.tasks import SparseParity


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
    train, test = SparseParity(num_bits=6, parity_bits=2, train_size=40, test_size=24).make(jax.random.key(0))
    assert len({tuple(row) for row in np.concatenate([train.inputs, test.inputs]).tolist()}) == 64


def test_seeds_give_different_data_and_one_seed_the_same():
    task = SparseParity(num_bits=30, parity_bits=3, train_size=50, test_size=50)
    first, again, other = (np.asarray(task.make(jax.random.key(seed))[0].inputs) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
