"""Attention: values and gradients against torch and differences, masks, blocks and memory."""

import tracemalloc

import numpy as np
import pytest
import torch
from gradients import B, T, assert_gradients, frozen, normal, torch_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course import attention
from rnn_course.attention import (
    dot_product_attention_backward,
    dot_product_attention_forward,
    dot_product_attention_weights,
)

HEADS, S, d, E, H, A = 3, 6, 5, 4, 8, 9
KEEPS = [0, 2**16]  # weights computed again, or kept


@pytest.fixture(params=KEEPS, ids=["recomputed", "kept"])
def keeping(request, monkeypatch):
    """Run a test both with weights kept for the backward pass and with weights made again."""
    monkeypatch.setattr(attention, "KEPT_SCORES", request.param)


def dot_product_arrays(rng, leading=(B, HEADS), T=T, S=S, d=d, E=E):
    """Queries, keys and values by name, large enough that weights are far from uniform."""
    shapes = {"q": (T, d), "k": (S, d), "v": (S, E)}
    return {name: normal(rng, *leading, *shape) for name, shape in shapes.items()}


def mask_of(lengths, S=S):
    """(B, S) True at the first lengths[j] keys of sequence j."""
    return frozen(np.arange(S) < np.array(lengths)[:, None])


def torch_visible(q, k, mask, causal):
    """The boolean mask (..., T, S) that torch's own attention takes."""
    T, S = q.shape[-2], k.shape[-2]
    visible = torch.ones(T, S, dtype=torch.bool)
    if causal:
        visible = visible.tril(S - T)
    if mask is not None:
        between = [1] * (q.ndim - 3)
        visible = visible & torch.tensor(mask).reshape(len(mask), *between, 1, S)
    return visible


def torch_dot_product(mask=None, causal=False):
    """torch's attention as a function of q, k and v; zeros where a query sees no key."""

    def function(q, k, v):
        visible = torch_visible(q, k, mask, causal)
        seeing = visible.any(dim=-1, keepdim=True)
        o = torch.nn.functional.scaled_dot_product_attention(q, k, v, visible | ~seeing)
        return torch.where(seeing, o, 0)

    return function


def dot_product_gradients(upstream, cache):
    """dot_product_attention_backward's results by name."""
    return dict(zip("qkv", dot_product_attention_backward(upstream, cache), strict=True))


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("leading", [(B,), (B, HEADS)], ids=["batch", "heads"])
@pytest.mark.parametrize("causal", [False, True], ids=["", "causal"])
@pytest.mark.parametrize("lengths", [None, (S, 4), (0, 2)], ids=["all", "padded", "one-empty"])
def test_dot_product_attention_gradient_is_right(leading, causal, lengths, rng):
    """Do output and gradients agree with torch and differences, with masks and without?"""
    arrays, upstream = dot_product_arrays(rng, leading), normal(rng, *leading, T, E)
    mask = None if lengths is None else mask_of(lengths)
    options = {"mask": mask, "causal": causal, "block_size": 4}
    _, cache = dot_product_attention_forward(**arrays, **options)
    assert_gradients(
        dot_product_gradients(upstream, cache),
        lambda **changed: dot_product_attention_forward(**changed, **options)[0],
        torch_dot_product(mask, causal),
        arrays,
        upstream,
    )


