"""Conversion: the same numbers from torch.nn and ours, both ways, and what cannot be converted."""

from functools import partial

import numpy as np
import pytest
import torch
from gradients import B, D, H, K, T, frozen, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnn_course.checkpoint import load_params, save_params
from rnn_course.conversion import (
    ENCODERS,
    flip_update_gate,
    from_torch,
    params_from_state_dict,
    params_to_state_dict,
    reorder_gates,
    to_torch,
)
from rnn_course.encoders import (
    GRUEncoder,
    MinGRUEncoder,
    MinLSTMEncoder,
    RNNEncoder,
)
from rnn_course.feedforward_encoders import BagEncoder
from rnn_course.gru import gru_forward, init_gru
from rnn_course.layers import (
    embedding_forward,
    init_embedding,
    init_linear,
    linear_forward,
)
from rnn_course.lstm import init_lstm, lstm_forward
from rnn_course.mingru import init_mingru, mingru_forward
from rnn_course.multi_head_attention import (
    init_multi_head_attention,
    multi_head_attention_forward,
)
from rnn_course.normalisation import init_layer_norm, layer_norm_forward
from rnn_course.positions import sinusoidal_positions
from rnn_course.text import mask_from_lengths
from rnn_course.transformer_layer import (
    init_transformer_layer,
    transformer_layer_forward,
)

RECURRENT = ("RNN", "LSTM", "GRU")
TRANSFORMERS = ("TransformerEncoder", "TransformerDecoder")
HEADS, F = 3, 10
E = 2 * HEADS  # size of a Transformer
recurrent = pytest.mark.parametrize("kind", RECURRENT)
transformers = pytest.mark.parametrize("kind", TRANSFORMERS)


def shaken(params, rng):
    """Frozen parameters moved from where they start: no gain is one, no bias zero."""
    return {
        name: frozen((param + 0.3 * rng.standard_normal(param.shape)).astype(param.dtype))
        for name, param in params.items()
    }


def recurrent_encoder(kind, rng, D=D, H=H, **options):
    """One of ours with two layers, if not told otherwise, and biases that are not zero."""
    encoder = ENCODERS[kind](D, H, rng, **{"num_layers": 2} | options)
    encoder.params = shaken(encoder.params, rng)
    return encoder


def transformer(kind, rng, size=E, heads=HEADS, **options):
    """One of ours with two layers, if not told otherwise, without positions."""
    options = {"num_layers": 2, "positions": None, "feedforward_size": F} | options
    encoder = ENCODERS[kind](size, heads, rng=rng, **options)
    encoder.params = shaken(encoder.params, rng)
    return encoder


def torch_module(kind, *sizes, seed=0, dtype=torch.float64, **options):
    """torch's own, drawn by torch with a seed of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return getattr(torch.nn, kind)(*sizes, dtype=dtype, **options)


def torch_transformer(kind, layers=2, norm_first=True, attention_dropout=0.0, eps=1e-5, **options):
    """torch's own, with all parameters moved from where they start."""
    options = {"dropout": 0.0, "batch_first": True} | options
    layer = torch_module(f"{kind}Layer", E, HEADS, F, norm_first=norm_first, **options)
    for part in layer.modules():
        if isinstance(part, torch.nn.MultiheadAttention):
            part.dropout = attention_dropout
    norm = torch.nn.LayerNorm(E, eps, dtype=torch.float64) if norm_first else None
    nested = {"enable_nested_tensor": False} if kind == "TransformerEncoder" else {}
    module = getattr(torch.nn, kind)(layer, layers, norm=norm, **nested)
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            noise = np.random.default_rng(number).standard_normal(parameter.shape)
            parameter += 0.3 * torch.tensor(noise, dtype=parameter.dtype)
    return module


def tensors(*arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def assert_close(ours, theirs, name=""):
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10, err_msg=name)


def assert_equal(given, expected):
    assert given.keys() == expected.keys()
    for name, array in expected.items():
        assert given[name].dtype == array.dtype
        np.testing.assert_array_equal(given[name], array, err_msg=name)


def assert_same_gradients(kind, grads, module):
    """Are the gradients of ours, under torch's names, those of the module's parameters?"""
    named = dict(module.named_parameters())
    expected = params_to_state_dict(grads, kind)
    assert expected.keys() == named.keys()
    for name, parameter in named.items():
        if kind in ("RNN", "LSTM") and name.startswith("bias"):  # both torch's get db_h
            name = name.replace("bias_hh", "bias_ih")
        assert_close(expected[name], parameter.grad, name)


def run_packed(module, x, state, lengths):
    """torch's padded outputs, and its end states as a list."""
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    packed, end = module(packed, state)
    h, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
    return h, list(end) if isinstance(end, tuple) else [end]


