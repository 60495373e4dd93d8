"""minGRU and minLSTM: one step, a sequence and its gradient, padding, either way of scanning."""

from types import SimpleNamespace

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
from hypothesis import example, given
from hypothesis import strategies as st

import rnn_course.scan
from rnn_course.mingru import (
    init_mingru,
    mingru_backward,
    mingru_forward,
    mingru_step_backward,
    mingru_step_forward,
)
from rnn_course.minlstm import (
    init_minlstm,
    minlstm_backward,
    minlstm_forward,
    minlstm_step_backward,
    minlstm_step_forward,
)


def torch_candidate(a, candidate):
    return a if candidate == "linear" else torch.where(a >= 0, a + 0.5, torch.sigmoid(a))


def torch_mingru_step(x_t, h_prev, W_xh, b_h=None, candidate="linear"):
    """One step of a minGRU, written from the equations in torch."""
    a_z, a_n = torch.nn.functional.linear(x_t, W_xh, b_h).chunk(2, dim=1)
    z = torch.sigmoid(a_z)
    return (1 - z) * torch_candidate(a_n, candidate) + z * h_prev


def torch_minlstm_step(x_t, h_prev, W_xh, b_h=None, candidate="linear"):
    """One step of a minLSTM, written from the equations in torch, f / (f + i) to the letter."""
    a_i, a_f, a_g = torch.nn.functional.linear(x_t, W_xh, b_h).chunk(3, dim=1)
    i, f = torch.sigmoid(a_i), torch.sigmoid(a_f)
    return f / (f + i) * h_prev + i / (f + i) * torch_candidate(a_g, candidate)


MINGRU = SimpleNamespace(
    blocks=2,
    init=init_mingru,
    forward=mingru_forward,
    backward=mingru_backward,
    step_forward=mingru_step_forward,
    step_backward=mingru_step_backward,
    torch_step=torch_mingru_step,
)
MINLSTM = SimpleNamespace(
    blocks=3,
    init=init_minlstm,
    forward=minlstm_forward,
    backward=minlstm_backward,
    step_forward=minlstm_step_forward,
    step_backward=minlstm_step_backward,
    torch_step=torch_minlstm_step,
)
both = pytest.mark.parametrize("net", [MINGRU, MINLSTM], ids=["mingru", "minlstm"])
either_scan = pytest.mark.parametrize("parallel", [True, False], ids=["parallel", "steps"])
either_candidate = pytest.mark.parametrize("candidate", ["linear", "positive"])
with_or_without_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def weights(net, rng, D=D, H=H, bias=True):
    """Frozen parameters, large enough that a wrong factor shows."""
    params = {"W_xh": normal(rng, net.blocks * H, D)}
    return params | ({"b_h": normal(rng, net.blocks * H)} if bias else {})


def sequence_arrays(net, rng, B=B, T=T, D=D, H=H, bias=True):
    """Every array that forward takes, by name; h_0 is not zero."""
    return {"x": normal(rng, B, T, D), "h_0": normal(rng, B, H)} | weights(net, rng, D, H, bias)


def step_arrays(net, rng, bias=True):
    """Every array that step_forward takes, by name."""
    return {"x_t": normal(rng, B, D), "h_prev": normal(rng, B, H)} | weights(net, rng, bias=bias)


def torch_sequence(net, x, h_0, truncation=None, **rest):
    """The textbook loop in torch, with states detached at the cuts."""
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        if truncation is not None and t > 0 and t % truncation == 0:
            h_t = h_t.detach()
        h_t = net.torch_step(x[:, t], h_t, **rest)
        states.append(h_t)
    return torch.stack(states, dim=1) if states else h_0[:, None][:, :0]


def torch_padded(net, x, h_0, lengths, **rest):
    """Each sequence by itself over its real steps, then zeros."""
    rows = []
    for row, length in enumerate(lengths):
        h = torch_sequence(net, x[row : row + 1, :length], h_0[row : row + 1], **rest)
        rows.append(torch.nn.functional.pad(h, (0, 0, 0, x.shape[1] - length)))
    return torch.cat(rows)