@pytest.mark.parametrize("causal", [False, True])
def test_dot_product_attention_equals_torch_as_it_is_called(causal, rng):
    """Without masks and with as many keys as queries, is it torch's function itself?"""
    arrays, upstream = dot_product_arrays(rng, S=T), normal(rng, B, HEADS, T, E)

    def function(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    output, expected = torch_gradients(function, arrays, upstream)
    o, cache = dot_product_attention_forward(**arrays, causal=causal)
    np.testing.assert_allclose(o, output, rtol=1e-10, atol=1e-12)
    for name, grad in dot_product_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


@settings(max_examples=60)
@given(data=st.data(), sizes=st.tuples(*[st.integers(1, 6)] * 6), causal=st.booleans())
def test_dot_product_attention_equals_torch_for_any_size(data, sizes, causal):
    """Do output and gradients agree with torch for any sizes, lengths, blocks and block sizes?"""
    B, heads, T, S, d, E = sizes
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    lengths = data.draw(st.none() | st.lists(st.integers(0, S), min_size=B, max_size=B))
    mask = None if lengths is None else mask_of(lengths, S)
    arrays, upstream = dot_product_arrays(rng, (B, heads), T, S, d, E), normal(rng, B, heads, T, E)
    output, expected = torch_gradients(torch_dot_product(mask, causal), arrays, upstream)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "BLOCK_SCORES", data.draw(st.integers(1, 60)))
        patch.setattr(attention, "KEPT_SCORES", data.draw(st.sampled_from(KEEPS)))
        block_size = data.draw(st.integers(1, 7))
        o, cache = dot_product_attention_forward(
            **arrays, mask=mask, causal=causal, block_size=block_size
        )
        grads = dot_product_gradients(upstream, cache)
    np.testing.assert_allclose(o, output, rtol=1e-9, atol=1e-11)
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("block_scores", [1, 30, 80])
@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 5, 6, T + 1])
@pytest.mark.parametrize("causal", [False, True])
def test_dot_product_attention_in_blocks_equals_one_block(
    block_size, block_scores, causal, rng, monkeypatch
):
    """Do blocks of any number of queries and of sequences give the numbers of a single one?"""
    arrays, upstream = dot_product_arrays(rng), normal(rng, B, HEADS, T, E)
    options = {"mask": mask_of([5, 3]), "causal": causal}
    whole, cache = dot_product_attention_forward(**arrays, **options, block_size=T)
    expected = dot_product_attention_backward(upstream, cache)
    monkeypatch.setattr(attention, "BLOCK_SCORES", block_scores)
    o, cache = dot_product_attention_forward(**arrays, **options, block_size=block_size)
    np.testing.assert_allclose(o, whole, rtol=1e-12, atol=1e-14)
    for grad, wanted in zip(dot_product_attention_backward(upstream, cache), expected, strict=True):
        np.testing.assert_allclose(grad, wanted, rtol=1e-11, atol=1e-13)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("newest", [1, 2, S - 1])
@pytest.mark.parametrize("block_size", [1, 4, S])
def test_causal_attention_of_the_newest_queries_equals_rows_of_the_whole(newest, block_size, rng):
    """Do fewer queries than keys line up with the last keys, forward and backward?"""
    arrays, upstream = dot_product_arrays(rng, T=S), np.zeros((B, HEADS, S, E))
    upstream[..., -newest:, :] = rng.standard_normal((B, HEADS, newest, E))
    whole, cache = dot_product_attention_forward(**arrays, causal=True)
    expected = dot_product_gradients(upstream, cache)
    later = arrays | {"q": arrays["q"][..., -newest:, :]}
    o, cache = dot_product_attention_forward(**later, causal=True, block_size=block_size)
    np.testing.assert_allclose(o, whole[..., -newest:, :], rtol=1e-12, atol=1e-14)
    grads = dot_product_gradients(upstream[..., -newest:, :], cache)
    np.testing.assert_allclose(grads["q"], expected["q"][..., -newest:, :], rtol=1e-11, atol=1e-13)
    for name in "kv":
        np.testing.assert_allclose(grads[name], expected[name], rtol=1e-11, atol=1e-13)


def test_causal_attention_does_not_see_what_comes_later(rng):
    """Do keys and values after step t leave the outputs up to t as they were?"""
    arrays = dot_product_arrays(rng, T=S)
    before, _ = dot_product_attention_forward(**arrays, causal=True, block_size=4)
    changed = {name: np.array(array) for name, array in arrays.items()}
    changed["k"][..., 3:, :] += 1
    changed["v"][..., 3:, :] += 1
    after, _ = dot_product_attention_forward(**changed, causal=True, block_size=4)
    np.testing.assert_array_equal(after[..., :3, :], before[..., :3, :])
    assert (after[..., 3:, :] != before[..., 3:, :]).all()


def test_causal_attention_without_any_key_gives_zeros(rng):
    """With more queries than keys, are outputs and gradients of the first queries zero?"""
    arrays, upstream = dot_product_arrays(rng, T=T, S=3), normal(rng, B, HEADS, T, E)
    o, cache = dot_product_attention_forward(**arrays, causal=True, block_size=2)
    assert not o[..., : T - 3, :].any()
    assert o[..., T - 3 :, :].all()
    dq = dot_product_attention_backward(upstream, cache)[0]
    assert not dq[..., : T - 3, :].any()
    assert not dot_product_attention_weights(arrays["q"], arrays["k"], causal=True)[
        ..., :4, :
    ].any()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("lengths", [None, (S, 4), (0, 2)], ids=["all", "padded", "one-empty"])