def assert_same_recurrent(kind, encoder, module, x, lengths, rng):
    """Do outputs, end states and all gradients agree, from states that are not zero?"""
    layers = encoder.num_layers * len(encoder.directions)
    shape = layers, len(x), encoder.hidden_size
    starts = [rng.standard_normal(shape) for _ in range(encoder.num_states)]
    dh = rng.standard_normal((*x.shape[:2], encoder.output_size))
    d_ends = [rng.standard_normal(shape) for _ in starts]
    state, dstate = (list(zip(*arrays, strict=True)) for arrays in (starts, d_ends))
    (h, ends), cache = encoder.forward(x, state, np.array(lengths))
    dx, dstate_0, grads = encoder.backward(dh, cache, dstate)
    x_torch, *given = tensors(x, *starts)
    outputs = run_packed(module, x_torch, tuple(given) if kind == "LSTM" else given[0], lengths)
    ours, theirs = [h, *map(np.stack, zip(*ends, strict=True))], [outputs[0], *outputs[1]]
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other)
    module.zero_grad()
    sum((y * torch.tensor(d)).sum() for y, d in zip(theirs, [dh, *d_ends], strict=True)).backward()
    assert_close(dx, x_torch.grad)
    for d_start, tensor in zip(zip(*dstate_0, strict=True), given, strict=True):
        assert_close(np.stack(d_start), tensor.grad)
    assert_same_gradients(kind, grads, module)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(RECURRENT),
    sizes=st.tuples(*[st.integers(1, 4)] * 4),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    relu=st.booleans(),
    data=st.data(),
    seed=st.integers(0, 2**32 - 1),
)
def test_recurrent_layers_compute_what_torch_does(
    kind, sizes, layers, bidirectional, bias, relu, data, seed
):
    """Do values and gradients agree, packed, out of ours and out of torch's, for any sizes?"""
    (B, T, D, H), rng = sizes, np.random.default_rng(seed)
    options = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    options |= {"nonlinearity": "relu" if relu else "tanh"} if kind == "RNN" else {}
    lengths = data.draw(st.lists(st.integers(1, T), min_size=B, max_size=B))
    x = rng.standard_normal((B, T, D))
    encoder = recurrent_encoder(kind, rng, D, H, **options)
    assert_same_recurrent(kind, encoder, to_torch(encoder), x, lengths, rng)
    module = torch_module(kind, D, H, seed=seed % 1000, batch_first=True, **options)
    assert_same_recurrent(kind, from_torch(module), module, x, lengths, rng)


def future(T):
    """Torch's attention mask: True where a step is not to be seen."""
    return torch.ones(T, T, dtype=torch.bool).triu(1)


def run_transformer(module, inputs, lengths, memory_mask, causal):
    """torch's output for x, or for x and a memory, with our masks, zero at padded steps."""
    real = torch.tensor(mask_from_lengths(lengths, inputs[0].shape[1]))
    seen = future(inputs[0].shape[1]) if causal else None
    if len(inputs) == 1:
        y = module(*inputs, mask=seen, src_key_padding_mask=~real)
    else:
        hidden = ~torch.tensor(memory_mask)
        masks = {"tgt_key_padding_mask": ~real, "memory_key_padding_mask": hidden}
        y = module(*inputs, tgt_mask=seen, **masks)
    return y * real[..., None]


def assert_same_transformer(kind, encoder, module, sizes, lengths, rng):
    """Do outputs and all gradients agree, in training mode and in eval mode?"""
    (B, T, S), size = sizes, encoder.input_size
    memory_mask = mask_from_lengths(rng.integers(1, S + 1, size=B), S)
    inputs, masks = [rng.standard_normal((B, T, size))], []
    if kind == "TransformerDecoder":
        inputs, masks = [*inputs, rng.standard_normal((B, S, size))], [memory_mask]
    dh = rng.standard_normal((B, T, size))
    (h, _), cache = encoder.forward(*inputs, *masks, lengths=np.array(lengths))
    given = tensors(*inputs)
    y = run_transformer(module, given, lengths, memory_mask, encoder.causal)
    assert_close(h, y)
    module.zero_grad()
    (y * torch.tensor(dh)).sum().backward()
    *d_inputs, grads = encoder.backward(dh, cache)
    for d_input, tensor in zip(d_inputs, given, strict=False):  # an encoder's second is of a state
        assert_close(d_input, tensor.grad)
    assert_same_gradients(kind, grads, module)
    module.eval()
    with torch.no_grad():  # where nothing is trained, torch goes another way
        y = run_transformer(module, given, lengths, memory_mask, encoder.causal)
    assert_close(h, y)