def all_gradients(net, dh, cache, truncation=None):
    """backward's results in one dict."""
    dx, dh_0, grads = net.backward(dh, cache, truncation)
    return {"x": dx, "h_0": dh_0} | grads


@both
@either_candidate
@with_or_without_bias
def test_minimal_step_gradient_is_right(net, candidate, bias, rng):
    """Does every gradient of one step agree with torch and finite differences?"""
    arrays, upstream = step_arrays(net, rng, bias), normal(rng, B, H)
    _, cache = net.step_forward(**arrays, candidate=candidate)
    dx_t, dh_prev, grads = net.step_backward(upstream, cache)
    assert_gradients(
        {"x_t": dx_t, "h_prev": dh_prev} | grads,
        lambda **changed: net.step_forward(**changed, candidate=candidate)[0],
        lambda **tensors: net.torch_step(**tensors, candidate=candidate),
        arrays,
        upstream,
    )


@both
@either_scan
@either_candidate
@with_or_without_bias
def test_minimal_gradient_is_right(net, parallel, candidate, bias, rng):
    """Does every gradient of a sequence agree with torch and finite differences?"""
    arrays, upstream = sequence_arrays(net, rng, bias=bias), normal(rng, B, T, H)
    kind = {"candidate": candidate, "parallel": parallel}
    _, cache = net.forward(**arrays, **kind)
    assert_gradients(
        all_gradients(net, upstream, cache),
        lambda **changed: net.forward(**changed, **kind)[0],
        lambda **tensors: torch_sequence(net, **tensors, candidate=candidate),
        arrays,
        upstream,
    )


@both
@either_scan
@pytest.mark.parametrize("lengths", [(4, 7), (0, 1)])
def test_minimal_gradient_is_right_for_padded_sequences(net, parallel, lengths, rng):
    """Do values and gradients agree with torch running each sequence alone, also of length 0?"""
    arrays, upstream = sequence_arrays(net, rng), normal(rng, B, T, H)
    kind = {"lengths": frozen(lengths), "parallel": parallel}
    _, cache = net.forward(**arrays, **kind)
    assert_gradients(
        all_gradients(net, upstream, cache),
        lambda **changed: net.forward(**changed, **kind)[0],
        lambda **tensors: torch_padded(net, **tensors, lengths=lengths),
        arrays,
        upstream,
    )


@both
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 20), st.integers(1, 5), st.integers(1, 5)),
    truncation=st.none() | st.integers(1, 22),
    parallel=st.booleans(),
    candidate=st.sampled_from(["linear", "positive"]),
    seed=st.integers(0, 2**32 - 1),
)
@example((1, 1, 3, 5), None, True, "linear", 0)
@example((1, 7, 1, 1), 1, True, "linear", 0)
@example((2, 40, 3, 600), 9, True, "linear", 0)  # long steps, one at a time
@example((1, 131, 3, 512), 50, True, "positive", 0)  # more than one chunk of steps
def test_minimal_gradient_equals_torch_for_any_size(
    net, sizes, truncation, parallel, candidate, seed
):
    """Do states and gradients agree with torch for any B, T, D, H and any truncation?"""
    B, T, D, H = sizes
    rng = np.random.default_rng(seed)
    arrays, upstream = sequence_arrays(net, rng, B, T, D, H), normal(rng, B, T, H)
    output, expected = torch_gradients(
        lambda **tensors: torch_sequence(
            net, **tensors, truncation=truncation, candidate=candidate
        ),
        arrays,
        upstream,
    )
    h, cache = net.forward(**arrays, candidate=candidate, parallel=parallel)
    np.testing.assert_allclose(h, output, rtol=1e-10, atol=1e-10)
    for name, grad in all_gradients(net, upstream, cache, truncation).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-9, atol=1e-10, err_msg=name)


@both
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    truncation=st.none() | st.integers(1, 10),
    parallel=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@example([0], None, True, 0)
