"""Optimisers and clipping, against torch.optim and torch.nn.utils."""

import numpy as np
import pytest
import torch
from gradients import D, H, frozen, normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnn_course.checkpoint import load_params, save_params
from rnn_course.optimisers import SGD, Adam, AdamW, RMSprop, clip_by_global_norm, global_norm

UPDATES = 200
OPTIMISERS = {
    "sgd": (lambda: SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "sgd with momentum": (
        lambda: SGD(0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    ),
    "sgd with nesterov": (
        lambda: SGD(0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (lambda: RMSprop(), lambda p: torch.optim.RMSprop(p)),
    "rmsprop with settings": (
        lambda: RMSprop(0.02, decay=0.8, epsilon=0.1),
        lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.8, eps=0.1),
    ),
    "adam": (lambda: Adam(), lambda p: torch.optim.Adam(p)),
    "adam with settings": (
        lambda: Adam(0.02, beta_1=0.7, beta_2=0.8, epsilon=0.1),
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.7, 0.8), eps=0.1),
    ),
    "adamw": (lambda: AdamW(), lambda p: torch.optim.AdamW(p)),
    "adamw with settings": (
        lambda: AdamW(0.02, beta_1=0.7, beta_2=0.8, epsilon=0.1, weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, 0.02, betas=(0.7, 0.8), eps=0.1, weight_decay=0.3),
    ),
    "adamw sparing vectors": (
        lambda: AdamW(0.02, weight_decay=0.3, decay_vectors=False),
        lambda p: torch.optim.AdamW(
            [
                {"params": [param for param in p if param.ndim == 2], "weight_decay": 0.3},
                {"params": [param for param in p if param.ndim < 2], "weight_decay": 0.0},
            ],
            0.02,
        ),
    ),
}
every = pytest.mark.parametrize("name", OPTIMISERS)


def two_params(rng, dtype=np.float64):
    """Parameters of different shapes and of one shape, so that mixed-up state would show."""
    shapes = {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,), "b_y": (H,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def jumping_rates(rng):
    """A learning rate that is another one, sometimes zero, at each update."""
    rates = np.append(0.0, rng.uniform(0, 0.2, UPDATES - 1))
    return lambda num_updates: rates[num_updates]


def random_grads(rng, params):
    return {key: normal(rng, *param.shape, dtype=param.dtype) for key, param in params.items()}


def assert_same_arrays(got, expected):
    """Fail unless two dicts of arrays are the same, bit by bit."""
    assert got.keys() == expected.keys()
    for name, array in got.items():
        assert array.dtype == expected[name].dtype
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def assert_equals_torch(optimiser, make_torch, rng, schedule=None):
    """Fail unless all parameters are torch's after every one of many updates."""
    params = two_params(rng)
    tensors = {key: torch.tensor(param, requires_grad=True) for key, param in params.items()}
    torch_optimiser = make_torch(list(tensors.values()))
    for num_updates in range(UPDATES):
        grads = random_grads(rng, params)
        optimiser.update(params, grads)
        for key, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[key])
        if schedule is not None:
            for group in torch_optimiser.param_groups:
                group["lr"] = schedule(num_updates)
        torch_optimiser.step()
        for key, tensor in tensors.items():
            expected = tensor.detach().numpy()
            np.testing.assert_allclose(params[key], expected, rtol=1e-10, atol=1e-12)


@every
def test_optimiser_equals_torch_over_many_updates(name, rng):
    """Are all parameters torch's after every one of two hundred updates?"""
    make, make_torch = OPTIMISERS[name]
    assert_equals_torch(make(), make_torch, rng)


@every
def test_optimiser_takes_a_schedule(name, rng):
    """Does a function give the rate of each update, and is its first argument zero?"""
    make, make_torch = OPTIMISERS[name]
    optimiser = make()
    optimiser.learning_rate = jumping_rates(rng)
    assert_equals_torch(optimiser, make_torch, rng, optimiser.learning_rate)
    assert optimiser.num_updates == UPDATES


@pytest.mark.parametrize("scheduled", [False, True])
@every
def test_optimiser_changes_params_in_place_and_keeps_float32(name, scheduled, rng):
    """Do the model's own arrays change, as float32, even for a learning rate in float64?"""
    optimiser, params = OPTIMISERS[name][0](), two_params(rng, np.float32)
    rate = np.float64(optimiser.learning_rate)
    optimiser.learning_rate = (lambda num_updates: rate) if scheduled else rate
    held = dict(params)
    for _ in range(3):
        before = {key: param.copy() for key, param in params.items()}
        optimiser.update(params, random_grads(rng, params))
        for key, param in params.items():
            assert param is held[key]
            assert param.dtype == np.float32
            assert (param != before[key]).any()
    for slots in optimiser.state.values():
        assert {array.dtype for array in slots.values()} == {np.dtype(np.float32)}


@every
def test_optimiser_computes_in_float32_whatever_the_rate_is(name, rng):
    """Are the updates, bit by bit, those of a Python float for every type of learning rate?"""
    results, grads = [], random_grads(rng, two_params(rng, np.float32))
    for rate in (0.1, np.float64(0.1), lambda num_updates: np.float64(0.1)):
        optimiser, params = OPTIMISERS[name][0](), two_params(np.random.default_rng(1), np.float32)
        optimiser.learning_rate = rate
        for _ in range(5):
            optimiser.update(params, grads)
        results.append(params)
    assert_same_arrays(results[1], results[0])
    assert_same_arrays(results[2], results[0])


@every
def test_optimiser_refuses_wrong_gradients_before_any_change(name, rng):
    """Do a missing gradient and one of another shape raise with nothing changed?"""
    optimiser, params = OPTIMISERS[name][0](), two_params(rng)
    before = {key: param.copy() for key, param in params.items()}
    grads = {key: np.ones_like(param) for key, param in params.items()}
    with pytest.raises(KeyError, match="no gradient for W_hh, b_y"):
        optimiser.update(params, {key: grads[key] for key in ("W_xh", "b_h")})
    match = r"the gradient of b_y has shape \(1,\), but b_y \(5,\) needs \(5\)"
    with pytest.raises(ValueError, match=match):
        optimiser.update(params, grads | {"b_y": np.ones(1)})
    for key, param in params.items():
        np.testing.assert_array_equal(param, before[key])
    assert optimiser.num_updates == 0


@pytest.mark.parametrize("make", [SGD, RMSprop, Adam, AdamW])
@pytest.mark.parametrize("learning_rate", [0.0, -1.0, np.nan])
def test_optimiser_refuses_a_learning_rate_that_is_not_positive(make, learning_rate):
    """Does a step of no size or uphill raise?"""
    with pytest.raises(ValueError, match=r"learning_rate is .*; expected a positive number"):
        make(learning_rate)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_optimiser_refuses_a_schedule_that_goes_wrong(bad):
    """Does a rate that no schedule may give raise when it comes up, with nothing changed?"""
    optimiser, params = Adam(lambda num_updates: [0.1, bad][num_updates]), {"w": np.ones(2)}
    optimiser.update(params, {"w": np.ones(2)})
    before, state = params["w"].copy(), optimiser.state_dict()
    with pytest.raises(ValueError, match=r"the schedule gives .* after 1 updates; expected"):
        optimiser.update(params, {"w": np.ones(2)})
    np.testing.assert_array_equal(params["w"], before)
    assert_same_arrays(optimiser.state_dict(), state)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda value: SGD(0.1, momentum=value), "momentum"),
        (lambda value: RMSprop(0.1, decay=value), "decay"),
        (lambda value: Adam(0.1, beta_1=value), "beta_1"),
        (lambda value: AdamW(0.1, beta_2=value), "beta_2"),
    ],
)
@pytest.mark.parametrize("value", [-0.1, 1.0, np.nan])
def test_optimiser_refuses_a_mean_that_forgets_nothing_or_all(make, name, value):
    """Does a share outside [0, 1) raise by its name?"""
    with pytest.raises(ValueError, match=rf"{name} is .*; expected at least 0 and less than 1"):
        make(value)


