"""Diagnostics: answers known beforehand, torch's derivatives, and what each must refuse."""

import numpy as np
import pytest
import torch
from gradients import B, D, H, T, frozen, normal
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.diagnostics import (
    gate_statistics,
    gradient_norms,
    gru_gates,
    jacobian_singular_values,
    largest_singular_value,
    lstm_gates,
    scale_spectral_radius,
    spectral_radius,
    state_gradient_norms,
    state_jacobian,
)
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder, WindowEncoder
from rnn_course.gru import gru_forward, init_gru
from rnn_course.initialisation import orthogonal
from rnn_course.lstm import init_lstm, lstm_forward
from rnn_course.mingru import init_mingru, mingru_backward, mingru_forward
from rnn_course.rnn import rnn_forward, rnn_step_forward
from rnn_course.transformer import TransformerEncoder


class MinGRU:
    """The interface of rnn_course.encoders around one minGRU layer."""

    def __init__(self, input_size, hidden_size, rng):
        self.params = init_mingru(input_size, hidden_size, rng)

    def forward(self, x, state=None, lengths=None, rng=None):
        h_0 = None if state is None else state[0][0]
        h, cache = mingru_forward(x, h_0, **self.params, lengths=lengths)
        return (h, [(h[:, -1:].sum(axis=1),)]), cache

    def backward(self, dh, cache, dstate=None, truncation=None):
        dh = dh.copy()
        if dstate is not None:
            dh[:, -1] += dstate[0][0]
        dx, dh_0, grads = mingru_backward(dh, cache, truncation)
        return dx, [(dh_0,)], grads


RECURRENT = {
    "rnn": RNNEncoder,
    "lstm": LSTMEncoder,
    "gru": GRUEncoder,
    "mingru": MinGRU,
    "two layers": lambda *sizes: LSTMEncoder(*sizes, num_layers=2),
}
STATELESS = {
    "window": lambda d, h, rng: WindowEncoder(d, h, 3, rng),
    "bag": BagEncoder,
    "both directions": lambda d, h, rng: GRUEncoder(d, h, rng, bidirectional=True),
    "transformer": lambda d, h, rng: TransformerEncoder(d, 1, h, 1, rng, causal=True),
    "transformer, not causal": lambda d, h, rng: TransformerEncoder(d, 1, h, 1, rng),
}
ENCODERS = RECURRENT | STATELESS
every = pytest.mark.parametrize("name", ENCODERS)
recurrent = pytest.mark.parametrize("name", RECURRENT)


def linear_rnn(W_hh):
    """An RNN that is linear where states are positive, and passes inputs on as they are."""
    encoder = RNNEncoder(H, H, np.random.default_rng(0), nonlinearity="relu")
    encoder.params |= {"W_xh": np.eye(H), "W_hh": W_hh, "b_h": np.ones(H)}
    return encoder


def positive(rng, *shape):
    return frozen(rng.uniform(0.1, 1, shape))


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.25])
@pytest.mark.parametrize("at", ["last", "every"])
def test_gradient_of_a_linear_rnn_is_a_power_of_its_factor(factor, at, rng):
    """Is the norm a^k to rounding error where W_hh is a times the identity?"""
    distances, norms = gradient_norms(
        linear_rnn(factor * np.eye(H)), positive(rng, B, T, H), rng, at=at
    )
    np.testing.assert_array_equal(distances, np.arange(T))
    np.testing.assert_allclose(norms, np.tile(factor**distances, (B, 1)), rtol=1e-12)


def test_gradient_of_an_orthogonal_rnn_keeps_its_norm(rng):
    """Does a rotation hand on all of the gradient, and half a rotation half of it each step?"""
    # tanh is linear at 0, where all states stay without inputs
    encoder = RNNEncoder(H, H, rng)
    encoder.params |= {"W_xh": orthogonal((H, H), rng), "b_h": np.zeros(H)}
    for gain in (1.0, 0.5):
        encoder.params["W_hh"] = orthogonal((H, H), rng, gain)
        distances, norms = gradient_norms(encoder, np.zeros((B, T, H)), rng)
        np.testing.assert_allclose(norms, np.tile(gain**distances, (B, 1)), rtol=1e-12)


