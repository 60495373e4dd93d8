"""Sequence to sequence: gradients against torch and differences, padding, decoding, learning."""

from itertools import product

import numpy as np
import pytest
import torch
from gradients import B, T, frozen, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, linear, scaled_dot_product_attention
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnn_course.activations import log_softmax
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder
from rnn_course.gradient_check import check_gradients, numerical_gradient
from rnn_course.memory_attention import AdditiveAttention, DotProductAttention, UniformAttention
from rnn_course.optimisers import Adam
from rnn_course.positions import sinusoidal_positions
from rnn_course.seq2seq import EncoderDecoder, TransformerEncoderDecoder
from rnn_course.text import mask_from_lengths
from rnn_course.training import train
from rnn_course.transformer import TransformerDecoder, TransformerEncoder

S, SOURCE_V, V, START, END = 5, 8, 6, 4, 5
D_SOURCE, D_TARGET, H_SOURCE, H_TARGET, A = 3, 2, 4, 5, 7
SOURCE_LENGTHS, TARGET_LENGTHS = frozen([5, 2]), frozen([3, 7])
HEADS, D_MODEL = 2, 6

# encoder, its options, decoder, its options, attention
RECURRENT = {
    "rnn to rnn": (RNNEncoder, {}, RNNEncoder, {}, None),
    "rnn to lstm, additive": (RNNEncoder, {}, LSTMEncoder, {"num_layers": 2}, "additive"),
    "gru to gru, same form": (GRUEncoder, {}, GRUEncoder, {"same": True}, "dot product"),
    "gru to gru, both directions": (GRUEncoder, {"bidirectional": True}, GRUEncoder, {}, None),
    "lstm to gru, uniform": (LSTMEncoder, {"bidirectional": True}, GRUEncoder, {}, "uniform"),
    "lstm to lstm, deep, additive": (
        LSTMEncoder,
        {"num_layers": 2, "bidirectional": True},
        LSTMEncoder,
        {"num_layers": 2},
        "additive",
    ),
    "lstm to lstm, same deep form": (
        LSTMEncoder,
        {"num_layers": 2},
        LSTMEncoder,
        {"num_layers": 2, "same": True},
        "dot product",
    ),
}
recurrent = pytest.mark.parametrize("name", RECURRENT)
every = pytest.mark.parametrize("name", [*RECURRENT, "transformer"])
some = pytest.mark.parametrize(
    "name", ["rnn to rnn", "lstm to lstm, deep, additive", "transformer"]
)
kinds_of_source = pytest.mark.parametrize("vectors", [False, True], ids=["tokens", "vectors"])


def attention_of(kind, decoder, encoder, rng, dtype=np.float64):
    """An attention from one network's states to the other's, or None."""
    sizes = decoder.output_size, encoder.output_size
    if kind == "additive":
        return AdditiveAttention(*sizes, A, rng, dtype)
    if kind == "dot product":
        return DotProductAttention(*sizes, rng, dtype)
    return UniformAttention() if kind == "uniform" else None


def network(name, rng, vectors=False, dtype=np.float64, dropout=0.0):
    """One of the networks above, its parameters twice as large as they are drawn."""
    common = (None if vectors else SOURCE_V), V, START, END, rng
    if name == "transformer":
        sizes, options = (D_MODEL, HEADS, 7, 2, rng), {"dtype": dtype, "dropout": dropout}
        encoder = TransformerEncoder(*sizes, **options)
        model = TransformerEncoderDecoder(encoder, TransformerDecoder(*sizes, **options), *common)
    else:
        kind, options, decoder_kind, decoder_options, attention = RECURRENT[name]
        options = {"dtype": dtype, "dropout": dropout}, options, decoder_options
        size = H_SOURCE if "same" in options[2] else H_TARGET
        encoder = kind(D_SOURCE, H_SOURCE, rng, **options[0] | options[1])
        decoder_options = {key: value for key, value in options[2].items() if key != "same"}
        decoder = decoder_kind(D_TARGET, size, rng, **options[0] | decoder_options)
        attention = attention_of(attention, decoder, encoder, rng, dtype)
        model = EncoderDecoder(encoder, decoder, *common, attention=attention)
    for param in model.params.values():
        param *= 2
    return model


def batch_for(model, rng, dtype=np.float64):
    """Sources (B, S) or (B, S, D) and targets (B, T), both padded, which refuse to be changed."""
    if "source_E" in model.params:
        source = frozen(rng.integers(SOURCE_V, size=(B, S)))
    else:
        source = normal(rng, B, S, model.encoder.input_size, dtype=dtype)
    return source, SOURCE_LENGTHS, frozen(rng.integers(V, size=(B, T))), TARGET_LENGTHS


# The same networks in torch


def without(prefix, params):
    """The parameters that begin with the prefix, under the rest of their names."""
    return {name[len(prefix) :]: p for name, p in params.items() if name.startswith(prefix)}


