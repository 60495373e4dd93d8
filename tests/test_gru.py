"""The GRU in both conventions: one step, torch's own module, what the conventions share, errors.

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
from torch_layers import gru_cell

from rnn_course.gru import (
    gru_backward,
    gru_forward,
    gru_step_backward,
    gru_step_forward,
    init_gru,
)

both = pytest.mark.parametrize("reset", ["after", "before"])
some_biases = pytest.mark.parametrize(
    "biases", [("b_xh", "b_hh"), ("b_xh",), ("b_hh",), ()], ids=" ".join
)


def weights(rng, biases=("b_xh", "b_hh")):
    """Frozen parameters, large enough that a wrong factor shows; no gate's W_hh is symmetric."""
    params = {"W_xh": normal(rng, 3 * H, D), "W_hh": frozen(rng.standard_normal((3 * H, H)) / 2)}
    return params | {name: normal(rng, 3 * H) for name in biases}


def sequence_arrays(rng, biases=("b_xh", "b_hh")):
    """Everything gru_forward takes, by name; h_0 is not zero."""
    return {"x": normal(rng, B, T, D), "h_0": normal(rng, B, H)} | weights(rng, biases)


def step_arrays(rng, biases=("b_xh", "b_hh")):
    """Everything gru_step_forward takes, by name."""
    return {"x_t": normal(rng, B, D), "h_prev": normal(rng, B, H)} | weights(rng, biases)


def torch_parameters(W_xh, W_hh, b_xh, b_hh, suffix=""):
    """Our parameters under the names of torch's modules."""
    values = {"weight_ih": W_xh, "weight_hh": W_hh, "bias_ih": b_xh, "bias_hh": b_hh}
    return {f"{name}{suffix}": value for name, value in values.items()}


def all_gradients(dh, cache, truncation=None):
    """gru_backward's results in one dict."""
    dx, dh_0, grads = gru_backward(dh, cache, truncation)
    return {"x": dx, "h_0": dh_0} | grads


@both
@some_biases
def test_gru_step_gradient_is_right(reset, biases, rng):
    """Do all gradients of one step agree with torch and finite differences, with either bias?"""
    arrays, upstream = step_arrays(rng, biases), normal(rng, B, H)
    _, cache = gru_step_forward(**arrays, reset=reset)
    dx_t, dh_prev, grads = gru_step_backward(upstream, cache)
    assert_gradients(
        {"x_t": dx_t, "h_prev": dh_prev} | grads,
        lambda **changed: gru_step_forward(**changed, reset=reset)[0],
        lambda x_t, h_prev, **params: gru_cell(x_t, (h_prev,), **params, reset=reset)[0],
        arrays,
        upstream,
    )


def test_gru_equals_torch_module(rng):
    """Does torch.nn.GRU itself, with our weights, give the same states and gradients?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)

    def module_states(x, h_0, **params):
        module = torch.nn.GRU(D, H, batch_first=True, dtype=torch.float64)
        named = torch_parameters(**params, suffix="_l0")
        h, h_last = torch.func.functional_call(module, named, (x, h_0[None]))
        assert torch.equal(h[:, -1], h_last[0])
        return h

    output, expected = torch_gradients(module_states, arrays, upstream)
    h, cache = gru_forward(**arrays)  # torch's convention is the one without saying
    np.testing.assert_allclose(h, output, rtol=1e-10, atol=1e-12)
    assert_same_arrays(all_gradients(upstream, cache), expected)


@both
@some_biases
def test_gru_sequence_takes_either_bias(reset, biases, rng):
    """Is an absent bias one of zeros in a sequence too, and without a gradient?"""
    arrays, upstream = sequence_arrays(rng, biases), normal(rng, B, T, H)
    zeros = {name: np.zeros(3 * H) for name in ("b_xh", "b_hh")}
    h, cache = gru_forward(**arrays, reset=reset)
    h_zeros, cache_zeros = gru_forward(**zeros | arrays, reset=reset)
    np.testing.assert_array_equal(h, h_zeros)
    expected = all_gradients(upstream, cache_zeros)
    expected = {name: expected[name] for name in arrays}
    assert_same_arrays(all_gradients(upstream, cache), expected, rtol=0, atol=0)


def test_gru_step_is_torch_convention_without_saying(rng):
    """Is reset="after" the step's default too?"""
    arrays = step_arrays(rng)
    expected, _ = gru_step_forward(**arrays, reset="after")
    np.testing.assert_array_equal(gru_step_forward(**arrays)[0], expected)


