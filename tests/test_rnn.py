"""The vanilla RNN: one step, a sequence, BPTT and its truncation, against torch and differences."""

import numpy as np
import pytest
import torch
from gradients import (
    B,
    D,
    H,
    T,
    assert_gradients,
    frozen,
    normal,
    summed_over_steps,
    torch_gradients,
)
from hypothesis import given
from hypothesis import strategies as st

from rnn_course.rnn import (
    init_rnn,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
)

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}
both = pytest.mark.parametrize("nonlinearity", NONLINEARITIES)


def weights(rng, D=D, H=H, dtype=np.float64):
    """Frozen parameters, large enough that a wrong factor shows; W_hh is not symmetric."""
    return {
        "W_xh": normal(rng, H, D, dtype=dtype),
        "W_hh": frozen(rng.standard_normal((H, H)).astype(dtype) / 2),
        "b_h": normal(rng, H, dtype=dtype),
    }


def torch_rnn(x, h_0, W_xh, W_hh, b_h, nonlinearity="tanh", truncation=None):
    """States (B, T, H) from torch, the state detached before every truncation-th step."""
    states, h_t = [], h_0
    for t in range(x.shape[1]):
        if truncation is not None and t > 0 and t % truncation == 0:
            h_t = h_t.detach()
        a_t = torch.nn.functional.linear(h_t, W_hh) + torch.nn.functional.linear(x[:, t], W_xh, b_h)
        h_t = NONLINEARITIES[nonlinearity](a_t)
        states.append(h_t)
    return torch.stack(states, dim=1)


def sequence_arrays(rng, B=B, T=T, D=D, H=H):
    """Everything rnn_forward takes, by name; h_0 is not zero."""
    return {"x": normal(rng, B, T, D), "h_0": normal(rng, B, H)} | weights(rng, D, H)


def all_gradients(dh, cache, truncation=None):
    """rnn_backward's results in one dict."""
    dx, dh_0, grads = rnn_backward(dh, cache, truncation)
    return {"x": dx, "h_0": dh_0} | grads


@both
def test_rnn_step_gradient_is_right(nonlinearity, rng):
    """Do all five gradients of one step agree with torch and finite differences?"""
    arrays = {"x_t": normal(rng, B, D), "h_prev": normal(rng, B, H)} | weights(rng)
    upstream = normal(rng, B, H)
    _, cache = rnn_step_forward(**arrays, nonlinearity=nonlinearity)
    dx_t, dh_prev, grads = rnn_step_backward(upstream, cache)
    assert_gradients(
        {"x_t": dx_t, "h_prev": dh_prev} | grads,
        lambda **changed: rnn_step_forward(**changed, nonlinearity=nonlinearity)[0],
        lambda x_t, h_prev, **params: torch_rnn(
            x_t[:, None], h_prev, **params, nonlinearity=nonlinearity
        )[:, 0],
        arrays,
        upstream,
    )


@both
def test_rnn_gradient_is_right(nonlinearity, rng):
    """Do all five gradients of a sequence agree with torch and finite differences?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    _, cache = rnn_forward(**arrays, nonlinearity=nonlinearity)
    assert_gradients(
        all_gradients(upstream, cache),
        lambda **changed: rnn_forward(**changed, nonlinearity=nonlinearity)[0],
        lambda **tensors: torch_rnn(**tensors, nonlinearity=nonlinearity),
        arrays,
        upstream,
    )


@both
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


@both
def test_rnn_sequence_equals_loop_of_steps(nonlinearity, rng):
    """Do steps chained by hand, forward and backward, give the sequence's states and gradients?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    x, h_0, *params = arrays.values()
    h, cache = rnn_forward(x, h_0, *params, nonlinearity=nonlinearity)
    h_t, step_caches = h_0, []
    for t in range(T):
        h_t, step_cache = rnn_step_forward(x[:, t], h_t, *params, nonlinearity=nonlinearity)
        np.testing.assert_allclose(h_t, h[:, t], rtol=1e-12, atol=1e-14)
        step_caches.append(step_cache)

    summed = summed_over_steps(rnn_step_backward, step_caches, upstream, arrays)
    for name, grad in all_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, summed[name], rtol=1e-11, atol=1e-12, err_msg=name)