@settings(max_examples=40)
@given(
    kind=st.sampled_from(TRANSFORMERS),
    sizes=st.tuples(*[st.integers(1, 4)] * 3),
    heads=st.integers(2, 3),
    d=st.integers(2, 3),
    layers=st.integers(1, 2),
    causal=st.booleans(),
    norm_first=st.booleans(),
    nonlinearity=st.sampled_from(["relu", "gelu"]),
    data=st.data(),
    seed=st.integers(0, 2**32 - 1),
)
def test_transformers_compute_what_torch_does(
    kind, sizes, heads, d, layers, causal, norm_first, nonlinearity, data, seed
):
    """Do values and gradients agree with torch's, in training and in eval mode, and padded?"""
    rng, (B, T, _) = np.random.default_rng(seed), sizes
    options = {"num_layers": layers, "norm_first": norm_first, "nonlinearity": nonlinearity}
    options |= {"causal": causal} if kind == "TransformerEncoder" else {}
    lengths = data.draw(st.lists(st.integers(1, T), min_size=B, max_size=B))
    encoder = transformer(kind, rng, heads * d, heads, **options)
    assert_same_transformer(kind, encoder, to_torch(encoder), sizes, lengths, rng)


@transformers
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", torch.nn.ReLU(), torch.relu, "gelu"])
def test_transformers_of_torch_become_ours(kind, norm_first, activation, rng):
    """Does an encoder made of torch's module give its values and gradients?"""
    if activation == "gelu":
        activation = partial(torch.nn.functional.gelu, approximate="tanh")
    module = torch_transformer(kind, norm_first=norm_first, activation=activation)
    assert_same_transformer(kind, from_torch(module), module, (B, T, K), [T, 3], rng)


def test_gelu_module_of_torch_becomes_ours(rng):
    """Is torch's GELU as a module known too, with the numbers it has in training mode?"""
    module = torch_transformer("TransformerEncoder", activation=torch.nn.GELU("tanh"))
    x = normal(rng, B, T, E)
    (h, _), _ = from_torch(module).forward(x)
    assert_close(h, module(torch.tensor(x)))


def test_causal_transformer_of_torch_goes_on_from_its_state(rng):
    """Does causal make an encoder that takes steps one by one, with torch's masked numbers?"""
    module, x = torch_transformer("TransformerEncoder"), normal(rng, B, T, E)
    encoder, state, steps = from_torch(module, causal=True), None, []
    for t in range(T):
        (h, state), _ = encoder.forward(x[:, t : t + 1], state)
        steps.append(h)
    assert_close(np.concatenate(steps, axis=1), module(torch.tensor(x), mask=future(T)))


@transformers
def test_positions_are_added_by_the_caller(kind, rng):
    """With the rows that the docstring names added to torch's x, are the numbers the same?"""
    x, memory = normal(rng, B, T, E), normal(rng, B, K, E)
    inputs = [memory] if kind == "TransformerDecoder" else []
    masks = {"tgt_mask": future(T)} if inputs else {}
    learnt = transformer(kind, rng, positions="learnt", max_length=T + 1)
    waves = transformer(kind, rng, positions="sinusoidal")
    for encoder, rows in ((learnt, learnt.params["P"][:T]), (waves, sinusoidal_positions(T, E))):
        (h, _), _ = encoder.forward(x, *inputs)
        with pytest.raises(ValueError, match=rf"adds positions, {encoder.positions}, and torch's"):
            to_torch(encoder)
        module = to_torch(encoder, without_positions=True)
        y = module(torch.tensor(x + rows), *map(torch.tensor, inputs), **masks)
        assert_close(h, y)
        given = encoder.params["P"] if encoder is learnt else "sinusoidal"
        again = from_torch(module, positions=given)
        assert_equal(again.params, encoder.params)
        np.testing.assert_array_equal(again.forward(x, *inputs)[0][0], h)
    rows = torch.nn.Parameter(torch.tensor(learnt.params["P"]))
    np.testing.assert_array_equal(from_torch(module, positions=rows).params["P"], rows.detach())


@recurrent
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_recurrent_round_trips(kind, bidirectional, bias, rng, tmp_path):
    """Do our parameters come back to the bit, and from a file too, and torch's function with them?

    torch's function is looked at with two biases that are both not zero.
    """
    options = {"num_layers": 3, "bidirectional": bidirectional, "bias": bias}
    encoder = recurrent_encoder(kind, rng, dropout=0.25, **options)
    again = from_torch(to_torch(encoder))
    assert_equal(again.params, encoder.params)
    assert list(again.params) == list(encoder.params)
    assert again.dropout == 0.25
    module = torch_module(kind, D, H, **options)  # not batch first
    save_params(tmp_path / "params.npz", from_torch(module).params)
    params, _ = load_params(tmp_path / "params.npz")
    encoder.params = params
    x = torch.tensor(normal(rng, B, T, D))
    second = to_torch(encoder).eval()
    difference = second(x)[0] - module(x.transpose(0, 1))[0].transpose(0, 1)
    assert difference.abs().max() < 1e-12
    assert all(
        (second.state_dict()[name] == 0).all()
        for name in second.state_dict()
        if kind != "GRU" and "bias_hh" in name
    )