def textbook_step(x_t, h_prev, W_xh, W_hh, b_xh, b_hh):
    """Cho et al. (2014), equations 5 to 8, entry by entry for one sequence, biases added."""
    H = len(h_prev)

    def pre_activation(gate, unit, state):
        row = gate * H + unit
        from_x = sum(w * entry for w, entry in zip(W_xh[row], x_t, strict=True))
        from_h = sum(w * entry for w, entry in zip(W_hh[row], state, strict=True))
        return from_x + b_xh[row] + from_h + b_hh[row]

    r = [1 / (1 + np.exp(-pre_activation(0, unit, h_prev))) for unit in range(H)]
    z = [1 / (1 + np.exp(-pre_activation(1, unit, h_prev))) for unit in range(H)]
    kept = [r[unit] * h_prev[unit] for unit in range(H)]
    n = [np.tanh(pre_activation(2, unit, kept)) for unit in range(H)]
    return [z[unit] * h_prev[unit] + (1 - z[unit]) * n[unit] for unit in range(H)]


def test_gru_reset_before_is_the_textbook_formula(rng):
    """Is "before" the paper's formula, entry by entry, and "after" another function?"""
    arrays = step_arrays(rng)
    x_t, h_prev, *params = arrays.values()
    h_t, _ = gru_step_forward(**arrays, reset="before")
    for row in range(B):
        expected = textbook_step(x_t[row], h_prev[row], *params)
        np.testing.assert_allclose(h_t[row], expected, rtol=1e-12, atol=1e-14)
    assert np.abs(h_t - gru_step_forward(**arrays, reset="after")[0]).max() > 0.01


def test_gru_conventions_agree_where_the_docstring_says(rng):
    """Are both resets one function where W_hn is diagonal and b_hn zero, and two with a bias?"""
    arrays = {name: np.array(array) for name, array in sequence_arrays(rng).items()}
    arrays["W_hh"][2 * H :] = np.diag(rng.standard_normal(H))
    arrays["b_hh"][2 * H :] = 0
    h_after, _ = gru_forward(**arrays, reset="after")
    h_before, _ = gru_forward(**arrays, reset="before")
    np.testing.assert_allclose(h_after, h_before, rtol=1e-12, atol=1e-14)
    arrays["b_hh"][2 * H :] = 1
    difference = gru_forward(**arrays, reset="after")[0] - gru_forward(**arrays, reset="before")[0]
    assert np.abs(difference).max() > 0.01


@both
def test_gru_roles_of_z_are_exchanged_by_a_sign(reset, rng):
    """Does the sign of z's rows and biases exchange the shares of old state and candidate?"""
    arrays = {name: np.array(array) for name, array in step_arrays(rng).items()}
    h_t, _ = gru_step_forward(**arrays, reset=reset)
    shut = np.repeat([0.0, -1000.0, 0.0], H)  # z = 0: the candidate is the whole state
    n, _ = gru_step_forward(**arrays | {"b_xh": arrays["b_xh"] + shut}, reset=reset)
    for name in ("W_xh", "W_hh", "b_xh", "b_hh"):
        arrays[name][H : 2 * H] *= -1
    exchanged, _ = gru_step_forward(**arrays, reset=reset)
    np.testing.assert_allclose(h_t + exchanged, n + arrays["h_prev"], rtol=1e-12, atol=1e-14)


@both
def test_gru_without_initial_state_starts_at_zero(reset, rng):
    """Is h_0 = None the zero state, for states and gradients?"""
    arrays, upstream = sequence_arrays(rng) | {"h_0": None}, normal(rng, B, T, H)
    h, cache = gru_forward(**arrays, reset=reset)
    h_zero, cache_zero = gru_forward(**arrays | {"h_0": np.zeros((B, H))}, reset=reset)
    np.testing.assert_array_equal(h, h_zero)
    expected = all_gradients(upstream, cache_zero)
    assert_same_arrays(all_gradients(upstream, cache), expected, rtol=0, atol=0)


