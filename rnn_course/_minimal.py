"""What minGRU and minLSTM share: gates from the input alone, candidates, padding, shapes."""

import numpy as np

from rnn_course._validate import require_lengths, require_shape
from rnn_course.activations import sigmoid, sigmoid_backward
from rnn_course.initialisation import uniform_parameters


def init_input_weights(blocks, input_size, hidden_size, rng, bias, dtype):
    """Parameters {"W_xh": (G H, D), "b_h": (G H,)} of G row blocks, or "W_xh" alone."""
    shapes = {"W_xh": (blocks * hidden_size, input_size)}
    if bias:
        shapes["b_h"] = (blocks * hidden_size,)
    return uniform_parameters(shapes, input_size, rng, dtype)


def require_minimal_shapes(blocks, x_name, x, leading, states, W_xh, b_h):
    """Raise ValueError unless x (*leading, D), the states and G stacked row blocks fit together.

    ``states`` is a dict of arrays by name.
    """
    require_shape("W_xh", W_xh, (None, None), f"({blocks} * hidden size, input size)")
    if W_xh.shape[0] % blocks:
        raise ValueError(f"W_xh has shape {W_xh.shape}, but {blocks} blocks need {blocks} H rows")
    if b_h is not None:
        require_shape("b_h", b_h, W_xh.shape[:1], f"W_xh {W_xh.shape}")
    require_shape(x_name, x, (*leading, W_xh.shape[1]), f"W_xh {W_xh.shape}")
    for name, state in states.items():
        because = f"{x_name} {x.shape} with W_xh {W_xh.shape}"
        require_shape(name, state, (x.shape[0], W_xh.shape[0] // blocks), because)


def real_steps(lengths, x):
    """True (B, T, 1) at each sequence's first ``lengths`` steps; None where lengths is None."""
    if lengths is None:
        return None
    B, T = x.shape[:2]
    lengths = require_lengths("lengths", lengths, B, T)
    return (np.arange(T) < lengths[:, None])[..., None]


def only_real(array, real):
    """The array (B, T, N) with zeros at padded steps, even where it holds NaN there."""
    return array if real is None else np.where(real, array, 0)


def pre_activations(x, W_xh, b_h, blocks):
    """a (G, ..., H) = W_xh x + b_h of x (..., D): no state is in it, so all steps at once."""
    W = W_xh.reshape(blocks, -1, W_xh.shape[1])  # (G, H, D)
    a = x.reshape(-1, x.shape[-1]) @ W.swapaxes(1, 2)  # (G, R, H), R rows of all steps
    if b_h is not None:
        a = a + b_h.reshape(blocks, 1, -1)
    return a.reshape(blocks, *x.shape[:-1], W.shape[1])


def input_and_parameter_gradients(da, x, W_xh, b_h):
    """dx (..., D) and grads, keyed like the parameters, for da (G, ..., H) and x (..., D)."""
    W = W_xh.reshape(len(da), -1, W_xh.shape[1])  # (G, H, D)
    da_rows = da.reshape(len(W), -1, W.shape[1])  # (G, R, H)
    grads = {"W_xh": (da_rows.swapaxes(1, 2) @ x.reshape(-1, x.shape[-1])).reshape(W_xh.shape)}
    if b_h is not None:
        grads["b_h"] = da_rows.sum(axis=1).ravel()
    return (da_rows @ W).sum(axis=0).reshape(x.shape), grads


def candidate_forward(a, candidate):
    """What a step would write: a itself, or a positive function of it (eq-mingru-positive)."""
    if candidate not in ("linear", "positive"):
        raise ValueError(f"candidate is {candidate!r}; expected 'linear' or 'positive'")
    return a if candidate == "linear" else np.where(a >= 0, a + 0.5, sigmoid(a))


def candidate_backward(dn, n, candidate):
    """Gradient with respect to a, in terms of the candidate n: n >= 0.5 where a >= 0."""
    return dn if candidate == "linear" else np.where(n >= 0.5, dn, sigmoid_backward(dn, n))
