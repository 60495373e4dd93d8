"""Attention to a memory: values and gradients against torch and differences, one interface."""

import numpy as np
import pytest
import torch
from gradients import B, T, assert_gradients, frozen, normal, torch_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.attention import (
    dot_product_attention_backward,
    dot_product_attention_forward,
    dot_product_attention_weights,
)
from rnn_course.memory_attention import (
    AdditiveAttention,
    DotProductAttention,
    UniformAttention,
    additive_attention_backward,
    additive_attention_forward,
    init_additive_attention,
    uniform_attention_backward,
    uniform_attention_forward,
)

S, d, E, H, A = 6, 5, 4, 8, 9


def additive_arrays(rng):
    """Everything additive_attention_forward takes, by name, but for the mask."""
    shapes = {"query": (B, T, H), "keys": (B, S, d), "values": (B, S, E)}
    shapes |= {"W_q": (A, H), "W_k": (A, d), "v": (A,)}
    return {name: normal(rng, *shape) for name, shape in shapes.items()}


def mask_of(lengths, S=S):
    """(B, S) True at the first lengths[j] keys of sequence j."""
    return frozen(np.arange(S) < np.array(lengths)[:, None])


def torch_softmax(a, mask):
    """Weights (B, T, S) from scores; zeros where no key is real."""
    if mask is None:
        return torch.softmax(a, dim=-1)
    real = torch.tensor(mask)[:, None].expand(a.shape)
    seeing = real.any(dim=-1, keepdim=True)
    return torch.where(seeing, torch.softmax(a.masked_fill(~real & seeing, -torch.inf), dim=-1), 0)


def torch_additive(mask=None):
    """The output of additive attention, equation by equation."""

    def function(query, keys, values, W_q, W_k, v):
        hidden = torch.tanh((query @ W_q.T).unsqueeze(2) + (keys @ W_k.T).unsqueeze(1))
        return torch_softmax((hidden * v).sum(dim=-1), mask) @ values

    return function


@pytest.mark.parametrize("lengths", [None, (S, 4), (0, 2)], ids=["all", "padded", "one-empty"])
def test_additive_attention_gradient_is_right(lengths, rng):
    """Do output and all six gradients agree with torch and differences?"""
    arrays, upstream = additive_arrays(rng), normal(rng, B, T, E)
    mask = None if lengths is None else mask_of(lengths)
    (o, p), cache = additive_attention_forward(**arrays, mask=mask)
    np.testing.assert_array_equal(p @ arrays["values"], o)
    dquery, dkeys, dvalues, grads = additive_attention_backward(upstream, cache)
    assert_gradients(
        {"query": dquery, "keys": dkeys, "values": dvalues} | grads,
        lambda **changed: additive_attention_forward(**changed, mask=mask)[0][0],
        torch_additive(mask),
        arrays,
        upstream,
    )


def test_additive_attention_by_hand():
    """Are the weights and the output of two keys what pen and paper give?"""
    query, W = frozen([[[0.0]]]), frozen([[1.0]])
    keys, values = frozen([[[1000.0], [-1000.0]]]), frozen([[[8.0], [4.0]]])
    v = frozen([np.log(3.0) / 2])  # scores v tanh(±1000) = ±log(3) / 2
    (o, p), _ = additive_attention_forward(query, keys, values, W, W, v)
    np.testing.assert_allclose(p, [[[0.75, 0.25]]], rtol=1e-14)
    np.testing.assert_allclose(o, [[[7.0]]], rtol=1e-14)