def test_gradient_of_a_relu_rnn_stops_where_units_are_off(rng):
    """Does nothing pass a step at which every unit is at zero?"""
    x = np.ones((B, T, H))
    x[0, 4] = -100
    distances, norms = gradient_norms(linear_rnn(np.eye(H)), x, rng)
    np.testing.assert_allclose(norms[0], distances < T - 5)
    np.testing.assert_allclose(norms[1], 1)


def test_gradient_of_a_bag_is_shared_by_all_inputs(rng):
    """Has each of t + 1 inputs the share 1 / (t + 1), at whatever distance?"""
    encoder = BagEncoder(H, H, rng)
    encoder.params |= {"W": orthogonal((H, H), rng), "b": np.zeros(H)}
    x = np.zeros((B, T, H))
    np.testing.assert_allclose(gradient_norms(encoder, x, rng)[1], 1 / T)
    shares = [np.mean([1 / (t + 1) for t in range(k, T)]) for k in range(T)]
    _, norms = gradient_norms(encoder, x, rng, at="every")
    np.testing.assert_allclose(norms, np.tile(shares, (B, 1)))


@pytest.mark.parametrize("at", ["last", "every"])
def test_gradient_of_a_window_ends_with_the_window(at, rng):
    """Is it 1 inside, through orthogonal weights, and exactly 0 beyond?"""
    encoder = WindowEncoder(H, H, 3, rng)
    encoder.params |= {"W": np.hstack([orthogonal((H, H), rng) for _ in range(3)])}
    encoder.params |= {"b": np.zeros(H)}
    _, norms = gradient_norms(encoder, np.zeros((B, T, H)), rng, at=at)
    np.testing.assert_allclose(norms[:, :3], 1)
    np.testing.assert_array_equal(norms[:, 3:], 0)


def torch_steps(encoder, x):
    """|dh_t/dx_s| (T, T) of an RNN with one unit and one sequence, from torch."""
    params = {name: torch.tensor(param) for name, param in encoder.params.items()}
    x, h_t, steps = torch.tensor(np.array(x), requires_grad=True), torch.zeros(1, 1).double(), []
    for t in range(T):
        a_t = h_t @ params["W_hh"].T + x[:, t] @ params["W_xh"].T + params["b_h"]
        h_t = torch.tanh(a_t)
        (dx,) = torch.autograd.grad(h_t.sum(), x, retain_graph=True)
        steps.append(dx[0].norm(dim=1).numpy())
    return np.array(steps)


def test_gradient_norms_agree_with_torch(rng):
    """With one unit there is no choice of direction: are norms torch's, last and averaged?"""
    encoder, x = RNNEncoder(D, 1, rng), normal(rng, 1, T, D)
    expected = torch_steps(encoder, x)
    np.testing.assert_allclose(gradient_norms(encoder, x, rng)[1][0], expected[-1, ::-1])
    by_distance = [np.mean(np.diagonal(expected, -k)) for k in range(T)]
    np.testing.assert_allclose(gradient_norms(encoder, x, rng, at="every")[1][0], by_distance)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(0, T), min_size=1, max_size=4))
@pytest.mark.parametrize("at", ["last", "every"])
def test_gradient_norms_start_from_each_end(at, lengths):
    """Are distances counted from a sequence's own last step, whatever stands in its padding?"""
    rng = np.random.default_rng(3)
    x = rng.uniform(0.1, 1, (len(lengths), T, H))
    x[np.arange(T) >= np.array(lengths)[:, None]] = np.nan
    distances, norms = gradient_norms(linear_rnn(0.5 * np.eye(H)), x, rng, lengths, at)
    expected = np.where(distances < np.array(lengths)[:, None], 0.5**distances, np.nan)
    np.testing.assert_allclose(norms, expected, rtol=1e-12)


@every
@pytest.mark.parametrize("at", ["last", "every"])
def test_gradient_norms_of_every_encoder(name, at, rng):
    """Are they finite numbers, positive at distance 0, the same for the same seed?"""
    encoder, x = ENCODERS[name](4, 6, rng), normal(rng, B, T, 4)
    first, again, other = (
        gradient_norms(encoder, x, np.random.default_rng(seed), at=at)[1] for seed in (1, 1, 2)
    )
    assert first.shape == (B, T) and np.isfinite(first).all()
    assert (first[:, 0] > 0).all()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@every
