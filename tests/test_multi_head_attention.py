"""Multi-head attention: self and cross, masks, kept keys and values, against torch."""

import numpy as np
import pytest
import torch
from gradients import B, T, assert_gradients, frozen, normal, torch_gradients
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnn_course.multi_head_attention import (
    init_multi_head_attention,
    multi_head_attention_backward,
    multi_head_attention_forward,
    multi_head_attention_weights,
)

HEADS, E, S, D_KV = 3, 12, 5, 6
MASK = frozen(np.arange(S) < np.array([[S], [2]]))  # (B, S)


def weights(rng, E, D_kv, bias=True):
    """Frozen parameters, large enough that a wrong factor shows."""
    shapes = {"W_q": (E, E), "W_k": (E, D_kv), "W_v": (E, D_kv), "W_o": (E, E)}
    params = {
        name: frozen(rng.standard_normal(shape) / np.sqrt(shape[1]))
        for name, shape in shapes.items()
    }
    return params | ({f"b_{name}": normal(rng, E) for name in "qkvo"} if bias else {})


def self_arrays(rng, bias=True, B=B, T=T, E=E):
    """Inputs and parameters of self-attention by name."""
    return {"x_q": normal(rng, B, T, E)} | weights(rng, E, E, bias)


def cross_arrays(rng, bias=True):
    """Inputs and parameters of cross-attention by name; the two inputs differ in all sizes."""
    x = {"x_q": normal(rng, B, T, E), "x_kv": normal(rng, B, S, D_KV)}
    return x | weights(rng, E, D_KV, bias)


def torch_attention(
    x_q, W_q, W_k, W_v, W_o, x_kv=None, heads=HEADS, mask=None, causal=False, **biases
):
    """Output and weights of torch.nn.MultiheadAttention with our parameters."""
    x_kv = x_q if x_kv is None else x_kv
    module = torch.nn.MultiheadAttention(
        len(W_q),
        heads,
        bias=bool(biases),
        kdim=W_k.shape[1],
        vdim=W_v.shape[1],
        batch_first=True,
        dtype=x_q.dtype,
    )
    named = {"out_proj.weight": W_o}
    if W_k.shape == W_q.shape:
        named["in_proj_weight"] = torch.cat([W_q, W_k, W_v])
    else:
        named |= {"q_proj_weight": W_q, "k_proj_weight": W_k, "v_proj_weight": W_v}
    if biases:
        named["in_proj_bias"] = torch.cat([biases[f"b_{name}"] for name in "qkv"])
        named["out_proj.bias"] = biases["b_o"]
    assert named.keys() == dict(module.named_parameters()).keys()
    future = torch.ones(x_q.shape[1], x_kv.shape[1], dtype=torch.bool).triu(1) if causal else None
    padding = None if mask is None else ~torch.tensor(mask)
    return torch.func.functional_call(
        module,
        named,
        (x_q, x_kv, x_kv),
        {"key_padding_mask": padding, "attn_mask": future, "average_attn_weights": False},
    )


def output(x_kv=None, **arguments):
    """The output alone."""
    (y, _), _ = multi_head_attention_forward(x_kv=x_kv, num_heads=HEADS, **arguments)
    return y


def assert_all_gradients(grads, arrays, upstream, **options):
    """Fail unless output and gradients agree with torch and with finite differences.

    b_k adds the same to all scores of a query, so that its gradient is zero but for rounding, of
    which no relative error can be taken.
    """
    fixed = {name: arrays[name] for name in ("b_k",) if name in arrays}
    for name in fixed:
        np.testing.assert_allclose(grads[name], 0, atol=1e-13)
    assert_gradients(
        {name: grad for name, grad in grads.items() if name not in fixed},
        lambda **changed: output(**changed, **fixed, **options),
        lambda **tensors: torch_attention(
            **tensors, **{name: torch.tensor(array) for name, array in fixed.items()}, **options
        )[0],
        {name: array for name, array in arrays.items() if name not in fixed},
        upstream,
    )