@example([9, 0, 1], 2, True, 0)
def test_minimal_padding_may_hold_anything(net, lengths, truncation, parallel, seed):
    """Is NaN in the padding of x and of the upstream nowhere to be seen, with zeros behind?"""
    rng, (B, T) = np.random.default_rng(seed), (len(lengths), 9)
    arrays, upstream = sequence_arrays(net, rng, B, T), normal(rng, B, T, H)
    padded = np.arange(T) >= np.array(lengths)[:, None]  # (B, T)
    x, dh = np.array(arrays["x"]), np.array(upstream)
    x[padded] = dh[padded] = np.nan
    whole, _ = net.forward(**arrays, parallel=parallel)
    _, clean_cache = net.forward(**arrays, lengths=lengths, parallel=parallel)
    h, cache = net.forward(**arrays | {"x": x}, lengths=lengths, parallel=parallel)
    np.testing.assert_array_equal(h, np.where(padded[..., None], 0, whole))
    expected = all_gradients(net, upstream, clean_cache, truncation)
    grads = all_gradients(net, dh, cache, truncation)
    for name, grad in grads.items():
        np.testing.assert_array_equal(grad, expected[name], err_msg=name)
    assert not grads["x"][padded].any()


@both
def test_minimal_full_lengths_change_nothing(net, rng):
    """Are the states and gradients of unpadded sequences those without lengths?"""
    arrays, upstream = sequence_arrays(net, rng), normal(rng, B, T, H)
    h, cache = net.forward(**arrays)
    h_full, cache_full = net.forward(**arrays, lengths=[T, T])
    np.testing.assert_array_equal(h_full, h)
    expected = all_gradients(net, upstream, cache)
    for name, grad in all_gradients(net, upstream, cache_full).items():
        np.testing.assert_array_equal(grad, expected[name])


@both
@either_scan
@either_candidate
def test_minimal_sequence_equals_loop_of_steps(net, parallel, candidate, rng):
    """Do steps chained by hand, forward and backward, give the sequence's states and gradients?"""
    arrays, upstream = sequence_arrays(net, rng), normal(rng, B, T, H)
    x, h_t, *params = arrays.values()
    h, cache = net.forward(**arrays, candidate=candidate, parallel=parallel)
    step_caches = []
    for t in range(T):
        h_t, step_cache = net.step_forward(x[:, t], h_t, *params, candidate=candidate)
        np.testing.assert_allclose(h_t, h[:, t], rtol=1e-12, atol=1e-14)
        step_caches.append(step_cache)
    expected = summed_over_steps(net.step_backward, step_caches, upstream, arrays)
    for name, grad in all_gradients(net, upstream, cache).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-12, atol=1e-13, err_msg=name)


@both
def test_minimal_without_parallel_goes_one_step_at_a_time(net, monkeypatch, rng):
    """Does parallel=False keep the parallel scan out, forward and backward?"""
    monkeypatch.setattr(rnn_course.scan, "scan", None)
    h, cache = net.forward(**sequence_arrays(net, rng), parallel=False)
    net.backward(h, cache)


@both
@pytest.mark.parametrize("cut", [1, 3, T])
def test_minimal_goes_on_from_a_state(net, cut, rng):
    """Do two pieces, the second from the first one's last state, equal the whole, and back?"""
    arrays, upstream = sequence_arrays(net, rng), normal(rng, B, T, H)
    x, h_0, *params = arrays.values()
    h, cache = net.forward(**arrays)
    expected = all_gradients(net, upstream, cache)
    first, first_cache = net.forward(x[:, :cut], h_0, *params)
    second, second_cache = net.forward(x[:, cut:], first[:, -1], *params)
    joined = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(joined, h, rtol=1e-12, atol=1e-14)
    later = all_gradients(net, upstream[:, cut:], second_cache)
    reached = np.array(upstream[:, :cut])
    reached[:, -1] += later["h_0"]
    earlier = all_gradients(net, reached, first_cache)
    np.testing.assert_allclose(earlier["h_0"], expected["h_0"], rtol=1e-12, atol=1e-13)
    summed = earlier["W_xh"] + later["W_xh"]
    np.testing.assert_allclose(summed, expected["W_xh"], rtol=1e-12, atol=1e-13)


@both
def test_minimal_truncation_beyond_the_end_changes_nothing(net, rng):
    """Is a piece as long as the sequence, or longer, the full gradient?"""
    _, cache = net.forward(**sequence_arrays(net, rng))
    upstream = normal(rng, B, T, H)
    expected = all_gradients(net, upstream, cache)
    for truncation in (T, T + 1):
        for name, grad in all_gradients(net, upstream, cache, truncation).items():
            np.testing.assert_array_equal(grad, expected[name])


