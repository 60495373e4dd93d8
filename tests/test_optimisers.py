"""Optimisers and clipping, against torch.optim and torch.nn.utils."""

import numpy as np
import pytest
import torch
from gradients import D, H, frozen, normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnn_course.optimisers import SGD, Adam, RMSprop, clip_by_global_norm, global_norm

UPDATES = 10
OPTIMISERS = {
    "sgd": (lambda: SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "sgd with momentum": (
        lambda: SGD(0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
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
}
every = pytest.mark.parametrize("name", OPTIMISERS)


def two_params(rng, dtype=np.float64):
    """Parameters of different shapes and of one shape, so that mixed-up state would show."""
    shapes = {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,), "b_y": (H,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


@every
def test_optimiser_equals_torch_over_ten_updates(name, rng):
    """Are all parameters torch's after every one of ten updates?"""
    make, make_torch = OPTIMISERS[name]
    optimiser, params = make(), two_params(rng)
    tensors = {key: torch.tensor(param, requires_grad=True) for key, param in params.items()}
    torch_optimiser = make_torch(list(tensors.values()))
    for _ in range(UPDATES):
        grads = {key: normal(rng, *param.shape) for key, param in params.items()}
        optimiser.update(params, grads)
        for key, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[key])
        torch_optimiser.step()
        for key, tensor in tensors.items():
            expected = tensor.detach().numpy()
            np.testing.assert_allclose(params[key], expected, rtol=1e-10, atol=1e-12)


@every
def test_optimiser_changes_params_in_place_and_keeps_float32(name, rng):
    """Do the model's own arrays change, as float32, even for a learning rate in float64?"""
    optimiser, params = OPTIMISERS[name][0](), two_params(rng, np.float32)
    optimiser.learning_rate = np.float64(optimiser.learning_rate)
    held = dict(params)
    for _ in range(3):
        before = {key: param.copy() for key, param in params.items()}
        grads = {key: normal(rng, *param.shape, dtype=np.float32) for key, param in params.items()}
        optimiser.update(params, grads)
        for key, param in params.items():
            assert param is held[key]
            assert param.dtype == np.float32
            assert (param != before[key]).any()
    for slots in optimiser.state.values():
        assert {array.dtype for array in slots.values()} == {np.dtype(np.float32)}


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


@pytest.mark.parametrize("make", [SGD, RMSprop, Adam])
@pytest.mark.parametrize("learning_rate", [0.0, -1.0, np.nan])
def test_optimiser_refuses_a_learning_rate_that_is_not_positive(make, learning_rate):
    """Does a step of no size or uphill raise?"""
    with pytest.raises(ValueError, match=r"learning_rate is .*; expected a positive number"):
        make(learning_rate)


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
