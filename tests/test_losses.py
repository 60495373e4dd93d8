"""Losses: values, gradients, masks, extremes, dtypes."""

import numpy as np
import pytest
import torch
from gradients import B, K, T, assert_gradients, frozen, normal
from hypothesis import given
from hypothesis import strategies as st

from rnn_course.losses import (
    bernoulli_cross_entropy_backward,
    bernoulli_cross_entropy_forward,
    cross_entropy_backward,
    cross_entropy_forward,
    squared_error_backward,
    squared_error_forward,
)

MASK = frozen(np.arange(T) < np.array([[7], [4]]))  # (B, T)
DLOSS = 1.7
BERNOULLI = bernoulli_cross_entropy_forward, bernoulli_cross_entropy_backward


@pytest.fixture
def y(rng):
    return normal(rng, B, T, K)


@pytest.fixture
def classes(rng):
    return frozen(rng.integers(K, size=(B, T)))


def assert_loss(pair, torch_forward, y, target, mask):
    """Loss and gradient of a forward and backward pair must be torch's."""
    forward, backward = pair
    _, cache = forward(y, target, mask)
    assert_gradients(
        {"y": backward(cache, DLOSS)},
        lambda y: forward(y, target, mask)[0],
        torch_forward,
        {"y": y},
        DLOSS,
    )


@pytest.mark.parametrize("mask", [None, MASK], ids=["all real", "padded"])
def test_cross_entropy_gradient_is_right(mask, y, classes):
    """Do loss and gradient agree with torch's mean over the real steps?"""

    def torch_forward(y):
        real = slice(None) if mask is None else torch.tensor(mask)
        return torch.nn.functional.cross_entropy(
            y[real].reshape(-1, K), torch.tensor(classes)[real].reshape(-1)
        )

    pair = cross_entropy_forward, cross_entropy_backward
    assert_loss(pair, torch_forward, y, classes, mask)


@pytest.mark.parametrize("mask", [None, MASK], ids=["all real", "padded"])
def test_squared_error_gradient_is_right(mask, y, rng):
    """Do loss and gradient agree with torch's mean over the real steps and features?"""
    target = normal(rng, B, T, K)

    def torch_forward(y):
        real = slice(None) if mask is None else torch.tensor(mask)
        return torch.nn.functional.mse_loss(y[real], torch.tensor(target)[real])

    pair = squared_error_forward, squared_error_backward
    assert_loss(pair, torch_forward, y, target, mask)


@pytest.mark.parametrize("kind", ["yes or no", "between"])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all real", "padded"])
def test_bernoulli_cross_entropy_gradient_is_right(mask, kind, y, rng):
    """Do loss and gradient agree with torch's sum over the values, and mean over real steps?"""
    target = rng.random((B, T, K))
    target = frozen(target if kind == "between" else target < 0.4)

    def torch_forward(y):
        real = slice(None) if mask is None else torch.tensor(mask)
        nats = torch.nn.functional.binary_cross_entropy_with_logits(
            y[real], torch.tensor(target, dtype=torch.float64)[real], reduction="none"
        )
        return nats.sum(dim=-1).mean()

    assert_loss(BERNOULLI, torch_forward, y, target, mask)


def test_losses_upstream_is_one_unless_given(y, classes):
    """Is the gradient that of the loss itself when no upstream is given?"""
    _, cache = bernoulli_cross_entropy_forward(y, y > 0)
    backward = bernoulli_cross_entropy_backward
    np.testing.assert_array_equal(backward(cache), backward(cache, 1))
    _, cache = cross_entropy_forward(y, classes)
    np.testing.assert_array_equal(cross_entropy_backward(cache), cross_entropy_backward(cache, 1))
    _, cache = squared_error_forward(y, np.zeros_like(y))
    np.testing.assert_array_equal(squared_error_backward(cache), squared_error_backward(cache, 1))


def test_cross_entropy_of_one_prediction_by_hand():
    """Is the loss of equal logits log K, for a batch of single predictions (B, K)?"""
    loss, cache = cross_entropy_forward(frozen(np.zeros((3, 4))), frozen([0, 3, 1]))
    assert loss == pytest.approx(np.log(4))
    expected = (np.full((3, 4), 0.25) - np.eye(4)[[0, 3, 1]]) / 3
    np.testing.assert_allclose(cross_entropy_backward(cache), expected)


def test_squared_error_by_hand():
    """Is the mean taken over real steps and features, the padded step left out?"""
    y, target = frozen([[1.0, 2.0], [9.0, 9.0]]), frozen([[0.0, 4.0], [0.0, 0.0]])
    loss, cache = squared_error_forward(y, target, [True, False])
    assert loss == (1 + 4) / 2
    np.testing.assert_array_equal(squared_error_backward(cache), [[1, -2], [0, 0]])


