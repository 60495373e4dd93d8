"""Streams: the numbers of a whole sequence, one input at a time."""

import numpy as np
import pytest
from gradients import B, D, H, T, frozen, normal

from rnn_course.gru import gru_forward, init_gru
from rnn_course.lstm import init_lstm, lstm_forward
from rnn_course.rnn import init_rnn, rnn_forward
from rnn_course.streaming import gru_stream, lstm_stream, rnn_stream

# name: initialisation, whole sequence, stream, number of states, options
LAYERS = {
    "rnn": (init_rnn, rnn_forward, rnn_stream, 1, {}),
    "relu": (init_rnn, rnn_forward, rnn_stream, 1, {"nonlinearity": "relu"}),
    "lstm": (init_lstm, lstm_forward, lstm_stream, 2, {}),
    "gru": (init_gru, gru_forward, gru_stream, 1, {}),
    "gru before": (init_gru, gru_forward, gru_stream, 1, {"reset": "before"}),
}
every = pytest.mark.parametrize("name", LAYERS)


def parameters(init, rng, **options):
    return {name: frozen(param) for name, param in init(D, H, rng, **options).items()}


def as_tuple(output):
    return output if isinstance(output, tuple) else (output,)


@every
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("size", [1, B])
def test_stream_equals_whole_sequence(name, bias, given, size, rng):
    """Does each step give the state that the whole sequence has there, from any start?"""
    init, forward, stream, num_states, options = LAYERS[name]
    params = parameters(init, rng, bias=bias)
    x = normal(rng, size, T, D)
    states = [normal(rng, size, H) if given else None for _ in range(num_states)]
    whole = as_tuple(forward(x, *states, **params, **options)[0])
    step = stream(size, *states, **params, **options)
    for t in range(T):
        for history, state in zip(whole, as_tuple(step(x[:, t])), strict=True):
            np.testing.assert_allclose(state, history[:, t], rtol=1e-12, atol=1e-14)


@every
def test_stream_results_stay(name, rng):
    """Is a returned state neither changed by later steps, nor able to change them?"""
    init, _, stream, num_states, options = LAYERS[name]
    params, x = parameters(init, rng), normal(rng, 2, B, D)
    step, twin = (stream(B, *[None] * num_states, **params, **options) for _ in range(2))
    first = [state.copy() for state in as_tuple(twin(x[0]))]
    kept = as_tuple(step(x[0]))
    for state, expected in zip(kept, first, strict=True):
        np.testing.assert_array_equal(state, expected)
        state[...] = 7.0
    for state, expected in zip(as_tuple(step(x[1])), as_tuple(twin(x[1])), strict=True):
        np.testing.assert_array_equal(state, expected)
    assert all((state == 7.0).all() for state in kept)


@every
def test_stream_keeps_float32(name, rng):
    """Do float32 weights give float32 states?"""
    init, _, stream, num_states, options = LAYERS[name]
    params = init(D, H, rng, dtype=np.float32)
    step = stream(B, *[None] * num_states, **params, **options)
    states = as_tuple(step(normal(rng, B, D, dtype=np.float32)))
    assert {state.dtype for state in states} == {np.dtype(np.float32)}


@every
def test_stream_names_both_shapes(name, rng):
    """Do a wrong input, a wrong state and a wrong weight raise with both shapes?"""
    init, _, stream, num_states, options = LAYERS[name]
    params, none = parameters(init, rng), [None] * (num_states - 1)
    step = stream(B, None, *none, **params, **options)
    with pytest.raises(
        ValueError, match=r"x_t has shape \(1, 3\), but 2 streams with W_xh .* \(2,"
    ):
        step(np.zeros((1, D)))
    with pytest.raises(ValueError, match=r"h_0 has shape \(3, 5\), but x_t \(2, 3\) with W_hh"):
        stream(B, np.zeros((B + 1, H)), *none, **params, **options)
    with pytest.raises(ValueError, match=r"W_hh has shape \(5, 4\), but W_xh"):
        stream(B, None, *none, **params | {"W_hh": np.zeros((H, 4))}, **options)


def test_stream_refuses_unknown_options(rng):
    """Do an unknown nonlinearity and an unknown reset raise at once?"""
    with pytest.raises(ValueError, match="nonlinearity is 'cube'"):
        rnn_stream(B, None, **init_rnn(D, H, rng), nonlinearity="cube")
    with pytest.raises(ValueError, match="reset is 'never'"):
        gru_stream(B, None, **init_gru(D, H, rng), reset="never")
