"""The Transformer: feedforward block, layers, encoder, decoder, against torch and differences."""

import numpy as np
import pytest
import torch
from gradients import B, T, assert_gradients, frozen, normal, torch_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.text import mask_from_lengths
from rnn_course.transformer import TransformerDecoder, TransformerEncoder
from rnn_course.transformer_layer import (
    feedforward_backward,
    feedforward_forward,
    gelu,
    gelu_backward,
    init_transformer_layer,
    transformer_layer_backward,
    transformer_layer_forward,
    transformer_layer_weights,
)

HEADS, D, F, S = 3, 6, 10, 5
ACTIVATIONS = {"relu": torch.relu, "gelu": torch.nn.GELU(approximate="tanh")}
MASK = frozen(mask_from_lengths([T, 4], T))
MEMORY_MASK = frozen(mask_from_lengths([2, S], S))


def shaken(params, rng):
    """Frozen parameters moved from where they start: no gain is one, no bias zero."""
    return {
        name: frozen(param + 0.3 * rng.standard_normal(param.shape))
        for name, param in params.items()
    }


# Our names and torch's, for each sublayer
TORCH_NAMES = {
    "attention_W_o": "self_attn.out_proj.weight",
    "attention_b_o": "self_attn.out_proj.bias",
    "memory_W_o": "multihead_attn.out_proj.weight",
    "memory_b_o": "multihead_attn.out_proj.bias",
    "feedforward_W_1": "linear1.weight",
    "feedforward_b_1": "linear1.bias",
    "feedforward_W_2": "linear2.weight",
    "feedforward_b_2": "linear2.bias",
    "attention_gamma": "norm1.weight",
    "attention_beta": "norm1.bias",
}


def torch_layer_names(params, prefix=""):
    """Parameters of one of our layers under torch's names."""
    last = "norm3" if "memory_gamma" in params else "norm2"
    names = TORCH_NAMES | {
        "feedforward_gamma": f"{last}.weight",
        "feedforward_beta": f"{last}.bias",
        "memory_gamma": "norm2.weight",
        "memory_beta": "norm2.bias",
    }
    named = {names[name]: param for name, param in params.items() if name in names}
    for ours, theirs in (("attention", "self_attn"), ("memory", "multihead_attn")):
        if f"{ours}_W_q" in params:
            for letter, kind in (("W", "weight"), ("b", "bias")):
                parts = [params[f"{ours}_{letter}_{name}"] for name in "qkv"]
                named[f"{theirs}.in_proj_{kind}"] = torch.cat(parts)
    return {f"{prefix}{name}": param for name, param in named.items()}


def padding(mask):
    """Torch's key padding mask: True where padded."""
    return None if mask is None else ~torch.tensor(mask)


def future(T):
    """Torch's attention mask: True where a step is not to be seen."""
    return torch.ones(T, T, dtype=torch.bool).triu(1)


def torch_layer(
    x,
    memory=None,
    mask=None,
    memory_mask=None,
    causal=False,
    norm_first=True,
    nonlinearity="relu",
    heads=HEADS,
    **params,
):
    """Output of torch's encoder or decoder layer with our parameters."""
    layer = torch.nn.TransformerEncoderLayer if memory is None else torch.nn.TransformerDecoderLayer
    module = layer(
        x.shape[2],
        heads,
        len(params["feedforward_W_1"]),
        dropout=0.0,
        activation=ACTIVATIONS[nonlinearity],
        norm_first=norm_first,
        batch_first=True,
        dtype=x.dtype,
    )
    named = torch_layer_names(params)
    assert named.keys() == dict(module.named_parameters()).keys()
    seen = future(x.shape[1]) if causal else None
    if memory is None:
        inputs, masks = (x,), {"src_mask": seen, "src_key_padding_mask": padding(mask)}
    else:
        inputs = x, memory
        masks = {
            "tgt_mask": seen,
            "tgt_key_padding_mask": padding(mask),
            "memory_key_padding_mask": padding(memory_mask),
        }
    return torch.func.functional_call(module, named, inputs, masks)


def layer_arrays(rng, memory=False, B=B, T=T, S=S, D=D, F=F):
    """Inputs and parameters of a layer by name."""
    inputs = {"x": normal(rng, B, T, D)} | ({"memory": normal(rng, B, S, D)} if memory else {})
    return inputs | shaken(init_transformer_layer(D, F, rng, memory), rng)


def layer_output(x, memory=None, heads=HEADS, **arguments):
    """Output and cache of a layer whose parameters come by name."""
    params = {
        name: arguments.pop(name)
        for name in list(arguments)
        if name.split("_")[0] in ("attention", "memory", "feedforward") and name != "memory_mask"
    }
    (y, _), cache = transformer_layer_forward(x, params, heads, memory=memory, **arguments)
    return y, cache


def layer_gradients(upstream, cache):
    """transformer_layer_backward's results in one dict, but for the state."""
    dx, dmemory, _, grads = transformer_layer_backward(upstream, cache)
    return {"x": dx} | ({} if dmemory is None else {"memory": dmemory}) | grads