def test_cross_entropy_finite_for_large_logits():
    """Do logits of a million give the exact loss and gradient instead of an overflow?"""
    loss, cache = cross_entropy_forward(frozen([[1e6, 0.0], [0.0, 1e6]]), frozen([1, 1]))
    assert loss == 5e5
    np.testing.assert_array_equal(cross_entropy_backward(cache), [[0.5, -0.5], [0, 0]])


def test_bernoulli_cross_entropy_by_hand():
    """Is a coin's toss worth ln 2, summed over the values of a step and not over padded steps?"""
    y, target = frozen([[0.0, 0.0], [5.0, 5.0]]), frozen([[1, 0], [0, 0]])
    loss, cache = bernoulli_cross_entropy_forward(y, target, [True, False])
    assert loss == pytest.approx(2 * np.log(2))
    gradient = bernoulli_cross_entropy_backward(cache)
    np.testing.assert_array_equal(gradient, [[-0.5, 0.5], [0, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bernoulli_cross_entropy_finite_for_large_logits(dtype):
    """Do logits of a million give the exact loss and gradient, and those of -40 a loss above 0?"""
    y, target = frozen(np.array([[1e6, -1e6, 1e6, -1e6]], dtype)), frozen([[1, 0, 0, 1]])
    loss, cache = bernoulli_cross_entropy_forward(y, target)
    assert loss == 2e6
    np.testing.assert_array_equal(bernoulli_cross_entropy_backward(cache), [[0, 0, 1, -1]])
    loss, _ = bernoulli_cross_entropy_forward(frozen(np.array([[-40]], dtype)), frozen([[0]]))
    assert loss == pytest.approx(np.exp(-40), rel=1e-6, abs=0)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e300])
def test_losses_padding_may_hold_anything(junk, y, classes, rng):
    """Do loss and gradient stay bit by bit the same, whatever padded places hold?"""
    y_junk, classes_junk = y.copy(), classes.copy()
    y_junk[~MASK], classes_junk[~MASK] = junk, -100
    numbers = normal(rng, B, T, K)
    numbers_junk = numbers.copy()
    numbers_junk[~MASK] = junk
    for forward, backward, clean, dirty in [
        (cross_entropy_forward, cross_entropy_backward, classes, classes_junk),
        (squared_error_forward, squared_error_backward, numbers, numbers_junk),
        (*BERNOULLI, numbers > 0, np.where(MASK[..., None], numbers > 0, junk)),
    ]:
        loss, cache = forward(y, clean, MASK)
        loss_junk, cache_junk = forward(y_junk, dirty, MASK)
        assert loss_junk == loss
        np.testing.assert_array_equal(backward(cache_junk), backward(cache))
        assert not backward(cache_junk)[~MASK].any()


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_cross_entropy_padded_is_the_mean_of_real_steps(seed, lengths):
    """Is the padded batch's loss the mean over all real steps, not over sequences or places?"""
    rng = np.random.default_rng(seed)
    lengths[0] += 1  # at least one real step
    y, target = rng.standard_normal((len(lengths), 7, K)), rng.integers(K, size=(len(lengths), 7))
    single = [
        cross_entropy_forward(y[j, :length], target[j, :length])[0] * length
        for j, length in enumerate(lengths)
        if length
    ]
    mask = np.arange(7) < np.array(lengths)[:, None]
    loss, _ = cross_entropy_forward(y, target, mask)
    np.testing.assert_allclose(loss, sum(single) / sum(lengths))


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_bernoulli_cross_entropy_is_the_cross_entropy_of_two_classes(seed, lengths):
    """Is each value worth what softmax says of the logits 0 and y, whatever the lengths?"""
    rng = np.random.default_rng(seed)
    lengths[0] += 1  # at least one real step
    y = rng.uniform(-30, 30, (len(lengths), 7, K))
    target = rng.integers(2, size=y.shape)
    mask = np.arange(7) < np.array(lengths)[:, None]
    loss, cache = bernoulli_cross_entropy_forward(y, target, mask)
    pairs = np.stack([0 * y, y], axis=-1)  # (B, T, K, 2)
    every = np.repeat(mask[..., None], K, axis=-1)
    expected, pairs_cache = cross_entropy_forward(pairs, target, every)
    np.testing.assert_allclose(loss, K * expected, rtol=1e-12)
    expected = K * cross_entropy_backward(pairs_cache)[..., 1]
    np.testing.assert_allclose(bernoulli_cross_entropy_backward(cache), expected, atol=1e-14)


@pytest.mark.parametrize("target_dtype", [np.float32, np.float64])
def test_losses_keep_float32(target_dtype, y, classes):
    """Do float32 predictions give a float32 loss and gradient, whatever the target's dtype?"""
    y = frozen(y.astype(np.float32))
    loss, cache = cross_entropy_forward(y, classes, MASK)
    assert loss.dtype == cross_entropy_backward(cache, np.float64(1)).dtype == np.float32
    loss, cache = squared_error_forward(y, np.zeros_like(y, dtype=target_dtype), MASK)
    assert loss.dtype == squared_error_backward(cache, np.float64(1)).dtype == np.float32
    for target in (np.ones_like(y, dtype=target_dtype), y > 0):
        loss, cache = bernoulli_cross_entropy_forward(y, target, MASK)
        gradient = bernoulli_cross_entropy_backward(cache, np.float64(1))
        assert loss.dtype == gradient.dtype == np.float32


def test_losses_take_integer_predictions():
    """Are whole numbers, given as integers in lists, treated as the numbers they are?"""
    assert cross_entropy_forward([[0, 0]], [1])[0] == pytest.approx(np.log(2))
    assert squared_error_forward([[1, 2]], [[0, 0]])[0] == 2.5
    assert squared_error_forward(np.array([[1, 2]]), np.array([[0.5, 0.5]]))[0] == 1.25
    assert bernoulli_cross_entropy_forward([[0, 0]], [[1, 0]])[0] == pytest.approx(2 * np.log(2))


def test_losses_take_any_number_as_a_mask(y, classes):
    """Does every non-zero entry of a mask count as one real step, no more?"""
    for forward, target in (
        (cross_entropy_forward, classes),
        (squared_error_forward, y + 1),
        (bernoulli_cross_entropy_forward, y > 0),
    ):
        expected = forward(y, target, MASK)[0]
        assert forward(y, target, 3 * MASK.astype(int))[0] == expected
        assert forward(y, target, MASK.astype(float))[0] == expected


@pytest.mark.parametrize(
    "forward", [cross_entropy_forward, squared_error_forward, bernoulli_cross_entropy_forward]
)
def test_losses_refuse_a_mask_without_real_steps(forward, y, classes):
    """Does a mean over nothing raise instead of giving NaN?"""
    target = classes if forward is cross_entropy_forward else y > 0
    with pytest.raises(ValueError, match=r"mask of shape \(2, 7\) marks no step as real"):
        forward(y, target, np.zeros((B, T), dtype=bool))


def test_losses_name_both_shapes(y, classes):
    """Does a wrong shape name the array at fault and what its shape was compared with?"""
    with pytest.raises(ValueError, match=r"target has shape \(7, 2\), but y \(2, 7, 4\) needs"):
        cross_entropy_forward(y, classes.T)
    with pytest.raises(ValueError, match=r"target has shape \(2, 7\), but y \(2, 7, 4\) needs"):
        squared_error_forward(y, classes)
    with pytest.raises(ValueError, match=r"mask has shape \(7, 2\).*needs \(2, 7\)"):
        cross_entropy_forward(y, classes, MASK.T)
    with pytest.raises(ValueError, match=r"mask has shape \(7, 2\).*needs \(2, 7\)"):
        squared_error_forward(y, y, MASK.T)
    with pytest.raises(ValueError, match=r"target has shape \(2, 7\), but y \(2, 7, 4\) needs"):
        bernoulli_cross_entropy_forward(y, classes)
    with pytest.raises(ValueError, match=r"mask has shape \(7, 2\).*needs \(2, 7\)"):
        bernoulli_cross_entropy_forward(y, y > 0, MASK.T)


@pytest.mark.parametrize("wrong", [-1, K])
def test_cross_entropy_refuses_a_target_that_is_no_class(wrong, y, classes):
    """Does a real target outside the classes raise, with its place and value?"""
    target = classes.copy()
    target[1, 2] = wrong
    with pytest.raises(ValueError, match=rf"target\[1, 2\] is {wrong}, outside .* 4 tokens"):
        cross_entropy_forward(y, target, MASK)


def test_cross_entropy_refuses_targets_that_are_not_integers(y, classes):
    """Does a float target raise instead of being rounded?"""
    with pytest.raises(TypeError, match="target must hold integers, got dtype float64"):
        cross_entropy_forward(y, classes.astype(float))


@pytest.mark.parametrize("wrong", [-0.5, 2, np.nan])
def test_bernoulli_cross_entropy_refuses_a_target_that_is_no_probability(wrong, y):
    """Does a real target outside 0 to 1 raise, with its place and value?"""
    target = np.zeros((B, T, K))
    target[1, 2, 3] = wrong
    with pytest.raises(ValueError, match=rf"target\[1, 2, 3\] is {float(wrong)}; expected 0 to 1"):
        bernoulli_cross_entropy_forward(y, target, MASK)


def test_bernoulli_cross_entropy_keeps_nan_in_its_step(y):
    """Does a logit that is NaN spoil the loss, and the gradient of its own value alone?"""
    broken = y.copy()
    broken[0, 1, 2] = np.nan
    loss, cache = bernoulli_cross_entropy_forward(frozen(broken), y > 0)
    assert np.isnan(loss)
    found = np.argwhere(np.isnan(bernoulli_cross_entropy_backward(cache)))
    np.testing.assert_array_equal(found, [[0, 1, 2]])
