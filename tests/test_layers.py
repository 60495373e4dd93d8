"""Layers without memory: values, gradients, errors, dtypes."""

import numpy as np
import pytest
import torch
from gradients import B, D, H, K, T, assert_gradients, frozen, normal
from hypothesis import given
from hypothesis import strategies as st

from rnn_course.layers import (
    dropout_backward,
    dropout_forward,
    embedding_backward,
    embedding_forward,
    init_embedding,
    init_linear,
    last_step_backward,
    last_step_forward,
    linear_backward,
    linear_forward,
    mean_step_backward,
    mean_step_forward,
    reverse_padded,
)

V = 6


@pytest.fixture
def tokens(rng):
    """(B, T) tokens with repetitions; the last entry of the vocabulary never occurs."""
    tokens = rng.integers(V - 1, size=(B, T))
    tokens[0, :3] = 2
    return frozen(tokens)


@pytest.mark.parametrize("leading", [(B, T), (B,), ()])
def test_linear_gradient_is_right(leading, rng):
    """Do the gradients of x, W and b agree with torch, for any number of leading axes?"""
    arrays = {
        "x": normal(rng, *leading, D),
        "W": normal(rng, K, D),
        "b": normal(rng, K),
    }
    upstream = normal(rng, *leading, K)
    _, cache = linear_forward(**arrays)
    dx, grads = linear_backward(upstream, cache)
    assert_gradients(
        {"x": dx} | grads,
        lambda **changed: linear_forward(**changed)[0],
        lambda x, W, b: torch.nn.functional.linear(x, W, b),
        arrays,
        upstream,
    )


def test_linear_names_both_shapes(rng):
    """Does a wrong shape name the array at fault and the one it has to fit?"""
    x, W, b = normal(rng, B, T, D), normal(rng, K, D), normal(rng, K)
    with pytest.raises(ValueError, match=r"x has shape \(2, 7, 4\), but W \(4, 3\) needs"):
        linear_forward(normal(rng, B, T, K), W, b)
    with pytest.raises(ValueError, match=r"b has shape \(3,\), but W \(4, 3\) needs \(4\)"):
        linear_forward(x, W, normal(rng, D))
    _, cache = linear_forward(x, W, b)
    match = r"dy has shape \(4,\), but x \(2, 7, 3\) with W \(4, 3\) needs \(2, 7, 4\)"
    with pytest.raises(ValueError, match=match):
        linear_backward(normal(rng, K), cache)


def test_embedding_gradient_adds_up_repeated_tokens(tokens, rng):
    """Does each row's gradient sum over all places of its token, as torch's does?"""
    E, upstream = normal(rng, V, D), normal(rng, B, T, D)
    _, cache = embedding_forward(tokens, E)
    grads = embedding_backward(upstream, cache)
    assert_gradients(
        grads,
        lambda E: embedding_forward(tokens, E)[0],
        lambda E: torch.nn.functional.embedding(torch.tensor(tokens), E),
        {"E": E},
        upstream,
    )
    assert not grads["E"][V - 1].any()


@pytest.mark.parametrize("form", [list, tuple, np.uint8])
def test_embedding_takes_any_integer_sequence(form, rng):
    """Do a list, a tuple and a small integer type look up the same rows, and lead back?"""
    E = normal(rng, V, D)
    x, cache = embedding_forward(form([1, 0]), E)
    np.testing.assert_array_equal(x, E[[1, 0]])
    np.testing.assert_array_equal(embedding_backward(x, cache)["E"][:2], E[:2])


def test_embedding_returns_a_copy(rng):
    """Does a change of the looked-up rows leave the table as it was?"""
    E = rng.standard_normal((V, D))
    before = E.copy()
    for tokens in ([3, 3], 3):
        x, _ = embedding_forward(tokens, E)
        x += 1
    np.testing.assert_array_equal(E, before)


def test_embedding_refuses_what_is_no_token(tokens, rng):
    """Do a number outside the vocabulary, and a float, raise with place and value?"""
    E = normal(rng, V, D)
    with pytest.raises(ValueError, match=r"tokens\[1\] is -1, outside the vocabulary of 6 tokens"):
        embedding_forward([0, -1], E)
    with pytest.raises(ValueError, match=r"tokens\[0\] is 6, .*\(0 to 5\)"):
        embedding_forward([6], E)
    with pytest.raises(TypeError, match="integers, got dtype float64"):
        embedding_forward([0.0], E)
    _, cache = embedding_forward(tokens, E)
    with pytest.raises(ValueError, match=r"dx has shape \(2, 3\).*needs \(2, 7, 3\)"):
        embedding_backward(normal(rng, B, D), cache)


