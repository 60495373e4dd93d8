"""The LSTM: one step, torch's own module, the cell state's gradient, errors, initial parameters.

What it shares with the other recurrent layers is in test_time_blocks.py.
"""

import numpy as np
import pytest
import torch
from gradients import (
    B,
    D,
    H,
    T,
    assert_gradients,
    assert_same_arrays,
    frozen,
    normal,
    torch_gradients,
)
from torch_layers import lstm_cell

from rnn_course.lstm import (
    init_lstm,
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
)

with_or_without_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def weights(rng, bias=True):
    """Frozen parameters, large enough that a wrong factor shows; no gate's W_hh is symmetric."""
    params = {"W_xh": normal(rng, 4 * H, D), "W_hh": frozen(rng.standard_normal((4 * H, H)) / 2)}
    return params | ({"b_h": normal(rng, 4 * H)} if bias else {})


def sequence_arrays(rng):
    """Everything lstm_forward takes, by name; neither initial state is zero."""
    states = {"h_0": normal(rng, B, H), "c_0": normal(rng, B, H)}
    return {"x": normal(rng, B, T, D)} | states | weights(rng)


def step_arrays(rng, bias=True):
    """Everything lstm_step_forward takes, by name."""
    states = {"h_prev": normal(rng, B, H), "c_prev": normal(rng, B, H)}
    return {"x_t": normal(rng, B, D)} | states | weights(rng, bias)


def torch_parameters(W_xh, W_hh, b_h, suffix=""):
    """Our parameters under the names of torch's modules, whose second bias is zero."""
    values = {"weight_ih": W_xh, "weight_hh": W_hh, "bias_ih": b_h, "bias_hh": b_h * 0}
    return {f"{name}{suffix}": value for name, value in values.items()}


def all_gradients(upstream, cache, truncation=None):
    """lstm_backward's results in one dict, for the upstream (B, T, 2H) of h and c."""
    dh, dc = np.split(upstream, 2, axis=2)
    dx, dh_0, dc_0, grads = lstm_backward(dh, dc, cache, truncation)
    return {"x": dx, "h_0": dh_0, "c_0": dc_0} | grads


def both_states(**arrays):
    """lstm_forward's h and c side by side, (B, T, 2H)."""
    return np.concatenate(lstm_forward(**arrays)[0], axis=2)


@with_or_without_bias
def test_lstm_step_gradient_is_right(bias, rng):
    """Do all gradients of one step agree with torch and finite differences?"""
    arrays, upstream = step_arrays(rng, bias), normal(rng, B, 2 * H)
    _, cache = lstm_step_forward(**arrays)
    dx_t, dh_prev, dc_prev, grads = lstm_step_backward(upstream[:, :H], upstream[:, H:], cache)
    assert_gradients(
        {"x_t": dx_t, "h_prev": dh_prev, "c_prev": dc_prev} | grads,
        lambda **changed: np.concatenate(lstm_step_forward(**changed)[0], axis=1),
        lambda x_t, h_prev, c_prev, **params: torch.cat(
            lstm_cell(x_t, (h_prev, c_prev), **params), dim=1
        ),
        arrays,
        upstream,
    )