@both
@some_biases
def test_gru_step_keeps_float32(reset, biases, rng):
    """Do float32 inputs and weights give a float32 state and gradients?"""
    arrays = {name: array.astype(np.float32) for name, array in step_arrays(rng, biases).items()}
    h_t, cache = gru_step_forward(**arrays, reset=reset)
    dx_t, dh_prev, grads = gru_step_backward(h_t, cache)
    results = [h_t, dx_t, dh_prev, *grads.values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@both
def test_gru_keeps_float32_without_a_state(reset, rng):
    """Are the zeros of an absent state of the type of the rest?"""
    params = init_gru(D, H, rng, np.float32)
    h, cache = gru_forward(normal(rng, B, T, D, dtype=np.float32), None, **params, reset=reset)
    results = [h, *params.values(), *all_gradients(h, cache, 2).values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


WRONG = {
    "x": ((B, T, H), r"x has shape \(2, 7, 5\), but W_xh \(15, 3\) needs \(any, any, 3\)"),
    "h_0": ((B + 1, H), r"h_0 has shape \(3, 5\), but x \(2, 7, 3\) with W_hh \(15, 5\) needs"),
    "W_xh": ((3 * H + 1, D), r"W_xh has shape \(16, 3\), but 3 gates need 3 H rows"),
    "W_hh": ((3 * H, D), r"W_hh has shape \(15, 3\), but W_xh \(15, 3\) of 3 gates needs \(15, 5"),
    "b_xh": ((H,), r"b_xh has shape \(5,\), but W_xh \(15, 3\) needs \(15\)"),
    "b_hh": ((1,), r"b_hh has shape \(1,\), but W_xh \(15, 3\) needs \(15\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_gru_names_both_shapes(name, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    shape, match = WRONG[name]
    with pytest.raises(ValueError, match=match):
        gru_forward(**sequence_arrays(rng) | {name: np.zeros(shape)})


def test_gru_step_names_both_shapes(rng):
    """Do the step's errors call its arguments by their own names?"""
    arrays = step_arrays(rng)
    with pytest.raises(ValueError, match=r"x_t has shape \(2, 5\), but W_xh \(15, 3\) needs"):
        gru_step_forward(**arrays | {"x_t": np.zeros((B, H))})
    with pytest.raises(ValueError, match=r"h_prev has shape \(5,\), but x_t \(2, 3\) with W_hh"):
        gru_step_forward(**arrays | {"h_prev": np.zeros(H)})
    with pytest.raises(ValueError, match=r"b_hh has shape \(5,\), but W_xh \(15, 3\) needs"):
        gru_step_forward(**arrays | {"b_hh": np.zeros(H)})


def test_gru_refuses_an_unknown_reset(rng):
    """Does a misspelt convention raise, naming the two there are?"""
    with pytest.raises(ValueError, match="reset is 'middle'; expected 'after' or 'before'"):
        gru_forward(**sequence_arrays(rng), reset="middle")
    with pytest.raises(ValueError, match="reset is None; expected 'after' or 'before'"):
        gru_step_forward(**step_arrays(rng), reset=None)


def test_gru_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    _, cache = gru_forward(**sequence_arrays(rng))
    with pytest.raises(ValueError, match=r"dh has shape \(2, 5\), but h \(2, 7, 5\) needs"):
        gru_backward(np.ones((B, H)), cache)
    _, cache = gru_step_forward(**step_arrays(rng))
    with pytest.raises(ValueError, match=r"dh_t has shape \(5,\), but h_t \(2, 5\) needs"):
        gru_step_backward(np.ones(H), cache)


def test_init_gru_has_torch_distribution(rng):
    """Do all parameters fill ±1/sqrt(hidden size) evenly, as torch's do?"""
    params = init_gru(30, 400, rng)
    shapes = {name: param.shape for name, param in params.items()}
    assert shapes == {
        "W_xh": (1200, 30),
        "W_hh": (1200, 400),
        "b_xh": (1200,),
        "b_hh": (1200,),
    }
    for param in params.values():
        assert 0.049 < np.abs(param).max() <= 0.05
        assert param.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
    assert init_gru(D, H, rng, bias=False).keys() == {"W_xh", "W_hh"}
