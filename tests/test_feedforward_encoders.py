"""Encoders without recurrence: what a window and a bag see, true gradients, going on, padding."""

from itertools import pairwise
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
    assert_same_arrays,
    frozen,
    normal,
    torch_gradients,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.encoders import RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder, WindowEncoder

WINDOW = 3


def window_of(size):
    return lambda rng, input_size=D, **options: WindowEncoder(input_size, H, size, rng, **options)


ENCODERS = {
    "window": SimpleNamespace(make=window_of(WINDOW), window=WINDOW),
    "window of one": SimpleNamespace(make=window_of(1), window=1),
    "window beyond T": SimpleNamespace(make=window_of(T + 2), window=T + 2),
    "bag": SimpleNamespace(
        make=lambda rng, input_size=D, **options: BagEncoder(input_size, H, rng, **options)
    ),
}
every = pytest.mark.parametrize("name", ENCODERS)


def features_in_torch(name, x):
    """What an encoder sees at each step of x (B, T, D), built step by step."""
    steps = []
    for t in range(x.shape[1]):
        if name == "bag":
            steps.append(x[:, : t + 1].mean(dim=1))
        else:
            places = range(t - ENCODERS[name].window + 1, t + 1)
            seen = [x[:, s] if s >= 0 else torch.zeros_like(x[:, 0]) for s in places]
            steps.append(torch.cat(seen, dim=1))
    return torch.stack(steps, dim=1)


def run_in_torch(name, nonlinearity="tanh", lengths=None):
    """The encoder's h as a function of x and its parameters."""
    activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]

    def forward(x, W, b):
        h = activation(features_in_torch(name, x) @ W.T + b)
        if lengths is None:
            return h
        real = torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]
        return torch.where(real[..., None], h, 0)

    return forward


def run(encoder, lengths=None):
    """The encoder's h as a function of x and its parameters, which stay as they are."""

    def forward(x, **params):
        own, encoder.params = encoder.params, params
        try:
            return encoder.forward(x, None, lengths)[0][0]
        finally:
            encoder.params = own

    return forward


def gradients(encoder, x, upstream, lengths=None):
    """Gradients of x and the parameters in one dict."""
    _, cache = encoder.forward(x, None, lengths)
    dx, dstate_0, grads = encoder.backward(upstream, cache)
    assert dstate_0 is None
    return {"x": dx} | grads


@every
@pytest.mark.parametrize("lengths", [None, (4, 7), (0, 1)])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_feedforward_encoder_gradient_is_right(name, nonlinearity, lengths, rng):
    """Do the gradients of inputs and parameters agree with torch and finite differences?"""
    encoder = ENCODERS[name].make(rng, nonlinearity=nonlinearity)
    x, upstream = normal(rng, B, T, D), normal(rng, B, T, H)
    assert_gradients(
        gradients(encoder, x, upstream, lengths),
        run(encoder, lengths),
        run_in_torch(name, nonlinearity, lengths),
        {"x": x} | encoder.params,
        upstream,
    )


@every
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 4)),
    st.data(),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_feedforward_encoder_equals_torch_for_any_size(name, sizes, data, seed):
    """The same for any B, T, D, ones among them, and any lengths?"""
    rng, (B, T, D) = np.random.default_rng(seed), sizes
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    encoder = ENCODERS[name].make(rng, D)
    x, upstream = normal(rng, B, T, D), normal(rng, B, T, H)
    arrays = {"x": x} | encoder.params
    output, expected = torch_gradients(run_in_torch(name, "tanh", lengths), arrays, upstream)
    np.testing.assert_allclose(run(encoder, lengths)(**arrays), output, rtol=1e-10, atol=1e-10)
    assert_same_arrays(gradients(encoder, x, upstream, lengths), expected)


def earliest_seen(encoder, rng):
    """First step whose input reaches the last state, by its gradient."""
    dh = np.zeros((B, T, H))
    dh[:, -1] = rng.standard_normal((B, H))
    _, cache = encoder.forward(normal(rng, B, T, D))
    dx, _, _ = encoder.backward(dh, cache)
    return int(np.flatnonzero(dx.any(axis=(0, 2)))[0])