def all_gradients(upstream, cache):
    """multi_head_attention_backward's results in one dict, but for the state."""
    dx_q, dx_kv, _, grads = multi_head_attention_backward(upstream, cache)
    return {"x_q": dx_q} | ({} if dx_kv is None else {"x_kv": dx_kv}) | grads


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_self_attention_gradient_is_right(causal, bias, rng):
    """Do all gradients agree with torch and finite differences, with and without a future?"""
    arrays, upstream = self_arrays(rng, bias), normal(rng, B, T, E)
    _, cache = multi_head_attention_forward(x_kv=None, **arrays, num_heads=HEADS, causal=causal)
    assert_all_gradients(all_gradients(upstream, cache), arrays, upstream, causal=causal)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("mask", [None, MASK])
def test_cross_attention_gradient_is_right(mask, bias, rng):
    """Do all gradients agree with torch and finite differences, both inputs' among them?"""
    arrays, upstream = cross_arrays(rng, bias), normal(rng, B, T, E)
    _, cache = multi_head_attention_forward(**arrays, num_heads=HEADS, mask=mask)
    grads = all_gradients(upstream, cache)
    assert_all_gradients(grads, arrays, upstream, mask=mask)
    if mask is not None:
        assert not grads["x_kv"][~mask].any()


@settings(max_examples=40)
@given(
    sizes=st.tuples(*[st.integers(1, 5)] * 4),
    causal=st.booleans(),
    data=st.data(),
    seed=st.integers(0, 2**32 - 1),
)
def test_self_attention_equals_torch_for_any_size(sizes, causal, data, seed):
    """Do value and gradients agree with torch for any B, T, heads, d and lengths?"""
    B, T, heads, d = sizes
    lengths = np.array(data.draw(st.lists(st.integers(1, T), min_size=B, max_size=B)))
    mask = np.arange(T) < lengths[:, None]
    rng = np.random.default_rng(seed)
    arrays = self_arrays(rng, B=B, T=T, E=heads * d)
    upstream = normal(rng, B, T, heads * d)
    expected, torch_grads = torch_gradients(
        lambda **tensors: torch_attention(**tensors, heads=heads, mask=mask, causal=causal)[0],
        arrays,
        upstream,
    )
    (y, _), cache = multi_head_attention_forward(
        x_kv=None, **arrays, num_heads=heads, mask=mask, causal=causal
    )
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-10)
    for name, grad in all_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, torch_grads[name], rtol=1e-9, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("causal", [True, False])
def test_weights_equal_torch(causal, rng):
    """Are the weights for pictures each head's own, as torch's?"""
    arrays = self_arrays(rng)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    _, expected = torch_attention(**tensors, causal=causal)
    _, cache = multi_head_attention_forward(x_kv=None, **arrays, num_heads=HEADS, causal=causal)
    p = multi_head_attention_weights(cache)
    assert p.shape == (B, HEADS, T, T)
    np.testing.assert_allclose(p, expected.numpy(), rtol=1e-10, atol=1e-12)


def test_attention_without_queries_and_keys_is_the_mean(rng):
    """Do equal scores give the mean of the real values, by hand?"""
    x = normal(rng, B, S, E)
    nothing, eye = np.zeros((E, E)), np.eye(E)
    y = output(x_q=x, W_q=nothing, W_k=nothing, W_v=eye, W_o=2 * eye, mask=MASK)
    np.testing.assert_allclose(y[0], np.tile(2 * x[0].mean(axis=0), (S, 1)), rtol=1e-12)
    np.testing.assert_allclose(y[1], np.tile(2 * x[1, :2].mean(axis=0), (S, 1)), rtol=1e-12)