@transformers
@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_round_trips(kind, norm_first, rng, tmp_path):
    """Do our parameters and torch's both come back to the bit, and all options with them?"""
    encoder = transformer(kind, rng, norm_first=norm_first, dropout=0.2, nonlinearity="gelu")
    again = from_torch(to_torch(encoder))
    assert_equal(again.params, encoder.params)
    assert list(again.params) == list(encoder.params)
    assert again.options == encoder.options
    assert (again.num_heads, again.num_layers, again.positions) == (HEADS, 2, None)
    module = torch_transformer(kind, norm_first=norm_first)
    save_params(tmp_path / "params.npz", from_torch(module).params)
    encoder.params, _ = load_params(tmp_path / "params.npz")
    state_dict = to_torch(encoder).state_dict()
    expected = module.state_dict()
    assert state_dict.keys() == expected.keys()
    assert all(torch.equal(state_dict[name], expected[name]) for name in expected)


def test_dropout_falls_where_ours_does(rng):
    """Do torch's modules drop between layers, in sublayers, and no weights of attention?"""
    assert to_torch(recurrent_encoder("GRU", rng, dropout=0.3)).dropout == 0.3
    assert to_torch(recurrent_encoder("GRU", rng, num_layers=1, dropout=0.3)).dropout == 0
    module = to_torch(transformer("TransformerDecoder", rng, dropout=0.3))
    parts = [part for layer in module.layers for part in layer.modules()]
    rates = [part.p for part in parts if isinstance(part, torch.nn.Dropout)]
    assert rates == [0.3] * 8
    attentions = [part for part in parts if isinstance(part, torch.nn.MultiheadAttention)]
    assert [part.dropout for part in attentions] == [0.0] * 4
    assert module.training


@pytest.mark.parametrize("kind", ENCODERS)
def test_both_sides_keep_float32_and_share_no_memory(kind, rng):
    """Does float32 stay float32, and one side as it was when the other changes?"""
    make = recurrent_encoder if kind in RECURRENT else transformer
    encoder = make(kind, rng, dtype=np.float32)  # its arrays raise on a change
    module = to_torch(encoder)
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in module.parameters())
    again = from_torch(module)
    assert {param.dtype for param in again.params.values()} == {np.dtype(np.float32)}
    assert_equal(again.params, encoder.params)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(7)
    assert_equal(again.params, encoder.params)
    for param in again.params.values():
        param[...] = 8
    assert all((parameter == 7).all() for parameter in module.parameters())
    owners = [
        param.base is None for param in params_from_state_dict(module.state_dict(), kind).values()
    ]
    assert all(owners)


def test_torch_draws_as_before(rng):
    """Is torch's generator left where it was, though a new module draws?"""
    before = torch.random.get_rng_state()
    to_torch(recurrent_encoder("LSTM", rng))
    to_torch(transformer("TransformerEncoder", rng))
    assert torch.equal(before, torch.random.get_rng_state())


def attention_output(x, num_heads=HEADS, **params):
    (y, _), _ = multi_head_attention_forward(x, None, **params, num_heads=num_heads)
    return y


def layer_output(x, memory=None, **params):
    (y, _), _ = transformer_layer_forward(x, params, HEADS, memory=memory)
    return y