@both
@pytest.mark.parametrize("truncation", [1, 2, 3, T, T + 1])
def test_rnn_truncation_equals_detached_state(nonlinearity, truncation, rng):
    """Is truncated BPTT what torch gives when the state is detached every k steps?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    output, expected = torch_gradients(
        lambda **tensors: torch_rnn(**tensors, nonlinearity=nonlinearity, truncation=truncation),
        arrays,
        upstream,
    )
    h, cache = rnn_forward(**arrays, nonlinearity=nonlinearity)
    np.testing.assert_allclose(h, output, rtol=1e-10, atol=1e-12)
    for name, grad in all_gradients(upstream, cache, truncation).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)


def test_rnn_truncation_changes_the_gradient_only_when_it_cuts(rng):
    """Is a piece as long as the sequence the full gradient, and a shorter one another?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    _, cache = rnn_forward(**arrays)
    full = all_gradients(upstream, cache)
    for name, grad in all_gradients(upstream, cache, truncation=T).items():
        np.testing.assert_array_equal(grad, full[name])
    assert (
        np.abs(all_gradients(upstream, cache, truncation=T - 1)["W_hh"] - full["W_hh"]).max() > 0.01
    )


def test_rnn_truncation_keeps_pieces_apart(rng):
    """Does a loss in the third piece send a gradient into that piece alone?"""
    arrays, upstream = sequence_arrays(rng), np.zeros((B, T, H))
    upstream[:, 4] = rng.standard_normal((B, H))
    _, cache = rnn_forward(**arrays)
    dx, dh_0, _ = rnn_backward(upstream, cache, truncation=2)  # pieces 01 23 45 6
    assert dx[:, 4].any()
    assert not np.delete(dx, 4, axis=1).any()
    assert not dh_0.any()


@pytest.mark.parametrize("truncation", [0, -1])
def test_rnn_truncation_refuses_less_than_one_step(truncation, rng):
    """Does a piece without steps raise?"""
    _, cache = rnn_forward(**sequence_arrays(rng))
    with pytest.raises(ValueError, match=rf"truncation is {truncation}; expected .* >= 1"):
        rnn_backward(np.zeros((B, T, H)), cache, truncation)


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
    for name, grad in all_gradients(upstream, cache).items():
        np.testing.assert_array_equal(grad, expected[name])


def test_rnn_state_carries_over_between_pieces(rng):
    """Does a sequence cut in two, the state handed on, give the states of the whole?"""
    arrays = sequence_arrays(rng)
    h, _ = rnn_forward(**arrays)
    first, _ = rnn_forward(**arrays | {"x": arrays["x"][:, :4]})
    second, _ = rnn_forward(**arrays | {"x": arrays["x"][:, 4:], "h_0": first[:, -1]})
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), h, rtol=1e-12, atol=1e-14)