def assert_all_gradients(grads, forward, torch_forward, arrays, upstream):
    """assert_gradients but for b_k, whose gradient is zero up to rounding."""
    fixed = {name: array for name, array in arrays.items() if "_b_k" in name}
    assert fixed
    for name in fixed:
        np.testing.assert_allclose(grads[name], 0, atol=1e-12)
    tensors = {name: torch.tensor(array) for name, array in fixed.items()}
    assert_gradients(
        {name: grad for name, grad in grads.items() if name not in fixed},
        lambda **changed: forward(**changed, **fixed),
        lambda **changed: torch_forward(**changed, **tensors),
        {name: array for name, array in arrays.items() if name not in fixed},
        upstream,
    )


def test_gelu_equals_torch(rng):
    """Are value and derivative those of torch's tanh form, far out too, and close to erf's?"""
    a = frozen(np.concatenate([np.linspace(-6, 6, 101), [-1e3, 1e3, 0.0]]))
    upstream = normal(rng, *a.shape)
    output, expected = torch_gradients(ACTIVATIONS["gelu"], {"input": a}, upstream)
    np.testing.assert_allclose(gelu(a), output, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        gelu_backward(upstream, a), expected["input"], rtol=1e-10, atol=1e-12
    )
    exact = torch.nn.functional.gelu(torch.tensor(a)).numpy()
    assert 1e-4 < np.abs(gelu(a) - exact).max() < 5e-4


@pytest.mark.parametrize("nonlinearity", ACTIVATIONS)
def test_feedforward_gradient_is_right(nonlinearity, rng):
    """Do all five gradients agree with torch and finite differences, for both nonlinearities?"""
    arrays = {
        "x": normal(rng, B, T, D),
        "W_1": normal(rng, F, D),
        "b_1": normal(rng, F),
        "W_2": normal(rng, S, F),
        "b_2": normal(rng, S),
    }
    upstream = normal(rng, B, T, S)

    def torch_feedforward(x, W_1, b_1, W_2, b_2):
        linear = torch.nn.functional.linear
        return linear(ACTIVATIONS[nonlinearity](linear(x, W_1, b_1)), W_2, b_2)

    _, cache = feedforward_forward(**arrays, nonlinearity=nonlinearity)
    dx, grads = feedforward_backward(upstream, cache)
    assert_gradients(
        {"x": dx} | grads,
        lambda **changed: feedforward_forward(**changed, nonlinearity=nonlinearity)[0],
        torch_feedforward,
        arrays,
        upstream,
    )


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("x", np.zeros((B, T, F)), r"x has shape \(2, 7, 10\), but W_1 \(10, 6\) needs"),
        ("x", np.zeros((T, D)), r"x has shape \(7, 6\), but W_1 \(10, 6\) needs"),
        ("W_2", np.zeros((D, D)), r"W_2 has shape \(6, 6\), but W_1 \(10, 6\) needs \(any, 10"),
        ("nonlinearity", "tanh", r"nonlinearity is 'tanh'; expected one of relu, gelu"),
    ],
)
def test_feedforward_refuses_what_does_not_fit(name, value, match, rng):
    """Does each wrong argument raise with its name, and both shapes?"""
    arrays = {
        "x": normal(rng, B, T, D),
        "W_1": normal(rng, F, D),
        "b_1": normal(rng, F),
        "W_2": normal(rng, D, F),
        "b_2": normal(rng, D),
    }
    _, cache = feedforward_forward(**arrays)
    with pytest.raises(ValueError, match=r"dy has shape \(7, 6\), but x \(2, 7, 6\) needs"):
        feedforward_backward(np.ones((T, D)), cache)
    with pytest.raises(ValueError, match=match):
        feedforward_forward(**arrays | {name: value})


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("nonlinearity", ACTIVATIONS)
def test_layer_gradient_is_right(nonlinearity, norm_first, memory, rng):
    """Do all gradients of either layer agree with torch and differences, masks and all?"""
    arrays = layer_arrays(rng, memory)
    upstream = frozen(rng.standard_normal((B, T, D)) * MASK[..., None])
    options = {"nonlinearity": nonlinearity, "norm_first": norm_first, "mask": MASK}
    options |= {"causal": True, "memory_mask": MEMORY_MASK} if memory else {}
    _, cache = layer_output(**arrays, **options)
    assert_all_gradients(
        layer_gradients(upstream, cache),
        lambda **changed: layer_output(**changed, **options)[0] * MASK[..., None],
        lambda **tensors: torch_layer(**tensors, **options) * torch.tensor(MASK)[..., None],
        arrays,
        upstream,
    )


