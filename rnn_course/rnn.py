"""The vanilla (Elman) recurrent network: one step, a whole sequence, and its gradient.

h_t = tanh(W_hh h_{t-1} + W_xh x_t + b_h)                                   (eq-rnn-hidden)

Gradients run backward through time. With dh_t the gradient of the loss with respect to h_t,
collected from step t's own output and from step t + 1,

da_t = dh_t * (1 - h_t²)                                              (eq-bptt-preactivation)
dh_{t-1} = W_hh^T da_t + (what step t - 1's own output adds)                 (eq-bptt-hidden)
dW_hh = sum_t da_t h_{t-1}^T,  dW_xh = sum_t da_t x_t^T,  db_h = sum_t da_t (eq-bptt-weights)
"""

import numpy as np

from rnn_course._validate import require_shape, require_truncation
from rnn_course.activations import nonlinearity_pair
from rnn_course.initialisation import uniform_parameters


def init_rnn(input_size, hidden_size, rng, dtype=np.float64):
    """Parameters {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}.

    Drawn uniformly from ±1/sqrt(hidden_size), as torch.nn.RNN does.
    """
    H, D = hidden_size, input_size
    return uniform_parameters({"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}, H, rng, dtype)


def _require_rnn_shapes(x_name, x, leading, h_name, h, W_xh, W_hh, b_h):
    require_shape("W_xh", W_xh, (None, None), "(hidden size, input size)")
    H, D = W_xh.shape
    require_shape("W_hh", W_hh, (H, H), f"W_xh {W_xh.shape}")
    require_shape("b_h", b_h, (H,), f"W_xh {W_xh.shape}")
    require_shape(x_name, x, (*leading, D), f"W_xh {W_xh.shape}")
    because = f"{x_name} {x.shape} with W_hh {W_hh.shape}"
    require_shape(h_name, h, (x.shape[0], H), because)


def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h, nonlinearity="tanh"):
    """Advance a vanilla RNN by one time step.

    Computes h_t = tanh(W_hh h_prev + W_xh x_t + b_h) (eq-rnn-hidden), one row per sequence.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1; zeros at the first step.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) parameters.
        nonlinearity: "tanh" or "relu".

    Returns:
        h_t: (B, H) hidden state, entries in (-1, 1) for tanh.
        cache: what rnn_step_backward needs; opaque.

    Raises:
        ValueError: a feature size disagrees with the weights; the message names both arrays and
            shapes.

    Source: Elman (1990), doi:10.1207/s15516709cog1402_1; bias added.
    """
    _require_rnn_shapes("x_t", x_t, (None,), "h_prev", h_prev, W_xh, W_hh, b_h)
    activation, _ = nonlinearity_pair(nonlinearity)
    a_t = h_prev @ W_hh.T + x_t @ W_xh.T + b_h  # (B, H)
    h_t = activation(a_t)  # (B, H)
    return h_t, (x_t, h_prev, h_t, W_xh, W_hh, nonlinearity)


def rnn_step_backward(dh_t, cache):
    """Gradients of one step, given all of the gradient that reaches h_t.

    Args:
        dh_t: (B, H) gradient of the loss with respect to h_t.
        cache: from rnn_step_forward.

    Returns:
        dx_t: (B, D). dh_prev: (B, H).
        grads: {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}, summed over the batch.

    Raises:
        ValueError: dh_t does not have the shape of h_t.
    """
    x_t, h_prev, h_t, W_xh, W_hh, nonlinearity = cache
    require_shape("dh_t", dh_t, h_t.shape, f"h_t {h_t.shape}")
    _, activation_backward = nonlinearity_pair(nonlinearity)
    da_t = activation_backward(dh_t, h_t)  # (B, H)
    grads = {"W_xh": da_t.T @ x_t, "W_hh": da_t.T @ h_prev, "b_h": da_t.sum(axis=0)}
    return da_t @ W_xh, da_t @ W_hh, grads


def rnn_forward(x, h_0, W_xh, W_hh, b_h, nonlinearity="tanh"):
    """Run a vanilla RNN over whole sequences (eq-rnn-hidden at each step).

    Right-padded batches need no special care here: a state depends on earlier steps only, so
    padding cannot change a real one. Mask the loss, or take last_step_forward.

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step, or None for zeros.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) parameters.
        nonlinearity: "tanh" or "relu".

    Returns:
        h: (B, T, H) the state after each step.
        cache: what rnn_backward needs; opaque.

    Raises:
        ValueError: a feature size disagrees with the weights.

    Source: Elman (1990), doi:10.1207/s15516709cog1402_1; bias added.
    """
    if h_0 is None:
        h_0 = np.zeros((len(x), W_hh.shape[0]), dtype=np.result_type(x, W_hh))  # (B, H)
    _require_rnn_shapes("x", x, (None, None), "h_0", h_0, W_xh, W_hh, b_h)
    activation, _ = nonlinearity_pair(nonlinearity)
    a_from_x = x @ W_xh.T + b_h  # (B, T, H), all steps in one product: none depends on h
    h = np.empty_like(a_from_x)  # (B, T, H)
    h_prev = h_0  # (B, H)
    for t in range(x.shape[1]):
        h_prev = h[:, t] = activation(h_prev @ W_hh.T + a_from_x[:, t])  # (B, H)
    return h, (x, h_0, h, W_xh, W_hh, nonlinearity)


def rnn_backward(dh, cache, truncation=None):
    """Backpropagation through time (eq-bptt-preactivation to eq-bptt-weights).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here.
        cache: from rnn_forward.
        truncation: None for the full gradient, or k >= 1: the sequence is cut into pieces of k
            steps (0 to k - 1, k to 2k - 1, ...), the state still flows from piece to piece, and
            no gradient flows back over a cut.

    Returns:
        dx: (B, T, D).
        dh_0: (B, H); with truncation, what the first piece gives.
        grads: {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}, summed over batch and steps.

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.

    Source: Werbos (1990), doi:10.1109/5.58337; truncation: Williams and Peng (1990),
        doi:10.1162/neco.1990.2.4.490.
    """
    x, h_0, h, W_xh, W_hh, nonlinearity = cache
    require_shape("dh", dh, h.shape, f"h {h.shape}")
    require_truncation(truncation)
    _, activation_backward = nonlinearity_pair(nonlinearity)
    da = np.empty_like(h)  # (B, T, H)
    dh_next = np.zeros_like(h_0)  # (B, H), what step t + 1 sends back
    for t in reversed(range(h.shape[1])):
        if truncation is not None and (t + 1) % truncation == 0:
            dh_next = np.zeros_like(h_0)  # (B, H), a cut lies between t and t + 1
        da[:, t] = activation_backward(dh[:, t] + dh_next, h[:, t])  # (B, H)
        dh_next = da[:, t] @ W_hh  # (B, H)
    h_prev = np.concatenate([h_0[:, None], h[:, :-1]], axis=1)  # (B, T, H), the state before t
    H = W_hh.shape[0]
    da_rows = da.reshape(-1, H)  # (B T, H)
    grads = {
        "W_xh": da_rows.T @ x.reshape(-1, x.shape[2]),
        "W_hh": da_rows.T @ h_prev.reshape(-1, H),
        "b_h": da_rows.sum(axis=0),
    }
    return da @ W_xh, dh_next, grads