@pytest.mark.parametrize(("sequences", "steps"), [(0, 3), (2, 1), (2, 0)])
def test_gradient_norms_of_small_batches(name, sequences, steps, rng):
    """Do no sequences, one step and no steps give arrays of that shape?"""
    encoder = ENCODERS[name](4, 6, rng)
    distances, norms = gradient_norms(encoder, np.ones((sequences, steps, 4)), rng)
    assert (distances.shape, norms.shape) == ((steps,), (sequences, steps))


@every
@pytest.mark.parametrize("at", ["last", "every"])
def test_gradient_norms_of_every_encoder_leave_padding_out(name, at, rng):
    """Is a norm NaN where there is no real input, and a number elsewhere, whatever the padding?"""
    encoder, lengths = ENCODERS[name](4, 6, rng), np.array([2, 0, T])
    x = rng.standard_normal((3, T, 4))
    x[np.arange(T) >= lengths[:, None]] = np.nan
    _, norms = gradient_norms(encoder, x, rng, lengths, at)
    np.testing.assert_array_equal(np.isnan(norms), np.arange(T) >= lengths[:, None])


def test_gradient_norms_do_not_round_to_zero_or_infinity(rng):
    """Are norms right where their squares no number could hold, in float32 too?"""
    _, norms = gradient_norms(linear_rnn(1e-40 * np.eye(H)), positive(rng, B, T, H), rng)
    np.testing.assert_allclose(norms[:, 6], 1e-240)
    _, norms = gradient_norms(linear_rnn(1e40 * np.eye(H)), positive(rng, B, T, H), rng)
    np.testing.assert_allclose(norms[:, 6], 1e240)
    encoder = RNNEncoder(H, H, rng, nonlinearity="relu", dtype=np.float32)
    encoder.params["W_hh"] = np.float32(1e-5) * np.eye(H, dtype=np.float32)
    encoder.params["W_xh"] = np.eye(H, dtype=np.float32)
    _, norms = gradient_norms(encoder, np.ones((B, T, H), dtype=np.float32), rng)
    np.testing.assert_allclose(norms[:, 6], 1e-30, rtol=1e-4)


def test_gradient_norms_keep_a_nan_in_its_sequence(rng):
    """Is the other sequence measured as before?"""
    encoder, x = RNNEncoder(D, H, rng), rng.standard_normal((B, T, D))
    _, before = gradient_norms(encoder, x, np.random.default_rng(1), at="every")
    x[0, 2] = np.nan
    _, after = gradient_norms(encoder, x, np.random.default_rng(1), at="every")
    np.testing.assert_array_equal(after[1], before[1])
    assert np.isnan(after[0]).all()


def test_gradient_norms_refuse_another_place(rng):
    """Does a misspelt place of the loss raise?"""
    with pytest.raises(ValueError, match='at is \'first\'; expected "last" or "every"'):
        gradient_norms(RNNEncoder(D, H, rng), np.ones((B, T, D)), rng, at="first")
    with pytest.raises(ValueError, match=r"lengths\[1\] is 8; expected 0 to 7"):
        gradient_norms(RNNEncoder(D, H, rng), np.ones((B, T, D)), rng, [1, T + 1])


def test_state_gradient_lies_between_the_singular_values(rng):
    """Is it stretched by the product of Jacobians, no less and no more than that allows?"""
    encoder, x = RNNEncoder(D, H, rng), normal(rng, B, T, D)
    (h, _), _ = encoder.forward(x)
    distances, ((norms,),) = state_gradient_norms(encoder, x, rng)
    values = jacobian_singular_values(h, encoder.params["W_hh"])  # (B, T, H)
    np.testing.assert_array_equal(distances, np.arange(1, T + 1))
    assert (norms <= values[..., 0] * (1 + 1e-9)).all()
    assert (norms >= values[..., -1] * (1 - 1e-9)).all()