def test_dot_product_attention_weights_are_the_textbooks(causal, lengths, rng):
    """Is o = p v, with rows of p that sum to 1 over the visible keys and nothing elsewhere?"""
    arrays = dot_product_arrays(rng)
    mask = None if lengths is None else mask_of(lengths)
    p = dot_product_attention_weights(arrays["q"], arrays["k"], mask, causal)
    o, _ = dot_product_attention_forward(**arrays, mask=mask, causal=causal)
    np.testing.assert_allclose(p @ arrays["v"], o, rtol=1e-12, atol=1e-14)
    visible = torch_visible(arrays["q"], arrays["k"], mask, causal).numpy()
    visible = np.broadcast_to(visible, p.shape)
    np.testing.assert_allclose(p.sum(axis=-1), visible.any(axis=-1), rtol=1e-14)
    np.testing.assert_array_equal(p > 0, visible)


def test_dot_product_attention_by_hand():
    """Are the weights and the output of two keys what pen and paper give?"""
    q, v = frozen([[[np.log(3.0)] * 4]]), frozen([[[8.0], [4.0]]])
    k = frozen([[[0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]]])  # scores log 3 and 0
    np.testing.assert_allclose(dot_product_attention_weights(q, k), [[[0.75, 0.25]]], rtol=1e-14)
    np.testing.assert_allclose(dot_product_attention_forward(q, k, v)[0], [[[7.0]]], rtol=1e-14)


