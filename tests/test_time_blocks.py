"""Recurrent layers over padded batches: lengths, blocks of time, truncation, against torch."""

from types import SimpleNamespace
from unittest import mock

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
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch_layers import gru_cell, lstm_cell, rnn_cell, torch_layer

from rnn_course import _time_blocks
from rnn_course.gru import gru_backward, gru_forward, gru_step_backward, gru_step_forward
from rnn_course.lstm import lstm_backward, lstm_forward, lstm_step_backward, lstm_step_forward
from rnn_course.rnn import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward

RNN = SimpleNamespace(
    gates=1,
    states=("h_0",),
    biases=("b_h",),
    forward=rnn_forward,
    backward=rnn_backward,
    step_forward=rnn_step_forward,
    step_backward=rnn_step_backward,
    cell=rnn_cell,
    options={},
)
LSTM = SimpleNamespace(
    gates=4,
    states=("h_0", "c_0"),
    biases=("b_h",),
    forward=lstm_forward,
    backward=lstm_backward,
    step_forward=lstm_step_forward,
    step_backward=lstm_step_backward,
    cell=lstm_cell,
    options={},
)
GRU = SimpleNamespace(
    gates=3,
    states=("h_0",),
    biases=("b_xh", "b_hh"),
    forward=gru_forward,
    backward=gru_backward,
    step_forward=gru_step_forward,
    step_backward=gru_step_backward,
    cell=gru_cell,
    options={},
)


def with_options(layer, **options):
    return SimpleNamespace(**vars(layer) | {"options": options})


LAYERS = {
    "rnn tanh": RNN,
    "rnn relu": with_options(RNN, nonlinearity="relu"),
    "rnn sigmoid": with_options(RNN, nonlinearity="sigmoid"),
    "lstm": LSTM,
    "gru after": GRU,
    "gru before": with_options(GRU, reset="before"),
}
every = pytest.mark.parametrize("name", LAYERS)
with_or_without_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def sequence_arrays(layer, rng, B=B, T=T, D=D, H=H, bias=True, dtype=np.float64):
    """Every array that forward takes, by name, frozen; no initial state is zero."""
    rows = layer.gates * H
    arrays = {"x": (B, T, D)} | dict.fromkeys(layer.states, (B, H))
    arrays |= {"W_xh": (rows, D), "W_hh": (rows, H)}
    arrays |= dict.fromkeys(layer.biases if bias else (), (rows,))
    arrays = {name: normal(rng, *shape, dtype=dtype) for name, shape in arrays.items()}
    return arrays | {"W_hh": frozen(arrays["W_hh"] / 2)}


def run(layer, arrays, lengths=None):
    """forward's states side by side, (B, T, H or 2H), and its cache."""
    arrays = dict.fromkeys(layer.states) | arrays  # a missing initial state is None
    h, cache = layer.forward(**arrays, **layer.options, lengths=lengths)
    return (np.concatenate(h, axis=2) if len(layer.states) > 1 else h), cache


def all_gradients(layer, upstream, cache, truncation=None):
    """backward's results in one dict, for the upstream of run's output."""
    upstreams = np.split(upstream, len(layer.states), axis=2)
    dx, *d_states, grads = layer.backward(*upstreams, cache, truncation)
    return {"x": dx} | dict(zip(layer.states, d_states, strict=True)) | grads


def run_in_torch(layer, lengths=None, truncation=None):
    """run's output as a function of its arrays, step by step in torch."""

    def forward(x, W_xh, W_hh, **rest):
        zeros = x.new_zeros(len(x), W_hh.shape[1])
        state = [rest.pop(name, zeros) for name in layer.states]
        params = {"W_xh": W_xh, "W_hh": W_hh} | rest | layer.options
        outputs, _ = torch_layer(
            lambda x_t, state: layer.cell(x_t, state, **params), x, state, lengths, truncation
        )
        return torch.cat(outputs, dim=2)

    return forward


def upstream_for(layer, rng, B=B, T=T, H=H):
    """A random gradient for all states at all steps."""
    return normal(rng, B, T, len(layer.states) * H)


