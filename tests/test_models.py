"""Whole models: gradients of every parameter against torch, padding, dropout, sampling."""

import numpy as np
import pytest
import torch
from gradients import B, D, H, K, T, assert_same_arrays, frozen, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_encoders import make, named_state, outputs_like, run_in_torch, state_for

from rnn_course.activations import softmax
from rnn_course.encoders import RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder, WindowEncoder
from rnn_course.gradient_check import check_gradients
from rnn_course.models import SequenceModel, count_parameters, generate

V = 6
LENGTHS = frozen([7, 4])
FORWARD = {
    "rnn": lambda rng, **options: RNNEncoder(D, H, rng, **options),
    "lstm": lambda rng, **options: make("lstm", rng, num_layers=2, **options),
    "gru": lambda rng, **options: make("gru after", rng, **options),
    "gru before": lambda rng, **options: make("gru before", rng, **options),
    "mingru": lambda rng, **options: make("mingru", rng, num_layers=2, **options),
    "minlstm": lambda rng, **options: make("minlstm", rng, **options),
    "window": lambda rng, **options: WindowEncoder(D, H, 3, rng, **options),
    "bag": lambda rng, **options: BagEncoder(D, H, rng, **options),
}
TWO_WAYS = {
    f"{kind} two ways": lambda rng, kind=kind, **options: make(
        kind, rng, bidirectional=True, **options
    )
    for kind in ("rnn tanh", "lstm", "gru after", "mingru")
}
ENCODERS = FORWARD | TWO_WAYS
every = pytest.mark.parametrize("encoder", ENCODERS)
every_forward = pytest.mark.parametrize("encoder", FORWARD)
everywhere = pytest.mark.parametrize("output_at", ["last", "mean", "every"])


def token_model(rng, encoder="rnn", dtype=np.float64, **options):
    """A model with embedding, tokens in, classes out."""
    return SequenceModel(ENCODERS[encoder](rng, dtype=dtype), K, rng, V, D, **options)


def with_params(model, function):
    """function() as a function of the model's parameters, which come back afterwards."""

    def loss_of(params):
        encoder = model.encoder
        own, own_of_encoder = model.params, encoder.params
        model.params = own | params
        encoder.params = {name: model.params[name] for name in own_of_encoder}
        loss = function()
        model.params, encoder.params = own, own_of_encoder
        return loss

    return loss_of


def targets_for(rng, output_at, loss="cross_entropy", B=B):
    """Targets of the shape that the model's outputs ask for."""
    leading = (B, T) if output_at == "every" else (B,)
    if loss == "squared_error":
        return normal(rng, *leading, K)
    return frozen(rng.integers(K, size=leading))


def torch_outputs(h, lengths, output_at, hidden_size):
    """What the output layer sees, a row for each real output, a sequence at a time."""
    rows = [own[:length] for own, length in zip(h, lengths, strict=True)]
    if output_at == "every":
        return torch.cat(rows)
    if output_at == "mean":
        return torch.stack([own.mean(dim=0) for own in rows])
    # forward ends at the last real step, a reverse direction at the first
    return torch.stack([torch.cat([own[-1, :hidden_size], own[0, hidden_size:]]) for own in rows])


