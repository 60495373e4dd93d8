"""Whole models: gradients of every parameter, padding, sampling."""

import numpy as np
import pytest
import torch
from gradients import B, H, K, T, frozen, normal
from hypothesis import given
from hypothesis import strategies as st

from rnn_course.encoders import RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder, WindowEncoder
from rnn_course.gradient_check import check_gradients
from rnn_course.models import SequenceModel, count_parameters, generate

V, E = 6, 3
LENGTHS = frozen([7, 4])
MAKERS = {
    "rnn": lambda rng, **options: RNNEncoder(E, H, rng, **options),
    "window": lambda rng, **options: WindowEncoder(E, H, 3, rng, **options),
    "bag": lambda rng, **options: BagEncoder(E, H, rng, **options),
}


def token_model(rng, encoder="rnn", dtype=np.float64, **options):
    """A model with embedding, tokens in, classes out."""
    return SequenceModel(MAKERS[encoder](rng, dtype=dtype), K, rng, V, E, **options)


def with_params(model, function):
    """function() as a function of the model's parameters, which come back afterwards."""

    def loss_of(params):
        own = {name: param.copy() for name, param in model.params.items()}
        for name, param in params.items():
            model.params[name][...] = param
        loss = function()
        for name, param in own.items():
            model.params[name][...] = param
        return loss

    return loss_of


def targets_for(rng, output_at, loss):
    """Targets of the shape that the model's outputs ask for."""
    leading = (B,) if output_at == "last" else (B, T)
    if loss == "squared_error":
        return normal(rng, *leading, K)
    return frozen(rng.integers(K, size=leading))


def torch_rnn_states(x, h_t, params, truncation=None):
    """States (B, T, H) of a tanh RNN in torch, detached before every truncation-th step."""
    states = []
    for t in range(x.shape[1]):
        if truncation is not None and t > 0 and t % truncation == 0:
            h_t = h_t.detach()
        a_t = h_t @ params["W_hh"].T + x[:, t] @ params["W_xh"].T
        h_t = torch.tanh(a_t + params["b_h"])
        states.append(h_t)
    return torch.stack(states, dim=1)


def leaves(model):
    """The model's parameters as torch tensors that collect gradients."""
    return {name: torch.tensor(param, requires_grad=True) for name, param in model.params.items()}