SINGLE = {
    "Linear": (
        lambda rng: init_linear(E, K, rng),
        lambda: torch.nn.Linear(E, K),
        lambda x, **params: linear_forward(x, **params)[0],
    ),
    "LayerNorm": (
        lambda rng: init_layer_norm(E),
        lambda: torch.nn.LayerNorm(E),
        lambda x, **params: layer_norm_forward(x, **params)[0],
    ),
    "MultiheadAttention": (
        lambda rng: init_multi_head_attention(E, rng),
        lambda: torch.nn.MultiheadAttention(E, HEADS, batch_first=True),
        attention_output,
    ),
    "MultiheadAttention without biases": (
        lambda rng: init_multi_head_attention(E, rng, bias=False),
        lambda: torch.nn.MultiheadAttention(E, HEADS, batch_first=True, bias=False),
        attention_output,
    ),
    "TransformerEncoderLayer": (
        lambda rng: init_transformer_layer(E, F, rng),
        lambda: torch.nn.TransformerEncoderLayer(E, HEADS, F, 0, batch_first=True, norm_first=True),
        layer_output,
    ),
    "TransformerDecoderLayer": (
        lambda rng: init_transformer_layer(E, F, rng, memory=True),
        lambda: torch.nn.TransformerDecoderLayer(E, HEADS, F, 0, batch_first=True, norm_first=True),
        lambda x, **params: layer_output(x, x[:, :3], **params),
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_single_layers_compute_what_torch_does(name, rng):
    """Does a state dict made of our parameters give our numbers, and lead back to the bit?"""
    init, make, ours = SINGLE[name]
    kind, params, x = name.split()[0], shaken(init(rng), rng), normal(rng, B, T, E)
    module = make().double()
    module.load_state_dict(params_to_state_dict(params, kind))
    inputs = {"MultiheadAttention": "xxx", "TransformerDecoderLayer": "xm"}.get(kind, "x")
    given = {"x": torch.tensor(x), "m": torch.tensor(x[:, :3])}
    y = module(*[given[letter] for letter in inputs])
    assert_close(ours(x, **params), y[0] if kind == "MultiheadAttention" else y)
    assert_equal(params_from_state_dict(module.state_dict(), kind), params)


def test_embedding_computes_what_torch_does(rng):
    """Are the rows those of torch's embedding, both ways?"""
    params, tokens = init_embedding(K, D, rng), rng.integers(K, size=(B, T))
    module = torch.nn.Embedding(K, D, dtype=torch.float64)
    module.load_state_dict(params_to_state_dict(params, "Embedding"))
    assert_close(embedding_forward(tokens, **params)[0], module(torch.tensor(tokens)))
    assert_equal(params_from_state_dict(module.state_dict(), "Embedding"), params)


def test_state_dict_of_arrays_is_taken_too(rng):
    """Does a state dict that was read without torch, with NumPy arrays, give the parameters?"""
    encoder = recurrent_encoder("LSTM", rng, bidirectional=True)
    state_dict = params_to_state_dict(encoder.params, "LSTM")
    arrays = {name: frozen(tensor.numpy()) for name, tensor in state_dict.items()}
    assert_equal(params_from_state_dict(arrays, "LSTM"), encoder.params)


@recurrent
def test_two_biases_become_one_or_stay_two(kind, rng):
    """Is b_h the sum of torch's two biases, and does the GRU keep both?"""
    module = torch_module(kind, D, H)
    params, theirs = from_torch(module).params, module.state_dict()
    b_ih, b_hh = theirs["bias_ih_l0"].numpy(), theirs["bias_hh_l0"].numpy()
    if kind == "GRU":
        np.testing.assert_array_equal(params["b_xh"], b_ih)
        np.testing.assert_array_equal(params["b_hh"], b_hh)
    else:
        np.testing.assert_array_equal(params["b_h"], b_ih + b_hh)


def without(name, **more):
    return lambda arrays: {key: value for key, value in arrays.items() if key != name} | more


@pytest.mark.parametrize(
    ("kind", "change", "match"),
    [
        ("LSTM", without("W_hh_l1"), r"params of LSTM: missing W_hh_l1; unknown nothing"),
        ("LSTM", without("", E=np.ones(2)), r"params of LSTM: missing nothing; unknown E$"),
        ("LSTM", without("b_h_l1_reverse"), r"missing b_h_l1_reverse; unknown nothing"),
        ("LSTM", without("", W_xh_l3=np.ones(2)), r"missing W_hh_l2, .*, b_h_l3_reverse; unknown"),
        ("RNN", without("b_h"), r"missing b_h; unknown nothing"),
        ("GRU", without("b_hh"), r"missing b_hh; unknown nothing"),
        ("TransformerEncoder", without("", P=np.ones((3, 4))), r"missing nothing; unknown P$"),
        ("TransformerEncoder", without("beta"), r"missing beta; unknown nothing"),
        ("TransformerEncoder", without("gamma"), r"missing gamma; unknown nothing"),
        ("TransformerDecoder", without("memory_W_q_l1"), r"missing memory_W_q_l1; unknown nothing"),
    ],
)
def test_params_with_other_names_raise(kind, change, match, rng):
    """Are missing and unknown names listed, and none left out in silence?"""
    make = recurrent_encoder if kind in RECURRENT else transformer
    encoder = make(kind, rng, **{"bidirectional": True} if kind == "LSTM" else {})
    with pytest.raises(ValueError, match=match):
        params_to_state_dict(change(encoder.params), kind)


@pytest.mark.parametrize(
    ("kind", "change", "match"),
    [
        ("LSTM", without("bias_hh_l1"), r"state_dict of LSTM: missing bias_hh_l1; unknown nothing"),
        ("RNN", without("", weight_hr_l0=torch.ones(2)), r"missing nothing; unknown weight_hr_l0$"),
        ("GRU", without("weight_ih_l0"), r"missing weight_ih_l0; unknown nothing"),
        ("TransformerEncoder", without("norm.bias"), r"missing norm.bias; unknown nothing"),
        ("TransformerEncoder", without("norm.weight"), r"missing norm.weight; unknown nothing"),
        (
            "TransformerEncoder",
            without("layers.0.self_attn.in_proj_bias"),
            r"missing layers.0.self_attn.in_proj_bias; unknown nothing",
        ),
        ("LSTM", lambda _: {}, r"missing weight_hh_l0, weight_ih_l0; unknown nothing"),
    ],
)
def test_state_dict_with_other_names_raises(kind, change, match, rng):
    """Are missing and unknown names listed, and none left out in silence?"""
    encoder = (recurrent_encoder if kind in RECURRENT else transformer)(kind, rng)
    with pytest.raises(ValueError, match=match):
        params_from_state_dict(change(to_torch(encoder).state_dict()), kind)


def test_conversion_refuses_what_does_not_fit(rng):
    """Do an unknown kind, another layer's gates, other types and unequal shapes raise?"""
    lstm = recurrent_encoder("LSTM", rng).params
    state_dict = params_to_state_dict(lstm, "LSTM")
    for convert, values in ((params_to_state_dict, lstm), (params_from_state_dict, state_dict)):
        with pytest.raises(ValueError, match=r"kind is 'lstm'; expected a class of torch.nn: RNN,"):
            convert(values, "lstm")
        with pytest.raises(ValueError, match=r"W_hh has shape \(20, 5\), but RNN of hidden size 5"):
            convert(values, "RNN")
    mixed = lstm | {"W_hh": lstm["W_hh"].astype(np.float32)}
    with pytest.raises(ValueError, match=r"params must be all float32 or all float64, got .*W_hh"):
        params_to_state_dict(mixed, "LSTM")
    half = {name: tensor.bfloat16() for name, tensor in state_dict.items()}
    with pytest.raises(ValueError, match=r"state_dict must be all .*, got bias_hh_l1 of bfloat16"):
        params_from_state_dict(half, "LSTM")
    with pytest.raises(ValueError, match=r"bias_hh_l0 has shape \(1,\), but bias_ih_l0 \(20,\), w"):
        params_from_state_dict(state_dict | {"bias_hh_l0": torch.ones(1).double()}, "LSTM")
    attention = init_multi_head_attention(E, rng)
    with pytest.raises(ValueError, match=r"W_k has shape \(6, 1\), but W_q \(6, 6\), which it is"):
        params_to_state_dict(attention | {"W_k": np.ones((E, 1))}, "MultiheadAttention")
    stacked = params_to_state_dict(attention, "MultiheadAttention")
    for wrong in (torch.ones(E + 2, E), torch.tensor(1.0)):
        with pytest.raises(ValueError, match=r"in_proj_weight has shape .*; 3 cannot share its r"):
            params_from_state_dict(
                stacked | {"in_proj_weight": wrong.double()}, "MultiheadAttention"
            )
    split = torch.nn.MultiheadAttention(E, HEADS, kdim=D, vdim=D)
    with pytest.raises(ValueError, match=r"missing in_proj_weight; unknown k_proj_weight, q_pr"):
        params_from_state_dict(split.state_dict(), "MultiheadAttention")


@pytest.mark.parametrize("encoder", [MinGRUEncoder, MinLSTMEncoder, BagEncoder])
def test_to_torch_refuses_what_torch_has_not(encoder, rng):
    """Does a layer that torch.nn lacks raise with its name?"""
    with pytest.raises(TypeError, match=rf"torch.nn has no layer for a {encoder.__name__}; it has"):
        to_torch(encoder(D, H, rng))


def test_to_torch_refuses_a_subclass(rng):
    """Does an encoder that builds on one of ours raise, since it may compute something else?"""
    own = type("OwnGRUEncoder", (GRUEncoder,), {})
    with pytest.raises(TypeError, match=r"torch.nn has no layer for a OwnGRUEncoder; it has"):
        to_torch(own(D, H, rng))


def test_to_torch_refuses_a_reset_before_the_product(rng):
    """Is the reason given?"""
    with pytest.raises(ValueError, match=r'reset is "before", but torch.nn.GRU resets after the'):
        to_torch(GRUEncoder(D, H, rng, reset="before"))


def test_to_torch_refuses_a_nonlinearity_that_torch_has_not(rng):
    """Does the logistic function raise, and not become another?"""
    with pytest.raises(ValueError, match=r"nonlinearity is 'sigmoid', but torch.nn.RNN has tanh"):
        to_torch(RNNEncoder(D, H, rng, nonlinearity="sigmoid"))


class OwnLSTM(torch.nn.LSTM):
    """A subclass, which might compute anything."""


NAMESAKE = type("LSTM", (torch.nn.LSTM,), {})


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (
            lambda: torch.nn.Linear(D, H),
            TypeError,
            r"module is a .*Linear.*; expected torch.nn's RNN, LS",
        ),
        (lambda: OwnLSTM(D, H), TypeError, r"module is a .*OwnLSTM"),
        (lambda: NAMESAKE(D, H), TypeError, r"module is a .*LSTM.*; expected torch.nn's RNN, LS"),
        (
            lambda: torch.nn.LSTM(D, H, proj_size=2),
            ValueError,
            r"proj_size is 2; expected 0, no projecti",
        ),
        (
            lambda: torch.nn.GRU(D, H, 2, dropout=1.0),
            ValueError,
            r"dropout is 1.0; expected at least 0",
        ),
        (
            lambda: torch_transformer("TransformerEncoder", attention_dropout=0.1),
            ValueError,
            r"dropout of MultiheadAttention, which ours has not, is 0.1; expected 0",
        ),
        (
            lambda: torch_transformer("TransformerDecoder", activation="gelu"),
            ValueError,
            r"activation is .*gelu.*; expected relu, or gelu with approximate=\"tanh\", from wh",
        ),
        (
            lambda: torch_transformer("TransformerEncoder", activation=torch.nn.GELU()),
            ValueError,
            r"activation is GELU\(approximate='none'\); expected relu, or gelu with",
        ),
        (
            lambda: torch_transformer(
                "TransformerEncoder",
                activation=partial(torch.nn.functional.gelu, approximate="none"),
            ),
            ValueError,
            r"activation is .*gelu.*approximate='none'\); expected relu, or gelu with",
        ),
        (
            lambda: torch_transformer("TransformerEncoder", layer_norm_eps=1e-6),
            ValueError,
            r"eps of LayerNorm is 1e-06, 1e-05; expected 1e-05",
        ),
        (
            lambda: torch_transformer("TransformerEncoder", bias=False),
            ValueError,
            r"missing layers.0.linear1.bias, .*; unknown nothing",
        ),
    ],
)
def test_from_torch_refuses_what_ours_cannot_do(make, error, match):
    """Does each option that ours has not raise, named?"""
    with pytest.raises(error, match=match):
        from_torch(make())