def test_equal_scores_give_equal_weights(rng):
    """Does a query of zeros take the mean of the real values?"""
    arrays = dot_product_arrays(rng) | {"q": np.zeros((B, HEADS, T, d))}
    p = dot_product_attention_weights(arrays["q"], arrays["k"], mask_of([S, 4]))
    np.testing.assert_allclose(p[0], 1 / S, rtol=1e-14)
    np.testing.assert_allclose(p[1, ..., :4], 1 / 4, rtol=1e-14)
    o, _ = dot_product_attention_forward(**arrays, mask=mask_of([S, 4]))
    mean = arrays["v"][1, :, None, :4].mean(axis=2)  # (HEADS, 1, E)
    np.testing.assert_allclose(o[1], np.broadcast_to(mean, o[1].shape), rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("causal", [False, True])
def test_masked_keys_may_hold_nan(causal, rng):
    """Is padding of NaN the same as no padding, and does it get zero gradients?"""
    lengths, upstream = [4, 0], normal(rng, B, HEADS, T, E)
    arrays = dot_product_arrays(rng)
    dirty = {name: np.array(array) for name, array in arrays.items()}
    for name in "kv":
        for row, length in enumerate(lengths):
            dirty[name][row, :, length:] = np.nan
    options = {"mask": mask_of(lengths), "causal": causal, "block_size": 3}
    results = []
    for given_arrays in (arrays, dirty):
        o, cache = dot_product_attention_forward(**given_arrays, **options)
        results.append([o, *dot_product_attention_backward(upstream, cache)])
    for clean, result in zip(*results, strict=True):
        np.testing.assert_array_equal(result, clean)
    o, dq, dk, dv = results[1]
    assert not o[1].any() and not dq[1].any()
    for row, length in enumerate(lengths):
        assert not dk[row, :, length:].any() and not dv[row, :, length:].any()
    p = dot_product_attention_weights(dirty["q"], dirty["k"], options["mask"], causal)
    np.testing.assert_allclose(p @ arrays["v"], o, rtol=1e-12, atol=1e-14)
    if not causal:
        short = {name: arrays[name][:1, :, :4] for name in "kv"}
        alone, _ = dot_product_attention_forward(arrays["q"][:1], **short)
        np.testing.assert_allclose(o[:1], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("name", ["q", "k", "v", "do"])
def test_nan_stays_in_its_sequence(name, rng):
    """Does NaN in one sequence leave all outputs and gradients of the other as they were?"""
    arrays = dot_product_arrays(rng, (3,)) | {"do": normal(rng, 3, T, E)}
    spoilt = {key: np.array(array) for key, array in arrays.items()}
    spoilt[name][1, 2] = np.nan
    results = []
    for given_arrays in (arrays, spoilt):
        do, qkv = given_arrays["do"], {key: given_arrays[key] for key in "qkv"}
        o, cache = dot_product_attention_forward(**qkv, mask=mask_of([S, S, 4]))
        results.append([o, *dot_product_attention_backward(do, cache)])
    for clean, result in zip(*results, strict=True):
        np.testing.assert_array_equal(result[[0, 2]], clean[[0, 2]])
    assert any(np.isnan(result[1]).any() for result in results[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dot_product_attention_of_huge_scores_picks_the_best_key(dtype, rng):
    """Do scores of plus and minus a million give the best key's value, and finite gradients?"""
    arrays = {name: array.astype(dtype) for name, array in dot_product_arrays(rng).items()}
    arrays["q"] *= dtype(1e6)
    for sign in (1, -1):
        arrays["k"] = sign * arrays["k"]
        o, cache = dot_product_attention_forward(**arrays)
        best = (arrays["q"] @ arrays["k"].swapaxes(-1, -2)).argmax(axis=-1)
        picked = np.take_along_axis(arrays["v"], best[..., None], axis=-2)
        np.testing.assert_array_equal(o, picked)
        for grad in dot_product_attention_backward(o, cache):
            assert np.isfinite(grad).all()
    arrays["k"] = np.abs(arrays["k"])
    arrays["q"] = -np.abs(arrays["q"])  # every score is far below zero: none may vanish
    np.testing.assert_allclose(
        dot_product_attention_weights(arrays["q"], arrays["k"]).sum(axis=-1), 1, rtol=1e-6
    )
    assert dot_product_attention_forward(**arrays)[0].all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("B", "T", "S"), [(0, T, S), (B, 0, S), (B, T, 0), (0, 0, 0), (B, 1, S), (B, T, 1), (1, 1, 1)]
)
def test_dot_product_attention_of_nothing_or_one(B, T, S, masked, causal, rng):
    """Do empty batches, no queries, no keys, and one of each keep their shapes?"""
    arrays = dot_product_arrays(rng, (B, HEADS), T, S)
    mask = np.ones((B, S), dtype=bool) if masked else None
    o, cache = dot_product_attention_forward(**arrays, mask=mask, causal=causal)
    assert o.shape == (B, HEADS, T, E)
    assert S > 0 or not o.any()
    for name, grad in dot_product_gradients(np.ones_like(o), cache).items():
        assert grad.shape == arrays[name].shape
        assert np.isfinite(grad).all()
    p = dot_product_attention_weights(arrays["q"], arrays["k"], mask, causal)
    np.testing.assert_allclose(p @ arrays["v"], o, rtol=1e-12, atol=1e-14)


def test_dot_product_attention_without_leading_axes_is_one_sequence(rng):
    """Are (T, d) arrays with a mask (S,) a batch of one?"""
    arrays, mask = dot_product_arrays(rng, (1,)), mask_of([4])
    alone = {name: array[0] for name, array in arrays.items()}
    o, cache = dot_product_attention_forward(**alone, mask=mask[0])
    expected, expected_cache = dot_product_attention_forward(**arrays, mask=mask)
    np.testing.assert_array_equal(o, expected[0])
    grads = dot_product_attention_backward(o, cache)
    for grad, wanted in zip(
        grads, dot_product_attention_backward(expected, expected_cache), strict=True
    ):
        np.testing.assert_array_equal(grad, wanted[0])
    p = dot_product_attention_weights(alone["q"], alone["k"], mask[0])
    np.testing.assert_allclose(p @ alone["v"], o, rtol=1e-12, atol=1e-14)


def test_dot_product_attention_takes_views_of_any_strides(rng):
    """Do heads cut out of one array, as multi-head attention makes them, count as their copies?"""
    heads = normal(rng, B, T, 3, HEADS, d).transpose(2, 0, 3, 1, 4)  # (3, B, HEADS, T, d)
    o, cache = dot_product_attention_forward(*heads, causal=True)
    do = normal(rng, B, T, HEADS, d).swapaxes(1, 2)
    expected, expected_cache = dot_product_attention_forward(*map(np.array, heads), causal=True)
    np.testing.assert_allclose(o, expected, rtol=1e-13, atol=1e-15)
    grads = dot_product_attention_backward(do, cache)
    wanted = dot_product_attention_backward(np.array(do), expected_cache)
    for grad, want in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(grad, want, rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("keeping")
def test_dot_product_attention_backward_can_be_repeated(rng):
    """Does the cache give the same gradients a second time?"""
    arrays, upstream = dot_product_arrays(rng), normal(rng, B, HEADS, T, E)
    _, cache = dot_product_attention_forward(**arrays, mask=mask_of([4, 6]), causal=True)
    first = dot_product_attention_backward(upstream, cache)
    for grad, again in zip(first, dot_product_attention_backward(upstream, cache), strict=True):
        np.testing.assert_array_equal(grad, again)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("causal", [False, True])
def test_dot_product_attention_keeps_float32(causal, rng):
    """Do float32 arrays give float32 outputs, weights and gradients close to those in float64?"""
    arrays = dot_product_arrays(rng)
    single = {name: frozen(array.astype(np.float32)) for name, array in arrays.items()}
    for mask in (None, mask_of([4, 6])):
        o, cache = dot_product_attention_forward(**single, mask=mask, causal=causal)
        grads = dot_product_attention_backward(o, cache)
        p = dot_product_attention_weights(single["q"], single["k"], mask, causal)
        assert {result.dtype for result in (o, p, *grads)} == {np.dtype(np.float32)}
        double, _ = dot_product_attention_forward(**arrays, mask=mask, causal=causal)
        np.testing.assert_allclose(o, double, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["q", "k", "v"])
def test_dot_product_attention_takes_integers(name, rng):
    """Do whole numbers count as the numbers they are, also for the gradients' type?"""
    arrays = dot_product_arrays(rng)
    whole = arrays | {name: np.rint(arrays[name]).astype(int)}
    o, cache = dot_product_attention_forward(**whole, mask=mask_of([4, 6]), causal=True)
    real = {key: array.astype(float) for key, array in whole.items()}
    expected, expected_cache = dot_product_attention_forward(
        **real, mask=mask_of([4, 6]), causal=True
    )
    np.testing.assert_allclose(o, expected, rtol=1e-12, atol=1e-14)
    grads = dot_product_attention_backward(o, cache)
    wanted = dot_product_attention_backward(expected, expected_cache)
    for grad, want in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(grad, want, rtol=1e-11, atol=1e-13)


def peak_bytes(T, block_size=32):
    """Most memory that one forward and backward pass takes at once, without its arguments."""
    arrays = dot_product_arrays(np.random.default_rng(0), (2,), T, T, 8, 8)
    tracemalloc.start()
    o, cache = dot_product_attention_forward(**arrays, causal=True, block_size=block_size)
    dot_product_attention_backward(o, cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_dot_product_attention_memory_grows_with_length_not_its_square(monkeypatch):
    """Does twice the length take about twice the memory, far below that of all weights?"""
    monkeypatch.setattr(attention, "BLOCK_SCORES", 2**14)
    short, long = peak_bytes(700), peak_bytes(1400)
    assert long < 2.5 * short
    assert long < 2 * 1400 * 1400 * 8 / 4
    assert peak_bytes(1400, block_size=1400) > 2 * long  # the measure itself sees large blocks


@pytest.mark.parametrize("block_size", [0, -1])
def test_dot_product_attention_refuses_empty_blocks(block_size, rng):
    """Does a block without queries raise?"""
    with pytest.raises(ValueError, match=rf"block_size is {block_size}; expected at least 1"):
        dot_product_attention_forward(**dot_product_arrays(rng), block_size=block_size)


@pytest.mark.parametrize(
    ("name", "shape", "match"),
    [
        ("q", (d,), r"q has shape \(5,\), but attention needs \(\.\.\., T, d\)"),
        (
            "k",
            (B, HEADS, S, E),
            r"k has shape \(2, 3, 6, 4\), but q \(2, 3, 7, 5\) needs \(2, 3, any",
        ),
        ("k", (B, S, d), r"k has shape \(2, 6, 5\), but q \(2, 3, 7, 5\) needs \(2, 3, any, 5\)"),
        ("k", (B, 1, S, d), r"k has shape \(2, 1, 6, 5\), but q \(2, 3, 7, 5\) needs"),
        (
            "v",
            (B, HEADS, T, E),
            r"v has shape \(2, 3, 7, 4\), but k \(2, 3, 6, 5\) needs \(2, 3, 6",
        ),
        ("mask", (B, T), r"mask has shape \(2, 7\), but k \(2, 3, 6, 5\) needs \(2, 6\)"),
        ("mask", (B, 1, S), r"mask has shape \(2, 1, 6\), but k \(2, 3, 6, 5\) needs \(2, 6\)"),
    ],
)
def test_dot_product_attention_names_both_shapes(name, shape, match, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    arrays = dot_product_arrays(rng) | {name: np.ones(shape)}
    with pytest.raises(ValueError, match=match):
        dot_product_attention_forward(**arrays)
    if name != "v":
        with pytest.raises(ValueError, match=match):
            dot_product_attention_weights(
                **{key: array for key, array in arrays.items() if key != "v"}
            )


def test_dot_product_attention_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast or could be reshaped raise instead?"""
    _, cache = dot_product_attention_forward(**dot_product_arrays(rng))
    for shape in [(B, HEADS, E), (HEADS, B, T, E), (B * HEADS, T, E)]:
        with pytest.raises(ValueError, match=r"do has shape .* but o \(2, 3, 7, 4\) needs"):
            dot_product_attention_backward(np.ones(shape), cache)