@both
@pytest.mark.parametrize("truncation", [0, -1])
def test_minimal_truncation_refuses_less_than_one_step(net, truncation, rng):
    """Does a piece without steps raise?"""
    _, cache = net.forward(**sequence_arrays(net, rng))
    with pytest.raises(ValueError, match=rf"truncation is {truncation}; expected .* >= 1"):
        net.backward(np.zeros((B, T, H)), cache, truncation)


def test_mingru_is_the_papers_with_the_sign_of_z_changed(rng):
    """Does h = (1 - z) h_prev + z n, as Feng et al. write it, become ours by the sign of z?"""
    arrays = step_arrays(MINGRU, rng)
    a_z, a_n = np.split(arrays["x_t"] @ arrays["W_xh"].T + arrays["b_h"], 2, axis=1)
    z = 1 / (1 + np.exp(-a_z))
    expected = (1 - z) * arrays["h_prev"] + z * a_n
    sign = np.repeat([-1.0, 1.0], H)
    ours = {"W_xh": arrays["W_xh"] * sign[:, None], "b_h": arrays["b_h"] * sign}
    h_t, _ = mingru_step_forward(**arrays | ours)
    np.testing.assert_allclose(h_t, expected, rtol=1e-12, atol=1e-14)


def test_minlstm_is_a_mingru_where_its_gates_add_up_to_one(rng):
    """With the rows of i those of f times -1, so that i = 1 - f, is f the minGRU's z?"""
    arrays = sequence_arrays(MINGRU, rng)
    expected, _ = mingru_forward(**arrays)
    W_f, W_g = np.split(arrays["W_xh"], 2)
    b_f, b_g = np.split(arrays["b_h"], 2)
    stacked = {"W_xh": np.concatenate([-W_f, W_f, W_g]), "b_h": np.concatenate([-b_f, b_f, b_g])}
    h, _ = minlstm_forward(**arrays | stacked)
    np.testing.assert_allclose(h, expected, rtol=1e-12, atol=1e-14)


@either_candidate
def test_minlstm_share_survives_the_underflow_of_both_gates(candidate, rng):
    """Where i and f are 0 in floating point, do their ratio and its gradient stay right?"""
    arrays = {name: np.array(array) for name, array in sequence_arrays(MINLSTM, rng).items()}
    arrays["W_xh"][: 2 * H] = 0
    arrays["b_h"][:H], arrays["b_h"][H : 2 * H] = -1001, -1000  # log f - log i = 1
    h, cache = minlstm_forward(**arrays, candidate=candidate)
    grads = all_gradients(MINLSTM, normal(rng, B, T, H), cache)
    mingru = {"W_xh": arrays["W_xh"][H:], "b_h": np.array(arrays["b_h"][H:])}
    mingru["b_h"][:H] = 1
    expected, _ = mingru_forward(arrays["x"], arrays["h_0"], **mingru, candidate=candidate)
    np.testing.assert_allclose(h, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(grads["b_h"][:H], -grads["b_h"][H : 2 * H])
    assert grads["b_h"][:H].all()


@both
def test_minimal_is_finite_for_huge_inputs(net, rng):
    """Do inputs that saturate every gate give states and gradients without NaN or a warning?"""
    arrays = sequence_arrays(net, rng)
    h, cache = net.forward(**arrays | {"x": arrays["x"] * 1e6})
    assert np.isfinite(h).all()
    for grad in all_gradients(net, normal(rng, B, T, H), cache).values():
        assert np.isfinite(grad).all()


@both
def test_minimal_state_stays_between_the_candidates(net, rng):
    """Does a state neither fade nor grow where every candidate is 1, however long it runs?"""
    params = {name: np.array(array) for name, array in weights(net, rng).items()}
    params["W_xh"][-H:], params["b_h"][-H:] = 0, 1
    h, _ = net.forward(normal(rng, B, 1000, D), np.ones((B, H)), **params)
    np.testing.assert_allclose(h, 1, rtol=1e-12)


@both
def test_minimal_positive_candidate_keeps_states_positive(net, rng):
    """Are all states positive from a positive h_0, where the linear candidate's are not?"""
    arrays = sequence_arrays(net, rng) | {"h_0": np.ones((B, H))}
    assert net.forward(**arrays, candidate="positive")[0].min() > 0
    assert net.forward(**arrays)[0].min() < 0


@both
def test_minimal_without_initial_state_starts_at_zero(net, rng):
    """Is h_0 = None the zero state, for states and gradients?"""
    arrays, upstream = sequence_arrays(net, rng) | {"h_0": None}, normal(rng, B, T, H)
    h, cache = net.forward(**arrays)
    h_zero, cache_zero = net.forward(**arrays | {"h_0": np.zeros((B, H))})
    np.testing.assert_array_equal(h, h_zero)
    expected = all_gradients(net, upstream, cache_zero)
    for name, grad in all_gradients(net, upstream, cache).items():
        np.testing.assert_array_equal(grad, expected[name])


@both
@either_scan
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("B", "T"), [(0, T), (B, 0)])
def test_minimal_of_nothing_changes_nothing(net, parallel, padded, B, T, rng):
    """Does an empty batch, or one of no steps, give empty states and zero weight gradients?"""
    arrays = sequence_arrays(net, rng, B=B, T=T)
    h, cache = net.forward(**arrays, lengths=[0] * B if padded else None, parallel=parallel)
    assert h.shape == (B, T, H)
    grads = all_gradients(net, np.zeros((B, T, H)), cache, truncation=2)
    assert {name: grad.shape for name, grad in grads.items()} == {
        name: array.shape for name, array in arrays.items()
    }
    assert not any(grad.any() for grad in grads.values())


