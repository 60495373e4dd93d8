"""The bridge between two recurrent states: its form, its numbers and its gradient."""

import numpy as np
import pytest
import torch
from gradients import B, assert_gradients, normal

from rnn_course.bridge import bridge_backward, bridge_forward, init_bridge
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder

D, H_SOURCE, H_TARGET = 3, 4, 5


def pair(rng):
    """A deep LSTM in both directions and a deep GRU: 2 x 2 x 2 x 4 numbers, and 3 x 5."""
    encoder = LSTMEncoder(D, H_SOURCE, rng, num_layers=2, bidirectional=True)
    return encoder, GRUEncoder(D, H_TARGET, rng, num_layers=3)


def end_of(rng, encoder, dtype=np.float64):
    """A state as the encoder returns it."""
    _, end = encoder.forward(normal(rng, B, 6, D, dtype=dtype))[0]
    return end


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}])
def test_bridge_hands_on_what_fits(options, rng):
    """Where both states have one form, is there no parameter, and is the state passed on?"""
    for kind in (RNNEncoder, LSTMEncoder):
        encoder, decoder = (kind(size, H_SOURCE, rng, **options) for size in (3, 7))
        assert init_bridge(encoder, decoder, rng) == {}
        end = end_of(rng, encoder)
        start, cache = bridge_forward(end, encoder, decoder)
        assert start is end
        assert bridge_backward(end, cache) == (end, {})


@pytest.mark.parametrize(
    ("encoder", "decoder", "shape"),
    [
        (lambda rng: RNNEncoder(3, 4, rng), lambda rng: RNNEncoder(3, 5, rng), (5, 4)),
        (lambda rng: RNNEncoder(3, 4, rng), lambda rng: LSTMEncoder(3, 4, rng), (8, 4)),
        (
            lambda rng: RNNEncoder(3, 4, rng, num_layers=2),
            lambda rng: RNNEncoder(3, 4, rng),
            (4, 8),
        ),
        (
            lambda rng: RNNEncoder(3, 4, rng, bidirectional=True),
            lambda rng: RNNEncoder(3, 4, rng, num_layers=2),
            (8, 8),
        ),
        (*[lambda rng, k=k: pair(rng)[k] for k in range(2)], (15, 32)),
    ],
    ids=["size", "kind", "layers", "directions", "all"],
)
def test_init_bridge_counts_the_numbers_of_both_states(encoder, decoder, shape, rng):
    """Has the matrix a row for each number of the start, and a column for each of the end?"""
    params = init_bridge(encoder(rng), decoder(rng), rng, np.float32)
    assert {name: param.shape for name, param in params.items()} == {"W_s": shape, "b_s": shape[:1]}
    assert {param.dtype for param in params.values()} == {np.dtype(np.float32)}
    assert np.abs(params["W_s"]).max() <= 1 / np.sqrt(shape[1])


def test_bridge_keeps_the_order_of_all_arrays(rng):
    """With ones in chosen places, does each array of the start get the array it should?"""
    encoder, decoder = pair(rng)
    end = end_of(rng, encoder)
    W_s, b_s = np.zeros((15, 32)), np.arange(15.0)
    # row 6 is unit 1 of the second layer; column 29 is unit 1 of c, reverse, of the second layer
    W_s[6, 29] = 1
    start, _ = bridge_forward(end, encoder, decoder, W_s, b_s)
    assert [[array.shape for array in arrays] for arrays in start] == [[(B, H_TARGET)]] * 3
    expected = np.tile(b_s, (B, 1))
    expected[:, 6] += end[3][1][:, 1]
    np.testing.assert_array_equal(np.concatenate([h for (h,) in start], axis=1), expected)


def test_bridge_gradient_is_right(rng):
    """Do the gradients of the end state and the parameters agree with torch and differences?"""
    encoder, decoder = pair(rng)
    end, upstream = end_of(rng, encoder), normal(rng, B, 15)
    params = {name: normal(rng, *p.shape) for name, p in init_bridge(encoder, decoder, rng).items()}
    parts = {f"part_{n}": array for n, array in enumerate(a for arrays in end for a in arrays)}

    def forward(W_s, b_s, **parts):
        arrays = list(parts.values())
        end = [tuple(arrays[k : k + 2]) for k in range(0, 8, 2)]
        start, _ = bridge_forward(end, encoder, decoder, W_s, b_s)
        return np.concatenate([h for (h,) in start], axis=1)

    def torch_forward(W_s, b_s, **parts):
        return torch.cat(list(parts.values()), dim=1) @ W_s.T + b_s

    _, cache = bridge_forward(end, encoder, decoder, **params)
    dstart = [(part,) for part in np.split(upstream, 3, axis=1)]
    dend, grads = bridge_backward(dstart, cache)
    assert [len(arrays) for arrays in dend] == [2] * 4
    d_parts = dict(zip(parts, (a for arrays in dend for a in arrays), strict=True))
    assert_gradients(grads | d_parts, forward, torch_forward, params | parts, upstream)


def test_bridge_keeps_float32_and_takes_no_sequences(rng):
    """Is the start float32 for a float32 end, and is an empty batch one of the right form?"""
    encoder, decoder = pair(rng)
    params = init_bridge(encoder, decoder, rng, np.float32)
    end = [tuple(a.astype(np.float32) for a in arrays) for arrays in end_of(rng, encoder)]
    start, cache = bridge_forward(end, encoder, decoder, **params)
    dend, grads = bridge_backward(start, cache)
    results = [*grads.values(), *[a for arrays in (*start, *dend) for a in arrays]]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}
    nothing = [tuple(a[:0] for a in arrays) for arrays in end]
    start, _ = bridge_forward(nothing, encoder, decoder, **params)
    assert {h.shape for (h,) in start} == {(0, H_TARGET)}


def test_bridge_names_both_shapes(rng):
    """Does a state of another size raise with both shapes?"""
    encoder, decoder = pair(rng)
    params = init_bridge(encoder, decoder, rng)
    with pytest.raises(ValueError, match=r"x has shape \(2, 24\), but W \(15, 32\) needs \(2, 32"):
        bridge_forward(end_of(rng, encoder)[:3], encoder, decoder, **params)