@pytest.mark.parametrize(
    ("name", "first"), [("bag", 0), ("window", T - WINDOW), ("window of one", T - 1)]
)
def test_feedforward_encoder_sees_the_past_it_promises(name, first, rng):
    """Does the last state depend on exactly the steps that the encoder can see?"""
    assert earliest_seen(ENCODERS[name].make(rng), rng) == first


@every
def test_feedforward_encoder_does_not_see_the_future(name, rng):
    """Do later inputs leave earlier states as they were?"""
    encoder, x = ENCODERS[name].make(rng), rng.standard_normal((B, T, D))
    (before, _), _ = encoder.forward(x)
    x[:, 4:] += 1
    (after, _), _ = encoder.forward(x)
    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert (after[:, 4] != before[:, 4]).any()


def test_bag_cannot_tell_order(rng):
    """Does a shuffled sequence end in the same state of a bag, and in another of an RNN?"""
    x, order = normal(rng, B, T, D), rng.permutation(T)
    for encoder, same in ((BagEncoder(D, H, rng), True), (RNNEncoder(D, H, rng), False)):
        last, shuffled = (encoder.forward(inputs)[0][0][:, -1] for inputs in (x, x[:, order]))
        assert np.allclose(last, shuffled) == same


@every
@given(st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_feedforward_encoder_goes_on_from_its_state(name, data, seed):
    """Do pieces of any length, the state handed on, give what the whole gives, state and all?"""
    rng, B, T = np.random.default_rng(seed), 3, 8
    edges = sorted({0, T, *data.draw(st.sets(st.integers(1, T - 1)))})
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    encoder, x = ENCODERS[name].make(rng), normal(rng, B, T, D)
    (whole, whole_end), _ = encoder.forward(x, None, lengths)
    state, hs = None, []
    for start, stop in pairwise(edges):
        own = None if lengths is None else np.clip(np.array(lengths) - start, 0, stop - start)
        (h, state), _ = encoder.forward(x[:, start:stop], state, own)
        hs.append(h)
    np.testing.assert_allclose(np.concatenate(hs, axis=1), whole, rtol=1e-12, atol=1e-14)
    for part, expected in zip(*state, *whole_end, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-14)


@every
@pytest.mark.parametrize("cut", [1, 4, 6])
def test_feedforward_encoder_gradient_after_a_state_is_right(name, cut, rng):
    """Are the last piece's gradients those of the whole sequence, from its own steps' outputs?"""
    encoder, x, upstream = ENCODERS[name].make(rng), normal(rng, B, T, D), normal(rng, B, T, H)
    (_, state), _ = encoder.forward(x[:, :cut])
    _, cache = encoder.forward(x[:, cut:], state)
    dx, _, grads = encoder.backward(upstream[:, cut:], cache)
    of_later = np.where(np.arange(T)[:, None] < cut, 0, upstream)
    expected = gradients(encoder, x, of_later)
    assert_same_arrays(grads | {"x": dx}, expected | {"x": expected["x"][:, cut:]})


def test_feedforward_states_by_hand():
    """Is a window's state its last inputs, and a bag's their sum and number, at the own end?"""
    rng, lengths = np.random.default_rng(0), [3, 1, 0]
    x = np.arange(1.0, 13).reshape(3, 4, 1)
    ((window_state,),) = WindowEncoder(1, H, 3, rng).forward(x, None, lengths)[0][1]
    np.testing.assert_array_equal(window_state[..., 0], [[2, 3], [0, 5], [0, 0]])
    bag = BagEncoder(1, H, rng)
    ((total, seen),) = bag.forward(x, None, lengths)[0][1]
    np.testing.assert_array_equal(total[:, 0], [6, 5, 0])
    np.testing.assert_array_equal(seen, [3, 1, 0])
    ((total, seen),) = bag.forward(x, [(total, seen)], [1, 0, 4])[0][1]
    np.testing.assert_array_equal(total[:, 0], [7, 5, 42])
    np.testing.assert_array_equal(seen, [4, 1, 4])


@every
@given(
    st.lists(st.integers(0, T), min_size=1, max_size=4),
    st.sampled_from([np.nan, np.inf, 1e300]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_feedforward_encoder_padding_may_hold_anything(name, lengths, junk, seed):
    """Do NaN and infinity in the padding of x and dh change not one bit, state and all?"""
    rng, B = np.random.default_rng(seed), len(lengths)
    encoder, x, upstream = ENCODERS[name].make(rng), normal(rng, B, T, D), normal(rng, B, T, H)
    padded = np.arange(T) >= np.array(lengths)[:, None]  # (B, T)
    dirty, dirty_upstream = np.array(x), np.array(upstream)
    dirty[padded] = dirty_upstream[padded] = junk
    (h, (state,)), _ = encoder.forward(dirty, None, lengths)
    (h_clean, (state_clean,)), _ = encoder.forward(x, None, lengths)
    np.testing.assert_array_equal(h, h_clean)
    assert not h[padded].any()
    for part, expected in zip(state, state_clean, strict=True):
        np.testing.assert_array_equal(part, expected)
    grads = gradients(encoder, dirty, dirty_upstream, lengths)
    assert_same_arrays(grads, gradients(encoder, x, upstream, lengths), rtol=0, atol=0)
    assert not grads["x"][padded].any()


@every
@pytest.mark.parametrize("lengths", [None, (3, 7)])
def test_feedforward_encoder_changes_no_input_and_its_results_are_its_owners(name, lengths, rng):
    """Are inputs and state, frozen, left alone, and may results be changed without harm?"""
    encoder, x, upstream = ENCODERS[name].make(rng), normal(rng, B, T, D), normal(rng, B, T, H)
    encoder.params = {key: frozen(param) for key, param in encoder.params.items()}
    lengths = None if lengths is None else frozen(lengths)
    (_, (before,)), _ = encoder.forward(x)
    before = [tuple(frozen(part) for part in before)]
    _, cache = encoder.forward(x, before, lengths)
    dx, _, expected = encoder.backward(upstream, cache)
    (h, (state,)), cache = encoder.forward(x, before, lengths)
    for damaged in (h, *state):
        damaged[...] = 99
    for _ in range(2):
        dx_again, _, grads = encoder.backward(upstream, cache)
        assert_same_arrays(grads | {"x": dx_again}, expected | {"x": dx}, rtol=0, atol=0)
        dx_again[...] = np.nan


@every
def test_nan_stays_in_its_own_sequence_and_what_sees_it(name, rng):
    """Does NaN reach no other sequence and no earlier step?"""
    encoder, x = ENCODERS[name].make(rng), np.array(normal(rng, B, T, D))
    (clean, _), _ = encoder.forward(x)
    x[1, 3] = np.nan
    (h, _), cache = encoder.forward(x)
    np.testing.assert_array_equal(h[0], clean[0])
    np.testing.assert_array_equal(h[1, :3], clean[1, :3])
    assert np.isnan(h[1, 3]).all()
    dx, _, _ = encoder.backward(np.ones((B, T, H)), cache)
    assert np.isfinite(dx[0]).all()


@every
@pytest.mark.parametrize(("B", "T"), [(0, T), (B, 0), (0, 0), (B, 1)])
@pytest.mark.parametrize("with_lengths", [True, False], ids=["lengths", "no lengths"])
def test_feedforward_encoder_takes_few_steps_or_none(name, B, T, with_lengths, rng):
    """Do no sequences, no steps and one step keep their shapes, and no steps the state?"""
    encoder, x = ENCODERS[name].make(rng), normal(rng, B, T, D)
    (_, state), _ = encoder.forward(normal(rng, B, 5, D))
    (h, after), cache = encoder.forward(x, state, [T] * B if with_lengths else None)
    dx, _, grads = encoder.backward(np.ones((B, T, H)), cache)
    assert (h.shape, dx.shape) == ((B, T, H), (B, T, D))
    assert {key: grad.shape for key, grad in grads.items()} == {
        key: param.shape for key, param in encoder.params.items()
    }
    for part, old in zip(*after, *state, strict=True):
        assert part.shape == old.shape
        assert T == 1 or (part == old).all()


@every
def test_feedforward_encoder_keeps_float32(name, rng):
    """Do float32 parameters and inputs give float32 states and gradients, with lengths or not?"""
    encoder = ENCODERS[name].make(rng, dtype=np.float32)
    x, state = normal(rng, B, T, D, dtype=np.float32), None
    for lengths in (None, [3, 7]):
        (h, state), cache = encoder.forward(x, state, lengths)
        dx, _, grads = encoder.backward(h, cache)
        results = [h, dx, state[0][0], *grads.values(), *encoder.params.values()]
        assert {result.dtype for result in results} == {np.dtype(np.float32)}


@every
@pytest.mark.parametrize("lengths", [None, [3, 7]])
def test_feedforward_encoder_takes_whole_numbers(name, lengths, rng):
    """Do integer inputs count as the numbers they are, in one pass and in two?"""
    encoder, x = ENCODERS[name].make(rng), rng.integers(-2, 3, (B, T, D))
    state = state_float = None
    for _ in range(2):
        (h, state), cache = encoder.forward(x, state, lengths)
        (h_float, state_float), cache_float = encoder.forward(x.astype(float), state_float, lengths)
        np.testing.assert_array_equal(h, h_float)
        _, _, grads = encoder.backward(h, cache)
        _, _, expected = encoder.backward(h, cache_float)
        assert_same_arrays(grads, expected, rtol=0, atol=0)


@every
def test_feedforward_encoder_names_what_does_not_fit(name, rng):
    """Do inputs, lengths, states and upstreams of another form say which, and both shapes?"""
    encoder, x = ENCODERS[name].make(rng), normal(rng, B, T, D)
    (h, (own,)), cache = encoder.forward(x)
    wrong_inputs = [
        ((normal(rng, B, T, 4),), r"x has shape \(2, 7, 4\), but .*Encoder of this size needs"),
        ((x[0],), r"x has shape \(7, 3\), but .* needs \(any, any, 3\)"),
        ((x, None, [3, -1]), r"lengths\[1\] is -1; expected 0 to 7"),
        ((x, None, [3]), r"lengths has shape \(1,\), but a batch of 2 sequences"),
        ((x, []), "state must be a list of one tuple of arrays"),
        ((x, [own, own]), "state must be a list of one tuple of arrays"),
        ((x, [(*own, own[0])]), "state must be a list of one tuple of arrays"),
        ((x, [tuple(part[:1] for part in own)]), r"state has shape \(1, .*, but x \(2, 7, 3\)"),
    ]
    for arguments, match in wrong_inputs:
        with pytest.raises(ValueError, match=match):
            encoder.forward(*arguments)
    with pytest.raises(TypeError, match="lengths must hold integers, got dtype float64"):
        encoder.forward(x, None, [3.0, 7.0])
    with pytest.raises(ValueError, match=r"dh has shape \(5,\), but h \(2, 7, 5\) needs"):
        encoder.backward(np.ones(H), cache)
    with pytest.raises(ValueError, match="Encoder carries no gradient through its state"):
        encoder.backward(h, cache, [own])


def test_feedforward_encoder_refuses_wrong_options(rng):
    """Do a window of no items and an unknown nonlinearity raise?"""
    with pytest.raises(ValueError, match="window is 0; expected at least 1"):
        WindowEncoder(D, H, 0, rng)
    for make in (window_of(2), ENCODERS["bag"].make):
        with pytest.raises(ValueError, match="nonlinearity is 'selu'; expected one of relu, sigm"):
            make(rng, nonlinearity="selu")


@every
def test_feedforward_encoder_has_the_sizes_it_says(name, rng):
    """Are sizes and parameters those of a linear layer on what the encoder sees?"""
    encoder = ENCODERS[name].make(rng)
    assert (encoder.input_size, encoder.hidden_size, encoder.output_size) == (D, H, H)
    features = D * getattr(ENCODERS[name], "window", 1)
    assert encoder.params["W"].shape == (H, features)
    assert encoder.params["b"].shape == (H,)
