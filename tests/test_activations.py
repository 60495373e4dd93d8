"""Activations: values, gradients, extremes, dtypes."""

import numpy as np
import pytest
import torch
from gradients import B, K, T, assert_gradients, frozen, normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnn_course.activations import (
    log_softmax,
    nonlinearity_pair,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)

PAIRS = {
    "tanh": (tanh, tanh_backward, torch.tanh),
    "relu": (relu, relu_backward, torch.relu),
    "sigmoid": (sigmoid, sigmoid_backward, torch.sigmoid),
    "softmax": (softmax, softmax_backward, lambda y: torch.softmax(y, dim=-1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_activation_gradient_is_right(name, rng):
    """Do value and gradient agree with torch and finite differences, for a random upstream?"""
    forward, backward, torch_forward = PAIRS[name]
    a, upstream = normal(rng, B, T, K), normal(rng, B, T, K)
    assert_gradients(
        {"a": backward(upstream, forward(a))},
        lambda a: forward(a),
        lambda a: torch_forward(a),
        {"a": a},
        upstream,
    )


@pytest.mark.parametrize("name", PAIRS)
def test_activation_keeps_float32(name, rng):
    """Do float32 inputs give float32 values and gradients, close to those in float64?"""
    forward, backward, _ = PAIRS[name]
    a = normal(rng, B, T, K, dtype=np.float32)
    h = forward(a)
    da = backward(a, h)
    assert h.dtype == da.dtype == np.float32
    np.testing.assert_allclose(h, forward(a.astype(np.float64)), rtol=1e-5, atol=1e-6)


def test_log_softmax_equals_torch(rng):
    """Is the logarithm of the softmax torch's, over the last axis?"""
    y = normal(rng, B, T, K)
    expected = torch.log_softmax(torch.tensor(y), dim=-1).numpy()
    np.testing.assert_allclose(log_softmax(y), expected, atol=1e-12)


def test_log_softmax_finite_for_large_logits():
    """Do logits whose exponentials overflow or vanish still give exact log-probabilities?"""
    y = frozen([[1e5, 0.0, -1e5], [-1e5, -1e5, -1e5]])
    np.testing.assert_allclose(log_softmax(y), [[0, -1e5, -2e5], np.log([1 / 3] * 3)])


def test_sigmoid_quiet_for_large_inputs():
    """Does the logistic function reach 0 and 1 without a warning of overflow?"""
    np.testing.assert_array_equal(sigmoid(np.array([-1e4, 0, 1e4])), [0, 0.5, 1])


def test_relu_gradient_zero_where_off():
    """Does no gradient pass where the unit is off or exactly at the kink?"""
    h = relu(frozen([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(relu_backward(np.full(3, 7.0), h), [0, 0, 7])


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=5),
        elements=st.floats(-1e6, 1e6),
    ),
    st.floats(-1e6, 1e6),
)
def test_softmax_is_a_distribution_without_origin(y, shift):
    """Does every row sum to one, and does adding a constant to all logits change nothing?"""
    p = softmax(y)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-12)
    np.testing.assert_allclose(softmax(y + shift), p, atol=1e-8)


def test_nonlinearity_pair_unknown_name():
    """Does an unknown nonlinearity get an error that lists the known ones?"""
    with pytest.raises(ValueError, match=r"'sine'; expected one of relu, sigmoid, tanh"):
        nonlinearity_pair("sine")