def test_lstm_equals_torch_module(rng):
    """Does torch.nn.LSTM itself give the same states and gradients, without dc but at the end?"""
    arrays, upstream = sequence_arrays(rng), np.zeros((B, T + 1, H))
    upstream[:] = rng.standard_normal(upstream.shape)  # the last place is for the last cell state

    def module_states(x, h_0, c_0, **params):
        module = torch.nn.LSTM(D, H, batch_first=True, dtype=torch.float64)
        named = torch_parameters(**params, suffix="_l0")
        h, (h_last, c_last) = torch.func.functional_call(module, named, (x, (h_0[None], c_0[None])))
        assert torch.equal(h[:, -1], h_last[0])
        return torch.cat([h, c_last.transpose(0, 1)], dim=1)

    output, expected = torch_gradients(module_states, arrays, upstream)
    (h, c), cache = lstm_forward(**arrays)
    np.testing.assert_allclose(h, output[:, :-1], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(c[:, -1], output[:, -1], rtol=1e-10, atol=1e-12)
    dc = np.zeros((B, T, H))
    dc[:, -1] = upstream[:, -1]
    dx, dh_0, dc_0, grads = lstm_backward(upstream[:, :-1], dc, cache)
    assert_same_arrays({"x": dx, "h_0": dh_0, "c_0": dc_0} | grads, expected)


def test_lstm_without_upstream_on_the_cell_state(rng):
    """Is dc = None a gradient of zeros on every cell state?"""
    arrays, dh = sequence_arrays(rng), normal(rng, B, T, H)
    _, cache = lstm_forward(**arrays)
    *of_inputs, grads = lstm_backward(dh, None, cache)
    *of_inputs_zeros, grads_zeros = lstm_backward(dh, np.zeros((B, T, H)), cache)
    for grad, expected in zip(of_inputs, of_inputs_zeros, strict=True):
        np.testing.assert_array_equal(grad, expected)
    assert_same_arrays(grads, grads_zeros, rtol=0, atol=0)


@pytest.mark.parametrize("missing", [("h_0",), ("c_0",), ("h_0", "c_0")])
def test_lstm_without_initial_state_starts_at_zero(missing, rng):
    """Is None the zero state, for states and gradients, in each of the two alone?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, 2 * H)
    zeros = arrays | {name: np.zeros((B, H)) for name in missing}
    nothing = arrays | dict.fromkeys(missing)
    np.testing.assert_array_equal(both_states(**nothing), both_states(**zeros))
    expected = all_gradients(upstream, lstm_forward(**zeros)[1])
    grads = all_gradients(upstream, lstm_forward(**nothing)[1])
    assert_same_arrays(grads, expected, rtol=0, atol=0)


def test_lstm_step_by_hand():
    """Are gates forced open and shut by their biases what pen and paper give?"""
    size, shut, opened = (8, 1), -1000.0, 1000.0
    # two units: the first keeps its cell and hides it, the second writes 1 and shows it
    b_h = frozen([shut, opened, opened, shut, 0.0, opened, shut, opened])
    c_prev = frozen([[3.0, -2.0]])
    (h_t, c_t), _ = lstm_step_forward(
        np.zeros((1, 1)), np.zeros((1, 2)), c_prev, np.zeros(size), np.zeros((8, 2)), b_h
    )
    np.testing.assert_array_equal(c_t, [[3.0, 1.0]])
    np.testing.assert_allclose(h_t, [[0.0, np.tanh(1.0)]], rtol=1e-15)


@with_or_without_bias
def test_lstm_step_keeps_float32(bias, rng):
    """Do float32 inputs and weights give float32 states and gradients?"""
    params = init_lstm(D, H, rng, dtype=np.float32, bias=bias)
    x_t, h_prev, c_prev = (normal(rng, B, size, dtype=np.float32) for size in (D, H, H))
    (h_t, c_t), cache = lstm_step_forward(x_t, h_prev, c_prev, **params)
    *of_inputs, grads = lstm_step_backward(h_t, c_t, cache)
    results = [h_t, c_t, *of_inputs, *params.values(), *grads.values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@pytest.mark.parametrize("missing", ["h_0", "c_0"])
def test_lstm_keeps_float32_without_a_state(missing, rng):
    """Are the zeros of an absent state of the type of the rest?"""
    arrays = {name: array.astype(np.float32) for name, array in sequence_arrays(rng).items()}
    (h, c), cache = lstm_forward(**arrays | {missing: None})
    *of_inputs, grads = lstm_backward(h, None, cache, 2)
    results = [h, c, *of_inputs, *grads.values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


WRONG = {
    "x": ((B, T, H), r"x has shape \(2, 7, 5\), but W_xh \(20, 3\) needs \(any, any, 3\)"),
    "h_0": ((B + 1, H), r"h_0 has shape \(3, 5\), but x \(2, 7, 3\) with W_hh \(20, 5\) needs"),
    "c_0": ((1, H), r"c_0 has shape \(1, 5\), but x \(2, 7, 3\) with W_hh \(20, 5\) needs"),
    "W_xh": ((4 * H + 1, D), r"W_xh has shape \(21, 3\), but 4 gates need 4 H rows"),
    "W_hh": ((4 * H, D), r"W_hh has shape \(20, 3\), but W_xh \(20, 3\) of 4 gates needs \(20, 5"),
    "b_h": ((H,), r"b_h has shape \(5,\), but W_xh \(20, 3\) needs \(20\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_lstm_names_both_shapes(name, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    shape, match = WRONG[name]
    with pytest.raises(ValueError, match=match):
        lstm_forward(**sequence_arrays(rng) | {name: np.zeros(shape)})


@pytest.mark.parametrize(
    ("name", "shape", "match"),
    [
        ("x_t", (B, T, D), r"x_t has shape \(2, 7, 3\), but W_xh \(20, 3\) needs \(any, 3\)"),
        ("h_prev", (H,), r"h_prev has shape \(5,\), but x_t \(2, 3\) with W_hh \(20, 5\) needs"),
        ("c_prev", (1, H), r"c_prev has shape \(1, 5\), but x_t \(2, 3\) with W_hh"),
        ("W_xh", (D,), r"W_xh has shape \(3,\), but \(4 \* hidden size, input size\) needs"),
    ],
)
def test_lstm_step_names_both_shapes(name, shape, match, rng):
    """Do the step's errors call its arguments by their own names?"""
    with pytest.raises(ValueError, match=match):
        lstm_step_forward(**step_arrays(rng) | {name: np.zeros(shape)})


def test_lstm_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    _, cache = lstm_forward(**sequence_arrays(rng))
    with pytest.raises(ValueError, match=r"dh has shape \(2, 5\), but h \(2, 7, 5\) needs"):
        lstm_backward(np.ones((B, H)), None, cache)
    with pytest.raises(ValueError, match=r"dc has shape \(7, 5\), but c \(2, 7, 5\) needs"):
        lstm_backward(np.ones((B, T, H)), np.ones((T, H)), cache)
    _, cache = lstm_step_forward(**step_arrays(rng))
    with pytest.raises(ValueError, match=r"dh_t has shape \(5,\), but h_t \(2, 5\) needs"):
        lstm_step_backward(np.ones(H), np.ones((B, H)), cache)
    with pytest.raises(ValueError, match=r"dc_t has shape \(1, 5\), but c_t \(2, 5\) needs"):
        lstm_step_backward(np.ones((B, H)), np.ones((1, H)), cache)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, -2.5])