@pytest.mark.parametrize("lengths", [None, (S, 4), (0, 2)], ids=["all", "padded", "one-empty"])
def test_uniform_attention_gradient_is_right(lengths, rng):
    """Is it the mean of the real values, with torch's and the differences' gradient?"""
    arrays, upstream = {"values": normal(rng, B, S, E)}, normal(rng, B, T, E)
    mask = None if lengths is None else mask_of(lengths)
    (o, p), cache = uniform_attention_forward(**arrays, mask=mask, T=T)
    for row, length in enumerate((S, S) if lengths is None else lengths):
        mean = arrays["values"][row, :length].mean(axis=0) if length else np.zeros(E)
        np.testing.assert_allclose(o[row], np.tile(mean, (T, 1)), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(p[row, :, :length], 1 / max(length, 1), rtol=1e-14)
        assert not p[row, :, length:].any()
    assert_gradients(
        {"values": uniform_attention_backward(upstream, cache)},
        lambda values: uniform_attention_forward(values, mask, T)[0][0],
        lambda values: torch_softmax(torch.zeros(B, T, S, dtype=torch.float64), mask) @ values,
        arrays,
        upstream,
    )


def test_uniform_attention_answers_one_query_if_not_told_otherwise(rng):
    """Is the default one step?"""
    (o, p), _ = uniform_attention_forward(normal(rng, B, S, E))
    assert o.shape == (B, 1, E)
    assert p.shape == (B, 1, S)


def attentions(rng, query_size=H, memory_size=E, attention_size=A, dtype=np.float64):
    """One of each kind."""
    return {
        "additive": AdditiveAttention(query_size, memory_size, attention_size, rng, dtype),
        "dot-product": DotProductAttention(query_size, memory_size, rng, dtype),
        "uniform": UniformAttention(),
    }


KINDS = list(attentions(np.random.default_rng(0)))


def torch_attention(kind, mask):
    """The output of each kind, equation by equation, from query, memory and parameters."""

    def function(query, memory, **params):
        if kind == "additive":
            return torch_additive(mask)(query, memory, memory, **params)
        a = torch.zeros(*query.shape[:2], memory.shape[1], dtype=query.dtype)
        if kind == "dot-product":
            q = query @ params["W_q"].T
            a = q @ memory.transpose(1, 2) / memory.shape[2] ** 0.5
        return torch_softmax(a, mask) @ memory + 0 * query.sum()

    return function


def scaled_up(attention, rng):
    """Parameters of the size of 1, so that weights are far from uniform and every term counts."""
    shapes = {name: param.shape for name, param in attention.params.items()}
    attention.params = {name: normal(rng, *shape) for name, shape in shapes.items()}
    return attention


def output_of(attention, query, memory, mask, params):
    """o alone, with other parameters for the while of this call."""
    own, attention.params = attention.params, params
    try:
        return attention.forward(query, memory, mask)[0][0]
    finally:
        attention.params = own


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [None, (S, 4), (0, 2)], ids=["all", "padded", "one-empty"])
@pytest.mark.parametrize("T", [1, T])
def test_attention_to_a_memory_gradient_is_right(kind, lengths, T, rng):
    """Do output and gradients of query, memory and parameters agree with torch and differences?"""
    layer = scaled_up(attentions(rng)[kind], rng)
    arrays = {"query": normal(rng, B, T, H), "memory": normal(rng, B, S, E)} | layer.params
    mask, upstream = None if lengths is None else mask_of(lengths), normal(rng, B, T, E)
    _, cache = layer.forward(arrays["query"], arrays["memory"], mask)
    dquery, dmemory, grads = layer.backward(upstream, cache)
    assert grads.keys() == layer.params.keys()
    assert_gradients(
        {"query": dquery, "memory": dmemory} | grads,
        lambda query, memory, **params: output_of(layer, query, memory, mask, params),
        torch_attention(kind, mask),
        arrays,
        upstream,
    )


@settings(max_examples=30)
@given(data=st.data(), sizes=st.tuples(*[st.integers(1, 5)] * 6), kind=st.sampled_from(KINDS))
def test_attention_to_a_memory_equals_torch_for_any_size(data, sizes, kind):
    """Do output and gradients agree with torch for any sizes and lengths, ones among them?"""
    B, T, S, H, E, A = sizes
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    lengths = data.draw(st.none() | st.lists(st.integers(0, S), min_size=B, max_size=B))
    mask = None if lengths is None else mask_of(lengths, S)
    layer = scaled_up(attentions(rng, H, E, A)[kind], rng)
    arrays = {"query": normal(rng, B, T, H), "memory": normal(rng, B, S, E)} | layer.params
    upstream = normal(rng, B, T, E)
    output, expected = torch_gradients(torch_attention(kind, mask), arrays, upstream)
    (o, _), cache = layer.forward(arrays["query"], arrays["memory"], mask)
    dquery, dmemory, grads = layer.backward(upstream, cache)
    np.testing.assert_allclose(o, output, rtol=1e-9, atol=1e-11)
    for name, grad in ({"query": dquery, "memory": dmemory} | grads).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [None, (0, 4)], ids=["all", "padded"])
