"""Elementwise nonlinearities and the softmax, each with its backward pass.

A backward function takes the gradient of the loss with respect to the output and the output
itself, since each derivative here is simplest in terms of the output.
"""

import numpy as np


def tanh(a):
    """Hyperbolic tangent of an array of any shape; entries in (-1, 1)."""
    return np.tanh(a)


def tanh_backward(dh, h):
    """Gradient with respect to ``a`` where h = tanh(a): dh (1 - h²). Shapes equal."""
    return dh * (1 - h * h)


def relu(a):
    """max(a, 0) of an array of any shape."""
    return np.maximum(a, 0)


def relu_backward(dh, h):
    """Gradient with respect to ``a`` where h = relu(a); zero where the unit is off."""
    return dh * (h > 0)


def sigmoid(a):
    """Logistic function 1 / (1 + exp(-a)), any shape, entries in [0, 1].

    Written with tanh, which cannot overflow: sigmoid(a) = (1 + tanh(a / 2)) / 2.
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


def sigmoid_backward(dh, h):
    """Gradient with respect to ``a`` where h = sigmoid(a): dh h (1 - h). Shapes equal."""
    return dh * h * (1 - h)


def log_softmax(y):
    """Logarithm of the softmax over the last axis, in nats; finite for any finite logits.

    Args:
        y: (..., K) logits.

    Returns:
        (..., K) log-probabilities, whose exponentials sum to 1 along the last axis.
    """
    shifted = y - y.max(axis=-1, keepdims=True)  # (..., K), the largest is 0: exp cannot overflow
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(y):
    """Probabilities p_k = exp(y_k) / sum_j exp(y_j) over the last axis of logits ``y`` (..., K)."""
    return np.exp(log_softmax(y))


def softmax_backward(dp, p):
    """Gradient with respect to the logits where p = softmax(y): p (dp - sum_j dp_j p_j)."""
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


NONLINEARITIES = {
    "tanh": (tanh, tanh_backward),
    "relu": (relu, relu_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
}


def nonlinearity_pair(name):
    """The forward and backward function of a recurrent nonlinearity: "tanh", "relu" or "sigmoid".

    Raises:
        ValueError: another name.
    """
    try:
        return NONLINEARITIES[name]
    except KeyError:
        known = ", ".join(sorted(NONLINEARITIES))
        raise ValueError(f"nonlinearity is {name!r}; expected one of {known}") from None