@pytest.mark.parametrize("weight_decay", [-0.1, np.nan])
def test_adamw_refuses_a_negative_decay(weight_decay):
    """Does a decay that lets parameters grow raise?"""
    with pytest.raises(ValueError, match=r"weight_decay is .*; expected a number of at least 0"):
        AdamW(weight_decay=weight_decay)


def test_adamw_shrinks_by_hand():
    """Without a gradient, does each update take learning rate times decay off, of matrices only?"""
    optimiser = AdamW(0.5, weight_decay=0.2, decay_vectors=False)
    params = {"W": np.full((1, 1), 8.0), "b": np.full(1, 8.0), "gain": np.array(8.0)}
    for _ in range(2):
        optimiser.update(params, {name: np.zeros_like(param) for name, param in params.items()})
    assert params["W"].item() == pytest.approx(8 * 0.9 * 0.9)
    assert params["b"].item() == params["gain"].item() == 8


def test_adamw_without_decay_is_adam(rng):
    """Are the updates those of Adam, bit by bit, where nothing decays?"""
    results = []
    for make in (lambda: Adam(0.02), lambda: AdamW(0.02, weight_decay=0.0)):
        optimiser, params = make(), two_params(np.random.default_rng(1))
        for _ in range(5):
            optimiser.update(params, random_grads(np.random.default_rng(2), params))
        results.append(params)
    assert_same_arrays(*results)