def torch_recurrent(encoder, params, x, lengths, start=None):
    """h (B, T, ·) and each sequence's own end from torch.nn.RNN, LSTM or GRU."""
    kind = type(encoder).__name__.removesuffix("Encoder")
    layers, both = encoder.num_layers, len(encoder.directions) == 2
    options = {"batch_first": True, "bidirectional": both, "dtype": torch.float64}
    module = getattr(torch.nn, kind)(x.shape[2], encoder.hidden_size, layers, **options)
    ours = {"weight_ih": "W_xh", "weight_hh": "W_hh", "bias_ih": "b_h", "bias_hh": None}
    if kind == "GRU":
        ours |= {"bias_ih": "b_xh", "bias_hh": "b_hh"}
    named = {}
    for theirs, own in ours.items():
        for layer, direction in product(range(layers), encoder.directions):
            full = f"{theirs}_l{layer}{direction}"
            own_full = f"{own}{f'_l{layer}' if layer else ''}{direction}"
            named[full] = (
                torch.zeros_like(getattr(module, full)) if own is None else params[own_full]
            )
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    if start is not None:
        start = tuple(torch.stack(arrays) for arrays in zip(*start, strict=True))
        start = start if kind == "LSTM" else start[0]
    h, ends = torch.func.functional_call(module, named, (packed, start))
    h, _ = pad_packed_sequence(h, batch_first=True, total_length=x.shape[1])
    ends = ends if kind == "LSTM" else (ends,)
    return h, [tuple(parts) for parts in zip(*ends, strict=True)]


def torch_start(model, params, end):
    """The decoder's start from the encoder's end, in torch."""
    if "W_s" not in params:
        return end
    s_0 = linear(torch.cat([a for arrays in end for a in arrays], 1), params["W_s"], params["b_s"])
    size, each = model.decoder.hidden_size, model.decoder.num_states
    arrays = s_0.split(size, dim=1)
    return [tuple(arrays[k : k + each]) for k in range(0, len(arrays), each)]


def torch_mean(attention, p, h, memory, mask):
    """Attention's output (B, T, E), its scores written out for each kind."""
    if isinstance(attention, AdditiveAttention):
        hidden = linear(h, p["W_q"])[:, :, None] + linear(memory, p["W_k"])[:, None]
        a = torch.tanh(hidden) @ p["v"]
    elif isinstance(attention, DotProductAttention):
        a = linear(h, p["W_q"]) @ memory.mT / memory.shape[2] ** 0.5
    else:
        a = h.new_zeros(*h.shape[:2], memory.shape[1])
    return torch.softmax(a.masked_fill(~mask[:, None], -torch.inf), dim=2) @ memory


def torch_recurrent_logits(model, p, x, fed, masks):
    """y (B, T, V) of an EncoderDecoder."""
    source, target = without("source_", p), without("target_", p)
    memory, end = torch_recurrent(model.encoder, source, x, SOURCE_LENGTHS)
    start = torch_start(model, p, end)
    h, _ = torch_recurrent(model.decoder, target, target["E"][fed], TARGET_LENGTHS, start)
    if model.attention is not None:
        o = torch_mean(model.attention, without("attention_", p), h, memory, masks[0])
        h = torch.tanh(linear(torch.cat([o, h], dim=2), p["W_c"], p["b_c"]))
    return linear(h, p["W_hy"], p["b_y"])


def torch_heads(p, x, z, mask):
    """Multi-head attention of x to z, where mask (B, T or 1, S) allows it."""

    def project(name, a):
        return linear(a, p[f"W_{name}"], p[f"b_{name}"]).unflatten(2, (HEADS, -1)).transpose(1, 2)

    q, k, v = project("q", x), project("k", z), project("v", z)
    o = scaled_dot_product_attention(q, k, v, mask[:, None])
    return linear(o.transpose(1, 2).flatten(2), p["W_o"], p["b_o"])


def torch_norm(p, x):
    return torch.nn.functional.layer_norm(x, x.shape[2:], p["gamma"], p["beta"])


def torch_transformer(stack, params, x, mask, memory=None, memory_mask=None):
    """Layers with norms inside, and one more after the last."""
    x = x + torch.tensor(sinusoidal_positions(x.shape[1], x.shape[2]))
    for layer in range(stack.num_layers):
        p = {n.removesuffix(f"_l{layer}"): a for n, a in params.items() if n.endswith(f"_l{layer}")}
        own, other, feed = (
            without(f"{name}_", p) for name in ("attention", "memory", "feedforward")
        )
        z = torch_norm(own, x)
        x = x + torch_heads(own, z, z, mask)
        if memory is not None:
            x = x + torch_heads(other, torch_norm(other, x), memory, memory_mask)
        hidden = torch.relu(linear(torch_norm(feed, x), feed["W_1"], feed["b_1"]))
        x = x + linear(hidden, feed["W_2"], feed["b_2"])
    return torch_norm(params, x)