@settings(max_examples=40)
@given(
    sizes=st.tuples(*[st.integers(1, 4)] * 6),
    memory=st.booleans(),
    causal=st.booleans(),
    norm_first=st.booleans(),
    data=st.data(),
    seed=st.integers(0, 2**32 - 1),
)
def test_layer_equals_torch_for_any_size(sizes, memory, causal, norm_first, data, seed):
    """Do values and gradients agree with torch for any sizes, lengths and forms?"""
    B, T, S, F, heads, d = sizes
    lengths = [data.draw(st.lists(st.integers(1, n), min_size=B, max_size=B)) for n in (T, S)]
    mask, memory_mask = (mask_from_lengths(n, m) for n, m in zip(lengths, (T, S), strict=True))
    rng = np.random.default_rng(seed)
    D = heads * d + (heads * d == 1)  # one feature alone is normalised to nothing
    heads = heads if heads * d == D else 1
    arrays = layer_arrays(rng, memory, B, T, S, D, F)
    upstream = rng.standard_normal((B, T, D)) * mask[..., None]
    options = {"mask": mask, "causal": causal, "norm_first": norm_first, "heads": heads}
    options |= {"memory_mask": memory_mask} if memory else {}
    real = torch.tensor(mask)[..., None]
    expected, torch_grads = torch_gradients(
        lambda **tensors: torch_layer(**tensors, **options) * real, arrays, upstream
    )
    y, cache = layer_output(**arrays, **options)
    np.testing.assert_allclose(y * mask[..., None], expected, rtol=1e-7, atol=1e-8)
    for name, grad in layer_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, torch_grads[name], rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_layer_dropout_is_where_torch_has_it(norm_first, memory, rng):
    """Do the same draws, put by hand where torch's layer drops, give its values and gradients?"""
    arrays, upstream, rate = layer_arrays(rng, memory), normal(rng, B, T, D), 0.4
    draws = np.random.default_rng(5)
    shapes = [(B, T, D)] * (1 + memory) + [(B, T, F), (B, T, D)]
    kept = [torch.tensor((draws.random(shape) >= rate) / (1 - rate)) for shape in shapes]

    def dropped(x, memory=None, **params):
        drops = iter(kept)
        named = torch_layer_names(params)
        functional = torch.nn.functional

        def norm(x, number):
            return functional.layer_norm(
                x, (D,), named[f"norm{number}.weight"], named[f"norm{number}.bias"]
            )

        def attend(x, source, name):
            module = torch.nn.MultiheadAttention(D, HEADS, batch_first=True, dtype=x.dtype)
            own = {key: named[f"{name}.{key}"] for key, _ in module.named_parameters()}
            return torch.func.functional_call(module, own, (x, source, source))[0]

        def feed(x):
            h = functional.linear(x, named["linear1.weight"], named["linear1.bias"]).relu()
            return functional.linear(
                h * next(drops), named["linear2.weight"], named["linear2.bias"]
            )

        sublayers = [lambda x: attend(x, x, "self_attn"), feed]
        if memory is not None:
            sublayers.insert(1, lambda x: attend(x, memory, "multihead_attn"))
        for number, sublayer in enumerate(sublayers, start=1):
            if norm_first:
                x = x + sublayer(norm(x, number)) * next(drops)
            else:
                x = norm(x + sublayer(x) * next(drops), number)
        assert next(drops, None) is None
        return x

    def ours(**arrays):
        generator = np.random.default_rng(5)
        return layer_output(**arrays, norm_first=norm_first, dropout=rate, rng=generator)

    expected, torch_grads = torch_gradients(dropped, arrays, upstream)
    y, cache = ours(**arrays)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-10)
    for name, grad in layer_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, torch_grads[name], rtol=1e-10, atol=1e-10, err_msg=name)


def test_layer_without_biases(rng):
    """Does a layer whose attention has no biases run, and give no gradients of them?"""
    arrays = {
        name: array
        for name, array in layer_arrays(rng, memory=True).items()
        if "attention_b_" not in name and "memory_b_" not in name
    }
    zeros = {f"{name}_b_{k}": np.zeros(D) for name in ("attention", "memory") for k in "qkvo"}
    y, cache = layer_output(**arrays)
    np.testing.assert_allclose(y, layer_output(**arrays, **zeros)[0], rtol=1e-12, atol=1e-12)
    assert layer_gradients(y, cache).keys() == arrays.keys()


@pytest.mark.parametrize("memory", [False, True])
def test_layer_carries_gradients_over_a_cut(memory, rng):
    """Do two pieces, the memory given to the first alone, give the whole's gradients?"""
    arrays, upstream, cut = layer_arrays(rng, memory), normal(rng, B, T, D), 3
    _, cache = layer_output(**arrays, causal=True)
    expected = layer_gradients(upstream, cache)
    x, z = arrays.pop("x"), arrays.pop("memory", None)
    nothing = None if z is None else z[:, :0]
    options = {"params": arrays, "num_heads": HEADS, "causal": True}
    (_, state), cache_1 = transformer_layer_forward(x[:, :cut], **options, memory=z)
    _, cache_2 = transformer_layer_forward(x[:, cut:], **options, memory=nothing, state=state)
    dx_2, _, dstate, grads_2 = transformer_layer_backward(upstream[:, cut:], cache_2)
    dx_1, dmemory, _, grads_1 = transformer_layer_backward(upstream[:, :cut], cache_1, dstate)
    assert len(dstate) == len(state) == 3 + 3 * memory
    grads = {name: grad + grads_2[name] for name, grad in grads_1.items()}
    grads |= {"x": np.concatenate([dx_1, dx_2], axis=1)} | ({"memory": dmemory} if memory else {})
    assert grads.keys() == expected.keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)