def changed(change, kind="TransformerEncoder", **options):
    module = torch_transformer(kind, **options)
    change(module)
    return module


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda m: setattr(m, "norm", None), ValueError, r"norm_first is True and norm is None; e"),
        (lambda m: setattr(m.layers[1], "norm_first", False), ValueError, r"norm_first differs be"),
        (lambda m: setattr(m.layers[0].dropout1, "p", 0.5), ValueError, r"dropout differs between"),
        (
            lambda m: setattr(m.layers[0].self_attn, "num_heads", 1),
            ValueError,
            r"num_heads differs between layers: \[1, 3\]; expected one for all",
        ),
        (
            lambda m: setattr(
                m.layers[1],
                "activation",
                partial(torch.nn.functional.gelu, approximate="tanh"),
            ),
            ValueError,
            r"activation differs between layers: \['gelu', 'relu'\]",
        ),
        (
            lambda m: m.layers.append(torch.nn.Linear(E, E)),
            TypeError,
            r"module.layers must each be torch.nn.TransformerEncoderLayer itself",
        ),
    ],
)
def test_from_torch_refuses_layers_unlike_each_other(change, error, match):
    """Does a Transformer that ours cannot be raise, though its state dict looks right?"""
    with pytest.raises(error, match=match):
        from_torch(changed(change))


