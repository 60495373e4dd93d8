"""Stacks of recurrent layers in both directions: torch's modules, states handed on, dropout."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from gradients import (
    B,
    D,
    H,
    T,
    assert_gradients,
    assert_same_arrays,
    frozen,
    normal,
    torch_gradients,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_encoders import (
    RECURRENT,
    arrays_of,
    flat,
    flat_size,
    gradients,
    make,
    named_state,
    outputs_like,
    run,
    run_in_module,
    run_in_torch,
    state_for,
)

from rnn_course.encoders import GRUEncoder, LSTMEncoder, MinGRUEncoder, MinLSTMEncoder, RNNEncoder
from rnn_course.layers import dropout_forward

MODULES = ["rnn tanh", "rnn relu", "lstm", "gru after"]
every = pytest.mark.parametrize("kind", RECURRENT)
two_ways = {"num_layers": 2, "bidirectional": True}


def assert_equals(reference, encoder, x, state, upstream, lengths=None, truncation=None, seed=None):
    """Fail unless all outputs and every gradient are torch's to 1e-10."""
    arrays = arrays_of(encoder, x, state)
    output, expected = torch_gradients(reference, arrays, upstream)
    actual = run(encoder, lengths, seed)(**arrays)
    np.testing.assert_allclose(actual, output, rtol=1e-10, atol=1e-10)
    grads = gradients(encoder, x, state, upstream, lengths, truncation, seed)
    assert_same_arrays(grads, expected)


LENGTHS = {"no lengths": None, "mixed": [3, 7, 1, 5], "equal": [4] * 4, "ones": [1] * 4}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize(
    ("num_layers", "bidirectional", "bias"),
    list(product([1, 2, 3], [False, True], [True, False])),
)
@pytest.mark.parametrize("kind", MODULES)
def test_encoder_equals_torch_module(kind, num_layers, bidirectional, bias, lengths, rng):
    """Are h, end states and every gradient those of torch's own module, with and without state?"""
    encoder = make(kind, rng, num_layers=num_layers, bidirectional=bidirectional, bias=bias)
    x, upstream = normal(rng, 4, T, D), normal(rng, 4, flat_size(encoder, T))
    for state in (None, state_for(encoder, rng, 4)):
        module = run_in_module(encoder, lengths)
        assert_equals(module, encoder, x, state, upstream, lengths)


sizes = st.tuples(st.integers(1, 5), st.integers(1, 8), st.integers(1, 4), st.integers(1, 4))
stacks = st.fixed_dictionaries(
    {"num_layers": st.integers(1, 3), "bidirectional": st.booleans(), "bias": st.booleans()}
)


