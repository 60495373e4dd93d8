"""Losses with masks: the mean over real steps, its gradient in the cache.

The cross-entropy of K values that are each yes or no, with a probability of their own and
p_k = sigmoid(y_k), is summed over the values of one of the N steps:

loss = -1/N sum_n sum_k (target_k ln p_k + (1 - target_k) ln(1 - p_k))
                                                                  (eq-bernoulli-cross-entropy)
"""

import numpy as np

from rnn_course._validate import require_shape, require_tokens
from rnn_course.activations import log_softmax, sigmoid


def _as_float(y):
    y = np.asarray(y)
    return y if np.issubdtype(y.dtype, np.floating) else y.astype(np.float64)


def _step_weights(mask, shape, dtype):
    """Weight of every step: 1 / (number of real steps) where real, 0 where padded."""
    if mask is None:
        mask = np.ones(shape, dtype=bool)
    require_shape("mask", mask, shape, f"one entry a prediction, shape {shape},")
    count = np.count_nonzero(mask)
    if count == 0:
        raise ValueError(f"mask of shape {shape} marks no step as real; the mean is undefined")
    return np.asarray(mask, dtype=bool) / dtype.type(count)


def cross_entropy_forward(y, target, mask=None):
    """Mean cross-entropy between softmax(y) and the target class (eq-cross-entropy).

    Args:
        y: (..., K) logits, typically (B, T, K) or (B, K).
        target: (...) integer class in [0, K) for each prediction; ignored where masked out.
        mask: (...) True where the step is real; None means that all are.

    Returns:
        loss: () nats per real step.
        cache: what cross_entropy_backward needs; opaque.

    Raises:
        ValueError: shapes disagree, a real target is no class, or no step is real.
        TypeError: targets are not integers.
    """
    y, target = _as_float(y), np.asarray(target)
    require_shape("target", target, y.shape[:-1], f"y {y.shape}")
    weights = _step_weights(mask, target.shape, y.dtype)  # (...)
    real = weights > 0  # (...)
    target = np.where(real, target, 0)  # (...), a padded target may be anything
    require_tokens("target", target, y.shape[-1])
    # where, not a product: a padded step may hold NaN or infinity, and 0 times these is NaN
    log_p = log_softmax(np.where(real[..., None], y, 0))  # (..., K)
    picked = np.take_along_axis(log_p, target[..., None], axis=-1)[..., 0]  # (...)
    return -(weights * picked).sum(), (log_p, target, weights)


def cross_entropy_backward(cache, dloss=1.0):
    """Gradient of the mean cross-entropy with respect to the logits: (p - onehot) / steps.

    Returns:
        dy: (..., K), exactly zero at padded steps.
    """
    log_p, target, weights = cache
    one_hot = np.arange(log_p.shape[-1]) == target[..., None]  # (..., K)
    return (np.exp(log_p) - one_hot) * weights[..., None] * float(dloss)


def squared_error_forward(y, target, mask=None):
    """Mean squared error over the real steps and all features (eq-squared-error).

    Args:
        y: (..., K) predictions. target: (..., K) the true values.
        mask: (...) True where the step is real; None means that all are.

    Returns:
        loss: () in squared units of the target. cache: for squared_error_backward; opaque.

    Raises:
        ValueError: shapes disagree or no step is real.
    """
    y, target = _as_float(y), np.asarray(target)
    require_shape("target", target, y.shape, f"y {y.shape}")
    weights = _step_weights(mask, y.shape[:-1], y.dtype)[..., None] / y.shape[-1]  # (..., 1)
    real = weights > 0  # (..., 1)
    error = np.where(real, y, 0) - np.where(real, target, 0).astype(y.dtype)  # (..., K)
    return (weights * error * error).sum(), (error, weights)


def squared_error_backward(cache, dloss=1.0):
    """Gradient of the mean squared error with respect to the predictions, (..., K)."""
    error, weights = cache
    return 2 * weights * error * float(dloss)


def bernoulli_cross_entropy_forward(y, target, mask=None):
    """Mean cross-entropy of steps whose K values are each yes or no (eq-bernoulli-cross-entropy).

    Args:
        y: (..., K) logits, each with a probability sigmoid(y) of its own.
        target: (..., K) 0 or 1, or a probability between; ignored where masked out.
        mask: (...) True where the step is real; None means that all are.

    Returns:
        loss: () nats per real step, summed over its K values.
        cache: what bernoulli_cross_entropy_backward needs; opaque.

    Raises:
        ValueError: shapes disagree, a real target is outside [0, 1], or no step is real.

    Source: Cox (1958), doi:10.1111/j.2517-6161.1958.tb00292.x; the notes of music so counted:
    Boulanger-Lewandowski, Bengio and Vincent (2012), arXiv:1206.6392.
    """
    y, target = _as_float(y), np.asarray(target)
    require_shape("target", target, y.shape, f"y {y.shape}")
    weights = _step_weights(mask, y.shape[:-1], y.dtype)[..., None]  # (..., 1)
    real = weights > 0  # (..., 1)
    y, target = np.where(real, y, 0), np.where(real, target, 0)  # (..., K)
    _require_probabilities(target)
    target = target.astype(y.dtype)  # (..., K)
    # ln(1 + exp(y)) - y target, so that no exponential overflows
    nats = np.maximum(y, 0) - y * target + np.log1p(np.exp(-np.abs(y)))  # (..., K)
    return (weights * nats).sum(), (y, target, weights)


def bernoulli_cross_entropy_backward(cache, dloss=1.0):
    """Gradient of the mean cross-entropy with respect to the logits: (p - target) / steps.

    Returns:
        dy: (..., K), exactly zero at padded steps.
    """
    y, target, weights = cache
    return (sigmoid(y) - target) * weights * float(dloss)


def _require_probabilities(target):
    outside = ~((target >= 0) & (target <= 1))  # NaN as well
    if outside.any():
        where = tuple(int(k) for k in np.argwhere(outside)[0])
        raise ValueError(f"target{list(where)} is {target[where]}; expected 0 to 1")