@pytest.mark.parametrize("truncation", [None, 3])
@pytest.mark.parametrize("loss_name", ["cross_entropy", "squared_error"])
@everywhere
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "two ways"])
@pytest.mark.parametrize("kind", ["rnn tanh", "lstm", "gru before", "mingru"])
def test_sequence_model_equals_torch(kind, bidirectional, output_at, loss_name, truncation, rng):
    """Are loss and all gradients on padded tokens torch's, with a state and truncation?"""
    encoder = make(kind, rng, num_layers=2, bidirectional=bidirectional)
    model = SequenceModel(encoder, K, rng, V, D, output_at=output_at, loss=loss_name)
    tokens, state = frozen(rng.integers(V, size=(B, T))), state_for(encoder, rng, B)
    targets = targets_for(rng, output_at, loss_name)
    loss, grads = model.loss_and_grads(tokens, targets, LENGTHS, state, truncation)

    leaves = {name: torch.tensor(p, requires_grad=True) for name, p in model.params.items()}
    starts = {name: torch.tensor(part) for name, part in named_state(state).items()}
    run = run_in_torch(kind, encoder, LENGTHS, truncation)
    outputs = run(x=leaves["E"][torch.tensor(tokens)], **starts, **leaves)
    h, _ = outputs_like(encoder, outputs, T)
    seen = torch_outputs(h, LENGTHS, output_at, H)
    y = seen @ leaves["W_hy"].T + leaves["b_y"]
    real = np.arange(T) < LENGTHS[:, None] if output_at == "every" else np.full(B, True)
    name = {"squared_error": "mse_loss"}.get(loss_name, loss_name)
    torch_loss = getattr(torch.nn.functional, name)(y, torch.tensor(targets[real]))
    torch_loss.backward()
    assert loss == pytest.approx(torch_loss.item(), rel=1e-12)
    assert model.loss(tokens, targets, LENGTHS, state) == loss
    assert_same_arrays(grads, {name: leaf.grad.numpy() for name, leaf in leaves.items()})


@pytest.mark.parametrize("vectors", [False, True], ids=["tokens", "vectors"])
@everywhere
@every
def test_sequence_model_gradients_pass_the_check(encoder, output_at, vectors, rng):
    """Do all gradients of every kind of model agree with finite differences?"""
    if vectors:
        model = SequenceModel(ENCODERS[encoder](rng), K, rng, output_at=output_at)
        inputs = normal(rng, B, T, D)
    else:
        model = token_model(rng, encoder, output_at=output_at)
        inputs = frozen(rng.integers(V, size=(B, T)))
    batch = inputs, targets_for(rng, output_at), LENGTHS
    _, grads = model.loss_and_grads(*batch)
    assert grads.keys() == model.params.keys()
    verdict = check_gradients(
        with_params(model, lambda: model.loss(*batch)), model.params, grads, tolerance=1e-5
    )
    assert verdict, str(verdict)


@every_forward
def test_language_model_gradients_pass_the_check(encoder, rng):
    """Do they where the next token is the target, without lengths?"""
    model = SequenceModel(ENCODERS[encoder](rng), V, rng, V, D)
    text = frozen(rng.integers(V, size=(B, T + 1)))
    batch = text[:, :-1], text[:, 1:]
    _, grads = model.loss_and_grads(*batch)
    verdict = check_gradients(
        with_params(model, lambda: model.loss(*batch)), model.params, grads, tolerance=1e-5
    )
    assert verdict, str(verdict)


@everywhere
@pytest.mark.parametrize("encoder", ["lstm", "mingru"])
def test_sequence_model_returns_the_initial_state_gradient(encoder, output_at, rng):
    """Is it the derivative of the outputs with respect to the state that the encoder has first?"""
    model, tokens = token_model(rng, encoder, output_at=output_at), rng.integers(V, size=(B, T))
    state = state_for(model.encoder, rng, B)
    y, cache = model.forward(tokens, LENGTHS, state)
    upstream = normal(rng, *y.shape)
    grads, dstate = model.backward(upstream, cache)
    assert grads.keys() == model.params.keys()

    def loss_of(parts):
        start = [
            tuple(parts[f"state{k}_{j}"] for j in range(len(own))) for k, own in enumerate(state)
        ]
        return (model.forward(tokens, LENGTHS, start)[0] * upstream).sum()

    verdict = check_gradients(loss_of, named_state(state), named_state(dstate))
    assert verdict, str(verdict)