def test_attention_step_by_step_equals_all_queries_at_once(kind, lengths, rng):
    """Does one memory prepared for many steps give the outputs and gradients of a single call?"""
    layer = scaled_up(attentions(rng)[kind], rng)
    query, memory, upstream = (normal(rng, B, n, m) for n, m in [(T, H), (S, E), (T, E)])
    mask = None if lengths is None else mask_of(lengths)
    (o, p), cache = layer.forward(query, memory, mask)
    expected = layer.backward(upstream, cache)
    prepared, prepare_cache = layer.prepare_forward(memory, mask)
    step_caches = []
    for t in range(T):
        (o_t, p_t), step_cache = layer.step_forward(query[:, t : t + 1], prepared)
        np.testing.assert_allclose(o_t, o[:, t : t + 1], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(p_t, p[:, t : t + 1], rtol=1e-12, atol=1e-14)
        step_caches.append(step_cache)
    steps = [layer.step_backward(upstream[:, t : t + 1], step_caches[t]) for t in range(T)]
    dqueries, dkeys, dvalues, step_grads = zip(*steps, strict=True)
    dmemory, grads = layer.prepare_backward(sum(dkeys), sum(dvalues), prepare_cache)
    grads |= {name: sum(grads[name] for grads in step_grads) for name in step_grads[0]}
    np.testing.assert_allclose(np.concatenate(dqueries, axis=1), expected[0], atol=1e-12)
    np.testing.assert_allclose(dmemory, expected[1], rtol=1e-11, atol=1e-12)
    assert grads.keys() == expected[2].keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, expected[2][name], rtol=1e-11, atol=1e-12)