def padded_steps(lengths, T=T):
    """(B, T) True behind each sequence's end."""
    return np.arange(T) >= np.array(lengths)[:, None]


@every
@with_or_without_bias
@pytest.mark.parametrize("lengths", [None, (4, 7), (0, 1)])
def test_layer_gradient_is_right(name, bias, lengths, rng):
    """Do all gradients agree with torch and finite differences, also where sequences are padded?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng, bias=bias), upstream_for(layer, rng)
    _, cache = run(layer, arrays, lengths)
    assert_gradients(
        all_gradients(layer, upstream, cache),
        lambda **changed: run(layer, changed, lengths)[0],
        run_in_torch(layer, lengths),
        arrays,
        upstream,
    )


@st.composite
def cases(draw):
    """Sizes, lengths, truncation and how many numbers a block of time may keep."""
    B, T = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    lengths = draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    return SimpleNamespace(
        sizes=(B, T, draw(st.integers(1, 4)), draw(st.integers(1, 4))),
        lengths=lengths,
        truncation=draw(st.none() | st.integers(1, T + 1)),
        entries=draw(st.integers(1, 400) | st.just(_time_blocks.BLOCK_ENTRIES)),
        bias=draw(st.booleans()),
        given=draw(st.booleans()),
        rng=np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
    )


def case(sizes, lengths=None, truncation=None, entries=1):
    """A case to be tried in any event."""
    rng = np.random.default_rng(0)
    return SimpleNamespace(**locals(), bias=True, given=True)


@every
@given(case=cases())
@example(case=case((4, 9, 3, 2), [5, 9, 0, 5], 3, 150))
@example(case=case((4, 9, 3, 2), [5, 9, 0, 5], 4, 1))
@example(case=case((3, 7, 1, 1), [7, 7, 7], 1, 1))
@example(case=case((1, 7, 3, 2), None, 2, 100))
def test_layer_equals_torch_for_any_case(name, case):
    """Are states and gradients torch's for any sizes, lengths, truncation and blocks, at once?"""
    layer, (B, T, _, H) = LAYERS[name], case.sizes
    arrays = sequence_arrays(layer, case.rng, *case.sizes, bias=case.bias)
    if not case.given:
        arrays = {key: array for key, array in arrays.items() if key not in layer.states}
    upstream = upstream_for(layer, case.rng, B, T, H)
    output, expected = torch_gradients(
        run_in_torch(layer, case.lengths, case.truncation), arrays, upstream
    )
    with mock.patch.object(_time_blocks, "BLOCK_ENTRIES", case.entries):
        h, cache = run(layer, arrays, case.lengths)
    grads = all_gradients(layer, upstream, cache, case.truncation)
    np.testing.assert_allclose(h, output, rtol=1e-10, atol=1e-10)
    if not case.given:
        grads = {key: grad for key, grad in grads.items() if key not in layer.states}
    assert_same_arrays(grads, expected)


@pytest.mark.parametrize(
    ("entries", "cuts"),
    [
        (1000, [(0, 2, 3), (2, 3, 2), (3, 8, 1)]),  # where the number of sequences changes
        (60, [(0, 1, 3), (1, 2, 3), (2, 3, 2), (3, 6, 1), (6, 8, 1)]),  # 3 numbers a sequence
        (1, [(t, t + 1, n) for t, n in enumerate([3, 3, 2, 1, 1, 1, 1, 1])]),
    ],
)
def test_time_is_cut_where_sequences_end_and_blocks_are_full(entries, cuts):
    """Are blocks as long as they may be, at least a step, and is there none after the last end?"""
    with mock.patch.object(_time_blocks, "BLOCK_ENTRIES", entries):
        assert list(_time_blocks._cut_time([3, 3, 2, 1, 1, 1, 1, 1, 0, 0], 20)) == cuts