def test_from_torch_refuses_a_last_norm_where_ours_has_none():
    """Does a norm after layers that end with theirs raise instead of being left out?"""
    module = changed(lambda m: setattr(m, "norm", torch.nn.LayerNorm(E)), norm_first=False)
    with pytest.raises(
        ValueError, match=r"norm_first is False and norm is LayerNorm.*; expected a"
    ):
        from_torch(module.double())


@pytest.mark.parametrize(
    ("kind", "arguments", "match"),
    [
        ("LSTM", {"causal": True}, r"causal True with positions None says nothing to LSTM"),
        ("LSTM", {"positions": "sinusoidal"}, r"causal False with positions sinusoidal says noth"),
        ("TransformerDecoder", {"causal": True}, r"says nothing to TransformerDecoder"),
        ("TransformerEncoder", {"positions": "learnt"}, r"positions is 'learnt'; expected \"sinu"),
        (
            "TransformerEncoder",
            {"positions": np.ones((T, E + 1))},
            r"positions has shape \(7, 7\), but a Transformer of size 6 needs \(any, 6\)",
        ),
        (
            "TransformerEncoder",
            {"positions": np.ones((T, E), dtype=np.float32)},
            r"parameters with positions must be all float32 or all float64, got .*, P of float32",
        ),
    ],
)
def test_from_torch_refuses_arguments_that_do_not_fit(kind, arguments, match):
    """Does an argument that would say nothing, or not fit, raise with its name?"""
    module = torch.nn.LSTM(D, H) if kind == "LSTM" else torch_transformer(kind)
    with pytest.raises(ValueError, match=match):
        from_torch(module, **arguments)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_with_replacing_gate(x, h_0, W_xh, W_hh, b_xh, b_hh):
    """States of the other convention, h_t = z n + (1 - z) h_{t-1}, in a plain loop."""
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        r_x, z_x, n_x = np.split(x[:, t] @ W_xh.T + b_xh, 3, axis=1)
        r_h, z_h, n_h = np.split(h_t @ W_hh.T + b_hh, 3, axis=1)
        z, n = sigmoid(z_x + z_h), np.tanh(n_x + sigmoid(r_x + r_h) * n_h)
        h_t = z * n + (1 - z) * h_t
        states.append(h_t)
    return np.stack(states, axis=1)