def test_attention_classes_equal_their_functions(rng):
    """Is each class the function of its name, with the memory as keys and values?"""
    query, memory, do = normal(rng, B, T, H), normal(rng, B, S, E), normal(rng, B, T, E)
    layers, mask = attentions(rng), mask_of([S, 4])
    functions = {
        "additive": lambda **params: additive_attention_forward(
            query, memory, memory, **params, mask=mask
        ),
        "uniform": lambda: uniform_attention_forward(memory, mask, T),
    }
    for kind, function in functions.items():
        (o, p), _ = function(**layers[kind].params)
        for got, wanted in zip(layers[kind].forward(query, memory, mask)[0], (o, p), strict=True):
            np.testing.assert_array_equal(got, wanted)
    W_q = layers["dot-product"].params["W_q"]
    (o, p), cache = layers["dot-product"].forward(query, memory, mask)
    expected, fast_cache = dot_product_attention_forward(query @ W_q.T, memory, memory, mask)
    np.testing.assert_allclose(o, expected, rtol=1e-12, atol=1e-14)
    weights = dot_product_attention_weights(query @ W_q.T, memory, mask)
    np.testing.assert_allclose(p, weights, rtol=1e-12, atol=1e-14)
    dmemory = sum(dot_product_attention_backward(do, fast_cache)[1:])
    np.testing.assert_allclose(
        layers["dot-product"].backward(do, cache)[1], dmemory, rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("kind", KINDS)
def test_attention_to_a_memory_ignores_padding(kind, rng):
    """Is padding of NaN the same as no padding at all, and does it get zero gradients?"""
    layer, lengths = scaled_up(attentions(rng)[kind], rng), [4, 0]
    query, memory, do = normal(rng, B, T, H), normal(rng, B, S, E), normal(rng, B, T, E)
    dirty = np.where(mask_of(lengths)[..., None], memory, np.nan)
    results = []
    for given_memory in (memory, dirty):
        (o, p), cache = layer.forward(query, given_memory, mask_of(lengths))
        dquery, dmemory, grads = layer.backward(do, cache)
        results.append([o, p, dquery, dmemory, *grads.values()])
    for clean, result in zip(*results, strict=True):
        np.testing.assert_array_equal(result, clean)
    o, p, dquery, dmemory = results[1][:4]
    assert not any(array[1].any() for array in (o, p, dquery, dmemory))
    assert not p[0, :, 4:].any() and not dmemory[0, 4:].any()
    (alone, _), _ = layer.forward(query[:1], memory[:1, :4])
    np.testing.assert_allclose(o[:1], alone, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(p.sum(axis=2), [[1] * T, [0] * T], rtol=1e-14)


def test_additive_attention_function_ignores_padding(rng):
    """May keys and values hold NaN, each on its own, where the mask is False?"""
    arrays, mask, do = additive_arrays(rng), mask_of([4, 0]), normal(rng, B, T, E)
    dirty = {name: np.where(mask[..., None], arrays[name], np.nan) for name in ("keys", "values")}
    results = []
    for given_arrays in (arrays, arrays | dirty):
        (o, p), cache = additive_attention_forward(**given_arrays, mask=mask)
        dquery, dkeys, dvalues, grads = additive_attention_backward(do, cache)
        results.append([o, p, dquery, dkeys, dvalues, *grads.values()])
    for clean, result in zip(*results, strict=True):
        np.testing.assert_array_equal(result, clean)
    (o, p), cache = uniform_attention_forward(dirty["values"], mask, T)
    assert np.isfinite(o).all()
    assert np.isfinite(uniform_attention_backward(do, cache)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["query", "memory", "do"])
def test_nan_stays_in_its_sequence_of_a_memory(kind, where, rng):
    """Does NaN in one sequence leave outputs and gradients of the others as they were?"""
    layer = scaled_up(attentions(rng)[kind], rng)
    arrays = {"query": normal(rng, 3, T, H), "memory": normal(rng, 3, S, E)}
    arrays["do"] = normal(rng, 3, T, E)
    spoilt = {name: np.array(array) for name, array in arrays.items()}
    spoilt[where][1, 2] = np.nan
    results = []
    for given_arrays in (arrays, spoilt):
        (o, p), cache = layer.forward(given_arrays["query"], given_arrays["memory"])
        dquery, dmemory, _ = layer.backward(given_arrays["do"], cache)
        results.append([o, p, dquery, dmemory])
    for clean, result in zip(*results, strict=True):
        np.testing.assert_array_equal(result[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("B", "T", "S"), [(0, T, S), (B, 0, S), (B, T, 0), (1, 1, 1)])
def test_attention_to_a_memory_of_nothing_or_one(kind, B, T, S, masked, rng):
    """Do an empty batch, no queries and an empty memory give shapes kept and zero gradients?"""
    layer = attentions(rng)[kind]
    query, memory = normal(rng, B, T, H), normal(rng, B, S, E)
    mask = np.ones((B, S), dtype=bool) if masked else None
    (o, p), cache = layer.forward(query, memory, mask)
    assert o.shape == (B, T, E)
    assert p.shape == (B, T, S)
    dquery, dmemory, grads = layer.backward(np.ones_like(o), cache)
    assert dquery.shape == query.shape
    assert dmemory.shape == memory.shape
    assert {name: grad.shape for name, grad in grads.items()} == {
        name: param.shape for name, param in layer.params.items()
    }
    if B * T * S == 0:
        assert not o.any() and not dquery.any() and not dmemory.any()
        assert not any(grad.any() for grad in grads.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("T", [1, T])
def test_attention_to_a_memory_keeps_float32(kind, T, rng):
    """Do float32 arrays give float32 outputs and gradients, also one step at a time?"""
    layer = attentions(rng, dtype=np.float32)[kind]
    query = normal(rng, B, T, H, dtype=np.float32)
    memory = normal(rng, B, S, E, dtype=np.float32)
    for mask in (None, mask_of([S, 0])):
        (o, p), cache = layer.forward(query, memory, mask)
        dquery, dmemory, grads = layer.backward(o, cache)
        results = [o, p, dquery, dmemory, *grads.values(), *layer.params.values()]
        assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_additive_and_uniform_functions_keep_float32(rng):
    """Do the functions, too, give float32 for float32?"""
    arrays = {name: array.astype(np.float32) for name, array in additive_arrays(rng).items()}
    (o, p), cache = additive_attention_forward(**arrays, mask=mask_of([S, 0]))
    *gradients, grads = additive_attention_backward(o, cache)
    results = [o, p, *gradients, *grads.values()]
    (o, p), cache = uniform_attention_forward(arrays["values"], T=T)
    results += [o, p, uniform_attention_backward(o, cache)]
    results += init_additive_attention(H, d, A, rng, np.float32).values()
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", KINDS)
def test_attention_backward_uses_the_parameters_of_its_forward(kind, rng):
    """Do parameters replaced after the forward pass leave the gradients as they were?"""
    layer = attentions(rng)[kind]
    query, memory, do = normal(rng, B, T, H), normal(rng, B, S, E), normal(rng, B, T, E)
    _, cache = layer.forward(query, memory)
    dquery, dmemory, grads = layer.backward(do, cache)
    layer.params = {name: param + 1 for name, param in layer.params.items()}
    dquery_again, dmemory_again, grads_again = layer.backward(do, cache)
    np.testing.assert_array_equal(dquery_again, dquery)
    np.testing.assert_array_equal(dmemory_again, dmemory)
    for name, grad in grads_again.items():
        np.testing.assert_array_equal(grad, grads[name])


WRONG_ADDITIVE = {
    "query": ((B, H), r"query has shape \(2, 8\), but W_q \(9, 8\) needs \(any, any, 8\)"),
    "keys": (
        (B, S, E),
        r"keys has shape \(2, 6, 4\), but query \(2, 7, 8\) with W_k \(9, 5\) needs",
    ),
    "values": (
        (B, T, E),
        r"values has shape \(2, 7, 4\), but keys \(2, 6, 5\) needs \(2, 6, any\)",
    ),
    "W_q": ((A, d), r"query has shape \(2, 7, 8\), but W_q \(9, 5\) needs"),
    "W_k": ((H, d), r"W_k has shape \(8, 5\), but W_q \(9, 8\) needs \(9, any\)"),
    "v": ((H,), r"v has shape \(8,\), but W_q \(9, 8\) needs \(9\)"),
    "mask": ((B, T), r"mask has shape \(2, 7\), but keys \(2, 6, 5\) needs \(2, 6\)"),
}


@pytest.mark.parametrize("name", WRONG_ADDITIVE)
def test_additive_attention_names_both_shapes(name, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    shape, match = WRONG_ADDITIVE[name]
    with pytest.raises(ValueError, match=match):
        additive_attention_forward(**additive_arrays(rng) | {name: np.ones(shape)})


def test_uniform_attention_names_both_shapes(rng):
    """Do values of a wrong rank, a mask of a wrong size and a wrong upstream raise?"""
    with pytest.raises(
        ValueError, match=r"values has shape \(6, 4\), but .* needs \(any, any, any"
    ):
        uniform_attention_forward(np.ones((S, E)))
    with pytest.raises(ValueError, match=r"mask has shape \(2, 7\), but values \(2, 6, 4\) needs"):
        uniform_attention_forward(np.ones((B, S, E)), np.ones((B, T)))
    _, cache = uniform_attention_forward(np.ones((B, S, E)), T=T)
    with pytest.raises(ValueError, match=r"do has shape \(2, 4\), but o \(2, 7, 4\) needs"):
        uniform_attention_backward(np.ones((B, E)), cache)


@pytest.mark.parametrize("kind", KINDS)
def test_attention_to_a_memory_names_both_shapes(kind, rng):
    """Do a wrong memory, mask, query and upstream raise, with both shapes named?"""
    layer = attentions(rng)[kind]
    query, memory = normal(rng, B, T, H), normal(rng, B, S, E)
    with pytest.raises(ValueError, match=r"memory has shape \(2, 4\), but .*Attention needs"):
        layer.forward(query, memory[:, 0])
    with pytest.raises(ValueError, match=r"mask has shape \(2, 7\), but memory \(2, 6, 4\) needs"):
        layer.forward(query, memory, np.ones((B, T), dtype=bool))
    with pytest.raises(ValueError, match=r"query has shape \(1, 7, 8\), but .* \(2, 6, 4\) needs"):
        layer.forward(query[:1], memory)
    with pytest.raises(ValueError, match=r"query has shape \(2, 8\), but .* \(2, 6, 4\) needs"):
        layer.forward(query[:, 0], memory)
    _, cache = layer.forward(query, memory)
    with pytest.raises(ValueError, match=r"do has shape \(2, 4\), but o \(2, 7, 4\) needs"):
        layer.backward(np.ones((B, E)), cache)
    if kind != "uniform":
        with pytest.raises(ValueError, match=r"memory has shape \(2, 6, 8\), .* \(any, any, 4\)"):
            layer.forward(query, normal(rng, B, S, H))
        with pytest.raises(ValueError, match=r"query has shape \(2, 7, 4\), .* \(2, any, 8\)"):
            layer.forward(normal(rng, B, T, E), memory)


def test_init_additive_attention_spreads_by_what_each_output_sums_over(rng):
    """Does each array fill ±1/sqrt(its own number of inputs) evenly?"""
    params = init_additive_attention(100, 400, 900, rng)
    shapes = {name: param.shape for name, param in params.items()}
    assert shapes == {"W_q": (900, 100), "W_k": (900, 400), "v": (900,)}
    for name, bound in {"W_q": 1 / 10, "W_k": 1 / 20, "v": 1 / 30}.items():
        assert 0.99 * bound < np.abs(params[name]).max() <= bound
        assert params[name].std() == pytest.approx(bound / np.sqrt(3), rel=0.1)


def test_dot_product_attention_class_spreads_by_the_query_size(rng):
    """Does W_q (E, H) fill ±1/sqrt(H) evenly?"""
    W_q = DotProductAttention(400, 300, rng).params["W_q"]
    assert W_q.shape == (300, 400)
    assert 0.0499 < np.abs(W_q).max() <= 0.05
    assert W_q.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