def assert_grads_equal(grads, tensors):
    """Fail unless every gradient is torch's to 1e-10."""
    assert grads.keys() == tensors.keys()
    for name, grad in grads.items():
        expected = tensors[name].grad.numpy()
        np.testing.assert_allclose(grad, expected, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("truncation", [None, 3])
@pytest.mark.parametrize("loss_name", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("output_at", ["last", "every"])
def test_sequence_model_equals_torch(output_at, loss_name, truncation, rng):
    """Are loss and all gradients of an RNN on padded tokens torch's, with h_0 and truncation?"""
    model = token_model(rng, output_at=output_at, loss=loss_name)
    tokens, h_0 = frozen(rng.integers(V, size=(B, T))), normal(rng, B, H)
    targets = targets_for(rng, output_at, loss_name)
    loss, grads = model.loss_and_grads(tokens, targets, LENGTHS, [(h_0,)], truncation)

    tensors = leaves(model)
    x = tensors["E"][torch.tensor(tokens)]
    h = torch_rnn_states(x, torch.tensor(h_0), tensors, truncation=truncation)
    if output_at == "last":
        h, real = torch.stack([h[0, 6], h[1, 3]]), torch.tensor([True, True])
    else:
        real = torch.tensor(np.arange(T) < LENGTHS[:, None])
    y = (h @ tensors["W_hy"].T + tensors["b_y"])[real]
    torch_loss = getattr(
        torch.nn.functional, {"squared_error": "mse_loss"}.get(loss_name, loss_name)
    )(y, torch.tensor(targets)[real])
    torch_loss.backward()
    assert loss == pytest.approx(torch_loss.item(), rel=1e-12)
    assert model.loss(tokens, targets, LENGTHS, [(h_0,)]) == loss
    assert_grads_equal(grads, tensors)


@pytest.mark.parametrize("vectors", [False, True], ids=["tokens", "vectors"])
@pytest.mark.parametrize("output_at", ["last", "every"])
@pytest.mark.parametrize("encoder", MAKERS)
def test_sequence_model_gradients_pass_the_check(encoder, output_at, vectors, rng):
    """Do all gradients of every kind of model agree with finite differences?"""
    if vectors:
        model = SequenceModel(MAKERS[encoder](rng), K, rng, output_at=output_at)
        inputs = normal(rng, B, T, E)
    else:
        model = token_model(rng, encoder, output_at=output_at)
        inputs = frozen(rng.integers(V, size=(B, T)))
    batch = inputs, targets_for(rng, output_at, "cross_entropy"), LENGTHS
    _, grads = model.loss_and_grads(*batch)
    assert grads.keys() == model.params.keys()
    verdict = check_gradients(with_params(model, lambda: model.loss(*batch)), model.params, grads)
    assert verdict, str(verdict)


def test_sequence_model_returns_the_initial_state_gradient(rng):
    """Is dh_0 the derivative of the loss with respect to the initial state?"""
    model, tokens, h_0 = token_model(rng), rng.integers(V, size=(B, T)), normal(rng, B, H)
    upstream = normal(rng, B, T, K)
    _, cache = model.forward(tokens, state=[(h_0,)])
    _, ((dh_0,),) = model.backward(upstream, cache)
    verdict = check_gradients(
        lambda p: (model.forward(tokens, state=[(p["h_0"],)])[0] * upstream).sum(),
        {"h_0": h_0},
        {"h_0": dh_0},
    )
    assert verdict, str(verdict)


@pytest.mark.parametrize("output_at", ["last", "every"])
@given(st.lists(st.integers(1, T), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_sequence_model_ignores_padding(output_at, lengths, seed):
    """Do loss and gradients stay bit by bit the same, whatever tokens stand in padded places?"""
    rng = np.random.default_rng(seed)
    model = token_model(rng, output_at=output_at)
    tokens = rng.integers(V, size=(len(lengths), T))
    targets = rng.integers(K, size=len(lengths) if output_at == "last" else tokens.shape)
    loss, grads = model.loss_and_grads(tokens, targets, lengths)
    padded = np.arange(T) >= np.array(lengths)[:, None]
    tokens[padded] = rng.integers(V, size=padded.sum())
    if output_at == "every":
        targets[padded] = -100
    loss_other, grads_other = model.loss_and_grads(tokens, targets, lengths)
    assert loss_other == loss
    for name, grad in grads.items():
        np.testing.assert_array_equal(grads_other[name], grad, err_msg=name)


def test_sequence_model_predicts_the_largest_output(rng):
    """Is the prediction the class with the largest logit, at each output?"""
    tokens = rng.integers(V, size=(B, T))
    for output_at, shape in (("last", (B,)), ("every", (B, T))):
        model = token_model(rng, output_at=output_at)
        predicted = model.predict(tokens, LENGTHS)
        y, _ = model.forward(tokens, LENGTHS)
        assert predicted.shape == shape
        np.testing.assert_array_equal(
            np.take_along_axis(y, predicted[..., None], -1)[..., 0], y.max(-1)
        )


def test_sequence_model_without_lengths_takes_every_step(rng):
    """Is no length given the same as full lengths?"""
    tokens = rng.integers(V, size=(B, T))
    for output_at in ("last", "every"):
        model = token_model(rng, output_at=output_at)
        full, _ = model.forward(tokens, np.array([T, T]))
        np.testing.assert_array_equal(model.forward(tokens)[0], full)


def test_sequence_model_shares_arrays_with_its_encoder(rng):
    """Does a change of the model's parameters in place reach the encoder that computes?"""
    model = token_model(rng)
    for name in ("W_xh", "W_hh", "b_h"):
        assert model.params[name] is model.encoder.params[name]


@pytest.mark.parametrize("encoder", MAKERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_sequence_model_keeps_float32(loss, encoder, rng):
    """Is everything float32 for float32 parameters, even with float64 targets?"""
    model = token_model(rng, encoder, dtype=np.float32, loss=loss)
    assert {param.dtype for param in model.params.values()} == {np.dtype(np.float32)}
    tokens = rng.integers(V, size=(B, T))
    value, grads = model.loss_and_grads(tokens, targets_for(rng, "every", loss), LENGTHS)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    assert value.dtype == np.float32


def test_sequence_model_refuses_wrong_options(rng):
    """Do unknown options, and an embedding without vocabulary, raise?"""
    message = 'output_at is \'first\'; expected "every", "last" or "mean"'
    with pytest.raises(ValueError, match=message):
        token_model(rng, output_at="first")
    with pytest.raises(ValueError, match="loss is 'hinge'; expected one of cross_entropy, squared"):
        token_model(rng, loss="hinge")
    with pytest.raises(ValueError, match="together, or neither"):
        SequenceModel(RNNEncoder(E, H, rng), K, rng, vocabulary_size=V)


def test_count_parameters_by_hand(rng):
    """Is the count the sum over embedding, RNN and output layer?"""
    expected = V * E + (H * E + H * H + H) + (K * H + K)
    assert count_parameters(token_model(rng)) == expected


def language_model(rng):
    """Tokens in and out, over a vocabulary of V."""
    return SequenceModel(RNNEncoder(E, H, rng), V, rng, V, E)


def test_generate_feeds_its_own_tokens_and_the_state(rng):
    """Is each greedy token the prediction after the whole text so far?"""
    model, h_0, text = language_model(rng), normal(rng, 1, H), [2, 0, 5]
    added = generate(model, text, 8, rng, temperature=0, state=[(h_0,)])
    for token in added:
        assert type(token) is int
        assert token == model.predict(np.array([text]), state=[(h_0,)])[0, -1]
        text = [*text, token]
    assert len(added) == 8


def test_generate_samples_from_the_softmax(rng):
    """Do sampled frequencies match the probabilities at that temperature?"""
    model = language_model(rng)
    model.params["W_hy"] *= 3
    y, _ = model.forward(np.array([[1, 4]]))
    for temperature in (0.5, 2.0):
        weights = np.exp(y[0, -1] / temperature)
        counts = np.zeros(V)
        for _ in range(2000):
            counts[generate(model, [1, 4], 1, rng, temperature)] += 1
        np.testing.assert_allclose(counts / 2000, weights / weights.sum(), atol=0.04)


def test_generate_repeats_with_the_seed(rng):
    """Do two generators of one seed write one text, and another seed another?"""
    model = language_model(rng)
    texts = [generate(model, [1], 30, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]
    assert {type(token) for token in texts[0]} == {int}
    assert texts[0] == generate(model, [1], 30, np.random.default_rng(5), temperature=1.0)


def test_generate_stops_before_the_end_token(rng):
    """Does the text end where the end token comes, which is not returned?"""
    model = language_model(rng)
    whole = generate(model, [1], 30, np.random.default_rng(5))
    end = whole[10]
    stopped = generate(model, [1], 30, np.random.default_rng(5), end=end)
    assert stopped == whole[: whole.index(end)]
    assert generate(model, [1], 0, rng) == []


def test_generate_works_in_float32(rng):
    """Do float32 probabilities add up to one for the sampler?"""
    model = SequenceModel(RNNEncoder(E, H, rng, dtype=np.float32), V, rng, V, E)
    assert len(generate(model, np.array([1, 2]), 5, rng)) == 5


@pytest.mark.parametrize(("prompt", "temperature"), [([], 1.0), ([1], -0.5)])
def test_generate_refuses(prompt, temperature, rng):
    """Do an empty prompt and a negative temperature raise?"""
    with pytest.raises(ValueError, match=r"at least one token .* temperature >= 0"):
        generate(language_model(rng), prompt, 5, rng, temperature)