@pytest.mark.parametrize("kind", MODULES)
@given(sizes, stacks, st.booleans(), st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_encoder_equals_torch_module_for_any_size(kind, sizes, stack, with_state, data, seed):
    """The same for any B, T, D, H, ones among them, and any lengths?"""
    rng, (B, T, D, H) = np.random.default_rng(seed), sizes
    lengths = data.draw(st.none() | st.lists(st.integers(1, T), min_size=B, max_size=B))
    encoder = make(kind, rng, D, H, **stack)
    state = state_for(encoder, rng, B) if with_state else None
    x, upstream = normal(rng, B, T, D), normal(rng, B, flat_size(encoder, T))
    assert_equals(run_in_module(encoder, lengths), encoder, x, state, upstream, lengths)


@every
@given(sizes, stacks, st.booleans(), st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_encoder_equals_loops_in_torch(kind, sizes, stack, with_state, data, seed):
    """Of every kind, for any size, lengths of 0 among them, and truncated in every layer alike?"""
    rng, (B, T, D, H) = np.random.default_rng(seed), sizes
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    truncation = data.draw(st.none() | st.integers(1, T + 1))
    encoder = make(kind, rng, D, H, **stack)
    state = state_for(encoder, rng, B) if with_state else None
    x, upstream = normal(rng, B, T, D), normal(rng, B, flat_size(encoder, T))
    reference = run_in_torch(kind, encoder, lengths, truncation)
    assert_equals(reference, encoder, x, state, upstream, lengths, truncation)


@every
@pytest.mark.parametrize("lengths", [None, (4, 5), (0, 3)])
def test_encoder_gradient_is_right(kind, lengths, rng):
    """Do torch and finite differences agree on all gradients of two layers in both directions?"""
    B, T, D, H = 2, 5, 4, 3  # smaller, as there are many entries to differ by
    encoder = make(kind, rng, D, H, **two_ways)
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    upstream = normal(rng, B, flat_size(encoder, T))
    assert_gradients(
        gradients(encoder, x, state, upstream, lengths),
        run(encoder, lengths),
        run_in_torch(kind, encoder, lengths),
        arrays_of(encoder, x, state),
        upstream,
    )


@every
def test_sequence_without_steps_hands_its_state_on(kind, rng):
    """Is its end its start, in both directions of gradients too, and is it else as if not there?"""
    encoder, lengths, B = make(kind, rng, **two_ways), np.array([4, 0, 7]), 3
    x, state = np.array(normal(rng, B, T, D)), state_for(encoder, rng, B)
    upstream = normal(rng, B, flat_size(encoder, T))
    x[1] = np.nan
    (h, ends), _ = encoder.forward(x, state, lengths)
    assert not h[1].any()
    grads = gradients(encoder, x, state, upstream, lengths)
    assert not grads["x"][1].any()
    _, dstate = outputs_like(encoder, upstream, T)
    starts, d_ends = named_state(state), named_state(dstate)
    for name, end in named_state(ends).items():
        np.testing.assert_array_equal(end[1], starts[name][1])
        np.testing.assert_array_equal(grads[name][1], d_ends[name][1])

    others = [0, 2]
    own = [tuple(part[others] for part in parts) for parts in state]
    expected_output = run(encoder, lengths[others])(**arrays_of(encoder, x[others], own))
    np.testing.assert_allclose(flat(h, ends)[others], expected_output, rtol=1e-12, atol=1e-14)
    expected = gradients(encoder, x[others], own, upstream[others], lengths[others])
    for name in ("x", *starts):
        grads[name] = grads[name][others]
    assert_same_arrays(grads, expected, rtol=1e-11, atol=1e-12)


@every
@pytest.mark.parametrize(("B", "T"), [(B, 0), (0, T), (0, 0)])
@pytest.mark.parametrize("with_lengths", [True, False], ids=["lengths", "no lengths"])
def test_encoder_of_nothing_hands_the_state_on(kind, B, T, with_lengths, rng):
    """Do no sequences, or no steps, give no h, the state as it was, and its gradient alike?"""
    encoder, lengths = make(kind, rng, **two_ways), [0] * B if with_lengths else None
    x, state, dstate = normal(rng, B, T, D), state_for(encoder, rng, B), state_for(encoder, rng, B)
    (h, ends), cache = encoder.forward(x, state, lengths)
    assert h.shape == (B, T, 2 * H)
    assert_same_arrays(named_state(ends), named_state(state), rtol=0, atol=0)
    dx, dstate_0, grads = encoder.backward(h, cache, dstate)
    assert dx.shape == (B, T, D)
    assert_same_arrays(named_state(dstate_0), named_state(dstate), rtol=0, atol=0)
    assert {name: grad.shape for name, grad in grads.items()} == {
        name: param.shape for name, param in encoder.params.items()
    }
    assert not any(grad.any() for grad in grads.values())
    (_, ends), _ = encoder.forward(x, None, lengths)
    assert not any(part.any() for parts in ends for part in parts)


@every
@given(
    st.lists(st.integers(0, T), min_size=1, max_size=4),
    st.sampled_from([np.nan, np.inf, 1e300]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=15)
def test_encoder_padding_may_hold_anything(kind, lengths, junk, seed):
    """Do NaN and infinity in the padding of x and dh change not one bit?"""
    rng, B = np.random.default_rng(seed), len(lengths)
    encoder = make(kind, rng, **two_ways)
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    upstream = normal(rng, B, flat_size(encoder, T))
    padded = np.arange(T) >= np.array(lengths)[:, None]  # (B, T)
    dirty, dirty_upstream = np.array(x), np.array(upstream)
    dirty[padded] = junk
    outputs_like(encoder, dirty_upstream, T)[0][padded] = junk  # a view
    assert (dirty_upstream != upstream).any() == padded.any()
    output, clean = (run(encoder, lengths)(**arrays_of(encoder, a, state)) for a in (dirty, x))
    np.testing.assert_array_equal(output, clean)
    assert not outputs_like(encoder, output, T)[0][padded].any()
    grads = gradients(encoder, dirty, state, dirty_upstream, lengths)
    expected = gradients(encoder, x, state, upstream, lengths)
    assert_same_arrays(grads, expected, rtol=0, atol=0)


@every
@given(st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_encoder_goes_on_from_its_state(kind, data, seed):
    """Do pieces of any length, state and gradient handed on, give what the whole gives?"""
    rng, B, T = np.random.default_rng(seed), 3, 8
    edges = sorted({0, T, *data.draw(st.sets(st.integers(1, T - 1)))})
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    encoder = make(kind, rng, num_layers=2)
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    upstream = normal(rng, B, flat_size(encoder, T))
    whole = run(encoder, lengths)(**arrays_of(encoder, x, state))
    expected = gradients(encoder, x, state, upstream, lengths)

    pieces, ends, hs = [], state, []
    for start, stop in pairwise(edges):
        own = None if lengths is None else np.clip(np.array(lengths) - start, 0, stop - start)
        (h, ends), cache = encoder.forward(x[:, start:stop], ends, own)
        hs.append(h)
        pieces.append((start, stop, cache))
    np.testing.assert_allclose(
        flat(np.concatenate(hs, axis=1), ends), whole, rtol=1e-12, atol=1e-13
    )
    dh, dstate = outputs_like(encoder, upstream, T)
    summed, dxs = dict.fromkeys(encoder.params, 0), []
    for start, stop, cache in reversed(pieces):
        dx, dstate, grads = encoder.backward(dh[:, start:stop], cache, dstate)
        dxs = [dx, *dxs]
        summed = {name: total + grads[name] for name, total in summed.items()}
    actual = {"x": np.concatenate(dxs, axis=1)} | named_state(dstate) | summed
    assert_same_arrays(actual, expected, rtol=1e-11, atol=1e-12)


@every
def test_reverse_direction_starts_at_the_last_real_step(kind, rng):
    """Is it, to the last bit, the other direction on sequences that were turned round?"""
    encoder, lengths = make(kind, rng, bidirectional=True), [4, 7]
    x = normal(rng, B, T, D)
    (h, ends), _ = encoder.forward(x, None, lengths)
    turned = np.array(x)
    for row, length in enumerate(lengths):
        turned[row, :length] = x[row, :length][::-1]
    own = {name: param for name, param in encoder.params.items() if "_reverse" not in name}
    encoder.params |= {name: encoder.params[f"{name}_reverse"] for name in own}
    (h_turned, ends_turned), _ = encoder.forward(turned, None, lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(h[row, :length, H:], h_turned[row, :length, :H][::-1])
    np.testing.assert_array_equal(ends[1], ends_turned[0])
    np.testing.assert_array_equal(ends[1][0], h[:, 0, H:])  # all was read at the first step


@every
def test_encoder_sees_the_past_and_in_both_directions_all(kind, rng):
    """Do later inputs leave earlier states alone, but for a second direction?"""
    x = normal(rng, B, T, D)
    for bidirectional in (False, True):
        encoder = make(kind, rng, num_layers=2, bidirectional=bidirectional)
        (before, _), _ = encoder.forward(x)
        (after, _), _ = encoder.forward(x + np.eye(T)[4][:, None])
        assert (after[:, 4] != before[:, 4]).any()
        assert (after[:, :4] != before[:, :4]).any() == bidirectional
        assert (after[:, 5:] != before[:, 5:]).any()


def masks_for(encoder, seed, B, T):
    """What each layer's input is scaled by, drawn as forward draws it; None for the first."""
    rng, ones = np.random.default_rng(seed), np.ones((B, T, encoder.output_size))
    drawn = [dropout_forward(ones, encoder.dropout, rng)[0] for _ in range(encoder.num_layers - 1)]
    return [None, *map(torch.tensor, drawn)]


@every
@pytest.mark.parametrize("stack", [{"num_layers": 3}, two_ways], ids=["deep", "two ways"])
def test_dropout_is_between_layers_alone(kind, stack, rng):
    """Is it torch's with the same masks on what goes into upper layers, and nowhere else?"""
    B, T, D, H = 2, 5, 4, 3
    encoder = make(kind, rng, D, H, dropout=0.4, **stack)
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    upstream, lengths = normal(rng, B, flat_size(encoder, T)), [4, 5]
    reference = run_in_torch(kind, encoder, lengths, masks=masks_for(encoder, 5, B, T))
    assert_gradients(
        gradients(encoder, x, state, upstream, lengths, seed=5),
        run(encoder, lengths, seed=5),
        reference,
        arrays_of(encoder, x, state),
        upstream,
    )


@pytest.mark.parametrize("kind", ["rnn tanh", "lstm"])
def test_dropout_needs_a_generator_and_a_second_layer(kind, rng):
    """Is nothing dropped, and no number drawn, without a generator, a rate or an upper layer?"""
    x, generator = normal(rng, B, T, D), np.random.default_rng(3)
    unused = generator.bit_generator.state
    for stack, given_rng in (
        ({"num_layers": 2, "dropout": 0.5}, None),
        ({"num_layers": 1, "dropout": 0.5}, generator),
        ({"num_layers": 2}, generator),
    ):
        encoder = make(kind, rng, **stack)
        (h, _), _ = encoder.forward(x, rng=given_rng)
        encoder.dropout = 0.0
        np.testing.assert_array_equal(h, encoder.forward(x)[0][0])
    assert generator.bit_generator.state == unused
    encoder = make(kind, rng, num_layers=2, dropout=0.5)
    first, second = (encoder.forward(x, rng=generator)[0][0] for _ in range(2))
    assert (first != second).any()


@every
def test_encoder_keeps_float32(kind, rng):
    """Is all float32, with lengths, state and dropout too, and near the numbers of float64?"""
    encoder = make(kind, rng, dtype=np.float32, dropout=0.5, **two_ways)
    x, state = normal(rng, B, T, D, dtype=np.float32), state_for(encoder, rng, B, np.float32)
    for given_state, lengths, seed in ((None, None, None), (state, [4, 7], 3)):
        generator = None if seed is None else np.random.default_rng(seed)
        (h, ends), cache = encoder.forward(x, given_state, lengths, generator)
        upstream = normal(rng, B, flat_size(encoder, T), dtype=np.float32)
        dh, dstate = outputs_like(encoder, upstream, T)
        dx, dstate_0, grads = encoder.backward(dh, cache, dstate, 3)
        states = [part for parts in (*ends, *dstate_0) for part in parts]
        results = [h, dx, *states, *grads.values(), *encoder.params.values()]
        assert {result.dtype for result in results} == {np.dtype(np.float32)}
        wide = {name: array.astype(float) for name, array in arrays_of(encoder, x, None).items()}
        if given_state is None:
            np.testing.assert_allclose(flat(h, ends), run(encoder)(**wide), rtol=1e-3, atol=1e-4)


@every
def test_encoder_takes_whole_numbers(kind, rng):
    """Do integer inputs and states count as the numbers they are?"""
    encoder = make(kind, rng, **two_ways)
    x = rng.integers(-2, 3, (B, T, D))
    state = [
        tuple(rng.integers(-2, 3, part.shape) for part in parts)
        for parts in state_for(encoder, rng, B)
    ]
    floats = [tuple(part.astype(float) for part in parts) for parts in state]
    for lengths in (None, [0, 7]):
        (h, ends), cache = encoder.forward(x, state, lengths)
        (h_float, ends_float), cache_float = encoder.forward(x.astype(float), floats, lengths)
        np.testing.assert_array_equal(flat(h, ends), flat(h_float, ends_float))
        dx, _, grads = encoder.backward(np.ones(h.shape, dtype=int), cache, state)
        dx_float, _, expected = encoder.backward(np.ones(h.shape), cache_float, floats)
        np.testing.assert_array_equal(dx, dx_float)
        assert_same_arrays(grads, expected, rtol=0, atol=0)


@every
@pytest.mark.parametrize(
    "stack", [{}, {"num_layers": 2}, two_ways], ids=["one", "deep", "two ways"]
)
@pytest.mark.parametrize("lengths", [None, (4,), (7,)])
def test_encoder_changes_no_input_and_its_results_are_its_owners(kind, stack, lengths, rng):
    """Are all inputs, frozen, left alone, and may results be changed without harm to the cache?"""
    encoder = make(kind, rng, dropout=0.3, **stack)
    x, state = normal(rng, 1, T, D), state_for(encoder, rng, 1)
    upstream = normal(rng, 1, flat_size(encoder, T))
    lengths = None if lengths is None else frozen(lengths)
    expected = gradients(encoder, x, state, upstream, lengths, 2, seed=1)
    (h, ends), cache = encoder.forward(x, state, lengths, np.random.default_rng(1))
    dh, dstate = outputs_like(encoder, upstream, T)
    h[...] = np.nan
    for part in named_state(ends).values():
        part[...] = np.nan
    for _ in range(2):
        dx, dstate_0, grads = encoder.backward(dh, cache, dstate, 2)
        actual = {"x": dx} | named_state(dstate_0) | grads
        assert_same_arrays(actual, expected, rtol=0, atol=0)
        for array in actual.values():
            array[...] = np.nan


@every
def test_nan_stays_in_its_own_sequence(kind, rng):
    """Do two layers in both directions leave the other sequences of a batch alone?"""
    encoder, lengths, B = make(kind, rng, **two_ways), [5, 7, 6], 3
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    dirty = np.array(x)
    dirty[2, 3] = np.nan
    clean, nan = (run(encoder, lengths)(**arrays_of(encoder, a, state)) for a in (x, dirty))
    np.testing.assert_array_equal(nan[:2], clean[:2])
    assert np.isnan(nan[2]).any()
    upstream = normal(rng, B, flat_size(encoder, T))
    expected = gradients(encoder, x, state, upstream, lengths)
    grads = gradients(encoder, dirty, state, upstream, lengths)
    for name in ("x", *named_state(state)):
        np.testing.assert_array_equal(grads[name][:2], expected[name][:2])


def test_encoder_parts_of_the_gradient_may_be_absent(rng):
    """Is None a gradient of zeros, for the whole state and for one array of it?"""
    encoder = make("lstm", rng, **two_ways)
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    (h, _), cache = encoder.forward(x, state, [4, 7])
    zeros = [(np.zeros((B, H)),) * 2] * 4
    for absent, present in (
        (None, zeros),
        ([(None, None)] * 4, zeros),
        ([(state[0][0], None)] * 4, [(state[0][0], np.zeros((B, H)))] * 4),
        ([(None, state[0][0])] * 4, [(np.zeros((B, H)), state[0][0])] * 4),
    ):
        dx, dstate_0, grads = encoder.backward(h, cache, absent)
        dx_zeros, dstate_0_zeros, grads_zeros = encoder.backward(h, cache, present)
        actual = {"x": dx} | named_state(dstate_0) | grads
        expected = {"x": dx_zeros} | named_state(dstate_0_zeros) | grads_zeros
        assert_same_arrays(actual, expected, rtol=0, atol=0)


def test_encoder_names_its_parameters(rng):
    """Do names say layer and direction, and do layers have the sizes they need?"""
    encoder = LSTMEncoder(D, H, rng, **two_ways)
    shapes = {name: param.shape for name, param in encoder.params.items()}
    own = {"W_xh": (4 * H, D), "W_hh": (4 * H, H), "b_h": (4 * H,)}
    upper = own | {"W_xh": (4 * H, 2 * H)}
    assert shapes == {
        name + suffix: shape
        for suffix, layer in (("", own), ("_reverse", own), ("_l1", upper), ("_l1_reverse", upper))
        for name, shape in layer.items()
    }
    of_layer = encoder.layer_params(1, "_reverse")
    assert {name: encoder.params[f"{name}_l1_reverse"] is of_layer[name] for name in own} == (
        dict.fromkeys(own, True)
    )
    assert (encoder.input_size, encoder.hidden_size, encoder.output_size) == (D, H, 2 * H)
    assert RNNEncoder(D, H, rng, num_layers=2).output_size == H


@pytest.mark.parametrize(
    "encoder", [RNNEncoder, LSTMEncoder, GRUEncoder, MinGRUEncoder, MinLSTMEncoder]
)
def test_encoder_hands_options_to_its_layers(encoder, rng):
    """Do all layers go without bias, or in float32, or with a forget bias, when told so?"""
    names = encoder(D, H, rng, bias=False, **two_ways).params
    assert names.keys() >= {"W_xh", "W_xh_l1_reverse"}
    assert not any(name.startswith("b_") for name in names)
    single = encoder(D, H, rng, dtype=np.float32, **two_ways).params
    assert {param.dtype for param in single.values()} == {np.dtype(np.float32)}
    if encoder is LSTMEncoder:
        params = encoder(D, H, rng, forget_bias=3.0, **two_ways).params
        for name in ("b_h", "b_h_reverse", "b_h_l1", "b_h_l1_reverse"):
            np.testing.assert_array_equal(params[name][H : 2 * H], 3)


def test_encoder_draws_each_layer_anew(rng):
    """Are equal generators equal encoders, and two layers of one size not the same?"""
    one, other = (RNNEncoder(H, H, np.random.default_rng(3), num_layers=2) for _ in range(2))
    assert_same_arrays(one.params, other.params, rtol=0, atol=0)
    assert (one.params["W_xh"] != one.params["W_xh_l1"]).all()


@pytest.mark.parametrize(
    ("encoder", "options", "match"),
    [
        (LSTMEncoder, {"num_layers": 0}, "num_layers is 0; expected at least 1"),
        (LSTMEncoder, {"dropout": 1.0}, "dropout is 1.0; expected at least 0 and less than 1"),
        (GRUEncoder, {"dropout": -0.1, "num_layers": 2}, "dropout is -0.1; expected"),
        (RNNEncoder, {"nonlinearity": "selu"}, "nonlinearity is 'selu'; expected one of relu"),
        (GRUEncoder, {"reset": "middle"}, "reset is 'middle'; expected 'after' or 'before'"),
        (MinGRUEncoder, {"candidate": "log"}, "candidate is 'log'; expected 'linear' or 'pos"),
        (MinLSTMEncoder, {"candidate": None}, "candidate is None; expected 'linear'"),
    ],
)
def test_encoder_refuses_wrong_options_at_once(encoder, options, match, rng):
    """Does an impossible option raise when the encoder is made, not in the midst of training?"""
    with pytest.raises(ValueError, match=match):
        encoder(D, H, rng, **options)


@every
def test_encoder_names_what_does_not_fit(kind, rng):
    """Do inputs, lengths, states and upstreams of another form say which, and both shapes?"""
    encoder = make(kind, rng, **two_ways)
    x, state = normal(rng, B, T, D), state_for(encoder, rng, B)
    count, other = encoder.num_states, normal(rng, B + 1, H)
    wrong_inputs = [
        ((x[..., :2],), r"x has shape \(2, 7, 2\), but .*Encoder of this size needs \(any, any, 3"),
        ((x[0],), r"x has shape \(7, 3\), but .* needs \(any, any, 3\)"),
        ((x, state[:3]), "state has 3 entries; expected 4, one a layer and direction"),
        ((x, [*state[:3], other]), rf"state\[3\] must be a tuple .*, of which there are {count}"),
        ((x, [(), *state[1:]]), rf"state\[0\] must be a tuple .*, of which there are {count}"),
        (
            (x, [*state[:2], (other,) * count, state[3]]),
            r"state\[2\] has shape \(3, 5\), but x \(2, 7, 3\) needs \(2, 5\)",
        ),
        ((x, None, [3, -1]), r"lengths\[1\] is -1; expected 0 to 7"),
        ((x, None, [3, 8]), r"lengths\[1\] is 8; expected 0 to 7"),
        ((x, None, [3]), r"lengths has shape \(1,\), but a batch of 2 sequences needs \(2\)"),
    ]
    for arguments, match in wrong_inputs:
        with pytest.raises(ValueError, match=match):
            encoder.forward(*arguments)
    with pytest.raises(TypeError, match="lengths must hold integers, got dtype float64"):
        encoder.forward(x, None, [3.0, 7.0])
    (h, _), cache = encoder.forward(x)
    wrong_upstreams = [
        ((np.ones(2 * H), cache), r"dh has shape \(10,\), but h \(2, 7, 10\) needs"),
        ((h, cache, state[:1]), "dstate has 1 entries; expected 4"),
        ((h, cache, [(other,) * count] * 4), r"dstate\[0\] has shape \(3, 5\), but h \(2, 7, 10"),
        ((h, cache, None, 0), "truncation is 0; expected None or a number of steps >= 1"),
    ]
    for arguments, match in wrong_upstreams:
        with pytest.raises(ValueError, match=match):
            encoder.backward(*arguments)