def encoder(rng, causal=False, layers=2, **options):
    """An encoder of these tests' sizes with frozen parameters away from their start."""
    model = TransformerEncoder(D, HEADS, F, layers, rng, causal=causal, **options)
    model.params = shaken(model.params, rng)
    return model


def decoder(rng, layers=2, **options):
    """A decoder of these tests' sizes with frozen parameters away from their start."""
    model = TransformerDecoder(D, HEADS, F, layers, rng, **options)
    model.params = shaken(model.params, rng)
    return model


def with_params(model, arrays):
    """Inputs among ``arrays``, after all others have become the model's parameters."""
    model.params = {name: arrays[name] for name in model.params}
    return {name: array for name, array in arrays.items() if name not in model.params}


def sinusoids(T):
    """The formula of the paper, (T, D)."""
    angle = np.arange(T)[:, None] / 10000 ** (np.arange(0, D, 2) / D)
    return torch.tensor(np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(T, D))


def torch_stack(model, x, memory=None, lengths=None, memory_mask=None, **params):
    """States of torch's TransformerEncoder or TransformerDecoder with our parameters."""
    T = x.shape[1]
    x = x + sinusoids(T) if model.positions == "sinusoidal" else x + params["P"][:T]
    layers, norm_first = model.num_layers, model.options["norm_first"]
    kind = "Encoder" if memory is None else "Decoder"
    layer = getattr(torch.nn, f"Transformer{kind}Layer")(
        D, HEADS, F, dropout=0.0, norm_first=norm_first, batch_first=True, dtype=x.dtype
    )
    norm = torch.nn.LayerNorm(D, dtype=x.dtype) if norm_first else None
    options = {"enable_nested_tensor": False} if memory is None else {}
    module = getattr(torch.nn, f"Transformer{kind}")(layer, layers, norm=norm, **options)
    named = {"norm.weight": params["gamma"], "norm.bias": params["beta"]} if norm_first else {}
    for number in range(layers):
        ending = f"_l{number}"
        own = {name.removesuffix(ending): p for name, p in params.items() if name.endswith(ending)}
        named |= torch_layer_names(own, f"layers.{number}.")
    assert named.keys() == dict(module.named_parameters()).keys()
    mask = None if lengths is None else mask_from_lengths(lengths, T)
    seen = future(T) if model.causal else None
    if memory is None:
        inputs, masks = (x,), {"mask": seen, "src_key_padding_mask": padding(mask)}
    else:
        inputs = x, memory
        masks = {
            "tgt_mask": seen,
            "tgt_key_padding_mask": padding(mask),
            "memory_key_padding_mask": padding(memory_mask),
        }
    h = torch.func.functional_call(module, named, inputs, masks)
    return h if mask is None else h.masked_fill(~torch.tensor(mask)[..., None], 0.0)


@pytest.mark.parametrize("lengths", [None, [T, 4]])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    "options", [{"norm_first": False}, {"positions": "learnt", "max_length": T + 2}]
)
def test_encoder_gradient_is_right(options, causal, lengths, rng):
    """Do all gradients agree with torch.nn.TransformerEncoder and finite differences?"""
    model = encoder(rng, causal, **options)
    arrays = {"x": normal(rng, B, T, D)} | model.params
    upstream = normal(rng, B, T, D)
    (h, _), cache = model.forward(arrays["x"], lengths=lengths)
    dx, _, grads = model.backward(upstream, cache)

    def forward(**changed):
        return model.forward(**with_params(model, changed), lengths=lengths)[0][0]

    assert_all_gradients(
        {"x": dx} | grads,
        forward,
        lambda **tensors: torch_stack(model, lengths=lengths, **tensors),
        arrays,
        upstream,
    )
    if lengths is not None:
        assert not h[1, 4:].any()
        assert not dx[1, 4:].any()


@pytest.mark.parametrize("norm_first", [False, True])
def test_decoder_gradient_is_right(norm_first, rng):
    """Do all gradients agree with torch.nn.TransformerDecoder and differences, masks and all?"""
    model, lengths = decoder(rng, norm_first=norm_first), [T, 4]
    arrays = {"x": normal(rng, B, T, D), "memory": normal(rng, B, S, D)} | model.params
    upstream = normal(rng, B, T, D)
    (h, _), cache = model.forward(arrays["x"], arrays["memory"], MEMORY_MASK, lengths=lengths)
    dx, dmemory, grads = model.backward(upstream, cache)

    def forward(**changed):
        inputs = with_params(model, changed)
        return model.forward(**inputs, memory_mask=MEMORY_MASK, lengths=lengths)[0][0]

    assert_all_gradients(
        {"x": dx, "memory": dmemory} | grads,
        forward,
        lambda **tensors: torch_stack(model, lengths=lengths, memory_mask=MEMORY_MASK, **tensors),
        arrays,
        upstream,
    )
    assert not h[1, 4:].any()
    assert not dmemory[~MEMORY_MASK].any()


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
def test_number_of_parameters_equals_torch(norm_first, memory, rng):
    """Do encoder and decoder have as many numbers to learn as torch's?"""
    model = (TransformerDecoder if memory else TransformerEncoder)(
        D, HEADS, F, 3, rng, norm_first=norm_first
    )
    kind = "Decoder" if memory else "Encoder"
    layer = getattr(torch.nn, f"Transformer{kind}Layer")(D, HEADS, F)
    count = 3 * sum(parameter.numel() for parameter in layer.parameters()) + norm_first * 2 * D
    assert sum(param.size for param in model.params.values()) == count