@pytest.mark.parametrize("shape", [(B, T, D), (B, 1, H), (1,)])
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_dropout_gradient_is_right(shape, rate, rng):
    """Does the gradient agree with torch and differences when each pass draws the same mask?"""
    x, upstream = normal(rng, *shape), normal(rng, *shape)
    y, cache = dropout_forward(x, rate, np.random.default_rng(7))
    kept = torch.tensor(y != 0)  # no entry of x is zero
    assert_gradients(
        {"x": dropout_backward(upstream, cache)},
        lambda x: dropout_forward(x, rate, np.random.default_rng(7))[0],
        lambda x: torch.where(kept, x / (1 - rate), 0),
        {"x": x},
        upstream,
    )


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 2**32 - 1))
def test_dropout_sets_to_zero_or_scales_exactly(rate, seed):
    """Is each entry either zero or divided by 1 - rate, without an entry in between?"""
    rng = np.random.default_rng(seed)
    x = normal(rng, T, H)
    y, _ = dropout_forward(x, rate, rng)
    np.testing.assert_array_equal(y[y != 0], (x * (1 / (1 - rate)))[y != 0])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_expected_value(rate, rng):
    """Are the share of zeros and the mean right in every row and column: one draw an entry?"""
    y, _ = dropout_forward(np.full((1000, 1000), 3.0), rate, rng)
    assert y.mean() == pytest.approx(3, rel=0.01)
    error = np.sqrt(rate * (1 - rate) / 1000)  # of a row's share of zeros
    for axis in (0, 1):
        shares = (y == 0).mean(axis=axis)
        assert shares.std() == pytest.approx(error, rel=0.1)
        assert np.abs(shares - rate).max() < 6 * error


def test_dropout_repeats_with_the_seed_and_draws_anew(rng):
    """Do equal generators give equal masks, in either precision, and one generator new ones?"""
    x = normal(rng, B, T, D)
    first, second = (dropout_forward(x, 0.5, np.random.default_rng(3))[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    single, _ = dropout_forward(x.astype(np.float32), 0.5, np.random.default_rng(3))
    np.testing.assert_array_equal(single == 0, first == 0)
    assert (dropout_forward(x, 0.5, rng)[0] != dropout_forward(x, 0.5, rng)[0]).any()


def test_dropout_off_is_the_input_itself(rng):
    """Do rate 0 and a missing generator hand on x and dy untouched, without a draw?"""
    x, before = normal(rng, B, T, D), rng.bit_generator.state
    for rate, generator in ((0, rng), (0.0, None), (0.5, None)):
        y, cache = dropout_forward(x, rate, generator)
        assert y is x
        assert dropout_backward(x, cache) is x
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("generator", [None, np.random.default_rng(0)])
@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, np.nan])
def test_dropout_refuses_an_impossible_rate(rate, generator):
    """Does a rate outside [0, 1) raise also where dropout is off?"""
    with pytest.raises(ValueError, match=r"rate is .*; expected at least 0 and less than 1"):
        dropout_forward(np.ones(3), rate, generator)


def test_dropout_keeps_nan_in_its_place_and_names_both_shapes(rng):
    """Does one NaN spoil one entry, and a gradient that would broadcast raise?"""
    x = np.ones((B, T, D))
    x[1, 2, 0] = np.nan
    y, cache = dropout_forward(x, 0.5, rng)
    assert np.isnan(y).sum() <= 1
    assert np.isfinite(np.delete(y, 1, axis=0)).all()
    with pytest.raises(ValueError, match=r"dy has shape \(7, 3\), but x \(2, 7, 3\) needs"):
        dropout_backward(normal(rng, T, D), cache)


def test_dropout_takes_an_empty_batch(rng):
    """Do no sequences give no values and no gradient, of the right shape?"""
    x = np.ones((0, T, D))
    y, cache = dropout_forward(x, 0.5, rng)
    assert y.shape == dropout_backward(x, cache).shape == (0, T, D)


