"""Layer normalisation: values, gradients, errors, dtypes, against torch and differences."""

import numpy as np
import pytest
import torch
from gradients import B, D, H, T, assert_gradients, frozen, normal, torch_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.normalisation import init_layer_norm, layer_norm_backward, layer_norm_forward


def norm_arrays(rng, *leading, D=D):
    """Everything layer_norm_forward takes, by name; x far from mean 0 and variance 1."""
    x = frozen(3 * rng.standard_normal((*leading, D)) + 2)
    return {"x": x, "gamma": normal(rng, D), "beta": normal(rng, D)}


def torch_layer_norm(x, gamma, beta, epsilon=1e-5):
    """The same in torch."""
    return torch.nn.functional.layer_norm(x, gamma.shape, gamma, beta, epsilon)


def all_gradients(upstream, cache):
    """layer_norm_backward's results in one dict."""
    dx, grads = layer_norm_backward(upstream, cache)
    return {"x": dx} | grads


@pytest.mark.parametrize("leading", [(B, T), (T,), ()])
def test_layer_norm_gradient_is_right(leading, rng):
    """Do all three gradients agree with torch and differences, for any leading axes?"""
    arrays, upstream = norm_arrays(rng, *leading), normal(rng, *leading, D)
    _, cache = layer_norm_forward(**arrays)
    assert_gradients(
        all_gradients(upstream, cache),
        lambda **changed: layer_norm_forward(**changed)[0],
        torch_layer_norm,
        arrays,
        upstream,
    )


@pytest.mark.parametrize("epsilon", [1e-12, 0.5])
def test_layer_norm_takes_another_epsilon(epsilon, rng):
    """Does epsilon stand inside the root, as in torch, and in the gradient too?"""
    arrays, upstream = norm_arrays(rng, B, T), normal(rng, B, T, D)
    output, expected = torch_gradients(
        lambda **tensors: torch_layer_norm(**tensors, epsilon=epsilon), arrays, upstream
    )
    y, cache = layer_norm_forward(**arrays, epsilon=epsilon)
    np.testing.assert_allclose(y, output, rtol=1e-10, atol=1e-10)
    for name, grad in all_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)


@settings(max_examples=40)
@given(
    leading=st.lists(st.integers(0, 4), max_size=3),
    D=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_layer_norm_equals_torch_for_any_size(leading, D, seed):
    """Do value and gradients agree with torch for any axes, empty ones and ones among them?"""
    rng = np.random.default_rng(seed)
    arrays, upstream = norm_arrays(rng, *leading, D=D), normal(rng, *leading, D)
    output, expected = torch_gradients(torch_layer_norm, arrays, upstream)
    y, cache = layer_norm_forward(**arrays)
    np.testing.assert_allclose(y, output, rtol=1e-8, atol=1e-9)
    for name, grad in all_gradients(upstream, cache).items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-6, atol=1e-8, err_msg=name)


def test_layer_norm_by_hand():
    """Is the vector (1, 3) normalised to (-1, 1), and then scaled and shifted?"""
    y, _ = layer_norm_forward(
        np.array([1.0, 3.0]), np.array([2.0, 5.0]), np.array([0.5, 0.0]), epsilon=0.0
    )
    np.testing.assert_array_equal(y, [-1.5, 5.0])


def test_init_layer_norm_gives_mean_zero_and_variance_one(rng):
    """Do the first parameters leave each vector normalised, as torch's do?"""
    y, _ = layer_norm_forward(3 * normal(rng, B, T, 40) + 2, **init_layer_norm(40))
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-4)


def test_layer_norm_sees_no_shift_and_no_scale(rng):
    """Does the output stay when an input is shifted and scaled as a whole?"""
    arrays = norm_arrays(rng, B, T)
    expected, _ = layer_norm_forward(**arrays, epsilon=0.0)
    moved, _ = layer_norm_forward(**arrays | {"x": 7 * arrays["x"] - 4}, epsilon=0.0)
    np.testing.assert_allclose(moved, expected, rtol=1e-10, atol=1e-10)


def test_layer_norm_of_a_constant_vector_is_its_shift(rng):
    """Is a vector without variance mapped to beta, and its gradient finite?"""
    arrays = norm_arrays(rng, B, T) | {"x": np.full((B, T, D), 3.0)}
    y, cache = layer_norm_forward(**arrays)
    np.testing.assert_array_equal(y, np.broadcast_to(arrays["beta"], y.shape))
    assert np.isfinite(layer_norm_backward(normal(rng, B, T, D), cache)[0]).all()


def test_layer_norm_keeps_nan_to_its_own_vector(rng):
    """Is every vector but the one that holds NaN as before?"""
    arrays = norm_arrays(rng, B, T)
    expected, _ = layer_norm_forward(**arrays)
    x = arrays["x"].copy()
    x[1, 2, 0] = np.nan
    y, cache = layer_norm_forward(**arrays | {"x": x})
    dx, _ = layer_norm_backward(normal(rng, B, T, D), cache)
    for result in (y, dx):
        lost = np.isnan(result).all(axis=2)
        assert lost[1, 2]
        assert lost.sum() == np.isnan(result).any(axis=2).sum() == 1
    expected[1, 2] = np.nan
    np.testing.assert_array_equal(y, expected)


def test_layer_norm_keeps_float32_and_its_arrays(rng):
    """Do float32 arrays give float32 results, and stay as they were with their gradients?"""
    arrays = {name: array.astype(np.float32) for name, array in norm_arrays(rng, B, T).items()}
    before = {name: array.copy() for name, array in arrays.items()}
    y, cache = layer_norm_forward(**arrays)
    upstream = y.copy()
    grads = all_gradients(upstream, cache)
    again = all_gradients(upstream, cache)
    for name, grad in grads.items():
        np.testing.assert_array_equal(grad, again[name])
        np.testing.assert_array_equal(arrays[name], before[name])
    np.testing.assert_array_equal(upstream, y)
    results = [y, *grads.values(), *init_layer_norm(D, np.float32).values()]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("name", "shape", "match"),
    [
        ("x", (B, T, H), r"x has shape \(2, 7, 5\), but gamma \(3,\) needs \(2, 7, 3\)"),
        ("gamma", (1, D), r"gamma has shape \(1, 3\), but layer normalisation needs \(any\)"),
        ("beta", (H,), r"beta has shape \(5,\), but gamma \(3,\) needs \(3\)"),
    ],
)
def test_layer_norm_names_both_shapes(name, shape, match, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    with pytest.raises(ValueError, match=match):
        layer_norm_forward(**norm_arrays(rng, B, T) | {name: np.zeros(shape)})


def test_layer_norm_refuses_an_upstream_of_another_shape(rng):
    """Does a gradient that would broadcast raise instead?"""
    _, cache = layer_norm_forward(**norm_arrays(rng, B, T))
    with pytest.raises(ValueError, match=r"dy has shape \(3,\), but x \(2, 7, 3\) needs"):
        layer_norm_backward(np.ones(D), cache)
