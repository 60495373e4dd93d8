"""Are the memory tasks what their docstrings say, and their baselines what no memory gives?"""

import numpy as np
import pytest

from rnn_course.losses import cross_entropy_forward, squared_error_forward
from rnn_course.memory_tasks import ADDING_BASELINE, adding_problem, copy_baseline, copy_task

TASKS = {"adding": adding_problem, "copy": copy_task}


def draw(name, seed=0, num_sequences=200, steps=7, **options):
    return TASKS[name](num_sequences, steps, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("name", TASKS)
def test_task_is_deterministic_for_a_seed_and_varies_with_it(name):
    """Does the generator alone decide, and does it decide anything?"""
    (first, target), (again, target_again), (other, _) = (draw(name, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and np.array_equal(target, target_again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("T", [2, 3, 7, 50])
def test_adding_problem_marks_one_value_in_either_half(T):
    """Are there two marks, one before the middle and one after, and is their sum the target?"""
    x, target = draw("adding", steps=T)
    assert x.shape == (200, T, 2) and target.shape == (200, 1)
    values, marks = x[..., 0], x[..., 1]
    assert set(np.unique(marks)) <= {0, 1}
    for half in (marks[:, : T // 2], marks[:, T // 2 :]):
        assert np.array_equal(half.sum(axis=1), np.ones(200))
        assert half.any(axis=0).all() or T == 50  # every place is used
    assert np.allclose((values * marks).sum(axis=1, keepdims=True), target, atol=1e-15)
    assert values.min() >= 0 and values.max() < 1


def test_adding_problem_places_and_values_are_independent():
    """Do the values say nothing about which of them are marked?"""
    x, target = draw("adding", num_sequences=20_000, steps=4)
    assert np.abs(np.corrcoef(x[..., 0].T, x[..., 1].T)[:4, 4:]).max() < 0.03
    assert abs(target.mean() - 1) < 0.01


def test_adding_baseline_is_the_error_of_answering_one():
    """Is it a squared error of the package, and is no other constant better?"""
    _, target = draw("adding", num_sequences=200_000, steps=2)
    errors = {y: squared_error_forward(np.full_like(target, y), target)[0] for y in (0.95, 1, 1.05)}
    assert abs(errors[1] - ADDING_BASELINE) < 0.002
    assert min(errors, key=errors.get) == 1


def test_adding_problem_keeps_the_dtype():
    """Can float32 networks be trained without a cast, on the same numbers?"""
    x, target = draw("adding", dtype=np.float32)
    assert x.dtype == target.dtype == np.float32
    assert np.allclose(x, draw("adding")[0], atol=1e-7)


@pytest.mark.parametrize("delay, num_symbols, length", [(1, 8, 10), (5, 8, 10), (30, 3, 2)])
def test_copy_task_has_symbols_delay_signal_and_blanks(delay, num_symbols, length):
    """Is every part where it belongs, and does the signal come once, just before the answer?"""
    tokens, targets = draw("copy", steps=delay, num_symbols=num_symbols, length=length)
    blank, signal, T = num_symbols, num_symbols + 1, delay + 2 * length
    assert tokens.shape == targets.shape == (200, T)
    assert set(np.unique(tokens[:, :length])) == set(range(num_symbols))
    assert np.array_equal(targets[:, -length:], tokens[:, :length])
    rest = tokens[0, length:]
    assert all(np.array_equal(row, rest) for row in tokens[:, length:])
    assert rest[delay - 1] == signal and sum(rest == signal) == 1
    assert set(rest) <= {blank, signal}
    assert (targets[:, :-length] == blank).all()


def test_copy_task_of_no_steps_between_is_refused():
    """Does the message name the argument and its value?"""
    with pytest.raises(ValueError, match="delay is 0; expected at least 1"):
        draw("copy", steps=0)


def test_adding_problem_of_one_step_is_refused():
    """Does the message name the argument and its value?"""
    with pytest.raises(ValueError, match="T is 1; expected at least 2"):
        draw("adding", steps=1)


@pytest.mark.parametrize("name", TASKS)
def test_task_of_no_sequences_is_empty(name):
    """Does an empty batch have the right shape?"""
    inputs, targets = draw(name, num_sequences=0)
    assert len(inputs) == len(targets) == 0
    assert inputs.shape[1] == (7 if name == "adding" else 27)


@pytest.mark.parametrize("delay, num_symbols, length", [(100, 8, 10), (3, 5, 4)])
def test_copy_baseline_is_the_loss_of_an_answer_that_knows_the_places(delay, num_symbols, length):
    """Is it the package's cross-entropy of blanks that are certain and symbols that are not?"""
    _, targets = draw("copy", steps=delay, num_symbols=num_symbols, length=length)
    y = np.full((*targets.shape, num_symbols + 1), -1e3)
    y[:, :-length, num_symbols] = 0
    y[:, -length:, :num_symbols] = 0
    loss, _ = cross_entropy_forward(y, targets)
    assert abs(loss - copy_baseline(delay, num_symbols, length)) < 1e-12


def test_copy_baseline_is_the_published_one():
    """Is it 0.1733 nats for a delay of 100, as papers print it?"""
    assert abs(copy_baseline(100) - 0.1733) < 1e-4
    assert abs(copy_baseline(1000) - 0.0204) < 1e-4