@both
@either_scan
def test_minimal_keeps_nan_in_its_sequence(net, parallel, rng):
    """Does a NaN in one sequence leave earlier steps, the others and their gradients alone?"""
    arrays, upstream = sequence_arrays(net, rng), normal(rng, B, T, H)
    x = np.array(arrays["x"])
    x[1, 3] = np.nan
    h_clean, cache_clean = net.forward(**arrays, parallel=parallel)
    h, cache = net.forward(**arrays | {"x": x}, lengths=[T, T - 1], parallel=parallel)
    np.testing.assert_array_equal(h[0], h_clean[0])
    np.testing.assert_array_equal(h[1, :3], h_clean[1, :3])
    assert np.isnan(h[1, 3:-1]).all()
    assert not h[1, -1].any()
    dx, dh_0, _ = net.backward(upstream, cache)
    dx_clean, dh_0_clean, _ = net.backward(upstream, cache_clean)
    np.testing.assert_array_equal(dx[0], dx_clean[0])
    np.testing.assert_array_equal(dh_0[0], dh_0_clean[0])
    assert not dx[1, -1].any()


@both
@either_scan
@either_candidate
@pytest.mark.parametrize("initial", ["given", "zeros"])
def test_minimal_keeps_float32(net, parallel, candidate, initial, rng):
    """Do float32 inputs and weights give float32 states and gradients?"""
    params = net.init(D, H, rng, dtype=np.float32)
    x = normal(rng, B, T, D, dtype=np.float32)
    h_0 = normal(rng, B, H, dtype=np.float32) if initial == "given" else None
    kind = {"candidate": candidate, "parallel": parallel}
    h, cache = net.forward(x, h_0, **params, lengths=[3, T], **kind)
    h_t, step_cache = net.step_forward(x[:, 0], h[:, 0], **params, candidate=candidate)
    dx_t, dh_prev, step_grads = net.step_backward(h_t, step_cache)
    results = [h, h_t, dx_t, dh_prev, *params.values(), *step_grads.values()]
    for truncation in (None, 2):
        results += all_gradients(net, h, cache, truncation).values()
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@both
def test_minimal_takes_integer_inputs(net, rng):
    """Do one-hot vectors given as integers count as the numbers they are?"""
    arrays, upstream = sequence_arrays(net, rng), normal(rng, B, T, H)
    x = np.eye(D, dtype=int)[rng.integers(D, size=(B, T))]
    _, cache_float = net.forward(**arrays | {"x": x.astype(float)}, lengths=[3, T])
    _, cache = net.forward(**arrays | {"x": x}, lengths=[3, T])
    expected = all_gradients(net, upstream, cache_float)
    for name, grad in all_gradients(net, upstream, cache).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-12, atol=1e-14)
        assert grad.dtype == np.float64