def torch_state_gradients(encoder, x):
    """|dh_T/dh_{T-k}| and |dh_T/dc_{T-k}| (T,) of an LSTM with one unit, by torch.nn.LSTM."""
    layer = torch.nn.LSTM(D, 1, batch_first=True).double()
    names = {"weight_ih_l0": "W_xh", "weight_hh_l0": "W_hh", "bias_ih_l0": "b_h"}
    given = {ours: torch.tensor(encoder.params[name]) for ours, name in names.items()}
    layer.load_state_dict(given | {"bias_hh_l0": torch.zeros(4).double()})
    x, zeros, found = torch.tensor(np.array(x)), torch.zeros(1, 1, 1).double(), []
    for k in range(1, T + 1):
        start = (zeros, zeros) if k == T else layer(x[:, : T - k])[1]
        start = [state.detach().requires_grad_() for state in start]
        layer(x[:, T - k :], tuple(start))[1][0].sum().backward()
        found.append([abs(state.grad.item()) for state in start])
    return np.array(found).T


def test_state_gradient_of_an_lstm_agrees_with_torch(rng):
    """Are the gradients along h and along c torch's, at each distance?"""
    encoder, x = LSTMEncoder(D, 1, rng, forget_bias=1.0), normal(rng, 1, T, D)
    _, ((along_h, along_c),) = state_gradient_norms(encoder, x, rng)
    np.testing.assert_allclose([along_h[0], along_c[0]], torch_state_gradients(encoder, x))


def test_state_gradient_travels_an_open_cell_unchanged(rng):
    """With the forget gate open and no way through h: is the norm along c the same everywhere?"""
    encoder = LSTMEncoder(D, H, rng, forget_bias=1000.0)
    encoder.params["W_hh"][:] = 0
    _, ((along_h, along_c),) = state_gradient_norms(encoder, normal(rng, B, T, D), rng)
    np.testing.assert_array_equal(along_h, 0)
    assert (along_c > 0).all()
    np.testing.assert_allclose(along_c, np.tile(along_c[:, :1], (1, T)), rtol=1e-12)


@recurrent
def test_state_gradient_norms_are_shaped_like_the_state(name, rng):
    """Is there one norm for each array of the state, sequence and distance?"""
    encoder, x = RECURRENT[name](D, H, rng), normal(rng, B, T, D)
    distances, norms = state_gradient_norms(encoder, x, rng)
    (_, state), _ = encoder.forward(x)
    assert [len(arrays) for arrays in norms] == [len(arrays) for arrays in state]
    for array in (array for arrays in norms for array in arrays):
        assert array.shape == (B, T) and np.isfinite(array).all()
    assert distances.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_norms_are_float64_for_a_float32_encoder(rng):
    """Do sums over very different norms lose no digits to the encoder's own type?"""
    encoder, x = GRUEncoder(D, H, rng, dtype=np.float32), normal(rng, B, T, D, dtype=np.float32)
    assert gradient_norms(encoder, x, rng)[1].dtype == np.float64
    assert state_gradient_norms(encoder, x, rng)[1][0][0].dtype == np.float64


@pytest.mark.parametrize("name", STATELESS)
def test_state_gradient_norms_refuse_what_has_no_such_state(name, rng):
    """Does an encoder that looks back by other means raise, and say what it is?"""
    encoder = STATELESS[name](4, 6, rng)
    with pytest.raises(ValueError, match=type(encoder).__name__):
        state_gradient_norms(encoder, np.ones((B, T, 4)), rng)


