"""Layer normalisation: each vector is brought to mean 0 and variance 1 over its own features.

mean = (1 / D) sum_k x_k,  variance = (1 / D) sum_k (x_k - mean)²
x_hat = (x - mean) / sqrt(variance + epsilon)
y = gamma * x_hat + beta                                                     (eq-layer-norm)

Mean and variance depend on every x_k, so a gradient reaches x_k by three ways. With
dx_hat = dy * gamma,

dx = (dx_hat - mean of dx_hat - x_hat * mean of (dx_hat * x_hat)) / sqrt(variance + epsilon)
                                                                       (eq-layer-norm-backward)
dgamma = sum dy * x_hat,  dbeta = sum dy, over all vectors              (eq-layer-norm-weights)
"""

import numpy as np

from rnn_course._validate import require_shape


def init_layer_norm(size, dtype=np.float64):
    """Parameters {"gamma": (size,) ones, "beta": (size,) zeros}: at first y = x_hat."""
    return {"gamma": np.ones(size, dtype), "beta": np.zeros(size, dtype)}


def _mean_product(a, b):
    """Mean of the products a b over the last axis, which stays with size 1."""
    return np.vecdot(a, b)[..., None] / a.dtype.type(a.shape[-1])


def layer_norm_forward(x, gamma, beta, epsilon=1e-5):
    """Normalise the last axis, then scale and shift each feature (eq-layer-norm).

    Args:
        x: (..., D) input. gamma: (D,) scale, beta: (D,) shift.
        epsilon: keeps the root of a constant vector's variance away from zero.

    Returns:
        y: (..., D). cache: what layer_norm_backward needs; opaque.

    Raises:
        ValueError: a size disagrees; the message names both arrays and shapes.

    Source: Ba, Kiros and Hinton (2016), arXiv:1607.06450.
    """
    require_shape("gamma", gamma, (None,), "layer normalisation")
    require_shape("x", x, (*np.shape(x)[:-1], *gamma.shape), f"gamma {gamma.shape}")
    require_shape("beta", beta, gamma.shape, f"gamma {gamma.shape}")
    x_hat = x - x.mean(axis=-1, keepdims=True)  # (..., D)
    scale = 1 / np.sqrt(_mean_product(x_hat, x_hat) + x_hat.dtype.type(epsilon))  # (..., 1)
    x_hat *= scale  # in place, as below: a further large array would cost more than the product
    y = x_hat * gamma  # (..., D)
    y += beta
    return y, (x_hat, scale, gamma)


def layer_norm_backward(dy, cache):
    """Gradients of layer_norm_forward (eq-layer-norm-backward, eq-layer-norm-weights).

    Args:
        dy: (..., D) gradient of the loss with respect to y.

    Returns:
        dx: (..., D). grads: {"gamma": (D,), "beta": (D,)}, summed over all leading axes.

    Raises:
        ValueError: dy does not have the shape of y.
    """
    x_hat, scale, gamma = cache
    require_shape("dy", dy, x_hat.shape, f"x {x_hat.shape}")
    dx = dy * gamma  # (..., D), dx_hat at first
    along_x_hat = _mean_product(dx, x_hat)  # (..., 1)
    dx -= dx.mean(axis=-1, keepdims=True)
    dx -= x_hat * along_x_hat
    dx *= scale
    D = len(gamma)
    dy_rows, x_hat_rows = dy.reshape(-1, D), x_hat.reshape(-1, D)  # (N, D) each
    grads = {"gamma": np.einsum("nd,nd->d", dy_rows, x_hat_rows), "beta": dy_rows.sum(axis=0)}
    return dx, grads
