"""Positions: the waves against their formula, the learnt table against torch and differences."""

import math

import numpy as np
import pytest
import torch
from gradients import B, D, H, T, assert_gradients, normal, torch_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.positions import (
    init_positions,
    positions_backward,
    positions_forward,
    sinusoidal_positions,
)

M = 11


@settings(max_examples=40)
@given(T=st.integers(0, 6), size=st.integers(1, 7), start=st.integers(0, 3000))
def test_sinusoidal_positions_equal_their_formula(T, size, start):
    """Is each entry the sine or cosine of the paper, also for an odd number of features?"""
    expected = np.empty((T, size))
    for t in range(T):
        for feature in range(size):
            angle = (start + t) / 10000 ** ((feature - feature % 2) / size)
            expected[t, feature] = math.cos(angle) if feature % 2 else math.sin(angle)
    positions = sinusoidal_positions(T, size, start)
    np.testing.assert_allclose(positions, expected, rtol=0, atol=1e-11)


def test_sinusoidal_positions_take_a_start_for_each_sequence():
    """Is each row of the batch what its own start gives alone?"""
    starts = np.array([0, 5, 2])
    together = sinusoidal_positions(T, H, starts)
    assert together.shape == (3, T, H)
    for row, start in zip(together, starts, strict=True):
        np.testing.assert_array_equal(row, sinusoidal_positions(T, H, start))


def test_sinusoidal_positions_turn_by_the_same_angle():
    """Does the product of two positions depend on their distance alone?"""
    positions = sinusoidal_positions(50, 8)
    products = positions @ positions.T
    for distance in (0, 1, 9):
        along = np.diagonal(products, distance)
        np.testing.assert_allclose(along, along[0], rtol=1e-12)
    assert products[0, 0] == 4.0


def test_sinusoidal_positions_are_rounded_at_the_end():
    """Are float32 positions the float64 ones rounded, even far out?"""
    positions = sinusoidal_positions(T, H, start=100_000, dtype=np.float32)
    assert positions.dtype == np.float32
    expected = sinusoidal_positions(T, H, start=100_000).astype(np.float32)
    np.testing.assert_array_equal(positions, expected)


def torch_positions(x, P, steps):
    """The same in torch."""
    return x + torch.nn.functional.embedding(torch.tensor(steps), P)


@pytest.mark.parametrize("start", [0, 3, np.array([4, 1])])
def test_positions_gradient_is_right(start, rng):
    """Do the gradients of x and P agree with torch and differences, for common and own starts?"""
    arrays = {"x": normal(rng, B, T, D), "P": normal(rng, M, D)}
    upstream = normal(rng, B, T, D)
    steps = np.broadcast_to(np.asarray(start)[..., None] + np.arange(T), (B, T)).copy()
    _, cache = positions_forward(**arrays, start=start)
    dx, grads = positions_backward(upstream, cache)
    assert_gradients(
        {"x": dx} | grads,
        lambda **changed: positions_forward(**changed, start=start)[0],
        lambda **tensors: torch_positions(**tensors, steps=steps),
        arrays,
        upstream,
    )


@settings(max_examples=30)
@given(
    sizes=st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(1, 4)),
    data=st.data(),
    seed=st.integers(0, 2**32 - 1),
)
def test_positions_equal_torch_for_any_size(sizes, data, seed):
    """Do value and gradients agree with torch for any sizes and starts, empty ones among them?"""
    B, T, D = sizes
    start = np.array(data.draw(st.lists(st.integers(0, M - T), min_size=B, max_size=B)), dtype=int)
    rng = np.random.default_rng(seed)
    arrays = {"x": normal(rng, B, T, D), "P": normal(rng, M, D)}
    upstream = normal(rng, B, T, D)
    output, expected = torch_gradients(
        lambda **tensors: torch_positions(**tensors, steps=start[:, None] + np.arange(T)),
        arrays,
        upstream,
    )
    y, cache = positions_forward(**arrays, start=start)
    np.testing.assert_array_equal(y, output)
    dx, grads = positions_backward(upstream, cache)
    np.testing.assert_array_equal(dx, expected["x"])
    np.testing.assert_allclose(grads["P"], expected["P"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("start", [M - T + 1, np.array([0, M - T + 1])])
def test_positions_refuse_a_step_beyond_the_table(start, rng):
    """Does the first step without a row raise and say so, and the last with one not?"""
    x, P = normal(rng, B, T, D), normal(rng, M, D)
    positions_forward(x, P, np.maximum(start - 1, 0))
    match = r"x has shape \(2, 7, 3\) and starts at position 5, but P \(11, 3\) ends at position 10"
    with pytest.raises(ValueError, match=match):
        positions_forward(x, P, start)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"x": np.zeros((B, T, H))}, r"x has shape \(2, 7, 5\), but P \(11, 3\) needs \(any, any"),
        ({"x": np.zeros((T, D))}, r"x has shape \(7, 3\), but P \(11, 3\) needs"),
        ({"P": np.zeros(D)}, r"P has shape \(3,\), but \(positions, features\) needs"),
        ({"start": np.zeros(3, int)}, r"start has shape \(3,\), but x \(2, 7, 3\) needs \(2\)"),
    ],
)
def test_positions_name_both_shapes(arguments, match, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    right = {"x": normal(rng, B, T, D), "P": normal(rng, M, D)}
    with pytest.raises(ValueError, match=match):
        positions_forward(**right | arguments)


def test_positions_refuse_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    _, cache = positions_forward(normal(rng, B, T, D), normal(rng, M, D))
    with pytest.raises(ValueError, match=r"dy has shape \(1, 7, 3\), but x \(2, 7, 3\) needs"):
        positions_backward(np.ones((1, T, D)), cache)


def test_positions_keep_float32(rng):
    """Do float32 inputs and rows give float32 values and gradients?"""
    P = init_positions(M, D, rng, np.float32)["P"]
    y, cache = positions_forward(normal(rng, B, T, D, dtype=np.float32), P, np.array([1, 2]))
    dx, grads = positions_backward(y, cache)
    assert {array.dtype for array in (P, y, dx, grads["P"])} == {np.dtype(np.float32)}


def test_init_positions_is_standard_normal(rng):
    """Are shape, mean and spread of the table those of torch.nn.Embedding?"""
    P = init_positions(400, 300, rng)["P"]
    assert P.shape == (400, 300)
    assert abs(P.mean()) < 0.01
    assert P.std() == pytest.approx(1, abs=0.01)