@both
@given(
    lengths=st.lists(st.integers(1, T), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    junk=st.sampled_from([0.0, -3.0, 1e6]),
)
def test_rnn_padding_changes_nothing(nonlinearity, lengths, seed, junk):
    """Are real states and all gradients those of each sequence alone, whatever padding holds?"""
    rng = np.random.default_rng(seed)
    arrays = {name: np.array(array) for name, array in sequence_arrays(rng, B=len(lengths)).items()}
    real = np.arange(T) < np.array(lengths)[:, None]  # (B, T)
    dh = rng.standard_normal((*real.shape, H)) * real[..., None]
    arrays["x"][~real] = junk
    h, cache = rnn_forward(**arrays, nonlinearity=nonlinearity)
    padded = all_gradients(dh, cache)
    assert not padded["x"][~real].any()

    summed = {name: np.zeros_like(arrays[name]) for name in ("W_xh", "W_hh", "b_h")}
    for row, length in enumerate(lengths):
        single = arrays | {"x": arrays["x"][[row], :length], "h_0": arrays["h_0"][[row]]}
        h_alone, cache_alone = rnn_forward(**single, nonlinearity=nonlinearity)
        np.testing.assert_allclose(h[[row], :length], h_alone, rtol=1e-9, atol=1e-12)
        alone = all_gradients(dh[[row], :length], cache_alone)
        np.testing.assert_allclose(padded["x"][[row], :length], alone["x"], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(padded["h_0"][[row]], alone["h_0"], rtol=1e-9, atol=1e-9)
        for name in summed:
            summed[name] += alone[name]
    for name, expected in summed.items():
        np.testing.assert_allclose(padded[name], expected, rtol=1e-9, atol=1e-9, err_msg=name)


@given(
    sizes=st.tuples(*[st.integers(1, 6)] * 4),
    truncation=st.none() | st.integers(1, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_rnn_gradient_equals_torch_for_any_size(sizes, truncation, seed):
    """Do states and gradients agree with torch for any B, T, D, H and any truncation?"""
    B, T, D, H = sizes
    rng = np.random.default_rng(seed)
    arrays, upstream = sequence_arrays(rng, B, T, D, H), normal(rng, B, T, H)
    _, expected = torch_gradients(
        lambda **tensors: torch_rnn(**tensors, truncation=truncation), arrays, upstream
    )
    _, cache = rnn_forward(**arrays)
    for name, grad in all_gradients(upstream, cache, truncation).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-9, atol=1e-10, err_msg=name)


@both
@pytest.mark.parametrize("initial", ["given", "zeros"])
def test_rnn_keeps_float32(nonlinearity, initial, rng):
    """Do float32 inputs and weights give float32 states and gradients?"""
    params = init_rnn(D, H, rng, np.float32)
    x = normal(rng, B, T, D, dtype=np.float32)
    h_0 = normal(rng, B, H, dtype=np.float32) if initial == "given" else None
    h, cache = rnn_forward(x, h_0, **params, nonlinearity=nonlinearity)
    h_t, step_cache = rnn_step_forward(x[:, 0], h[:, 0], **params, nonlinearity=nonlinearity)
    dx_t, dh_prev, step_grads = rnn_step_backward(h_t, step_cache)
    results = [h, h_t, dx_t, dh_prev, *params.values(), *step_grads.values()]
    for truncation in (None, 2):
        results += all_gradients(h, cache, truncation).values()
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_rnn_takes_integer_inputs(rng):
    """Do one-hot vectors given as integers count as the numbers they are?"""
    x, params = np.eye(D, dtype=int)[rng.integers(D, size=(B, T))], weights(rng)
    h, cache = rnn_forward(x, None, **params)
    h_float, cache_float = rnn_forward(x.astype(float), None, **params)
    np.testing.assert_array_equal(h, h_float)
    expected = all_gradients(h, cache_float)
    for name, grad in all_gradients(h, cache).items():
        np.testing.assert_array_equal(grad, expected[name])
        assert grad.dtype == np.float64


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
    arrays = sequence_arrays(rng)
    _, cache = rnn_forward(**arrays)
    with pytest.raises(ValueError, match=r"dh has shape \(2, 5\), but h \(2, 7, 5\) needs"):
        rnn_backward(np.ones((B, H)), cache)
    x, h_0, *params = arrays.values()
    _, cache = rnn_step_forward(x[:, 0], h_0, *params)
    with pytest.raises(ValueError, match=r"dh_t has shape \(5,\), but h_t \(2, 5\) needs"):
        rnn_step_backward(np.ones(H), cache)


def test_rnn_step_names_both_shapes(rng):
    """Do the step's errors call its arguments by their own names?"""
    params = weights(rng)
    with pytest.raises(ValueError, match=r"x_t has shape \(2, 5\), but W_xh \(5, 3\) needs"):
        rnn_step_forward(np.zeros((B, H)), np.zeros((B, H)), **params)
    with pytest.raises(ValueError, match=r"h_prev has shape \(5,\), but x_t \(2, 3\) with W_hh"):
        rnn_step_forward(np.zeros((B, D)), np.zeros(H), **params)


def test_init_rnn_has_torch_distribution(rng):
    """Do all parameters fill ±1/sqrt(hidden size) evenly, as torch's do?"""
    params = init_rnn(30, 400, rng)
    shapes = {name: param.shape for name, param in params.items()}
    assert shapes == {"W_xh": (400, 30), "W_hh": (400, 400), "b_h": (400,)}
    for param in params.values():
        assert 0.049 < np.abs(param).max() <= 0.05
        assert param.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