def torch_transformer_logits(model, p, x, fed, masks):
    """y (B, T, V) of a TransformerEncoderDecoder."""
    source_mask, target_mask = (mask[:, None] for mask in masks)
    if "source_E" in p:
        x = x * D_MODEL**0.5
    memory = torch_transformer(model.encoder, without("source_", p), x, source_mask)
    target = without("target_", p)
    seen = target_mask & torch.ones(T, T, dtype=torch.bool).tril()
    x = target["E"][fed] * D_MODEL**0.5
    h = torch_transformer(model.decoder, target, x, seen, memory, source_mask)
    return linear(h, p["W_hy"], p["b_y"])


def torch_loss(model, source, target):
    """Loss and gradients of the same network in torch."""
    p = {name: torch.tensor(param, requires_grad=True) for name, param in model.params.items()}
    fed = torch.tensor(np.concatenate([np.full((B, 1), START), target[:, :-1]], axis=1))
    x = p["source_E"][torch.tensor(source)] if "source_E" in p else torch.tensor(source)
    masks = [
        torch.tensor(mask_from_lengths(lengths, size))
        for lengths, size in ((SOURCE_LENGTHS, S), (TARGET_LENGTHS, T))
    ]
    logits = torch_recurrent_logits
    if isinstance(model, TransformerEncoderDecoder):
        logits = torch_transformer_logits
    y = logits(model, p, x, fed, masks)
    loss = cross_entropy(y[masks[1]], torch.tensor(target)[masks[1]])
    loss.backward()
    return loss.item(), {name: leaf.grad.numpy() for name, leaf in p.items()}


@kinds_of_source
@every
def test_seq2seq_equals_torch(name, vectors, rng):
    """Are loss and all gradients those of the same network in torch, on padded sequences?"""
    model = network(name, rng, vectors)
    batch = batch_for(model, rng)
    loss, grads = model.loss_and_grads(*batch)
    expected, expected_grads = torch_loss(model, batch[0], batch[2])
    assert loss == pytest.approx(expected, rel=1e-12)
    assert model.loss(*batch) == loss
    assert grads.keys() == model.params.keys()
    for key, grad in grads.items():
        np.testing.assert_allclose(grad, expected_grads[key], rtol=1e-10, atol=1e-10, err_msg=key)


def assert_derivatives(model, loss_of, grads, rng):
    """Fail unless each gradient is the slope along a random direction of its parameter."""
    own = {name: param.copy() for name, param in model.params.items()}
    along = {name: rng.standard_normal(param.shape) for name, param in own.items()}

    def loss_after(steps):
        for name, step in steps.items():
            model.params[name][...] = own[name] + step * along[name]
        return loss_of()

    start = {name: np.zeros(1) for name in own}
    slopes = {name: np.array([(grad * along[name]).sum()]) for name, grad in grads.items()}
    # such as a key's bias in the Transformer: it adds the same to all scores of a query
    flat = [name for name, grad in grads.items() if np.abs(grad).max() < 1e-12]
    for name in flat:
        slope = slopes.pop(name)
        numeric = numerical_gradient(loss_after, start, name)
        np.testing.assert_allclose(numeric, slope, atol=1e-9, err_msg=name)
    verdict = check_gradients(loss_after, start, slopes, tolerance=1e-5)
    assert verdict, str(verdict)
    return flat


@every
def test_seq2seq_gradients_pass_the_check(name, rng):
    """Are all gradients those of finite differences, also of a source without steps?"""
    model = network(name, rng)
    source, _, target, _ = batch_for(model, rng)
    for lengths in (SOURCE_LENGTHS, [0, 3]):
        batch = source, lengths, target, TARGET_LENGTHS
        _, grads = model.loss_and_grads(*batch)
        flat = assert_derivatives(model, lambda batch=batch: model.loss(*batch), grads, rng)
        assert all("_b_k_l" in key for key in flat)


@some
def test_seq2seq_dropout_has_true_gradients(name, rng):
    """Does the same rng give the same loss, and is the gradient that of the thinned network?"""
    model = network(name, rng, dropout=0.4)
    batch = batch_for(model, rng)

    def run(seed=3):
        return model.loss_and_grads(*batch, rng=np.random.default_rng(seed))

    loss, grads = run()
    assert run()[0] == loss
    if name == "rnn to rnn":  # no dropout between the layers of one layer
        assert loss == model.loss(*batch)
    else:
        assert len({loss, run(4)[0], model.loss(*batch)}) == 3
    assert_derivatives(model, lambda: run()[0], grads, rng)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