def test_state_gradient_norms_refuse_no_steps(rng):
    """Does an empty sequence raise, and no sequence give an empty array?"""
    encoder = RNNEncoder(D, H, rng)
    with pytest.raises(ValueError, match=r"x has shape \(2, 0, 3\); expected at least one step"):
        state_gradient_norms(encoder, np.ones((B, 0, D)), rng)
    assert state_gradient_norms(encoder, np.ones((0, T, D)), rng)[1][0][0].shape == (0, T)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_state_jacobian_is_the_derivative(nonlinearity, rng):
    """Do finite differences of a step give the same matrix, row by column?"""
    params = {"W_xh": normal(rng, H, D), "W_hh": normal(rng, H, H), "b_h": normal(rng, H)}
    x_t, h_prev = normal(rng, B, D), normal(rng, B, H)

    def step(h_prev):
        return rnn_step_forward(x_t, h_prev, **params, nonlinearity=nonlinearity)[0]

    J = state_jacobian(step(h_prev), params["W_hh"], nonlinearity)
    for column, change in enumerate(1e-6 * np.eye(H)):
        numeric = (step(h_prev + change) - step(h_prev - change)) / 2e-6  # (B, H)
        np.testing.assert_allclose(J[:, :, column], numeric, atol=1e-8)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_jacobian_singular_values_agree_with_torch(nonlinearity, rng):
    """Are they those of torch's derivative of the last state by each earlier one?"""
    params = {"W_xh": normal(rng, H, D), "W_hh": normal(rng, H, H), "b_h": normal(rng, H)}
    x = normal(rng, B, T, D)
    h, _ = rnn_forward(x, None, **params, nonlinearity=nonlinearity)
    values = jacobian_singular_values(h, params["W_hh"], nonlinearity)
    activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
    W_xh, W_hh, b_h = (torch.tensor(np.array(param)) for param in params.values())
    states = np.concatenate([np.zeros((B, 1, H)), h], axis=1)  # (B, T + 1, H)
    for k in range(1, T + 1):

        def last(h_t, k=k):
            for t in range(T - k, T):
                h_t = activation(W_hh @ h_t + W_xh @ torch.tensor(x[1, t].copy()) + b_h)
            return h_t

        J = torch.autograd.functional.jacobian(last, torch.tensor(states[1, T - k]))
        np.testing.assert_allclose(values[1, k - 1], torch.linalg.svdvals(J), atol=1e-10)


def test_jacobian_singular_values_survive_explosion_and_nan(rng):
    """Is what no number can hold NaN, without a warning, and the other sequence as it was?"""
    h = np.full((B, T, H), 0.5)
    values = jacobian_singular_values(h, 1e100 * np.eye(H), "relu")
    assert np.isfinite(values[:, :3]).all() and np.isnan(values[:, 3:]).all()
    W_hh, bad = normal(rng, H, H), h.copy()
    bad[0, 3] = np.nan
    before, after = jacobian_singular_values(h, W_hh), jacobian_singular_values(bad, W_hh)
    np.testing.assert_array_equal(after[1], before[1])
    assert np.isnan(after[0, 3:]).all() and np.isfinite(after[0, :3]).all()
    assert jacobian_singular_values(np.ones((0, T, H)), W_hh).shape == (0, T, H)


def test_jacobians_refuse_other_sizes():
    """Are both arrays named?"""
    with pytest.raises(ValueError, match=r"W_hh has shape \(4, 4\), but h_t \(2, 5\) needs"):
        state_jacobian(np.ones((2, 5)), np.eye(4))
    with pytest.raises(ValueError, match=r"h has shape \(2, 5\), but W_hh \(5, 5\) needs"):
        jacobian_singular_values(np.ones((2, 5)), np.eye(5))