@every
@pytest.mark.parametrize("done", [0, 1, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_optimiser_resumes_from_a_file(name, done, dtype, tmp_path, rng):
    """Is training with a break, saved and loaded, equal to one without, bit by bit?"""
    params, schedule = two_params(rng, dtype), jumping_rates(rng)
    grads = [random_grads(rng, params) for _ in range(12)]
    optimiser = OPTIMISERS[name][0]()
    optimiser.learning_rate = schedule
    for update, update_grads in enumerate(grads):
        if update == done:
            save_params(tmp_path / "params.npz", params)
            save_params(tmp_path / "optimiser.npz", optimiser.state_dict())
        optimiser.update(params, update_grads)
    resumed_params, _ = load_params(tmp_path / "params.npz")
    resumed = OPTIMISERS[name][0]()
    resumed.learning_rate = schedule
    resumed.load_state_dict(load_params(tmp_path / "optimiser.npz")[0], resumed_params)
    assert resumed.num_updates == done
    for update_grads in grads[done:]:
        resumed.update(resumed_params, update_grads)
    assert_same_arrays(resumed_params, params)
    assert_same_arrays(resumed.state_dict(), optimiser.state_dict())


def test_optimiser_state_is_flat_and_a_snapshot(rng):
    """Do the names say what belongs where, and do later updates leave a saved state alone?"""
    optimiser, params = Adam(), {"encoder.W": rng.standard_normal((H, D))}
    assert_same_arrays(optimiser.state_dict(), {"num_updates": np.array(0)})
    optimiser.update(params, random_grads(rng, params))
    saved = optimiser.state_dict()
    assert list(saved) == ["num_updates", "mean.encoder.W", "square.encoder.W"]
    copies = {key: array.copy() for key, array in saved.items()}
    resumed = Adam()
    resumed.load_state_dict(saved, params)
    optimiser.update(params, random_grads(rng, params))
    assert_same_arrays(saved, copies)
    for array in saved.values():
        array += 1
    assert_same_arrays(resumed.state_dict(), copies)


def test_optimiser_refuses_a_foreign_state_before_any_change(rng):
    """Does the state of another rule, another model or another size raise, with nothing changed?"""
    params, optimiser = two_params(rng), Adam()
    optimiser.update(params, random_grads(rng, params))
    saved, resumed = optimiser.state_dict(), Adam()
    match = r"do not have the same arrays: mean.W_hh, .*velocity.b_y"
    with pytest.raises(ValueError, match=match):
        SGD(0.1).load_state_dict(saved, params)
    with pytest.raises(ValueError, match=r"same arrays: mean.b_z, square.b_z"):
        resumed.load_state_dict(saved, params | {"b_z": np.ones(2)})
    with pytest.raises(ValueError, match="do not have the same arrays: num_updates"):
        resumed.load_state_dict({}, params)
    with pytest.raises(
        ValueError, match=r"the saved mean.b_y has shape \(5,\), but .* needs \(1\)"
    ):
        resumed.load_state_dict(saved, params | {"b_y": np.ones(1)})
    assert_same_arrays(resumed.state_dict(), Adam().state_dict())


def test_global_norm_by_hand():
    """Is the norm the root of the sum over all arrays, in float64 also for float32 gradients?"""
    assert global_norm({"W": frozen([[3.0, 0.0]]), "b": frozen([4.0])}) == 5
    assert global_norm({}) == 0
    assert type(global_norm({"W": np.ones(2)})) is float
    large = np.full(2, 3e30, dtype=np.float32)  # whose squares overflow in float32
    assert global_norm({"W": large}) == pytest.approx(np.sqrt(2) * 3e30)


@pytest.mark.parametrize("max_norm", [0.1, 1.0, 1e3])
def test_clipping_equals_torch(max_norm, rng):
    """Are clipped gradients and the norm torch's, but for torch's 1e-6 in the denominator?"""
    grads = {key: frozen(grad) for key, grad in two_params(rng).items()}
    tensors = [torch.zeros(grad.shape, dtype=torch.float64) for grad in grads.values()]
    for tensor, grad in zip(tensors, grads.values(), strict=True):
        tensor.grad = torch.tensor(grad)
    torch_norm = float(torch.nn.utils.clip_grad_norm_(tensors, max_norm))
    clipped, norm = clip_by_global_norm(grads, max_norm)
    assert norm == pytest.approx(torch_norm, rel=1e-12)
    scale = (norm + 1e-6) / norm if norm > max_norm else 1.0
    for tensor, grad in zip(tensors, clipped.values(), strict=True):
        np.testing.assert_allclose(grad, tensor.grad.numpy() * scale, rtol=1e-10)


@given(
    hnp.arrays(np.float64, (3, 2), elements=st.floats(-1e6, 1e6)),
    hnp.arrays(np.float64, (4,), elements=st.floats(-1e6, 1e6)),
    st.floats(1e-3, 1e3),
)
def test_clipping_bounds_the_norm_and_keeps_the_direction(W, b, max_norm):
    """Is the result within the bound, one non-negative multiple of the input, never longer?"""
    grads = {"W": W, "b": b}
    clipped, norm = clip_by_global_norm(grads, max_norm)
    assert norm == global_norm(grads)
    assert global_norm(clipped) == pytest.approx(min(norm, max_norm), rel=1e-9)
    if norm <= max_norm:
        for name, grad in grads.items():
            np.testing.assert_array_equal(clipped[name], grad)
    else:
        for name, grad in grads.items():
            np.testing.assert_allclose(clipped[name], grad * (max_norm / norm), rtol=1e-9)


@pytest.mark.parametrize("max_norm", [0.5, np.float64(0.5), 100.0])
def test_clipping_leaves_its_input_and_keeps_float32(max_norm, rng):
    """Are the results new float32 arrays, whatever type the bound has?"""
    grads = {"W": normal(rng, H, D, dtype=np.float32)}
    clipped, _ = clip_by_global_norm(grads, max_norm)
    assert clipped["W"].dtype == np.float32
    assert not np.shares_memory(clipped["W"], grads["W"])


def test_clipping_takes_whole_numbers():
    """Are gradients given as integers scaled, not rounded to zero?"""
    clipped, _ = clip_by_global_norm({"W": np.array([3, 4])}, 1.0)
    np.testing.assert_allclose(clipped["W"], [0.6, 0.8])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clipping_refuses_what_is_not_finite(bad):
    """Does NaN raise, naming the gradient that holds it, instead of passing through?"""
    grads = {"W_xh": np.ones(2), "W_hh": np.array([1.0, bad])}
    with pytest.raises(FloatingPointError, match=r"norm is (nan|inf): W_hh is not finite"):
        clip_by_global_norm(grads, 1.0)


def test_clipping_refuses_an_overflowing_norm():
    """Does a norm beyond float64 raise, without a warning?"""
    with pytest.raises(FloatingPointError, match="norm is inf: a square of finite entries"):
        clip_by_global_norm({"W": np.array([1e200])}, 1.0)


@pytest.mark.parametrize("max_norm", [0.0, -1.0, np.nan])
def test_clipping_refuses_a_bound_that_is_not_positive(max_norm):
    """Does a bound that would erase or turn the gradient raise?"""
    with pytest.raises(ValueError, match=r"max_norm is .*; expected a positive number"):
        clip_by_global_norm({"W": np.ones(2)}, max_norm)