@every
@pytest.mark.parametrize("truncation", [None, 1, 2, 3, T, T + 1])
@pytest.mark.parametrize("lengths", [None, (2, 7, 0, 5)])
def test_block_size_changes_no_number(name, truncation, lengths, rng):
    """Do blocks of one step, of a few, and of all give the same states and gradients?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng, B=4), upstream_for(layer, rng, B=4)
    whole, cache = run(layer, arrays, lengths)
    expected = all_gradients(layer, upstream, cache, truncation)
    for entries in (1, 200, 400):
        with mock.patch.object(_time_blocks, "BLOCK_ENTRIES", entries):
            h, cache = run(layer, arrays, lengths)
        np.testing.assert_allclose(h, whole, rtol=1e-13, atol=1e-14)
        grads = all_gradients(layer, upstream, cache, truncation)
        assert_same_arrays(grads, expected, rtol=1e-12, atol=1e-13)


@every
@pytest.mark.parametrize("length", [0, 1, 4, T])
def test_layer_of_equal_lengths_is_the_shorter_batch(name, length, rng):
    """Do sequences that all end at one step give exactly the batch cut there, and zeros behind?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng), upstream_for(layer, rng)
    h, cache = run(layer, arrays, [length] * B)
    cut, cut_cache = run(layer, arrays | {"x": arrays["x"][:, :length]})
    np.testing.assert_array_equal(h[:, :length], cut)
    assert not h[:, length:].any()
    grads = all_gradients(layer, upstream, cache)
    expected = all_gradients(layer, upstream[:, :length], cut_cache)
    assert not grads["x"][:, length:].any()
    grads["x"] = grads["x"][:, :length]
    assert_same_arrays(grads, expected, rtol=0, atol=0)