@pytest.mark.parametrize("name", ["lstm to lstm, deep, additive", "transformer"])
def test_seq2seq_dropout_reaches_both_networks(name, side, rng):
    """Does the rng thin either network where the other one has no dropout?"""
    losses = []
    for dropout in (0.0, 0.5):
        model = network(name, np.random.default_rng(5))
        stack = getattr(model, side)
        if name == "transformer":
            stack.options["dropout"] = dropout
        else:
            stack.dropout = dropout
        batch = batch_for(model, np.random.default_rng(6))
        losses.append(model.loss_and_grads(*batch, rng=np.random.default_rng(7))[0])
    assert losses[0] == model.loss(*batch) != losses[1]


def test_seq2seq_computes_no_padded_steps(rng):
    """Does a network whose state explodes stay finite where it does so behind the target's end?"""
    encoder, decoder = (RNNEncoder(2, 3, rng, nonlinearity="relu") for _ in range(2))
    model = EncoderDecoder(encoder, decoder, SOURCE_V, V, START, END, rng)
    decoder.params["W_hh"][...] = 1e200
    decoder.params["b_h"][...] = 1
    source, _, target, _ = batch_for(model, rng)
    loss, grads = model.loss_and_grads(source, [1, 2], target, [1, 1])
    assert np.isfinite(loss)
    assert all(np.isfinite(grad).all() for grad in grads.values())
    with pytest.raises(RuntimeWarning):
        model.loss(source, [1, 2], target, [T, T])