@pytest.mark.parametrize("rate", [0.3, np.float64(0.3)])
def test_dropout_keeps_float32(rate, rng):
    """Are value and gradient float32 whatever type the rate has?"""
    x = normal(rng, B, T, D, dtype=np.float32)
    y, cache = dropout_forward(x, rate, rng)
    assert y.dtype == dropout_backward(x, cache).dtype == np.float32


SUMMARIES = {
    "last": (last_step_forward, last_step_backward, lambda real: real[-1]),
    "mean": (mean_step_forward, mean_step_backward, lambda real: real.mean(0)),
}
either = pytest.mark.parametrize("summary", SUMMARIES)


@either
@pytest.mark.parametrize("lengths", [(4, 7), (1, 1), (7, 7)])
def test_summary_gradient_is_right(summary, lengths, rng):
    """Is it each sequence's own last real state, or the mean of its real ones, and its gradient?"""
    forward, backward, expected = SUMMARIES[summary]
    h, upstream, lengths = normal(rng, B, T, H), normal(rng, B, H), frozen(lengths)
    _, cache = forward(h, lengths)
    assert_gradients(
        {"h": backward(upstream, cache)},
        lambda h: forward(h, lengths)[0],
        lambda h: torch.stack([expected(row[:n]) for row, n in zip(h, lengths, strict=True)]),
        {"h": h},
        upstream,
    )


@either
@given(
    st.lists(st.integers(1, T), min_size=0, max_size=5),
    st.sampled_from([list, tuple, np.uint8, np.int32]),
    st.sampled_from([np.nan, np.inf]),
    st.integers(0, 2**32 - 1),
)
def test_summary_ignores_padding(summary, lengths, form, junk, seed):
    """Does what stands behind a sequence's end change neither value nor gradient?"""
    (forward, backward, _), rng = SUMMARIES[summary], np.random.default_rng(seed)
    h, upstream = rng.standard_normal((len(lengths), T, H)), rng.standard_normal((len(lengths), H))
    padded = np.arange(T) >= np.array(lengths, dtype=int)[:, None]
    clean, _ = forward(h, lengths)
    h[padded] = junk
    dirty, cache = forward(h, form(lengths))
    np.testing.assert_array_equal(dirty, clean)
    dh = backward(upstream, cache)
    np.testing.assert_allclose(dh.sum(axis=1), upstream, rtol=1e-12)
    assert not dh[padded].any()


@either
def test_summary_is_its_owners(summary, rng):
    """May the states, the lengths and the result be changed without harm to the gradient?"""
    forward, backward, _ = SUMMARIES[summary]
    h, lengths, upstream = np.array(normal(rng, B, T, H)), np.array([4, 7]), normal(rng, B, H)
    before = h.copy()
    result, cache = forward(h, lengths)
    expected = backward(upstream, cache)
    result[...], lengths[...] = np.nan, 1
    np.testing.assert_array_equal(h, before)
    h[...] = np.nan
    np.testing.assert_array_equal(backward(upstream, cache), expected)


@either
@pytest.mark.parametrize("wrong", [0, -1, T + 1])
def test_summary_refuses_impossible_lengths(summary, wrong, rng):
    """Does a length that no step has raise, with its place?"""
    match = rf"lengths\[1\] is {wrong}; expected 1 to 7, the number of steps"
    with pytest.raises(ValueError, match=match):
        SUMMARIES[summary][0](normal(rng, B, T, H), [1, wrong])
    with pytest.raises(TypeError, match="lengths must hold integers, got dtype float64"):
        SUMMARIES[summary][0](normal(rng, B, T, H), [1.0, 2.5])


@either
def test_summary_names_both_shapes(summary, rng):
    """Does a wrong shape name the array at fault and the one it has to fit?"""
    (forward, backward, _), h = SUMMARIES[summary], normal(rng, B, T, H)
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\), but a batch of 2 seq"):
        forward(h, [1, 2, 3])
    with pytest.raises(
        ValueError, match=rf"h has shape \(2, 5\), but {summary}_step_forward needs"
    ):
        forward(h[:, 0], [1, 2])
    _, cache = forward(h, [1, 2])
    match = rf"dh_{summary} has shape \(5,\), but h \(2, 7, 5\) needs \(2, 5\)"
    with pytest.raises(ValueError, match=match):
        backward(normal(rng, H), cache)