def test_each_head_sees_its_own_entries(rng):
    """Does a change of one head's values leave the others' outputs as they were?"""
    arrays = self_arrays(rng) | {"W_o": np.eye(E), "b_o": np.zeros(E)}
    W_v = arrays["W_v"].copy()
    W_v[4:8] += 1  # the rows of head 1
    changed = np.abs(output(**arrays | {"W_v": W_v}) - output(**arrays)).max(axis=(0, 1)) > 0
    np.testing.assert_array_equal(changed, np.arange(E) // 4 == 1)


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(1, 3), min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
@example(cuts=[1] * 7, seed=0)
def test_state_goes_on_as_one_whole_pass(cuts, seed):
    """Do pieces of any sizes, each with the state of the one before, give the whole's rows?"""
    arrays = self_arrays(np.random.default_rng(seed), T=sum(cuts))
    x = arrays.pop("x_q")
    whole = output(x_q=x, **arrays, causal=True)
    state, start = None, 0
    for cut in cuts:
        (y, state), _ = multi_head_attention_forward(
            x[:, start : start + cut],
            None,
            **arrays,
            num_heads=HEADS,
            causal=True,
            state=state,
        )
        np.testing.assert_allclose(y, whole[:, start : start + cut], rtol=1e-10, atol=1e-10)
        start += cut
    assert state[0].shape == state[1].shape == (B, HEADS, start, E // HEADS)
    np.testing.assert_array_equal(state[2], np.ones((B, start), dtype=bool))


def test_state_carries_gradients_over_a_cut(rng):
    """Do two pieces, chained backward through the state, give the whole's gradients?"""
    arrays, upstream, cut = self_arrays(rng), normal(rng, B, T, E), 3
    _, cache = multi_head_attention_forward(x_kv=None, **arrays, num_heads=HEADS, causal=True)
    expected = all_gradients(upstream, cache)
    x = arrays.pop("x_q")
    options = arrays | {"num_heads": HEADS, "causal": True}
    (_, state), cache_1 = multi_head_attention_forward(x[:, :cut], None, **options)
    _, cache_2 = multi_head_attention_forward(x[:, cut:], None, **options, state=state)
    dx_2, _, dstate, grads_2 = multi_head_attention_backward(upstream[:, cut:], cache_2)
    dx_1, _, dstate_0, grads_1 = multi_head_attention_backward(upstream[:, :cut], cache_1, dstate)
    assert dstate[2] is None
    assert dstate_0[0].shape == dstate_0[1].shape == (B, HEADS, 0, E // HEADS)
    dx = np.concatenate([dx_1, dx_2], axis=1)
    np.testing.assert_allclose(dx, expected["x_q"], rtol=1e-10, atol=1e-12)
    for name, grad in grads_1.items():
        np.testing.assert_allclose(
            grad + grads_2[name], expected[name], rtol=1e-10, atol=1e-12, err_msg=name
        )


def test_state_remembers_which_keys_are_real(rng):
    """Does a sequence padded in the first piece go on as if the padding had never been?"""
    arrays = self_arrays(rng)
    x = arrays.pop("x_q")
    options = arrays | {"num_heads": HEADS, "causal": True}
    (_, state), _ = multi_head_attention_forward(x[:, :S], None, **options, mask=MASK)
    (y, state), _ = multi_head_attention_forward(x[:, S:], None, **options, state=state)
    np.testing.assert_array_equal(state[2], [[True] * T, [True] * 2 + [False] * 3 + [True] * 2])
    without = np.concatenate([x[1:, :2], x[1:, S:]], axis=1)
    np.testing.assert_allclose(
        y[1:], output(x_q=without, **arrays, causal=True)[:, 2:], rtol=1e-10, atol=1e-12
    )


def test_cross_attention_goes_on_without_new_keys(rng):
    """Does a source without steps leave what the state holds of it, mask included?"""
    arrays = cross_arrays(rng)
    expected = output(**arrays, mask=MASK)
    x_q, x_kv = arrays.pop("x_q"), arrays.pop("x_kv")
    (_, state), _ = multi_head_attention_forward(
        x_q[:, :1], x_kv, **arrays, num_heads=HEADS, mask=MASK
    )
    (y, after), cache = multi_head_attention_forward(
        x_q, x_kv[:, :0], **arrays, num_heads=HEADS, state=state
    )
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    for array, kept in zip(after, state, strict=True):
        np.testing.assert_array_equal(array, kept)
    _, dx_kv, dstate, grads = multi_head_attention_backward(y, cache)
    assert dx_kv.shape == (B, 0, D_KV)
    assert dstate[0].shape == (B, HEADS, S, E // HEADS)
    assert not grads["W_k"].any()


@pytest.mark.parametrize(("B", "T"), [(0, T), (B, 0), (B, 1)])
def test_attention_of_little_or_nothing(B, T, rng):
    """Are values and gradients of no sequence, no step or one step of the right shapes?"""
    arrays = self_arrays(rng, B=B, T=T)
    (y, _), cache = multi_head_attention_forward(x_kv=None, **arrays, num_heads=HEADS, causal=True)
    assert y.shape == (B, T, E)
    grads = all_gradients(np.ones((B, T, E)), cache)
    assert {name: grad.shape for name, grad in grads.items()} == {
        name: array.shape for name, array in arrays.items()
    }
    assert np.isfinite(y).all()
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_a_sequence_without_real_keys_gives_the_bias_alone(rng):
    """Is b_o what remains where all keys are masked, without NaN in values or gradients?"""
    arrays, mask = cross_arrays(rng), MASK * np.array([[True], [False]])
    (y, _), cache = multi_head_attention_forward(**arrays, num_heads=HEADS, mask=mask)
    np.testing.assert_array_equal(y[1], np.tile(arrays["b_o"], (T, 1)))
    grads = all_gradients(normal(rng, B, T, E), cache)
    assert not grads["x_kv"][1].any()
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_nan_stays_in_its_own_sequence(rng):
    """Are other sequences as before, and NaN behind the mask unseen?"""
    arrays = cross_arrays(rng)
    expected, x_kv = output(**arrays, mask=MASK), arrays["x_kv"].copy()
    x_kv[1, 2:] = np.nan
    np.testing.assert_array_equal(output(**arrays | {"x_kv": x_kv}, mask=MASK), expected)
    y = output(**arrays | {"x_kv": x_kv})
    assert np.isnan(y[1]).all()
    np.testing.assert_allclose(y[0], expected[0], rtol=1e-12)


def test_attention_keeps_float32_and_its_arrays(rng):
    """Do float32 arrays give float32 values, states and gradients, twice the same?"""
    params = init_multi_head_attention(E, rng, dtype=np.float32)
    x, z = (frozen(normal(rng, B, n, E).astype(np.float32)) for n in (T, S))
    results = list(params.values())
    for x_kv in (None, z):
        (_, state), _ = multi_head_attention_forward(x, x_kv, **params, num_heads=HEADS)
        (y, state), cache = multi_head_attention_forward(
            x, x_kv, **params, num_heads=HEADS, state=state
        )
        first, again = (all_gradients(frozen(y), cache) for _ in range(2))
        for name, grad in first.items():
            np.testing.assert_array_equal(grad, again[name])
        results += [y, *state[:2], multi_head_attention_weights(cache), *first.values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


WRONG = {
    "x_q": ((B, T, S), r"x_q has shape \(2, 7, 5\), but W_q \(12, 12\) needs \(any, any, 12\)"),
    "x_kv": ((3, S, D_KV), r"x_kv has shape \(3, 5, 6\), but x_q \(2, 7, 12\) with W_k \(12, 6\)"),
    "W_q": ((E,), r"W_q has shape \(12,\), but \(size of all heads, input size\) needs"),
    "W_k": ((E + 1, D_KV), r"W_k has shape \(13, 6\), but W_q \(12, 12\) needs \(12, any\)"),
    "W_v": ((E, E), r"W_v has shape \(12, 12\), but W_k \(12, 6\) needs \(12, 6\)"),
    "W_o": ((E, S), r"W_o has shape \(12, 5\), but W_q \(12, 12\) needs \(any, 12\)"),
    "b_k": ((S,), r"b_k has shape \(5,\), but W_k \(12, 6\) needs \(12\)"),
    "mask": ((B, T), r"mask has shape \(2, 7\), but x_kv \(2, 5, 6\) needs \(2, 5\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_attention_names_both_shapes(name, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    shape, match = WRONG[name]
    with pytest.raises(ValueError, match=match):
        multi_head_attention_forward(**cross_arrays(rng) | {name: np.ones(shape)}, num_heads=HEADS)


def test_attention_refuses_what_does_not_fit(rng):
    """Do heads that do not divide E, missing biases and a strange state or upstream raise?"""
    arrays = self_arrays(rng)
    with pytest.raises(ValueError, match=r"W_q has shape \(12, 12\); 5 heads cannot share 12 rows"):
        multi_head_attention_forward(x_kv=None, **arrays, num_heads=5)
    with pytest.raises(ValueError, match=r"give all of b_q, b_k, b_v and b_o, or none"):
        output(**arrays | {"b_v": None})
    with pytest.raises(ValueError, match=r"W_k has shape \(12, 6\), but self-attention with W_q"):
        output(**arrays | weights(rng, E, D_KV))
    (_, (keys, values, real)), cache = multi_head_attention_forward(
        x_kv=None, **arrays, num_heads=HEADS
    )
    match = r"keys has shape \(2, 1, 7, 4\), but x_q \(2, 7, 12\) with 3 heads and W_q"
    with pytest.raises(ValueError, match=match):
        output(**arrays, state=(keys[:, :1], values, real))
    with pytest.raises(ValueError, match=r"values has shape \(2, 3, 1, 4\), but keys \(2, 3, 7, 4"):
        output(**arrays, state=(keys, values[:, :, :1], real))
    with pytest.raises(ValueError, match=r"real has shape \(2, 1\), but keys \(2, 3, 7, 4\) needs"):
        output(**arrays, state=(keys, values, real[:, :1]))
    with pytest.raises(ValueError, match=r"dy has shape \(7, 12\), but x_q \(2, 7, 12\) with W_o"):
        multi_head_attention_backward(np.ones((T, E)), cache)
    with pytest.raises(ValueError, match=r"dkeys has shape \(7, 4\), but keys \(2, 3, 7, 4\)"):
        multi_head_attention_backward(np.ones((B, T, E)), cache, (keys[0, 0], values, None))
    with pytest.raises(ValueError, match=r"dvalues has shape \(2, 3, 1, 4\), but keys"):
        multi_head_attention_backward(np.ones((B, T, E)), cache, (keys, values[:, :, :1], None))


@pytest.mark.parametrize("bias", [True, False])
def test_init_attention_has_torch_distribution(bias, rng):
    """Are count and spread of all parameters those of torch.nn.MultiheadAttention?"""
    size = 120
    params = init_multi_head_attention(size, rng, bias=bias)
    module = torch.nn.MultiheadAttention(size, HEADS, bias=bias)
    count = sum(parameter.numel() for parameter in module.parameters())
    assert sum(param.size for param in params.values()) == count
    W_qkv = np.concatenate([params["W_q"], params["W_k"], params["W_v"]])
    for ours, theirs in [(W_qkv, module.in_proj_weight), (params["W_o"], module.out_proj.weight)]:
        assert np.abs(ours).max() == pytest.approx(theirs.abs().max().item(), rel=0.01)
        assert ours.std() == pytest.approx(theirs.std().item(), rel=0.02)
    assert sorted(params) == sorted([f"W_{n}" for n in "qkvo"] + [f"b_{n}" for n in "qkvo"] * bias)
    assert not any(param.any() for name, param in params.items() if name.startswith("b"))