@every
@given(
    lengths=st.lists(st.integers(0, T), min_size=1, max_size=5),
    truncation=st.none() | st.integers(1, T),
    junk=st.sampled_from([np.nan, np.inf, -np.inf, 1e300]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_padding_may_hold_anything(name, lengths, truncation, junk, seed):
    """Do NaN and infinity in the padding of x and of the upstream change not one bit?"""
    layer, rng, B = LAYERS[name], np.random.default_rng(seed), len(lengths)
    arrays, upstream = sequence_arrays(layer, rng, B), upstream_for(layer, rng, B)
    padded = padded_steps(lengths)
    dirty = {key: np.array(array) for key, array in arrays.items()}
    dirty_upstream = np.array(upstream)
    dirty["x"][padded] = dirty_upstream[padded] = junk
    h, cache = run(layer, arrays, lengths)
    h_dirty, cache_dirty = run(layer, dirty, lengths)
    np.testing.assert_array_equal(h_dirty, h)
    assert not h_dirty[padded].any()
    grads = all_gradients(layer, dirty_upstream, cache_dirty, truncation)
    expected = all_gradients(layer, upstream, cache, truncation)
    assert_same_arrays(grads, expected, rtol=0, atol=0)
    assert not grads["x"][padded].any()


@every
def test_sequences_of_a_batch_do_not_meet(name, rng):
    """Is each sequence, whatever its length and place, what it would be on its own?"""
    layer, lengths, B = LAYERS[name], [3, 7, 0, 5, 7, 1], 6
    arrays, upstream = sequence_arrays(layer, rng, B), upstream_for(layer, rng, B)
    h, cache = run(layer, arrays, lengths)
    together = all_gradients(layer, upstream, cache)
    summed = dict.fromkeys(set(arrays) - {"x", *layer.states}, 0)
    for row, length in enumerate(lengths):
        of_row = {key: arrays[key][[row]] for key in ("x", *layer.states)}
        alone, cache = run(layer, arrays | of_row | {"x": arrays["x"][[row], :length]})
        np.testing.assert_allclose(h[row, :length], alone[0], rtol=1e-12, atol=1e-14)
        grads = all_gradients(layer, upstream[[row], :length], cache)
        np.testing.assert_allclose(together["x"][row, :length], grads["x"][0], rtol=1e-11)
        for state in layer.states:
            np.testing.assert_allclose(together[state][row], grads[state][0], rtol=1e-11)
        summed = {key: total + grads[key] for key, total in summed.items()}
    assert_same_arrays({key: together[key] for key in summed}, summed, rtol=1e-11, atol=1e-12)


@every
@with_or_without_bias
@pytest.mark.parametrize("lengths", [None, (4, 7)])
def test_layer_equals_loop_of_steps(name, bias, lengths, rng):
    """Do the textbook's steps, chained by hand, give the states and all gradients, both ways?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng, bias=bias), upstream_for(layer, rng)
    h, cache = run(layer, arrays, lengths)
    expected = {key: np.zeros_like(array) for key, array in arrays.items()}
    params = {key: arrays[key] for key in arrays if key not in ("x", *layer.states)}
    for row, length in enumerate(lengths or [T] * B):
        state, caches = [arrays[key][[row]] for key in layer.states], []
        for t in range(length):
            x_t = arrays["x"][[row], t]
            h_t, step_cache = layer.step_forward(x_t, *state, **params, **layer.options)
            state = list(h_t) if len(layer.states) > 1 else [h_t]
            np.testing.assert_allclose(np.concatenate(state, axis=1)[0], h[row, t], rtol=1e-11)
            caches.append(step_cache)
        d_state = [np.zeros_like(part) for part in state]
        for t in reversed(range(length)):
            own = np.split(upstream[[row], t], len(d_state), axis=1)
            d_state = [d + d_own for d, d_own in zip(d_state, own, strict=True)]
            dx_t, *d_state, grads = layer.step_backward(*d_state, caches[t])
            assert grads.keys() == params.keys()
            expected["x"][row, t] = dx_t[0]
            for key, grad in grads.items():
                expected[key] += grad
        for key, d in zip(layer.states, d_state, strict=True):
            expected[key][row] = d[0]
    grads = all_gradients(layer, upstream, cache)
    assert_same_arrays(grads, expected, rtol=1e-11, atol=1e-12)


@every
@pytest.mark.parametrize("lengths", [None, (3,), (7,)])
def test_backward_changes_nothing_and_repeats(name, lengths, rng):
    """With one sequence, whose columns could be views: are all inputs, frozen, and cache kept?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng, B=1), upstream_for(layer, rng, B=1)
    lengths = None if lengths is None else frozen(lengths)
    h, cache = run(layer, arrays, lengths)
    first = all_gradients(layer, upstream, cache, 2)
    kept = {key: np.array(grad) for key, grad in first.items()}
    for damaged in (h, *first.values()):
        damaged[...] = np.nan
    assert_same_arrays(all_gradients(layer, upstream, cache, 2), kept, rtol=0, atol=0)


@every
@pytest.mark.parametrize("lengths", [None, (4, 7)])
def test_results_are_not_parts_of_the_cache(name, lengths, rng):
    """May states and lengths be changed after forward without harm to backward?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng), upstream_for(layer, rng)
    _, cache = run(layer, arrays, lengths)
    expected = all_gradients(layer, upstream, cache)
    lengths = None if lengths is None else np.array(lengths)
    states, cache = layer.forward(**arrays, **layer.options, lengths=lengths)
    for damaged in states if len(layer.states) > 1 else (states,):
        damaged[...] = np.nan
    if lengths is not None:
        lengths[...] = 1
    assert_same_arrays(all_gradients(layer, upstream, cache), expected, rtol=0, atol=0)


@every
def test_step_results_are_not_parts_of_the_cache(name, rng):
    """May the state after a step be changed before the step's backward pass?"""
    layer = LAYERS[name]
    arrays = sequence_arrays(layer, rng)
    x, *state = (arrays.pop(key) for key in ("x", *layer.states))
    upstreams = [normal(rng, B, H) for _ in state]
    _, cache = layer.step_forward(x[:, 0], *state, **arrays, **layer.options)
    *expected, expected_grads = layer.step_backward(*upstreams, cache)
    after, cache = layer.step_forward(x[:, 0], *state, **arrays, **layer.options)
    for damaged in after if len(state) > 1 else (after,):
        damaged[...] = np.nan
    *actual, grads = layer.step_backward(*upstreams, cache)
    for grad, right in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(grad, right)
    assert_same_arrays(grads, expected_grads, rtol=0, atol=0)


@every
def test_nan_stays_in_its_own_sequence(name, rng):
    """Does a sequence with NaN leave the states and input gradients of the others alone?"""
    layer, lengths, B = LAYERS[name], [5, 7, 6], 3
    arrays, upstream = sequence_arrays(layer, rng, B), upstream_for(layer, rng, B)
    x = np.array(arrays["x"])
    x[2, 3] = np.nan
    h, cache = run(layer, arrays, lengths)
    h_nan, cache_nan = run(layer, arrays | {"x": x}, lengths)
    np.testing.assert_array_equal(h_nan[:2], h[:2])
    np.testing.assert_array_equal(h_nan[2, :3], h[2, :3])
    assert np.isnan(h_nan[2, 3:6, :H]).all()
    expected = all_gradients(layer, upstream, cache)
    grads = all_gradients(layer, upstream, cache_nan)
    for key in ("x", *layer.states):
        np.testing.assert_array_equal(grads[key][:2], expected[key][:2])


@every
@pytest.mark.parametrize("lengths", [None, [3, 7]])
@pytest.mark.parametrize("truncation", [None, 2])
def test_layer_keeps_float32(name, lengths, truncation, rng):
    """Is all float32 for float32 arrays, and the number that of float64, with a float64 dh too?"""
    layer = LAYERS[name]
    arrays = sequence_arrays(layer, rng, dtype=np.float32)
    upstream = upstream_for(layer, rng)
    h, cache = run(layer, arrays, lengths)
    grads = all_gradients(layer, upstream, cache, truncation)
    kept = [array for block in cache[0] for array in block.arrays]  # half the memory of float64
    assert {array.dtype for array in (h, *grads.values(), *kept)} == {np.dtype(np.float32)}
    exact, cache = run(layer, {k: array.astype(float) for k, array in arrays.items()}, lengths)
    np.testing.assert_allclose(h, exact, rtol=1e-4, atol=1e-5)
    expected = all_gradients(layer, upstream, cache, truncation)
    assert_same_arrays(grads, expected, rtol=1e-3, atol=1e-3)


@every
@pytest.mark.parametrize("wider", ["x", "h_0", "W_hh"])
def test_layer_computes_in_the_widest_type(name, wider, rng):
    """Does one array of float64 among float32 make states and gradients float64?"""
    layer = LAYERS[name]
    arrays = sequence_arrays(layer, rng, dtype=np.float32)
    arrays[wider] = arrays[wider].astype(np.float64)
    h, cache = run(layer, arrays)
    grads = all_gradients(layer, upstream_for(layer, rng), cache)
    assert {array.dtype for array in (h, *grads.values())} == {np.dtype(np.float64)}


@every
def test_layer_takes_whole_numbers(name, rng):
    """Do integer inputs, states and upstreams count as the numbers they are?"""
    layer = LAYERS[name]
    arrays, lengths = sequence_arrays(layer, rng), [4, 7]
    whole = {key: rng.integers(-2, 3, arrays[key].shape) for key in ("x", *layer.states)}
    upstream = rng.integers(-2, 3, (B, T, len(layer.states) * H))
    h, cache = run(layer, arrays | whole, lengths)
    floats = {key: array.astype(float) for key, array in whole.items()}
    h_float, cache_float = run(layer, arrays | floats, lengths)
    np.testing.assert_array_equal(h, h_float)
    expected = all_gradients(layer, upstream.astype(float), cache_float)
    assert_same_arrays(all_gradients(layer, upstream, cache), expected, rtol=0, atol=0)


@every
@pytest.mark.parametrize("form", [list, tuple, np.uint8, np.int32, np.int64])
def test_lengths_may_be_any_whole_numbers(name, form, rng):
    """Do a list, a tuple and integers of any type, also unsigned, mean the same lengths?"""
    layer, lengths = LAYERS[name], [2, 7, 0, 5]
    arrays, upstream = sequence_arrays(layer, rng, B=4), upstream_for(layer, rng, B=4)
    h, cache = run(layer, arrays, np.array(lengths))
    other, cache_other = run(layer, arrays, form(lengths))
    np.testing.assert_array_equal(other, h)
    expected = all_gradients(layer, upstream, cache)
    assert_same_arrays(all_gradients(layer, upstream, cache_other), expected, rtol=0, atol=0)


@every
@pytest.mark.parametrize(
    ("lengths", "error", "match"),
    [
        ([3, -1], ValueError, r"lengths\[1\] is -1; expected 0 to 7, the number of steps"),
        ([8, 7], ValueError, r"lengths\[0\] is 8; expected 0 to 7"),
        ([3.0, 7.0], TypeError, "lengths must hold integers, got dtype float64"),
        ([True, False], TypeError, "lengths must hold integers, got dtype bool"),
        ([3, 7, 7], ValueError, r"lengths has shape \(3,\), but a batch of 2 .* needs \(2\)"),
        ([[3, 7]], ValueError, r"lengths has shape \(1, 2\), but a batch of 2"),
        (7, ValueError, r"lengths has shape \(\), but a batch of 2"),
    ],
)
def test_wrong_lengths_are_named(name, lengths, error, match, rng):
    """Do lengths that are negative, too large, no whole numbers or too many say what is wrong?"""
    layer = LAYERS[name]
    with pytest.raises(error, match=match):
        run(layer, sequence_arrays(layer, rng), lengths)


@every
@pytest.mark.parametrize("truncation", [None, 2])
@pytest.mark.parametrize(
    ("B", "T", "lengths"),
    [(0, T, None), (0, T, []), (B, 0, None), (B, 0, [0, 0]), (B, T, [0, 0]), (0, 0, None)],
)
def test_layer_of_nothing_changes_nothing(name, truncation, B, T, lengths, rng):
    """Do no sequences, or no steps, give empty or zero states and gradients of the right shapes?"""
    layer = LAYERS[name]
    arrays = sequence_arrays(layer, rng, B, T)
    h, cache = run(layer, arrays, lengths)
    assert h.shape == (B, T, len(layer.states) * H)
    grads = all_gradients(layer, np.ones(h.shape), cache, truncation)
    assert not h.any()
    assert {key: grad.shape for key, grad in grads.items()} == {
        key: array.shape for key, array in arrays.items()
    }
    assert not any(grad.any() for grad in grads.values())


@every
def test_truncation_and_shapes_are_checked_before_anything(name, rng):
    """Do no steps a piece, and an upstream that would broadcast, raise?"""
    layer = LAYERS[name]
    h, cache = run(layer, sequence_arrays(layer, rng), [3, 7])
    for truncation in (0, -1):
        with pytest.raises(ValueError, match=rf"truncation is {truncation}; expected .* >= 1"):
            all_gradients(layer, np.zeros_like(h), cache, truncation)
    with pytest.raises(ValueError, match=r"dh has shape \(2, 1, 5\), but h \(2, 7, 5\) needs"):
        all_gradients(layer, np.zeros_like(h)[:, :1], cache)


@every
def test_absent_bias_is_a_bias_of_zeros(name, rng):
    """Are the numbers without a bias those of zeros, but for the bias's own gradient?"""
    layer = LAYERS[name]
    arrays, upstream = sequence_arrays(layer, rng), upstream_for(layer, rng)
    zeros = arrays | {key: np.zeros_like(arrays[key]) for key in layer.biases}
    absent = arrays | dict.fromkeys(layer.biases)
    h, cache = run(layer, zeros)
    other, cache_absent = run(layer, absent)
    np.testing.assert_array_equal(other, h)
    expected = all_gradients(layer, upstream, cache)
    for key in layer.biases:
        del expected[key]
    assert_same_arrays(all_gradients(layer, upstream, cache_absent), expected, rtol=0, atol=0)