def test_mean_step_by_hand():
    """Is the mean of whole numbers what pen and paper give, in floating point?"""
    h = np.array([[[1], [2], [6]], [[5], [0], [0]]])
    h_mean, cache = mean_step_forward(h, [3, 1])
    np.testing.assert_array_equal(h_mean, [[3], [5]])
    dh = mean_step_backward(np.array([[6.0], [7.0]]), cache)
    np.testing.assert_array_equal(dh[..., 0], [[2, 2, 2], [7, 0, 0]])


@given(
    st.lists(st.integers(0, T), max_size=5),
    st.sampled_from([(), (D,), (2, D)]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_reverse_padded_turns_each_sequence_round(lengths, trailing, full, seed):
    """Are real steps in reverse order, padding where it was, and all back after another turn?"""
    x = normal(np.random.default_rng(seed), len(lengths), T, *trailing)
    lengths = [T] * len(lengths) if full else lengths
    turned = reverse_padded(x, lengths)
    for row, (own, length) in enumerate(zip(x, lengths, strict=True)):
        np.testing.assert_array_equal(turned[row, :length], own[:length][::-1])
        np.testing.assert_array_equal(turned[row, length:], own[length:])
    np.testing.assert_array_equal(reverse_padded(turned, lengths), x)
    if full:
        np.testing.assert_array_equal(reverse_padded(x), turned)


def test_reverse_padded_is_its_own_gradient(rng):
    """Does the derivative of each entry stand where the entry came from?"""
    x, upstream, lengths = normal(rng, B, T, D), normal(rng, B, T, D), frozen([4, 7])
    assert_gradients(
        {"x": reverse_padded(upstream, lengths)},
        lambda x: reverse_padded(x, lengths),
        lambda x: torch.stack(
            [torch.cat([r[:n].flip(0), r[n:]]) for r, n in zip(x, lengths, strict=True)]
        ),
        {"x": x},
        upstream,
    )


def test_reverse_padded_refuses_impossible_lengths(rng):
    """Do a length beyond the steps, one too many, and one that is no whole number raise?"""
    x = normal(rng, B, T, D)
    with pytest.raises(ValueError, match=r"lengths\[0\] is 8; expected 0 to 7"):
        reverse_padded(x, [8, 1])
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\), but a batch of 2 seq"):
        reverse_padded(x, [1, 2, 3])
    with pytest.raises(TypeError, match="lengths must hold integers"):
        reverse_padded(x, [1.0, 2.0])


def test_layers_keep_float32(tokens, rng):
    """Do float32 arrays give float32 values and gradients in every layer?"""
    params = init_linear(D, K, rng, np.float32) | init_embedding(V, D, rng, np.float32)
    assert {param.dtype for param in params.values()} == {np.dtype(np.float32)}
    x, embedding_cache = embedding_forward(tokens, params["E"])
    y, linear_cache = linear_forward(x, params["W"], params["b"])
    y_last, last_cache = last_step_forward(y, [4, 7])
    dy = last_step_backward(y_last, last_cache)
    dx, grads = linear_backward(dy, linear_cache)
    y_mean, mean_cache = mean_step_forward(y, [4, 7])
    results = [
        x,
        y,
        y_last,
        y_mean,
        mean_step_backward(y_mean, mean_cache),
        reverse_padded(y, [4, 7]),
        dy,
        dx,
        *grads.values(),
        *embedding_backward(dx, embedding_cache).values(),
    ]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_init_linear_has_torch_distribution(rng):
    """Do weights and biases fill ±1/sqrt(input size) evenly, as torch's do?"""
    params = init_linear(400, 300, rng)
    assert params["W"].shape == (300, 400)
    assert params["b"].shape == (300,)
    for param in params.values():
        assert np.abs(param).max() <= 0.05
        assert np.abs(param).max() > 0.049
        assert param.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)


def test_init_embedding_is_standard_normal(rng):
    """Are shape, mean and spread of the table torch's?"""
    E = init_embedding(400, 300, rng)["E"]
    assert E.shape == (400, 300)
    assert abs(E.mean()) < 0.01
    assert E.std() == pytest.approx(1, abs=0.01)
