"""The vanilla RNN: one step, the textbook's sequence, truncation, errors and initial parameters.

What it shares with the other recurrent layers is in test_time_blocks.py.
"""

import numpy as np
import pytest
import torch
from gradients import B, D, H, T, assert_gradients, assert_same_arrays, frozen, normal
from torch_layers import rnn_cell

from rnn_course.rnn import (
    init_rnn,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
)

every = pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid"])
with_or_without_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def weights(rng, bias=True):
    """Frozen parameters, large enough that a wrong factor shows; W_hh is not symmetric."""
    params = {"W_xh": normal(rng, H, D), "W_hh": frozen(rng.standard_normal((H, H)) / 2)}
    return params | ({"b_h": normal(rng, H)} if bias else {})


def sequence_arrays(rng):
    """Everything rnn_forward takes, by name; h_0 is not zero."""
    return {"x": normal(rng, B, T, D), "h_0": normal(rng, B, H)} | weights(rng)


def step_arrays(rng, bias=True):
    """Everything rnn_step_forward takes, by name."""
    return {"x_t": normal(rng, B, D), "h_prev": normal(rng, B, H)} | weights(rng, bias)


def all_gradients(dh, cache, truncation=None):
    """rnn_backward's results in one dict."""
    dx, dh_0, grads = rnn_backward(dh, cache, truncation)
    return {"x": dx, "h_0": dh_0} | grads