def test_first_parameters_have_torch_distribution(rng):
    """Do all parameters of a layer start with the spread of torch's?"""
    size, inner = 120, 200
    params = init_transformer_layer(size, inner, rng, memory=True)
    module = torch.nn.TransformerDecoderLayer(size, HEADS, inner)
    named = torch_layer_names({name: torch.tensor(param) for name, param in params.items()})
    for name, theirs in module.named_parameters():
        assert named[name].shape == theirs.shape
        assert named[name].mean().item() == pytest.approx(theirs.mean().item(), abs=0.02)
        assert named[name].std().item() == pytest.approx(theirs.std().item(), abs=0.006)


@settings(max_examples=20)
@given(
    cuts=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    positions=st.sampled_from(["sinusoidal", "learnt", None]),
    norm_first=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_causal_encoder_goes_on_as_one_whole_pass(cuts, positions, norm_first, seed):
    """Do pieces of one or several steps, chained by the state, give the whole's rows?"""
    rng = np.random.default_rng(seed)
    model = encoder(rng, True, positions=positions, max_length=15, norm_first=norm_first)
    x = normal(rng, B, sum(cuts), D)
    (whole, _), _ = model.forward(x)
    state, start = None, 0
    for cut in cuts:
        (h, state), _ = model.forward(x[:, start : start + cut], state)
        np.testing.assert_allclose(h, whole[:, start : start + cut], rtol=1e-10, atol=1e-10)
        start += cut
    for keys, values, real in state:
        assert keys.shape == values.shape == (B, HEADS, start, D // HEADS)
        assert real.all()


@pytest.mark.parametrize("positions", ["sinusoidal", "learnt", None])
def test_causal_encoder_goes_on_where_each_sequence_ended(positions, rng):
    """Do sequences of other lengths, an empty one too, go on as if they had never been cut?"""
    model = encoder(rng, True, positions=positions, max_length=2 * T)
    first, second = [T, 3, 0], [2, S, 4]
    x = normal(rng, 3, T, D)
    x_next = normal(rng, 3, S, D)
    (_, state), _ = model.forward(x, lengths=first)
    (h, _), _ = model.forward(x_next, state, lengths=second)
    for row, (before, after) in enumerate(zip(first, second, strict=True)):
        joined = np.concatenate([x[row, :before], x_next[row, :after]])
        (whole, _), _ = model.forward(joined[None])
        np.testing.assert_allclose(h[row, :after], whole[0, before:], rtol=1e-10, atol=1e-10)
        assert not h[row, after:].any()


def test_causal_encoder_carries_gradients_over_a_cut(rng):
    """Do two pieces, chained backward through the state, give the whole's gradients?"""
    model, x, upstream, cut = encoder(rng, True), normal(rng, B, T, D), normal(rng, B, T, D), 4
    _, cache = model.forward(x)
    dx, dstate_0, expected = model.backward(upstream, cache)
    (_, state), cache_1 = model.forward(x[:, :cut])
    _, cache_2 = model.forward(x[:, cut:], state)
    dx_2, dstate, grads_2 = model.backward(upstream[:, cut:], cache_2)
    dx_1, dstate_1, grads_1 = model.backward(upstream[:, :cut], cache_1, dstate)
    np.testing.assert_allclose(np.concatenate([dx_1, dx_2], axis=1), dx, rtol=1e-10, atol=1e-12)
    assert grads_1.keys() == model.params.keys()
    for name, grad in grads_1.items():
        np.testing.assert_allclose(
            grad + grads_2[name], expected[name], rtol=1e-10, atol=1e-10, err_msg=name
        )
    for own, of_piece in zip(dstate_0, dstate_1, strict=True):
        assert own[0].shape == of_piece[1].shape == (B, HEADS, 0, D // HEADS)
    assert len(dstate) == 2
    assert dstate[0][0].shape == state[0][0].shape


def test_causal_encoder_sees_no_later_step(rng):
    """Does a change of step t change the states from t on, and no earlier one?"""
    model, x = encoder(rng, True), normal(rng, B, T, D)
    (h, _), _ = model.forward(x)
    x_other = x.copy()
    x_other[:, 3, 0] += 1
    (h_other, _), _ = model.forward(x_other)
    np.testing.assert_array_equal(h[:, :3], h_other[:, :3])
    assert (np.abs(h - h_other)[:, 3:].max(axis=2) > 1e-6).all()


def test_encoder_without_positions_sees_a_set(rng):
    """Does another order of the steps give the states in that order, and not with positions?"""
    x, order = normal(rng, B, T, D), rng.permutation(T)
    for positions, same in ((None, True), ("sinusoidal", False)):
        model = encoder(rng, positions=positions)
        (h, _), _ = model.forward(x)
        (h_other, _), _ = model.forward(x[:, order])
        assert np.allclose(h_other, h[:, order], rtol=1e-10, atol=1e-10) == same


@pytest.mark.parametrize("causal", [False, True])
def test_encoder_does_not_look_at_padding(causal, rng):
    """Are real states and all gradients as without the padding, whatever stands there?"""
    model, x, dh = encoder(rng, causal), normal(rng, B, T, D).copy(), normal(rng, B, T, D).copy()
    lengths = [T, 3]
    (h, _), cache = model.forward(x, lengths=lengths)
    dx, _, grads = model.backward(dh, cache)
    (h_alone, _), cache_alone = model.forward(x[1:, :3])
    dx_alone, _, grads_alone = model.backward(dh[1:, :3], cache_alone)
    np.testing.assert_allclose(h[1:, :3], h_alone, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dx[1:, :3], dx_alone, rtol=1e-10, atol=1e-12)
    _, cache_first = model.forward(x[:1])
    _, _, grads_first = model.backward(dh[:1], cache_first)
    for name, grad in grads.items():
        np.testing.assert_allclose(
            grad, grads_alone[name] + grads_first[name], rtol=1e-9, atol=1e-10, err_msg=name
        )
    x[1, 3:] = dh[1, 3:] = np.nan
    (h_nan, _), cache = model.forward(x, lengths=lengths)
    np.testing.assert_array_equal(h_nan, h)
    dx_nan, _, grads_nan = model.backward(dh, cache)
    np.testing.assert_array_equal(dx_nan, dx)
    for name, grad in grads_nan.items():
        np.testing.assert_array_equal(grad, grads[name])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("B", "T", "lengths"), [(0, T, None), (0, T, []), (B, 0, None), (B, 1, [1, 0]), (B, T, [0, 0])]
)
def test_encoder_of_little_or_nothing(B, T, lengths, causal, rng):
    """Do an empty batch, no steps, one step and sequences of length 0 give finite results?"""
    model = encoder(rng, causal, positions="learnt", max_length=7)
    lengths = None if lengths is None else np.array(lengths, dtype=int)
    (h, state), cache = model.forward(normal(rng, B, T, D), lengths=lengths)
    dx, _, grads = model.backward(normal(rng, B, T, D), cache)
    assert h.shape == dx.shape == (B, T, D)
    assert np.isfinite(h).all()
    assert np.isfinite(dx).all()
    assert grads.keys() == model.params.keys()
    assert all(np.isfinite(grad).all() for grad in grads.values())
    if causal:
        (h, _), _ = model.forward(normal(rng, B, 0, D), state)
        assert h.shape == (B, 0, D)


@pytest.mark.parametrize("causal", [False, True])
def test_nan_stays_in_its_own_sequence(causal, rng):
    """Are the states of other sequences as before when one holds NaN?"""
    model, x = encoder(rng, causal), normal(rng, B, T, D).copy()
    (h, _), _ = model.forward(x)
    x[1, 2, 0] = np.nan
    (h_nan, _), cache = model.forward(x)
    np.testing.assert_array_equal(h_nan[0], h[0])
    assert np.isnan(h_nan[1, 2:]).all()
    dx, _, _ = model.backward(normal(rng, B, T, D), cache)
    assert np.isfinite(dx[0]).all()


def test_dropout_needs_a_generator(rng):
    """Is nothing dropped without rng, and the same again with the same seed?"""
    model, x = encoder(rng, dropout=0.5), normal(rng, B, T, D)
    (h, _), _ = model.forward(x)
    model.options["dropout"] = 0.0
    np.testing.assert_array_equal(model.forward(x, rng=rng)[0][0], h)
    model.options["dropout"] = 0.5
    draws = [model.forward(x, rng=np.random.default_rng(seed))[0][0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 0.1
    assert np.abs(draws[0] - h).max() > 0.1


def test_dropout_gradient_is_right(rng):
    """With the same draws, do finite differences of the encoder give the gradient?"""
    model, x, upstream = encoder(rng, dropout=0.3), normal(rng, B, T, D), normal(rng, B, T, D)
    _, cache = model.forward(x, rng=np.random.default_rng(1))
    dx, _, _ = model.backward(upstream, cache)
    step, epsilon = normal(rng, B, T, D), 1e-5
    above, below = (
        (model.forward(x + sign * epsilon * step, rng=np.random.default_rng(1))[0][0] * upstream)
        for sign in (1, -1)
    )
    numeric = (above - below).sum() / (2 * epsilon)
    assert (dx * step).sum() == pytest.approx(numeric, rel=1e-6)


@pytest.mark.parametrize("memory_mask", [None, MEMORY_MASK])
@pytest.mark.parametrize("norm_first", [False, True])
def test_decoder_goes_on_as_one_whole_pass(norm_first, memory_mask, rng):
    """Does a step at a time, the memory given once alone, give the whole's rows?"""
    model, x, memory = (
        decoder(rng, norm_first=norm_first),
        normal(rng, B, T, D),
        normal(rng, B, S, D),
    )
    (whole, state_whole), _ = model.forward(x, memory, memory_mask)
    (h, state), _ = model.forward(x[:, :2], memory, memory_mask)
    np.testing.assert_allclose(h, whole[:, :2], rtol=1e-10, atol=1e-10)
    for t in range(2, T):
        (h, state), _ = model.forward(x[:, t : t + 1], None, state=state)
        np.testing.assert_allclose(h, whole[:, t : t + 1], rtol=1e-10, atol=1e-10)
    for layer, layer_whole in zip(state, state_whole, strict=True):
        for array, expected in zip(layer, layer_whole, strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-10, atol=1e-10)


def test_decoder_goes_on_where_each_sequence_ended(rng):
    """Do targets of other lengths go on as if they had never been cut?"""
    model, memory = decoder(rng), normal(rng, B, S, D)
    x, x_next, first = normal(rng, B, T, D), normal(rng, B, 2, D), [T, 3]
    (_, state), _ = model.forward(x, memory, MEMORY_MASK, lengths=first)
    (h, _), _ = model.forward(x_next, None, state=state)
    for row, before in enumerate(first):
        joined = np.concatenate([x[row, :before], x_next[row]])
        (whole, _), _ = model.forward(
            joined[None], memory[row : row + 1], MEMORY_MASK[row : row + 1]
        )
        np.testing.assert_allclose(h[row], whole[0, before:], rtol=1e-10, atol=1e-10)


def test_state_can_be_picked_by_row(rng):
    """Does a state whose rows are reordered, as beam search does, go on with these sequences?"""
    model, x, memory = decoder(rng), normal(rng, B, T, D), normal(rng, B, S, D)
    (_, state), _ = model.forward(x[:, :4], memory, MEMORY_MASK)
    rows = [1, 1, 0]
    picked = [tuple(array[rows] for array in layer) for layer in state]
    (h, _), _ = model.forward(x[rows, 4:], None, state=picked)
    (whole, _), _ = model.forward(x[rows], memory[rows], MEMORY_MASK[rows])
    np.testing.assert_allclose(h, whole[:, 4:], rtol=1e-10, atol=1e-10)


def test_decoder_does_not_look_at_a_masked_memory(rng):
    """Are values and gradients finite and the same whatever stands behind the memory's mask?"""
    model, x, memory = decoder(rng), normal(rng, B, T, D), normal(rng, B, S, D).copy()
    (h, _), _ = model.forward(x, memory, MEMORY_MASK)
    memory[~MEMORY_MASK] = np.nan
    (h_nan, _), cache = model.forward(x, memory, MEMORY_MASK)
    np.testing.assert_array_equal(h_nan, h)
    dx, dmemory, grads = model.backward(normal(rng, B, T, D), cache)
    assert all(np.isfinite(array).all() for array in (dx, dmemory, *grads.values()))


def test_attention_weights_are_those_of_each_layer(rng):
    """Are the weights for pictures (B, heads, T, S), of each layer, and sum to one?"""
    x, memory = normal(rng, B, T, D), normal(rng, B, S, D)
    model = encoder(rng, True)
    weights = model.attention_weights(model.forward(x)[1])
    assert [p.shape for p in weights] == [(B, HEADS, T, T)] * 2
    assert not np.triu(weights[1], 1).any()
    assert np.abs(weights[0] - weights[1]).max() > 0.01
    looker = decoder(rng)
    pairs = looker.attention_weights(looker.forward(x, memory, MEMORY_MASK)[1])
    assert [[p.shape[-1] for p in pair] for pair in pairs] == [[T, S]] * 2
    for p in [*weights, *pairs[0], *pairs[1]]:
        np.testing.assert_allclose(p.sum(axis=3), 1, rtol=1e-12)
    _, cache = layer_output(**layer_arrays(rng))
    assert len(transformer_layer_weights(cache)) == 1


@pytest.mark.parametrize("positions", ["sinusoidal", "learnt"])
def test_transformer_keeps_float32_and_its_arrays(positions, rng):
    """Do float32 arrays give float32 values, states and gradients, and stay as they were?"""
    options = {"positions": positions, "max_length": T, "dtype": np.float32, "dropout": 0.2}
    reader = TransformerEncoder(D, HEADS, F, 2, rng, causal=True, nonlinearity="gelu", **options)
    writer = TransformerDecoder(D, HEADS, F, 2, rng, **options)
    for model in (reader, writer):
        model.params = {name: frozen(param) for name, param in model.params.items()}
    x, upstream = (normal(rng, B, T, D, dtype=np.float32) for _ in range(2))
    lengths = frozen(np.array([T, 3]))
    (h, state), cache = reader.forward(x, lengths=lengths, rng=rng)
    (y, written), writer_cache = writer.forward(x, frozen(h), MASK, lengths=lengths, rng=rng)
    (dx, dstate, grads), (_, _, again) = (reader.backward(upstream, cache) for _ in range(2))
    for name, grad in grads.items():
        np.testing.assert_array_equal(grad, again[name])
    dy, dmemory, writer_grads = writer.backward(upstream, writer_cache)
    results = [h, y, dx, dy, dmemory, *grads.values(), *writer_grads.values()]
    results += [*state[0][:2], *dstate[0][:2], *written[1][:2], *written[1][3:5]]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_encoder_refuses_a_state_unless_causal(rng):
    """Does a state, or a gradient of one, raise with the reason where steps see later ones?"""
    model, x = encoder(rng), normal(rng, B, T, D)
    (_, state), cache = model.forward(x)
    assert state is None
    assert model.backward(x, cache)[1] is None
    (_, other), _ = encoder(rng, True).forward(x)
    with pytest.raises(ValueError, match=r"state must be None without causal: a new step would"):
        model.forward(x, other)
    with pytest.raises(ValueError, match=r"dstate must be None without causal"):
        model.backward(x, cache, other)


def test_encoder_refuses_truncation(rng):
    """Does a truncation raise with the reason?"""
    model, x = encoder(rng, True), normal(rng, B, T, D)
    _, cache = model.forward(x)
    with pytest.raises(ValueError, match=r"truncation is 3; expected None: attention leads back"):
        model.backward(x, cache, truncation=3)


def test_decoder_takes_a_memory_or_a_state(rng):
    """Does the decoder raise for neither, for both, and for gradients of a step with a state?"""
    model, x, memory = decoder(rng), normal(rng, B, T, D), normal(rng, B, S, D)
    (_, state), _ = model.forward(x, memory)
    for wrong in ((None, None, None), (memory, None, state), (None, MEMORY_MASK, state)):
        with pytest.raises(ValueError, match=r"give a memory and its mask, or later the state"):
            model.forward(x, *wrong)
    _, cache = model.forward(x, None, state=state)
    with pytest.raises(ValueError, match=r"forward was given a state, which is for writing"):
        model.backward(x, cache)
    with pytest.raises(ValueError, match=r"memory has shape \(2, 5, 10\), but x \(2, 7, 6\)"):
        model.forward(x, np.zeros((B, S, F)))
    with pytest.raises(ValueError, match=r"memory_mask has shape \(2, 7\), but memory \(2, 5, 6"):
        model.forward(x, memory, MASK)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"x": np.zeros((B, T, F))}, r"x has shape \(2, 7, 10\), but TransformerEncoder of this"),
        ({"x": np.zeros((T, D))}, r"x has shape \(7, 6\), but TransformerEncoder of this size"),
        ({"lengths": [1, 2, 3]}, r"lengths has shape \(3,\)"),
        ({"lengths": [1, T + 1]}, r"lengths\[1\] is 8; expected 0 to 7"),
        ({"state": []}, r"state has 0 entries; expected 2, one a layer"),
        ({"state": [(np.zeros((B, D)),) * 2] * 2}, r"state\[0\] has 2 arrays; expected 3"),
    ],
)
def test_encoder_names_what_is_wrong(arguments, match, rng):
    """Does each wrong argument raise with its name and what was expected?"""
    with pytest.raises(ValueError, match=match):
        encoder(rng, True).forward(**{"x": normal(rng, B, T, D)} | arguments)