def test_flip_update_gate_leads_from_one_convention_to_the_other(rng):
    """Are the numbers equal both ways, and unequal without the exchange?"""
    params, x, h_0 = shaken(init_gru(D, H, rng), rng), normal(rng, B, T, D), normal(rng, B, H)
    flipped = flip_update_gate(params)
    kept, _ = gru_forward(x, h_0, **params)
    replaced = gru_with_replacing_gate(x, h_0, **params)
    assert np.abs(kept - replaced).max() > 0.1
    np.testing.assert_allclose(
        gru_with_replacing_gate(x, h_0, **flipped), kept, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(gru_forward(x, h_0, **flipped)[0], replaced, rtol=1e-12, atol=1e-12)
    assert_equal(flip_update_gate(flipped), params)


def test_flip_update_gate_reaches_every_layer_and_direction(rng):
    """Are the rows of z, and only these, of another sign under all names?"""
    params = recurrent_encoder("GRU", rng, bidirectional=True).params
    for name, array in flip_update_gate(params).items():
        np.testing.assert_array_equal(array[H : 2 * H], -params[name][H : 2 * H])
        np.testing.assert_array_equal(array[:H], params[name][:H])
        np.testing.assert_array_equal(array[2 * H :], params[name][2 * H :])


def test_flip_update_gate_serves_a_mingru(rng):
    """With the gates' order given, is a minGRU's z flipped as Feng et al. have it?"""
    params, x = shaken(init_mingru(D, H, rng), rng), normal(rng, B, 1, D)
    z = sigmoid(x[:, 0] @ params["W_xh"][:H].T + params["b_h"][:H])
    n = x[:, 0] @ params["W_xh"][H:].T + params["b_h"][H:]
    h, _ = mingru_forward(x, None, **flip_update_gate(params, "zn"))
    np.testing.assert_allclose(h[:, 0], z * n, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("b_hn", [0.0, 0.5])
def test_resets_agree_only_where_the_product_is_diagonal(diagonal, b_hn, rng):
    """Are reset after and before equal for diagonal W_hn without b_hn, and else different?"""
    params, x = shaken(init_gru(D, H, rng), rng), normal(rng, B, T, D)
    params = {name: param.copy() for name, param in params.items()}
    params["b_hh"][2 * H :] = b_hn
    if diagonal:
        params["W_hh"][2 * H :] *= np.eye(H)
    after, before = (gru_forward(x, None, **params, reset=r)[0] for r in ("after", "before"))
    difference = np.abs(after - before).max()
    assert difference < 1e-14 if diagonal and b_hn == 0 else difference > 0.01


def test_no_exchange_of_gates_leads_from_one_reset_to_the_other(rng):
    """Do neither z's sign nor r's, nor both, make reset before of reset after?"""
    params, x = shaken(init_gru(D, H, rng), rng), normal(rng, B, T, D)
    before, _ = gru_forward(x, None, **params, reset="before")
    z_flipped, r_flipped = flip_update_gate(params), flip_update_gate(params, "zrn")
    for exchanged in (params, z_flipped, r_flipped, flip_update_gate(r_flipped)):
        after, _ = gru_forward(x, None, **exchanged)
        assert np.abs(after - before).max() > 0.01


def test_reorder_gates_takes_rows_where_they_belong(rng):
    """Do rows stacked as Keras and ONNX have them become ours, and the numbers with them?"""
    gru, lstm, x = init_gru(D, H, rng), init_lstm(D, H, rng), normal(rng, B, T, D)
    r, z, n = np.split(gru["W_xh"], 3)
    keras = reorder_gates(gru, "rzn", "zrn")
    np.testing.assert_array_equal(keras["W_xh"], np.concatenate([z, r, n]))
    assert_equal(reorder_gates(keras, "zrn", "rzn"), gru)
    i, f, g, o = np.split(lstm["b_h"], 4)
    onnx = {
        name: np.concatenate([np.split(p, 4)[k] for k in (0, 3, 1, 2)]) for name, p in lstm.items()
    }
    np.testing.assert_array_equal(onnx["b_h"], np.concatenate([i, o, f, g]))
    ours = reorder_gates(onnx, "iofg", "ifgo")
    assert_equal(ours, lstm)
    (h, _), _ = lstm_forward(x, None, None, **ours)
    np.testing.assert_array_equal(h, lstm_forward(x, None, None, **lstm)[0][0])


@pytest.mark.parametrize(
    "change", [flip_update_gate, lambda params: reorder_gates(params, "rzn", "zrn")]
)
def test_gates_are_not_looked_for_elsewhere(change, rng):
    """Do names of other layers, and rows that no three gates can share, raise?"""
    gru = init_gru(D, H, rng)
    with pytest.raises(ValueError, match=r"params holds E, W_hy, which no recurrent layer has"):
        change(gru | {"E": np.ones((6, D)), "W_hy": np.ones((3, H))})
    with pytest.raises(ValueError, match=r"b_xh has shape \(16,\); 3 cannot share its rows"):
        change(gru | {"b_xh": np.ones(16)})


@pytest.mark.parametrize(("order", "wanted"), [("rzn", "rzo"), ("rzn", "zr"), ("rrn", "rnr")])
def test_reorder_gates_needs_the_same_letters(order, wanted, rng):
    """Do other letters, fewer, or one twice raise?"""
    with pytest.raises(ValueError, match=rf"wanted is '{wanted}'; expected each letter of"):
        reorder_gates(init_gru(D, H, rng), order, wanted)