def test_init_lstm_sets_the_forget_bias_alone(forget_bias, rng):
    """Is the forget gate's bias the argument, and all else spread over ±1/sqrt(hidden size)?"""
    params = init_lstm(30, 400, rng, forget_bias=forget_bias)
    shapes = {name: param.shape for name, param in params.items()}
    assert shapes == {"W_xh": (1600, 30), "W_hh": (1600, 400), "b_h": (1600,)}
    i, f, g, o = params["b_h"].reshape(4, 400)
    np.testing.assert_array_equal(f, np.full(400, forget_bias))
    for param in (params["W_xh"], params["W_hh"], i, g, o):
        assert 0.049 < np.abs(param).max() <= 0.05
        assert param.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
    without = init_lstm(D, H, rng, forget_bias=forget_bias, bias=False)
    assert without.keys() == {"W_xh", "W_hh"}


def test_init_lstm_starts_with_the_forget_gate_half_open(rng):
    """Is 0 the forget gate's bias where none is given?"""
    np.testing.assert_array_equal(init_lstm(D, H, rng)["b_h"][H : 2 * H], np.zeros(H))


def test_forget_bias_lets_gradients_reach_further(rng):
    """Does a large forget bias carry a gradient from the last cell state back to the first?"""
    x, dc = normal(rng, B, 30, D), np.zeros((B, 30, H))
    dc[:, -1] = rng.standard_normal((B, H))
    sizes = []
    for forget_bias in (-1.0, 5.0):
        params = init_lstm(D, H, np.random.default_rng(3), forget_bias=forget_bias)
        _, cache = lstm_forward(x, None, None, **params)
        sizes.append(np.linalg.norm(lstm_backward(np.zeros_like(dc), dc, cache)[2]))
    assert sizes[0] < 1e-8 < 0.1 < sizes[1]