def test_encoder_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    model = encoder(rng, True)
    _, cache = model.forward(normal(rng, B, T, D))
    with pytest.raises(ValueError, match=r"dh has shape \(6,\), but h \(2, 7, 6\) needs"):
        model.backward(np.ones(D), cache)
    with pytest.raises(ValueError, match=r"dstate has 1 entries; expected 2, one a layer"):
        model.backward(np.ones((B, T, D)), cache, [None])


def test_encoder_refuses_steps_beyond_the_learnt_positions(rng):
    """Does a sequence, or its continuation, raise where no position was learnt?"""
    model = encoder(rng, True, positions="learnt", max_length=T)
    (_, state), _ = model.forward(normal(rng, B, T, D))
    with pytest.raises(ValueError, match=r"starts at position 7, but P \(7, 6\) ends at position"):
        model.forward(normal(rng, B, 1, D), state)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"num_heads": 4}, r"input_size is 6, which 4 heads cannot share"),
        ({"num_layers": 0}, r"num_layers is 0; expected at least 1"),
        ({"positions": "waves"}, r"positions is 'waves'; expected \"sinusoidal\", \"learnt\" or"),
        ({"positions": "learnt"}, r"max_length is None; learnt positions need"),
        ({"nonlinearity": "tanh"}, r"nonlinearity is 'tanh'; expected one of relu, gelu"),
    ],
)
def test_encoder_refuses_impossible_options(options, match, rng):
    """Does each option that cannot be had raise when the encoder is made?"""
    sizes = {"input_size": D, "num_heads": HEADS, "feedforward_size": F, "num_layers": 1}
    with pytest.raises(ValueError, match=match):
        TransformerEncoder(**sizes | options, rng=rng)


def test_encoder_tells_its_sizes(rng):
    """Do encoder and decoder have the sizes that models ask for?"""
    for model in (encoder(rng), decoder(rng)):
        assert model.input_size == model.hidden_size == model.output_size == D
