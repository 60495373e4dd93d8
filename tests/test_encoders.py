"""Encoders: one interface, true gradients, and what each can see of the past."""

import numpy as np
import pytest
import torch
from gradients import B, D, H, T, assert_gradients, normal

from rnn_course.encoders import RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder, WindowEncoder

WINDOW = 3
ENCODERS = {
    "rnn": lambda rng, **options: RNNEncoder(D, H, rng, **options),
    "window": lambda rng, **options: WindowEncoder(D, H, WINDOW, rng, **options),
    "window of one": lambda rng, **options: WindowEncoder(D, H, 1, rng, **options),
    "window beyond T": lambda rng, **options: WindowEncoder(D, H, T + 2, rng, **options),
    "bag": lambda rng, **options: BagEncoder(D, H, rng, **options),
}
every = pytest.mark.parametrize("name", ENCODERS)


def torch_features(name, x):
    """What the feedforward encoders see at each step, built step by step."""
    steps = []
    for t in range(T):
        if name == "bag":
            steps.append(x[:, : t + 1].mean(dim=1))
        else:
            window = {"window": WINDOW, "window of one": 1, "window beyond T": T + 2}[name]
            places = range(t - window + 1, t + 1)
            seen = [x[:, s] if s >= 0 else torch.zeros_like(x[:, 0]) for s in places]
            steps.append(torch.cat(seen, dim=1))
    return torch.stack(steps, dim=1)


def torch_encoder(name, nonlinearity, x, **params):
    """States from torch, for any of the encoders."""
    activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
    if name != "rnn":
        return activation(torch_features(name, x) @ params["W"].T + params["b"])
    h_t, states = x.new_zeros(B, H), []
    for t in range(T):
        h_t = activation(h_t @ params["W_hh"].T + x[:, t] @ params["W_xh"].T + params["b_h"])
        states.append(h_t)
    return torch.stack(states, dim=1)


def run(encoder, x, **params):
    """States for other parameters than the encoder's own, which stay as they are."""
    own, encoder.params = encoder.params, params
    try:
        return encoder.forward(x)[0][0]
    finally:
        encoder.params = own


@every
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_encoder_gradient_is_right(name, nonlinearity, rng):
    """Do the gradients of inputs and parameters agree with torch and finite differences?"""
    encoder = ENCODERS[name](rng, nonlinearity=nonlinearity)
    x, upstream = normal(rng, B, T, D), normal(rng, B, T, H)
    _, cache = encoder.forward(x)
    dx, _, grads = encoder.backward(upstream, cache)
    assert_gradients(
        {"x": dx} | grads,
        lambda x, **params: run(encoder, x, **params),
        lambda x, **params: torch_encoder(name, nonlinearity, x, **params),
        {"x": x} | encoder.params,
        upstream,
    )


def earliest_seen(encoder, rng):
    """First step whose input reaches the last state, by its gradient."""
    dh = np.zeros((B, T, H))
    dh[:, -1] = rng.standard_normal((B, H))
    _, cache = encoder.forward(normal(rng, B, T, D))
    dx, _, _ = encoder.backward(dh, cache)
    return int(np.flatnonzero(dx.any(axis=(0, 2)))[0])


@pytest.mark.parametrize(
    ("name", "first"),
    [("rnn", 0), ("bag", 0), ("window", T - WINDOW), ("window of one", T - 1)],
)
def test_encoder_sees_the_past_it_promises(name, first, rng):
    """Does the last state depend on exactly the steps that the encoder can see?"""
    assert earliest_seen(ENCODERS[name](rng), rng) == first


@every
def test_encoder_does_not_see_the_future(name, rng):
    """Do later inputs leave earlier states as they were?"""
    encoder, x = ENCODERS[name](rng), rng.standard_normal((B, T, D))
    (before, _), _ = encoder.forward(x)
    x[:, 4:] += 1
    (after, _), _ = encoder.forward(x)
    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert (after[:, 4] != before[:, 4]).any()


def test_bag_encoder_cannot_tell_order(rng):
    """Does a shuffled sequence end in the same state of a bag, and in another of an RNN?"""
    x, order = normal(rng, B, T, D), rng.permutation(T)
    for name, same in (("bag", True), ("rnn", False)):
        encoder = ENCODERS[name](rng)
        last, shuffled = (encoder.forward(inputs)[0][0][:, -1] for inputs in (x, x[:, order]))
        assert np.allclose(last, shuffled) == same


def test_rnn_encoder_takes_an_initial_state_and_truncation(rng):
    """Do h_0 and truncation reach the RNN, and does dh_0 come back?"""
    encoder, h_0 = ENCODERS["rnn"](rng), normal(rng, B, H)
    x, upstream = normal(rng, B, T, D), normal(rng, B, T, H)
    (h, _), cache = encoder.forward(x, [(h_0,)])
    assert (h[:, 0] != encoder.forward(x)[0][0][:, 0]).all()
    dx, ((dh_0,),), _ = encoder.backward(upstream, cache)
    dx_cut, _, _ = encoder.backward(upstream, cache, truncation=1)
    assert dh_0.shape == (B, H)
    assert np.abs(dx - dx_cut).max() > 0.01


@every
def test_encoder_refuses_an_upstream_of_another_shape(name, rng):
    """Does a gradient that would broadcast raise instead?"""
    encoder = ENCODERS[name](rng)
    _, cache = encoder.forward(normal(rng, B, T, D))
    with pytest.raises(ValueError, match=r"dh has shape \(5,\), but h \(2, 7, 5\) needs"):
        encoder.backward(np.ones(H), cache)


@every
def test_encoder_refuses_inputs_of_another_size(name, rng):
    """Does a wrong feature size name both shapes?"""
    with pytest.raises(ValueError, match=r"x has shape \(2, 7, 4\), but .* needs \(any, any, 3\)"):
        ENCODERS[name](rng).forward(normal(rng, B, T, D + 1))


def test_window_encoder_refuses_an_empty_window(rng):
    """Does a window of no items raise?"""
    with pytest.raises(ValueError, match="window is 0; expected at least 1"):
        WindowEncoder(D, H, 0, rng)


@every
def test_encoder_keeps_float32(name, rng):
    """Do float32 parameters and inputs give float32 states and gradients?"""
    encoder = ENCODERS[name](rng, dtype=np.float32)
    (h, _), cache = encoder.forward(normal(rng, B, T, D, dtype=np.float32))
    dx, _, grads = encoder.backward(h, cache)
    results = [h, dx, *grads.values(), *encoder.params.values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}