@pytest.mark.parametrize("encoder", ["lstm", "mingru"])
def test_sequence_model_drops_out_between_layers_with_a_generator(encoder, rng):
    """With one seed, is the gradient the derivative of that loss; without, is nothing dropped?"""
    model = token_model(rng, encoder)
    model.encoder.dropout = 0.4
    tokens, targets = rng.integers(V, size=(B, T)), targets_for(rng, "every")

    def loss_and_grads():
        return model.loss_and_grads(tokens, targets, LENGTHS, rng=np.random.default_rng(4))

    loss, grads = loss_and_grads()
    verdict = check_gradients(
        with_params(model, lambda: loss_and_grads()[0]), model.params, grads, tolerance=1e-5
    )
    assert verdict, str(verdict)
    without, _ = model.loss_and_grads(tokens, targets, LENGTHS)
    assert model.loss(tokens, targets, LENGTHS) == without != loss


@everywhere
@every
@given(st.lists(st.integers(1, T), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_sequence_model_ignores_padding(encoder, output_at, lengths, seed):
    """Do loss and gradients stay bit by bit the same, whatever tokens stand in padded places?"""
    rng = np.random.default_rng(seed)
    model = token_model(rng, encoder, output_at=output_at)
    tokens = rng.integers(V, size=(len(lengths), T))
    targets = np.array(targets_for(rng, output_at, B=len(lengths)))
    loss, grads = model.loss_and_grads(tokens, targets, lengths)
    padded = np.arange(T) >= np.array(lengths)[:, None]
    tokens[padded] = rng.integers(V, size=padded.sum())
    if output_at == "every":
        targets[padded] = -100
    loss_other, grads_other = model.loss_and_grads(tokens, targets, lengths)
    assert loss_other == loss
    assert_same_arrays(grads_other, grads, rtol=0, atol=0)


@everywhere
@every
def test_sequence_model_outputs_do_not_depend_on_the_batch(encoder, output_at, rng):
    """Is a sequence's output, alone and unpadded, what it is in a padded batch with NaN in it?"""
    model = SequenceModel(ENCODERS[encoder](rng), K, rng, output_at=output_at)
    x = np.array(normal(rng, 3, T, D))
    x[1, 2], x[0, 4:] = np.nan, np.inf
    y, _ = model.forward(x, np.array([4, 7, 7]))
    for row, length in ((0, 4), (2, 7)):
        alone, _ = model.forward(x[[row], :length])
        own = y[[row], :length] if output_at == "every" else y[[row]]
        np.testing.assert_allclose(own, alone, rtol=1e-12, atol=1e-14)


@everywhere
def test_sequence_model_changes_nothing_it_is_given(output_at, rng):
    """Are tokens, vectors, targets, lengths and state, all frozen, left alone, twice alike?"""
    for vocabulary, inputs in (
        ((V, D), frozen(rng.integers(V, size=(1, T)))),
        ((), normal(rng, 1, T, D)),
    ):
        encoder = make("lstm", rng, num_layers=2, bidirectional=True)
        model = SequenceModel(encoder, K, rng, *vocabulary, output_at=output_at)
        batch = inputs, targets_for(rng, output_at, B=1), frozen([5]), state_for(encoder, rng, 1)
        loss, grads = model.loss_and_grads(*batch)
        again, grads_again = model.loss_and_grads(*batch)
        assert loss == again
        assert_same_arrays(grads, grads_again, rtol=0, atol=0)


def test_sequence_model_predicts_the_largest_output(rng):
    """Is the prediction the class with the largest logit, at each output?"""
    tokens = rng.integers(V, size=(B, T))
    for output_at, shape in (("last", (B,)), ("mean", (B,)), ("every", (B, T))):
        model = token_model(rng, output_at=output_at)
        state = state_for(model.encoder, rng, B)
        predicted = model.predict(tokens, LENGTHS, state)
        y, _ = model.forward(tokens, LENGTHS, state)
        assert predicted.shape == shape
        np.testing.assert_array_equal(
            np.take_along_axis(y, predicted[..., None], -1)[..., 0], y.max(-1)
        )


@everywhere
@every
def test_sequence_model_without_lengths_takes_every_step(encoder, output_at, rng):
    """Is no length given the same as full lengths, also for tokens in a list?"""
    model, tokens = token_model(rng, encoder, output_at=output_at), rng.integers(V, size=(B, T))
    full, _ = model.forward(tokens, np.array([T, T]))
    np.testing.assert_allclose(model.forward(tokens)[0], full, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(model.forward(tokens.tolist())[0], model.forward(tokens)[0])


@everywhere
@every
def test_sequence_model_of_one_step_or_no_sequence(encoder, output_at, rng):
    """Do T = 1 and B = 0 give outputs of the right shape, and all outputs agree at T = 1?"""
    model = token_model(rng, encoder, output_at=output_at)
    y, cache = model.forward(rng.integers(V, size=(B, 1)))
    grads, _ = model.backward(np.ones(y.shape), cache)
    assert y.shape == ((B, 1, K) if output_at == "every" else (B, K))
    assert {name: grad.shape for name, grad in grads.items()} == {
        name: param.shape for name, param in model.params.items()
    }
    y, cache = model.forward(np.zeros((0, T), dtype=int))
    assert y.shape == ((0, T, K) if output_at == "every" else (0, K))
    grads, _ = model.backward(y, cache)
    assert not any(grad.any() for grad in grads.values())


def test_sequence_model_without_real_steps(rng):
    """May a tagger's sequence have no steps, and does a classifier, or a loss of none, raise?"""
    tokens = rng.integers(V, size=(B, T))
    model, targets = token_model(rng), targets_for(rng, "every")
    loss, _ = model.loss_and_grads(tokens, targets, [0, 5])
    assert loss == pytest.approx(model.loss(tokens[1:, :5], targets[1:, :5]), rel=1e-12)
    with pytest.raises(ValueError, match="marks no step as real"):
        model.loss(tokens, targets, [0, 0])
    for output_at in ("last", "mean"):
        model = token_model(rng, output_at=output_at)
        with pytest.raises(ValueError, match=r"lengths\[0\] is 0; expected 1 to 7"):
            model.forward(tokens, [0, 5])
        with pytest.raises(ValueError, match=r"lengths\[0\] is 0; expected 1 to 0"):
            model.forward(tokens[:, :0])


def test_sequence_model_shares_arrays_with_its_encoder(rng):
    """Does a change of the model's parameters in place reach the encoder that computes?"""
    model = token_model(rng)
    for name in ("W_xh", "W_hh", "b_h"):
        assert model.params[name] is model.encoder.params[name]


@everywhere
@every
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_sequence_model_keeps_float32(loss, encoder, output_at, rng):
    """Is everything float32 for float32 parameters, even with float64 targets?"""
    model = token_model(rng, encoder, dtype=np.float32, loss=loss, output_at=output_at)
    assert {param.dtype for param in model.params.values()} == {np.dtype(np.float32)}
    tokens = rng.integers(V, size=(B, T))
    targets = targets_for(rng, output_at, loss)
    value, grads = model.loss_and_grads(tokens, targets, LENGTHS, rng=rng)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    assert value.dtype == np.float32


def test_sequence_model_refuses_wrong_options(rng):
    """Do unknown options, and an embedding that is half given or does not fit, raise?"""
    message = 'output_at is \'first\'; expected "every", "last" or "mean"'
    with pytest.raises(ValueError, match=message):
        token_model(rng, output_at="first")
    with pytest.raises(ValueError, match="loss is 'hinge'; expected one of cross_entropy, squared"):
        token_model(rng, loss="hinge")
    with pytest.raises(ValueError, match="together, or neither"):
        SequenceModel(RNNEncoder(D, H, rng), K, rng, vocabulary_size=V)
    with pytest.raises(ValueError, match="embedding_size is 4, but the encoder reads 3"):
        SequenceModel(RNNEncoder(D, H, rng), K, rng, V, D + 1)


@everywhere
@every
def test_sequence_model_names_what_does_not_fit(encoder, output_at, rng):
    """Do unknown tokens, inputs of another form and wrong lengths say what is wrong?"""
    model, tokens = token_model(rng, encoder, output_at=output_at), rng.integers(V, size=(B, T))
    for unknown in (-1, V):
        with pytest.raises(ValueError, match=rf"tokens\[0, 1\] is {unknown}, outside the vocabul"):
            model.forward(np.where(np.eye(B, T, 1, dtype=bool), unknown, tokens))
    with pytest.raises(TypeError, match="tokens must hold integers, got dtype float64"):
        model.forward(tokens.astype(float))
    with pytest.raises(ValueError, match=r"x has shape \(7, 3\), but .* needs \(any, any, 3\)"):
        model.forward(tokens[0])
    with pytest.raises(TypeError, match="lengths must hold integers"):
        model.forward(tokens, [1.5, 2.0])
    with pytest.raises(ValueError, match=r"lengths\[1\] is 8; expected"):
        model.forward(tokens, [7, 8])
    with pytest.raises(ValueError, match=r"lengths has shape \(1,\)"):
        model.forward(tokens, [7])
    _, cache = model.forward(tokens)
    with pytest.raises(ValueError, match=r"dy has shape \(4,\)"):
        model.backward(np.ones(K), cache)


def test_count_parameters_by_hand(rng):
    """Is the count the sum over embedding, RNN and output layer?"""
    expected = V * D + (H * D + H * H + H) + (K * H + K)
    assert count_parameters(token_model(rng)) == expected


def language_model(rng, encoder="rnn", **options):
    """Tokens in and out, over a vocabulary of V."""
    return SequenceModel(ENCODERS[encoder](rng, **options), V, rng, V, D)


@every_forward
@pytest.mark.parametrize("with_state", [False, True], ids=["no state", "state"])
@pytest.mark.parametrize("temperature", [0, 0.7])
def test_generate_is_the_model_on_the_whole_text(encoder, with_state, temperature, rng):
    """Is each token the most probable, or the draw, after the whole text so far and its state?"""
    model, text, start = language_model(rng, encoder), [2, 0, 5], None
    if with_state:
        (_, start), _ = model.encoder.forward(normal(rng, 1, 5, D))
    added = generate(model, text, 12, np.random.default_rng(8), temperature, start)
    generator = np.random.default_rng(8)
    for token in added:
        assert type(token) is int
        y_t = model.forward(np.array([text]), state=start)[0][0, -1]
        if temperature == 0:
            assert token == y_t.argmax()
        else:
            assert token == generator.choice(V, p=softmax(y_t / temperature))
        text = [*text, token]
    assert len(added) == 12


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


@every_forward
def test_generate_works_in_float32(encoder, rng):
    """Do float32 probabilities add up to one for the sampler?"""
    model = language_model(rng, encoder, dtype=np.float32)
    assert len(generate(model, np.array([1, 2]), 5, rng)) == 5


@pytest.mark.parametrize(("prompt", "temperature"), [([], 1.0), ([1], -0.5)])
def test_generate_refuses(prompt, temperature, rng):
    """Do an empty prompt and a negative temperature raise?"""
    with pytest.raises(ValueError, match=r"at least one token .* temperature >= 0"):
        generate(language_model(rng), prompt, 5, rng, temperature)


def test_generate_needs_tokens_read_in_one_direction(rng):
    """Do a second direction, which would read the future, and inputs that are no tokens raise?"""
    match = "goes on from tokens, read by an encoder in one direction only"
    with pytest.raises(ValueError, match=match):
        generate(token_model(rng, "lstm two ways"), [1], 5, rng)
    with pytest.raises(ValueError, match=match):
        generate(SequenceModel(RNNEncoder(D, H, rng), V, rng), [1], 5, rng)
    with pytest.raises(ValueError, match=r"tokens\[0, 1\] is 6, outside the vocabulary"):
        generate(language_model(rng), [1, V], 5, rng)