@settings(max_examples=25)
@given(size=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_spectral_radius_of_rotated_triangles(size, seed):
    """Is it the largest diagonal entry by size, also in other coordinates?"""
    rng = np.random.default_rng(seed)
    W, Q = np.triu(rng.standard_normal((size, size))), orthogonal((size, size), rng)
    largest = np.abs(np.diag(W)).max()
    assert spectral_radius(W) == pytest.approx(largest, rel=1e-12)
    assert spectral_radius(Q @ W @ Q.T) == pytest.approx(largest, rel=1e-3)


def test_spectral_radius_and_largest_singular_value_differ():
    """Do a rotation, whose eigenvalues are complex, and a shear tell the two apart?"""
    rotation, shear = np.array([[0.0, -2.0], [2.0, 0.0]]), np.array([[0.5, 8.0], [0.0, 0.25]])
    assert spectral_radius(rotation) == pytest.approx(2)
    assert largest_singular_value(rotation) == pytest.approx(2)
    assert spectral_radius(shear) == 0.5
    assert largest_singular_value(shear) == pytest.approx(np.sqrt((shear**2).sum()), rel=0.01)
    assert largest_singular_value(np.ones((2, 8))) == pytest.approx(4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling_gives_the_wanted_spectral_radius(dtype, rng):
    """Is only the length changed, in the matrix's own type?"""
    W = normal(rng, H, H, dtype=dtype)
    scaled = scale_spectral_radius(W, 0.9)
    assert scaled.dtype == dtype
    assert spectral_radius(scaled) == pytest.approx(0.9, rel=1e-5)
    np.testing.assert_allclose(scaled / W, (scaled / W)[0, 0], rtol=1e-5)


def test_spectrum_refuses_what_has_none():
    """Do a matrix that is not square and one without eigenvalues but 0 raise?"""
    with pytest.raises(ValueError, match=r"W has shape \(2, 3\), but the spectral radius needs"):
        spectral_radius(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"W \(3, 3\) has spectral radius 0"):
        scale_spectral_radius(np.triu(np.ones((3, 3)), 1), 1.0)


def logistic(a):
    return 1 / (1 + np.exp(-a))


def test_lstm_gates_by_hand():
    """With one unit, two steps and round numbers: are gates the sigmoids of what one adds up?"""
    x = np.array([[[1.0], [-2.0]]])
    W_xh, W_hh = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[0.5], [1.5], [2.5], [3.5]])
    b_h = np.array([0.1, 0.2, 0.3, 0.4])
    gates = lstm_gates(x, W_xh, W_hh, b_h)
    i, f, o = logistic(1.1), logistic(2.2), logistic(4.4)
    h = o * np.tanh(i * np.tanh(3.3))
    expected = {
        "i": [i, logistic(-2 + 0.5 * h + 0.1)],
        "f": [f, logistic(-4 + 1.5 * h + 0.2)],
        "o": [o, logistic(-8 + 3.5 * h + 0.4)],
    }
    assert list(gates) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(gates[name][0, :, 0], values, rtol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_lstm_gates_rebuild_the_states(bias, rng):
    """Do c_t = f c_prev + i g and h_t = o tanh(c_t) hold, from given starting states?"""
    params, x = init_lstm(D, H, rng, bias=bias), normal(rng, B, T, D)
    h_0, c_0 = normal(rng, B, H), normal(rng, B, H)
    (h, c), _ = lstm_forward(x, h_0, c_0, **params)
    gates = lstm_gates(x, **params, h_0=h_0, c_0=c_0)
    np.testing.assert_allclose(gates["o"] * np.tanh(c), h, rtol=1e-12)
    rows, h_prev, c_prev = slice(2 * H, 3 * H), h_0, c_0
    for t in range(T):
        a_g = x[:, t] @ params["W_xh"][rows].T + h_prev @ params["W_hh"][rows].T
        g = np.tanh(a_g + params["b_h"][rows] if bias else a_g)
        rebuilt = gates["f"][:, t] * c_prev + gates["i"][:, t] * g
        np.testing.assert_allclose(c[:, t], rebuilt, rtol=1e-10, atol=1e-12)
        h_prev, c_prev = h[:, t], c[:, t]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru_gates_rebuild_the_states(reset, bias, rng):
    """Does h_t = (1 - z) n + z h_prev hold with n computed from r, in both conventions?"""
    params, x, h_prev = init_gru(D, H, rng, bias=bias), normal(rng, B, T, D), normal(rng, B, H)
    h, _ = gru_forward(x, h_prev, **params, reset=reset)
    gates = gru_gates(x, **params, reset=reset, h_0=h_prev)
    assert list(gates) == ["r", "z"]
    W_xn, W_hn = params["W_xh"][2 * H :], params["W_hh"][2 * H :]
    b_xn, b_hn = (params[name][2 * H :] if bias else 0 for name in ("b_xh", "b_hh"))
    for t in range(T):
        r, z = gates["r"][:, t], gates["z"][:, t]
        heard = r * (h_prev @ W_hn.T + b_hn) if reset == "after" else (r * h_prev) @ W_hn.T + b_hn
        n = np.tanh(x[:, t] @ W_xn.T + b_xn + heard)
        h_prev = (1 - z) * n + z * h_prev
        np.testing.assert_allclose(h[:, t], h_prev, rtol=1e-10)


def test_large_biases_open_and_close_gates(rng):
    """Is f exactly 1 for a forget bias of 1000, and i exactly 0 for a bias of -1000?"""
    encoder = LSTMEncoder(D, H, rng, forget_bias=1000.0)
    encoder.params["b_h"][:H] = -1000
    gates = lstm_gates(normal(rng, B, T, D), **encoder.layer_params(0))
    assert (gates["f"] == 1).all() and (gates["i"] == 0).all()
    statistics = gate_statistics(gates["f"])
    assert np.isinf(statistics["time_scale"]).all()
    np.testing.assert_array_equal(statistics["high"], 1)


def test_gates_of_a_layer_above(rng):
    """Are the states of the layer below the inputs of the one above?"""
    encoder, x = LSTMEncoder(D, H, rng, num_layers=2), normal(rng, B, T, D)
    (h, state), _ = encoder.forward(x)
    (below, _), _ = lstm_forward(x, None, None, **encoder.layer_params(0))
    gates = lstm_gates(below, **encoder.layer_params(1))
    np.testing.assert_allclose(gates["o"][:, -1] * np.tanh(state[1][1]), h[:, -1])


GATES = {"lstm": (lstm_gates, init_lstm), "gru": (gru_gates, init_gru)}
each_cell = pytest.mark.parametrize("cell", GATES)


@each_cell
def test_gates_are_zero_at_padded_steps(cell, rng):
    """Does padding, even NaN, give zeros there and leave real steps and other rows alone?"""
    gates, init = GATES[cell]
    params, x = init(D, H, rng), rng.standard_normal((3, T, D))
    whole, lengths = gates(x, **params), np.array([0, 4, T])
    x[np.arange(T) >= lengths[:, None]] = np.nan
    for name, gate in gates(x, **params, lengths=lengths).items():
        real = np.arange(T) < lengths[:, None]
        np.testing.assert_array_equal(gate[~real], 0)
        np.testing.assert_allclose(gate[real], whole[name][real], rtol=1e-12)


@each_cell
def test_gates_keep_float32_and_empty_batches(cell, rng):
    """Do types and shapes stay, without sequences and without steps too?"""
    gates, init = GATES[cell]
    params = init(D, H, rng, dtype=np.float32)
    for shape in [(B, T, D), (0, T, D), (B, 0, D), (B, 1, D)]:
        for gate in gates(normal(rng, *shape, dtype=np.float32), **params).values():
            assert (gate.dtype, gate.shape) == (np.float32, (*shape[:2], H))


@each_cell
def test_gates_refuse_other_sizes(cell, rng):
    """Do a wrong input size and a length beyond T raise?"""
    gates, init = GATES[cell]
    with pytest.raises(ValueError, match=r"lengths\[1\] is 8; expected 0 to 7"):
        gates(np.ones((B, T, D)), **init(D, H, rng), lengths=[1, T + 1])
    with pytest.raises(ValueError, match=r"x has shape \(2, 7, 4\), but W_xh"):
        gates(np.ones((B, T, D + 1)), **init(D, H, rng))


def test_gate_statistics_by_hand():
    """Are mean, shares and time scale those of a few chosen values, padding left out?"""
    gate = np.array([[[0.05, 0.5], [0.95, 0.25], [0.5, 1.0]], [[0.1, 1.0], [0.0, 0.0], [0.0, 0.0]]])
    statistics = gate_statistics(gate, lengths=[3, 1])
    np.testing.assert_allclose(statistics["mean"], [0.4, 0.6875])
    np.testing.assert_allclose(statistics["low"], [0.25, 0])
    np.testing.assert_allclose(statistics["high"], [0.25, 0.5])
    expected = [-4 / np.log(0.05 * 0.95 * 0.5 * 0.1), -4 / np.log(0.5 * 0.25)]
    np.testing.assert_allclose(statistics["time_scale"], expected)
    wider = gate_statistics(gate, lengths=[3, 1], low=0.3, high=0.45)
    np.testing.assert_allclose([wider["low"], wider["high"]], [[0.5, 0.25], [0.5, 0.75]])


def test_time_scale_is_the_steps_until_a_memory_falls_to_1_over_e():
    """Is it 5 for a gate of exp(-1/5), whose product over 5 steps is 1/e, and 0 for a shut one?"""
    gate = np.stack([np.full((B, T), np.exp(-0.2)), np.zeros((B, T))], axis=2)
    np.testing.assert_allclose(gate_statistics(gate)["time_scale"], [5, 0])


def test_gate_statistics_refuse_nothing_at_all():
    """Do no real steps and a gate of one step's shape raise?"""
    with pytest.raises(ValueError, match="no step is real"):
        gate_statistics(np.ones((B, T, H)), [0, 0])
    with pytest.raises(ValueError, match=r"gate has shape \(2, 5\)"):
        gate_statistics(np.ones((B, H)))