@kinds_of_source
@every
@settings(max_examples=8)
@given(
    lengths=st.lists(st.tuples(st.integers(0, S), st.integers(1, T)), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_seq2seq_ignores_padding(name, vectors, lengths, seed):
    """Do loss, gradients and decoding stay bit by bit the same, whatever stands in padding?"""
    rng = np.random.default_rng(seed)
    model = network(name, rng, vectors)
    source_lengths, target_lengths = np.array(lengths).T
    rows = len(lengths)
    source = rng.integers(SOURCE_V, size=(rows, S))
    if vectors:
        source = rng.standard_normal((rows, S, model.encoder.input_size))
    target = rng.integers(V, size=(rows, T))

    def results():
        loss, grads = model.loss_and_grads(source, source_lengths, target, target_lengths)
        found = model.beam_search(source, source_lengths, 3, 2, n_best=2)
        return loss, grads, model.greedy_decode(source, source_lengths, 3), found

    loss, grads, *decoded = results()
    source[~mask_from_lengths(source_lengths, S)] = np.nan if vectors else -100
    target[~mask_from_lengths(target_lengths, T)] = 10**6
    loss_other, grads_other, *decoded_other = results()
    assert loss_other == loss
    assert decoded_other == decoded
    for key, grad in grads.items():
        np.testing.assert_array_equal(grads_other[key], grad, err_msg=key)


@every
def test_seq2seq_source_padding_may_be_cut_off(name, rng):
    """Does a source cost and mean the same when it stands alone, without its padding?"""
    model = network(name, rng)
    source, _, target, _ = batch_for(model, rng)
    expected, _ = model.forward(source, SOURCE_LENGTHS, target)
    alone, _ = model.forward(source[1:, :2], None, target[1:])
    np.testing.assert_allclose(alone[0], expected[1], rtol=1e-12, atol=1e-13)


def test_seq2seq_nan_stays_in_its_own_sequence(rng):
    """Does a source of NaN leave the logits and decoding of the others alone, and end?"""
    for name in RECURRENT | {"transformer": None}:
        model = network(name, rng, vectors=True)
        source, _, target, _ = batch_for(model, rng)
        y, _ = model.forward(source, None, target)
        written = model.greedy_decode(source, None, 4)
        found = model.beam_search(source, None, 4, 3)
        source = source.copy()
        source[0, 1] = np.nan
        y_other, _ = model.forward(source, None, target)
        assert np.isnan(y_other[0]).all()
        np.testing.assert_array_equal(y_other[1], y[1])
        assert model.greedy_decode(source, None, 4)[1] == written[1]
        assert model.beam_search(source, None, 4, 3)[1] == found[1]


@kinds_of_source
@every
def test_seq2seq_steps_equal_teacher_forcing(name, vectors, rng):
    """Token by token, are the log-probabilities those of the whole target at once?"""
    model = network(name, rng, vectors)
    source, _, target, _ = batch_for(model, rng)
    for lengths in (SOURCE_LENGTHS, np.array([0, 4])):
        y, _ = model.forward(source, lengths, target)
        state, tokens = model.encode(source, lengths), np.full(B, START)
        for t in range(T):
            log_p, state = model.step(tokens, state)
            np.testing.assert_allclose(log_p, log_softmax(y[:, t]), rtol=1e-11, atol=1e-12)
            tokens = target[:, t]


@every
def test_seq2seq_step_leaves_the_state_it_was_given(name, rng):
    """Does a second step from the same state give the same, so that a beam may branch?"""
    model = network(name, rng)
    source, lengths, *_ = batch_for(model, rng)
    _, state = model.step(np.full(B, START), model.encode(source, lengths))
    first, _ = model.step(np.array([0, 1]), state)
    model.step(np.array([2, 3]), state)
    np.testing.assert_array_equal(model.step(np.array([0, 1]), state)[0], first)


@every
def test_seq2seq_greedy_decode_is_what_teacher_forcing_predicts(name, rng):
    """Fed with its own output, is the most probable next token what the decoder wrote?"""
    model = network(name, rng)
    source, lengths = rng.integers(SOURCE_V, size=(20, S)), rng.integers(0, S + 1, size=20)
    y, _ = model.forward(source, lengths, rng.integers(V, size=(20, T)))
    model.params["b_y"] -= y.mean(axis=(0, 1))  # no token is always the most probable
    model.params["b_y"][END] = -1000  # never the end: rows of full length
    written = np.array(model.greedy_decode(source, lengths, T))
    assert written.shape == (20, T)
    assert len(np.unique(written)) > 2
    assert (written[:, 1:] != written[:, :-1]).any()
    y, _ = model.forward(source, lengths, written)
    np.testing.assert_array_equal(y.argmax(axis=2), written)


def total_log_p(model, source, lengths, sequences):
    """Log-probability (N, B) of each of N sequences of tokens for each source."""
    totals = []
    for sequence in sequences:
        target = np.tile(sequence, (len(source), 1))
        log_p = log_softmax(model.forward(source, lengths, target)[0])
        totals.append(np.take_along_axis(log_p, target[..., None], axis=2).sum(axis=(1, 2)))
    return np.array(totals)


@some
def test_seq2seq_wide_beam_finds_the_optimum(name, rng):
    """With room for every sequence, is the list that of brute force through teacher forcing?"""
    model, steps, penalty = network(name, rng), 3, 0.7
    source, lengths, *_ = batch_for(model, rng)
    others = [token for token in range(V) if token != END]
    sequences = [
        [*tokens, END][:steps] for k in range(steps + 1) for tokens in product(others, repeat=k)
    ]
    totals = total_log_p(model, source, lengths, sequences)
    sizes = np.array([len(sequence) for sequence in sequences])
    scores = totals / sizes[:, None] ** penalty  # (N, B)
    found = model.beam_search(source, lengths, steps, V**steps, penalty, n_best=len(sequences))
    for row in range(B):
        order = np.argsort(-scores[:, row])
        expected = [[t for t in sequences[n] if t != END] for n in order]
        assert [h.tokens for h in found[row]] == expected
        np.testing.assert_allclose([h.score for h in found[row]], scores[order, row], rtol=1e-9)


@every
def test_seq2seq_beam_of_one_is_greedy_and_wider_ones_do_better(name, rng):
    """Does a beam of 1 write what greed writes, and has the widest the best score?"""
    model = network(name, rng)
    source, lengths, *_ = batch_for(model, rng)
    greedy = model.greedy_decode(source, lengths, T)
    narrow = model.beam_search(source, lengths, T, beam_size=1, length_penalty=1.0)
    assert [best.tokens for (best,) in narrow] == greedy
    widest = model.beam_search(source, lengths, 3, beam_size=V**3)
    for beam_size in (1, 2, 3):
        for (best,), (found,) in zip(
            widest, model.beam_search(source, lengths, 3, beam_size), strict=True
        ):
            assert found.score <= best.score + 1e-12


# What the attention sees


@recurrent
def test_seq2seq_attention_weights_are_weights(name, rng):
    """Are they positive, zero at padding, and one in sum; and is no attention an error?"""
    model = network(name, rng)
    source, lengths, target, target_lengths = batch_for(model, rng)
    if model.attention is None:
        with pytest.raises(ValueError, match="attention is None, so there are no weights"):
            model.attention_weights(source, lengths, target)
        return
    p = model.attention_weights(source, lengths, target, target_lengths)
    real = mask_from_lengths(lengths, S)[:, None]
    assert p.shape == (B, T, S)
    assert (p[np.broadcast_to(real, p.shape)] > 0).all()
    assert not p[np.broadcast_to(~real, p.shape)].any()
    np.testing.assert_allclose(p.sum(axis=2), 1, rtol=1e-12)
    if isinstance(model.attention, UniformAttention):
        np.testing.assert_allclose(p, real / lengths[:, None, None] * np.ones((B, T, 1)))
    else:
        assert p[0].std(axis=0).max() > 1e-4  # they change from step to step


def test_seq2seq_transformer_attention_weights_are_weights(rng):
    """Is there one array a layer, zero at padding, its rows one in sum?"""
    model = network("transformer", rng)
    source, lengths, target, _ = batch_for(model, rng)
    layers = model.attention_weights(source, lengths, target)
    assert [p.shape for p in layers] == [(B, HEADS, T, S)] * 2
    for p in layers:
        np.testing.assert_allclose(p.sum(axis=3), 1, rtol=1e-12)
        assert not p[1, :, :, 2:].any()


def test_seq2seq_uniform_attention_takes_the_mean(rng):
    """Is its o_t the plain mean of the real memory, which sharp attention's is not?"""
    model = network("lstm to gru, uniform", rng)
    source, lengths, *_ = batch_for(model, rng)
    (_, prepared), _ = model._read_forward(*embedded(model, source, lengths), None)
    (o, _), _ = model.attention.step_forward(normal(rng, B, T, H_TARGET), prepared)
    (memory, _), _ = model.encoder.forward(*embedded(model, source, lengths)[:1], None, lengths)
    mean = np.stack([memory[row, : lengths[row]].mean(axis=0) for row in range(B)])
    np.testing.assert_allclose(o, np.broadcast_to(mean[:, None], o.shape), rtol=1e-12)


def embedded(model, source, lengths):
    """The encoder's input and the lengths."""
    return model._embed_forward("source", source, lengths)[0], lengths


def test_seq2seq_attention_reaches_what_the_end_state_forgets(rng):
    """Where the encoder hands on zeros, does the source still matter with attention alone?"""
    for kind, matters in (("dot product", True), (None, False)):
        encoder = RNNEncoder(D_SOURCE, H_SOURCE, rng, bidirectional=True)
        decoder = RNNEncoder(D_TARGET, H_TARGET, rng)
        attention = attention_of(kind, decoder, encoder, rng)
        model = EncoderDecoder(encoder, decoder, SOURCE_V, V, START, END, rng, attention)
        model.params["W_s"][...] = 0
        source, lengths, target, _ = batch_for(model, rng)
        y, _ = model.forward(source, lengths, target)
        y_other, _ = model.forward((source + 1) % SOURCE_V, lengths, target)
        assert (y != y_other).any() == matters


# Sizes, types, errors


@every
def test_seq2seq_keeps_float32(name, rng):
    """Are parameters, loss, gradients and probabilities float32, for tokens and vectors?"""
    for vectors in (False, True):
        model = network(name, rng, vectors, dtype=np.float32)
        batch = batch_for(model, rng, dtype=np.float32)
        loss, grads = model.loss_and_grads(*batch)
        log_p, _ = model.step(np.full(B, START), model.encode(*batch[:2]))
        results = [loss, log_p, *grads.values(), *model.params.values()]
        assert {result.dtype for result in results} == {np.dtype(np.float32)}


@every
def test_seq2seq_changes_nothing_in_place(name, rng):
    """Do training and decoding work with parameters that refuse to be changed?"""
    model = network(name, rng)
    for param in model.params.values():
        param.flags.writeable = False
    batch = batch_for(model, rng)
    _, grads = model.loss_and_grads(*batch)
    _, again = model.loss_and_grads(*batch)
    model.beam_search(*batch[:2], 3, 2)
    for key, grad in grads.items():
        np.testing.assert_array_equal(again[key], grad)
        assert not np.shares_memory(grad, model.params[key])


@every
def test_seq2seq_of_no_sources(name, rng):
    """Does an empty batch decode to an empty list, and have no loss to speak of?"""
    model = network(name, rng)
    source, lengths = np.zeros((0, S), dtype=int), np.zeros(0, dtype=int)
    assert model.greedy_decode(source, lengths, 4) == []
    assert model.beam_search(source, lengths, 4, 2) == []
    target = np.zeros((0, T), dtype=int)
    y, cache = model.forward(source, lengths, target)
    assert y.shape == (0, T, V)
    assert not any(grad.any() for grad in model.backward(y, cache).values())
    with pytest.raises(ValueError, match="marks no step as real; the mean is undefined"):
        model.loss_and_grads(source, lengths, target, lengths)


@every
def test_seq2seq_of_one_step(name, rng):
    """Do source and target of a single token have true gradients?"""
    model = network(name, rng)
    batch = rng.integers(SOURCE_V, size=(B, 1)), None, rng.integers(V, size=(B, 1))
    loss, grads = model.loss_and_grads(*batch)
    assert loss == model.loss(batch[0], [1, 1], batch[2], [1, 1])
    flat = assert_derivatives(model, lambda: model.loss(*batch), grads, rng)
    assert "W_hy" not in flat and "target_E" not in flat


@every
def test_seq2seq_source_without_steps_is_no_source(name, rng):
    """Is length 0 the same as a source of no columns, and does it give its tokens no gradient?"""
    model = network(name, rng)
    source, _, target, _ = batch_for(model, rng)
    y, cache = model.forward(source, [0, 0], target)
    y_other, _ = model.forward(source[:, :0], None, target)
    np.testing.assert_allclose(y, y_other, rtol=1e-12, atol=1e-14)
    assert np.isfinite(y).all()
    assert not model.backward(normal(rng, *y.shape), cache)["source_E"].any()
    assert len(model.greedy_decode(source, [0, 0], 3)) == B


def test_encoder_decoder_parameters_are_those_of_its_parts(rng):
    """Are all parameters there once, as the very arrays that compute, the bridge where needed?"""
    for name, (*_, kind) in RECURRENT.items():
        model = network(name, rng)
        parts = {"source_": model.encoder.params, "target_": model.decoder.params}
        if kind is not None:
            parts["attention_"] = model.attention.params
        expected = {"source_E", "target_E", "W_hy", "b_y"}
        expected |= {"W_c", "b_c"} if kind is not None else set()
        expected |= set() if "same" in name else {"W_s", "b_s"}
        for prefix, params in parts.items():
            for key, param in params.items():
                assert model.params[f"{prefix}{key}"] is param
                expected.add(f"{prefix}{key}")
        assert model.params.keys() == expected


def test_transformer_embeddings_begin_at_the_size_of_positions(rng):
    """After the factor sqrt(D), are entries of the embeddings about 1 in size, and not sqrt(D)?"""
    encoder, decoder = (
        kind(64, 4, 64, 1, rng) for kind in (TransformerEncoder, TransformerDecoder)
    )
    model = TransformerEncoderDecoder(encoder, decoder, 50, 60, START, END, rng)
    for side in ("source", "target"):
        assert model.params[f"{side}_E"].std() == pytest.approx(1 / 8, rel=0.05)
        x, _ = model._embed_forward(side, np.arange(50)[None], [50])
        assert x.std() == pytest.approx(1, rel=0.05)


WRONG = {
    "source": (
        lambda s, sl, t, tl: (s[0], sl, t, tl),
        r"source has shape \(5,\), but EncoderDecoder needs \(any, any\)",
    ),
    "target rows": (
        lambda s, sl, t, tl: (s, sl, t[:1], tl[:1]),
        r"target has shape \(1, 7\), but source \(2, 5\) needs \(2, any\)",
    ),
    "target axes": (
        lambda s, sl, t, tl: (s, sl, t[0], tl),
        r"target has shape \(7,\), but EncoderDecoder needs \(any, any\)",
    ),
    "source lengths": (
        lambda s, sl, t, tl: (s, sl[:1], t, tl),
        r"source_lengths has shape \(1,\), but a batch of 2 sequences needs \(2\)",
    ),
    "source too long": (
        lambda s, sl, t, tl: (s, sl + 1, t, tl),
        r"source_lengths\[0\] is 6; expected 0 to 5",
    ),
    "target too long": (
        lambda s, sl, t, tl: (s, sl, t, tl + 1),
        r"target_lengths\[1\] is 8; expected 0 to 7",
    ),
    "source token": (
        lambda s, sl, t, tl: (s + SOURCE_V, sl, t, tl),
        "outside the vocabulary of 8 tokens",
    ),
    "target token": (
        lambda s, sl, t, tl: (s, sl, t + V, tl),
        "outside the vocabulary of 6 tokens",
    ),
    "no target": (
        lambda s, sl, t, tl: (s, sl, t, tl * 0),
        "marks no step as real; the mean is undefined",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_seq2seq_names_what_is_wrong(mistake, rng):
    """Does each wrong batch name the array at fault and what it has to fit?"""
    model = network("lstm to lstm, deep, additive", rng)
    change, match = WRONG[mistake]
    with pytest.raises(ValueError, match=match):
        model.loss_and_grads(*change(*batch_for(model, rng)))


def test_seq2seq_refuses_vectors_of_another_size_and_float_tokens(rng):
    """Do source vectors that do not fit, and tokens that are no integers, raise?"""
    model = network("rnn to rnn", rng, vectors=True)
    with pytest.raises(ValueError, match=r"source has shape \(2, 5, 4\), .* \(any, any, 3\)"):
        model.encode(np.zeros((B, S, D_SOURCE + 1)))
    with pytest.raises(TypeError, match="must hold integers, got dtype float64"):
        network("rnn to rnn", rng).encode(np.zeros((B, S)))


def test_seq2seq_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    for name in ("rnn to rnn", "transformer"):
        model = network(name, rng)
        y, cache = model.forward(*batch_for(model, rng))
        with pytest.raises(ValueError, match=r"dy has shape \(7, 6\), but x \(2, 7, \d\) with W"):
            model.backward(y[0], cache)


def test_seq2seq_refuses_parts_that_do_not_fit(rng):
    """Do start and end outside the vocabulary, and networks that do not fit, raise?"""
    encoder, decoder = RNNEncoder(3, 4, rng, bidirectional=True), GRUEncoder(3, 5, rng)
    with pytest.raises(ValueError, match=r"\(start, end\)\[1\] is 6, outside the vocabulary of 6"):
        EncoderDecoder(encoder, decoder, SOURCE_V, V, START, V, rng)
    with pytest.raises(ValueError, match="encoder is a BagEncoder, which is not recurrent"):
        EncoderDecoder(BagEncoder(3, 4, rng), decoder, SOURCE_V, V, START, END, rng)
    with pytest.raises(ValueError, match="decoder runs in both directions"):
        EncoderDecoder(decoder, encoder, SOURCE_V, V, START, END, rng)
    with pytest.raises(ValueError, match="memory_size is 4, but the encoder gives states of 8"):
        attention = DotProductAttention(5, 4, rng)
        EncoderDecoder(encoder, decoder, SOURCE_V, V, START, END, rng, attention)
    with pytest.raises(ValueError, match="query_size is 4, but the decoder gives states of 5"):
        attention = AdditiveAttention(4, 8, A, rng)
        EncoderDecoder(encoder, decoder, SOURCE_V, V, START, END, rng, attention)
    with pytest.raises(ValueError, match="encoder gives states of 4, but decoder needs 6"):
        sizes = HEADS, 7, 1, rng
        TransformerEncoderDecoder(
            TransformerEncoder(4, *sizes), TransformerDecoder(6, *sizes), SOURCE_V, V, 0, 1, rng
        )


# Learning


def test_encoder_decoder_learns_to_copy(rng):
    """After a short training, does the decoder write the source it read, and then stop?"""
    pairs = np.array([[a, b] for a in range(4) for b in range(4)])
    source = np.concatenate([pairs, pairs[:, :1]], axis=1)  # a third step, real for every other row
    lengths = np.where(np.arange(16) % 2, 3, 2)
    texts = [row[:length].tolist() for row, length in zip(source, lengths, strict=True)]
    target = np.full((16, 4), END)
    for row, text in zip(target, texts, strict=True):
        row[: len(text)] = text
    encoder, decoder = (RNNEncoder(8, 32, rng) for _ in range(2))
    model = EncoderDecoder(encoder, decoder, 4, 6, START, END, rng)
    batch = source, lengths, target, lengths + 1
    history = train(model, [batch] * 300, Adam(0.01), 300, max_norm=1.0)
    assert history.loss[0] > 1.5
    assert history.loss[-1] < 0.05
    assert model.greedy_decode(source, lengths, 6) == texts
    assert [best.tokens for (best,) in model.beam_search(source, lengths, 6, 3)] == texts
    assert all(len(text) <= 1 for text in model.greedy_decode(source, lengths, 1))


def reversal_batches(rng, digits=5, longest=8, rows=32):
    """Batches of right-padded digits, and the same from the last to the first, then END."""
    while True:
        lengths = rng.integers(3, longest + 1, size=rows)
        source = rng.integers(digits, size=(rows, longest))
        target = np.full((rows, longest + 1), digits + 1)
        for row, length in enumerate(lengths):
            target[row, :length] = source[row, :length][::-1]
        yield source, lengths, target, lengths + 1


def reversal_model(kind, rng):
    """Five digits, start and end; a network of about 20,000 numbers."""
    options = {"dtype": np.float32}
    common = 5, 7, 5, 6, rng
    if kind == "transformer":
        encoder, decoder = (
            part(32, 4, 64, 1, rng, **options) for part in (TransformerEncoder, TransformerDecoder)
        )
        return TransformerEncoderDecoder(encoder, decoder, *common)
    encoder = GRUEncoder(16, 24, rng, bidirectional=True, **options)
    decoder = GRUEncoder(16, 32, rng, **options)
    attention = attention_of(kind, decoder, encoder, rng, np.float32)
    return EncoderDecoder(encoder, decoder, *common, attention=attention)


def test_attention_helps_to_reverse():
    """After the same few updates, does attention that can choose reverse best by far?"""
    source, lengths, target, target_lengths = held_out = next(
        reversal_batches(np.random.default_rng(1), rows=200)
    )
    texts = [row[: n - 1].tolist() for row, n in zip(target, target_lengths, strict=True)]
    losses, right = {}, {}
    for kind in ("additive", "dot product", "uniform", None, "transformer"):
        model = reversal_model(kind, np.random.default_rng(7))
        train(model, reversal_batches(np.random.default_rng(8)), Adam(0.01), 150, max_norm=1.0)
        losses[kind] = model.loss(*held_out)
        written = model.greedy_decode(source, lengths, 9)
        right[kind] = np.mean([a == b for a, b in zip(written, texts, strict=True)])
    assert max(losses["additive"], losses["dot product"]) < 0.5 * losses["uniform"]
    assert max(losses["uniform"], losses["transformer"]) < losses[None]
    assert min(right["additive"], right["dot product"]) > 0.8
    assert right[None] < 0.6
