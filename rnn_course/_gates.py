"""What gated layers share: weights seen gate by gate, and the checks of their shapes.

A layer with G gates stores its weights stacked, (G H, N), as the equations and torch do. Products
are taken gate by gate, so that each gate of all sequences is one contiguous block.
"""

from rnn_course._validate import require_shape


def per_gate(W, gates):
    """View (G, N, H) of stacked weights (G H, N): ``rows @ per_gate(W, G)`` is (G, rows, H)."""
    return W.reshape(gates, -1, W.shape[1]).swapaxes(1, 2)


def weight_gradient(da, rows):
    """Gradient (G H, N) of stacked weights applied to rows (R, N), for da (G, R, H)."""
    return (da.swapaxes(1, 2) @ rows).reshape(-1, rows.shape[1])


def require_gated_shapes(gates, x_name, x, leading, states, W_xh, W_hh, biases):
    """Raise ValueError unless x (*leading, D), the states and G stacked gates fit together.

    ``states`` and ``biases`` are dicts of arrays by name.
    """
    require_shape("W_xh", W_xh, (None, None), f"({gates} * hidden size, input size)")
    if W_xh.shape[0] % gates:
        raise ValueError(f"W_xh has shape {W_xh.shape}, but {gates} gates need {gates} H rows")
    H, D = W_xh.shape[0] // gates, W_xh.shape[1]
    require_shape("W_hh", W_hh, (gates * H, H), f"W_xh {W_xh.shape} of {gates} gates")
    for name, bias in biases.items():
        require_shape(name, bias, (gates * H,), f"W_xh {W_xh.shape}")
    require_shape(x_name, x, (*leading, D), f"W_xh {W_xh.shape}")
    for name, state in states.items():
        because = f"{x_name} {x.shape} with W_hh {W_hh.shape}"
        require_shape(name, state, (x.shape[0], H), because)