@both
def test_minimal_names_both_shapes(net, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    arrays, rows = sequence_arrays(net, rng), net.blocks * H
    wrong = {
        "x": ((B, T, H), rf"x has shape \(2, 7, 5\), but W_xh \({rows}, 3\) needs \(any, any, 3"),
        "h_0": ((B + 1, H), rf"h_0 has shape \(3, 5\), but x \(2, 7, 3\) with W_xh \({rows}, 3"),
        "W_xh": ((rows + 1, D), rf"W_xh has shape .*but {net.blocks} blocks need {net.blocks} H"),
        "b_h": ((H,), rf"b_h has shape \(5,\), but W_xh \({rows}, 3\) needs \({rows}\)"),
    }
    for name, (shape, match) in wrong.items():
        with pytest.raises(ValueError, match=match):
            net.forward(**arrays | {name: np.zeros(shape)})
    for name in ("x", "W_xh"):
        with pytest.raises(ValueError, match=rf"{name} has shape \(5,\), but .* needs \(any, "):
            net.forward(**arrays | {name: np.zeros(5)})


@both
def test_minimal_step_names_both_shapes(net, rng):
    """Do the step's errors call its arguments by their own names?"""
    arrays = step_arrays(net, rng)
    with pytest.raises(ValueError, match=r"x_t has shape \(2, 5\), but W_xh \(1\d, 3\) needs"):
        net.step_forward(**arrays | {"x_t": np.zeros((B, H))})
    with pytest.raises(ValueError, match=r"h_prev has shape \(5,\), but x_t \(2, 3\) with W_xh"):
        net.step_forward(**arrays | {"h_prev": np.zeros(H)})
    with pytest.raises(ValueError, match=r"h_prev has shape \(\), but x_t"):
        net.step_forward(**arrays | {"h_prev": None})


@both
def test_minimal_refuses_impossible_lengths(net, rng):
    """Do a length that no sequence has, and one length too many, raise?"""
    arrays = sequence_arrays(net, rng)
    for wrong in (-1, T + 1):
        with pytest.raises(ValueError, match=rf"lengths\[1\] is {wrong}; expected 0 to 7"):
            net.forward(**arrays, lengths=[1, wrong])
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\)"):
        net.forward(**arrays, lengths=[1, 2, 3])


@both
def test_minimal_refuses_an_unknown_candidate(net, rng):
    """Does a misspelt candidate raise, naming the two there are?"""
    match = "candidate is 'log'; expected 'linear' or 'positive'"
    with pytest.raises(ValueError, match=match):
        net.forward(**sequence_arrays(net, rng), candidate="log")
    with pytest.raises(ValueError, match=match):
        net.step_forward(**step_arrays(net, rng), candidate="log")


@both
def test_minimal_refuses_an_upstream_of_another_shape(net, rng):
    """Does a gradient that would broadcast raise instead?"""
    _, cache = net.forward(**sequence_arrays(net, rng), lengths=[1, 2])
    with pytest.raises(ValueError, match=r"dh has shape \(2, 1, 5\), but h \(2, 7, 5\) needs"):
        net.backward(np.ones((B, 1, H)), cache)
    _, cache = net.step_forward(**step_arrays(net, rng))
    with pytest.raises(ValueError, match=r"dh_t has shape \(5,\), but h_t \(2, 5\) needs"):
        net.step_backward(np.ones(H), cache)


@both
def test_init_minimal_has_torch_distribution(net, rng):
    """Do all parameters fill ±1/sqrt(input size) evenly, as those of torch.nn.Linear do?"""
    params = net.init(400, 300, rng)
    rows = net.blocks * 300
    assert {name: param.shape for name, param in params.items()} == {
        "W_xh": (rows, 400),
        "b_h": (rows,),
    }
    for param in params.values():
        assert 0.049 < np.abs(param).max() <= 0.05
        assert param.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
    assert net.init(4, 3, rng, bias=False).keys() == {"W_xh"}