@every
@with_or_without_bias
def test_rnn_step_gradient_is_right(nonlinearity, bias, rng):
    """Do all gradients of one step agree with torch and finite differences?"""
    arrays, upstream = step_arrays(rng, bias), normal(rng, B, H)
    _, cache = rnn_step_forward(**arrays, nonlinearity=nonlinearity)
    dx_t, dh_prev, grads = rnn_step_backward(upstream, cache)
    assert_gradients(
        {"x_t": dx_t, "h_prev": dh_prev} | grads,
        lambda **changed: rnn_step_forward(**changed, nonlinearity=nonlinearity)[0],
        lambda x_t, h_prev, **params: rnn_cell(x_t, (h_prev,), **params, nonlinearity=nonlinearity)[
            0
        ],
        arrays,
        upstream,
    )


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn_equals_torch_module(nonlinearity, rng):
    """Does torch.nn.RNN itself, with our weights, give the same states and gradients?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    module = torch.nn.RNN(D, H, nonlinearity=nonlinearity, batch_first=True, dtype=torch.float64)
    ours = {"weight_ih_l0": "W_xh", "weight_hh_l0": "W_hh", "bias_ih_l0": "b_h"}
    state = {theirs: torch.tensor(arrays[name]) for theirs, name in ours.items()}
    module.load_state_dict(state | {"bias_hh_l0": torch.zeros(H, dtype=torch.float64)})
    expected, last = module(torch.tensor(arrays["x"]), torch.tensor(arrays["h_0"])[None])
    (expected * torch.tensor(upstream)).sum().backward()

    h, cache = rnn_forward(**arrays, nonlinearity=nonlinearity)
    np.testing.assert_allclose(h, expected.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(h[:, -1], last[0].detach().numpy(), rtol=1e-10)
    grads = all_gradients(upstream, cache)
    for theirs, name in ours.items():
        expected_grad = module.get_parameter(theirs).grad.numpy()
        np.testing.assert_allclose(grads[name], expected_grad, rtol=1e-10, atol=1e-10)


def test_rnn_truncation_changes_the_gradient_only_when_it_cuts(rng):
    """Is a piece as long as the sequence the full gradient, and a shorter one another?"""
    _, cache = rnn_forward(**sequence_arrays(rng))
    upstream = normal(rng, B, T, H)
    full = all_gradients(upstream, cache)
    assert_same_arrays(all_gradients(upstream, cache, truncation=T), full, rtol=0, atol=0)
    cut = all_gradients(upstream, cache, truncation=T - 1)
    assert np.abs(cut["W_hh"] - full["W_hh"]).max() > 0.01


def test_rnn_truncation_keeps_pieces_apart(rng):
    """Does a loss in the third piece send a gradient into that piece alone?"""
    arrays, upstream = sequence_arrays(rng), np.zeros((B, T, H))
    upstream[:, 4] = rng.standard_normal((B, H))
    _, cache = rnn_forward(**arrays)
    dx, dh_0, _ = rnn_backward(upstream, cache, truncation=2)  # pieces 01 23 45 6
    assert dx[:, 4].any()
    assert not np.delete(dx, 4, axis=1).any()
    assert not dh_0.any()


def test_rnn_step_by_hand():
    """Is one step with small whole numbers what pen and paper give?"""
    h_t, cache = rnn_step_forward(
        frozen([[1.0, 2.0]]),
        frozen([[3.0]]),
        frozen([[0.5, -1.0]]),
        frozen([[2.0]]),
        frozen([-4.0]),
        nonlinearity="relu",
    )
    np.testing.assert_array_equal(h_t, [[0.5]])  # 2 * 3 + 0.5 * 1 - 1 * 2 - 4
    dx_t, dh_prev, grads = rnn_step_backward(np.array([[10.0]]), cache)
    np.testing.assert_array_equal(dx_t, [[5, -10]])
    np.testing.assert_array_equal(dh_prev, [[20]])
    np.testing.assert_array_equal(grads["W_xh"], [[10, 20]])
    np.testing.assert_array_equal(grads["W_hh"], [[30]])
    np.testing.assert_array_equal(grads["b_h"], [10])


def test_rnn_without_initial_state_starts_at_zero(rng):
    """Is h_0 = None the zero state, for states and gradients?"""
    arrays, upstream = sequence_arrays(rng) | {"h_0": None}, normal(rng, B, T, H)
    h, cache = rnn_forward(**arrays)
    h_zero, cache_zero = rnn_forward(**arrays | {"h_0": np.zeros((B, H))})
    np.testing.assert_array_equal(h, h_zero)
    expected = all_gradients(upstream, cache_zero)
    assert_same_arrays(all_gradients(upstream, cache), expected, rtol=0, atol=0)


@every
@with_or_without_bias
def test_rnn_step_keeps_float32(nonlinearity, bias, rng):
    """Do float32 inputs and weights give a float32 state and gradients?"""
    params = init_rnn(D, H, rng, np.float32, bias)
    x_t, h_prev = (normal(rng, B, size, dtype=np.float32) for size in (D, H))
    h_t, cache = rnn_step_forward(x_t, h_prev, **params, nonlinearity=nonlinearity)
    dx_t, dh_prev, grads = rnn_step_backward(h_t, cache)
    results = [h_t, dx_t, dh_prev, *params.values(), *grads.values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


WRONG = {
    "x": ((B, T, H), r"x has shape \(2, 7, 5\), but W_xh \(5, 3\) needs \(any, any, 3\)"),
    "h_0": ((B + 1, H), r"h_0 has shape \(3, 5\), but x \(2, 7, 3\) with W_hh \(5, 5\) needs"),
    "W_xh": ((H,), r"W_xh has shape \(5,\)"),
    "W_hh": ((H, D), r"W_hh has shape \(5, 3\), but W_xh \(5, 3\) needs \(5, 5\)"),
    "b_h": ((D,), r"b_h has shape \(3,\), but W_xh \(5, 3\) needs \(5\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_rnn_names_both_shapes(name, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    shape, match = WRONG[name]
    with pytest.raises(ValueError, match=match):
        rnn_forward(**sequence_arrays(rng) | {name: np.zeros(shape)})


def test_rnn_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    _, cache = rnn_forward(**sequence_arrays(rng))
    with pytest.raises(ValueError, match=r"dh has shape \(2, 5\), but h \(2, 7, 5\) needs"):
        rnn_backward(np.ones((B, H)), cache)
    _, cache = rnn_step_forward(**step_arrays(rng))
    with pytest.raises(ValueError, match=r"dh_t has shape \(5,\), but h_t \(2, 5\) needs"):
        rnn_step_backward(np.ones(H), cache)


@pytest.mark.parametrize(
    ("name", "shape", "match"),
    [
        ("x_t", (B, H), r"x_t has shape \(2, 5\), but W_xh \(5, 3\) needs \(any, 3\)"),
        ("h_prev", (H,), r"h_prev has shape \(5,\), but x_t \(2, 3\) with W_hh \(5, 5\) needs"),
        ("b_h", (1,), r"b_h has shape \(1,\), but W_xh \(5, 3\) needs \(5\)"),
    ],
)
def test_rnn_step_names_both_shapes(name, shape, match, rng):
    """Do the step's errors call its arguments by their own names?"""
    with pytest.raises(ValueError, match=match):
        rnn_step_forward(**step_arrays(rng) | {name: np.zeros(shape)})


def test_rnn_refuses_an_unknown_nonlinearity(rng):
    """Does a misspelt nonlinearity raise, naming those there are?"""
    match = "nonlinearity is 'selu'; expected one of relu, sigmoid, tanh"
    with pytest.raises(ValueError, match=match):
        rnn_forward(**sequence_arrays(rng), nonlinearity="selu")
    with pytest.raises(ValueError, match=match):
        rnn_step_forward(**step_arrays(rng), nonlinearity="selu")


def test_init_rnn_has_torch_distribution(rng):
    """Do all parameters fill ±1/sqrt(hidden size) evenly, as torch's do?"""
    params = init_rnn(30, 400, rng)
    shapes = {name: param.shape for name, param in params.items()}
    assert shapes == {"W_xh": (400, 30), "W_hh": (400, 400), "b_h": (400,)}
    for param in params.values():
        assert 0.049 < np.abs(param).max() <= 0.05
        assert param.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
    assert init_rnn(D, H, rng, bias=False).keys() == {"W_xh", "W_hh"}
