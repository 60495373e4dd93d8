"""Positions: what tells a Transformer, whose attention sees a set, in which order words came.

A row of its own is added to each step,

y_t = x_t + P_t                                                             (eq-positions)

and P is a table that is learnt, or a wave for each pair of features, from quick to slow:

P_{t,2k} = sin(t / 10000^(2k / D)),  P_{t,2k+1} = cos(t / 10000^(2k / D))  (eq-positions-sinusoidal)
"""

import numpy as np

from rnn_course._validate import require_shape


def _steps(start, T):
    """Numbers of T steps from ``start`` on: (T,), or (B, T) where each sequence has its own."""
    return np.asarray(start)[..., None] + np.arange(T)


def sinusoidal_positions(T, size, start=0, dtype=np.float64):
    """Rows P_t of T steps from ``start`` on (eq-positions-sinusoidal).

    From position t to t + k each pair of features turns by the same angle whatever t is, and no
    table ends.

    Args:
        T: number of steps. size: features D; of an odd number, the last wave has a sine alone.
        start: first step, () or (B,) where each sequence has its own.

    Returns:
        (T, D), or (B, T, D) for starts (B,); entries in [-1, 1].

    Source: Vaswani et al. (2017), arXiv:1706.03762.
    """
    wavelength = 10000.0 ** (np.arange(0, size, 2) / size)  # (D / 2,), in steps over 2 pi
    angle = _steps(start, T)[..., None] / wavelength  # (..., T, D / 2)
    P = np.empty((*angle.shape[:-1], size))  # (..., T, D)
    P[..., 0::2] = np.sin(angle)
    P[..., 1::2] = np.cos(angle[..., : size // 2])
    return P.astype(dtype)


def init_positions(max_length, size, rng, dtype=np.float64):
    """Parameters {"P": (max_length, size)}, standard normal as an embedding's rows."""
    return {"P": rng.standard_normal((max_length, size)).astype(dtype)}


def positions_forward(x, P, start=0):
    """Add to each step the learnt row of its position (eq-positions).

    Args:
        x: (B, T, D) inputs. P: (M, D) one row a position.
        start: position of the first step, () or (B,) where each sequence has its own.

    Returns:
        y: (B, T, D). cache: what positions_backward needs; opaque.

    Raises:
        ValueError: a step lies beyond the table, or a size disagrees.
    """
    require_shape("P", P, (None, None), "(positions, features)")
    require_shape("x", x, (None, None, P.shape[1]), f"P {P.shape}")
    if np.ndim(start):
        require_shape("start", start, (len(x),), f"x {x.shape}")
    T = x.shape[1]
    first = int(np.max(start, initial=0))
    if first + T > len(P):
        raise ValueError(
            f"x has shape {x.shape} and starts at position {first}, but P {P.shape} ends at "
            f"position {len(P) - 1}: no position beyond the table was learnt"
        )
    steps = _steps(start, T)  # (T,) or (B, T)
    return x + P[steps], (x.shape, steps, P.shape)


def positions_backward(dy, cache):
    """Gradients of positions_forward.

    Args:
        dy: (B, T, D) gradient of the loss with respect to y.

    Returns:
        dx: (B, T, D), dy itself. grads: {"P": (M, D)}, zero at positions that no step had.

    Raises:
        ValueError: dy does not have the shape of y.
    """
    shape, steps, table_shape = cache
    require_shape("dy", dy, shape, f"x {shape}")
    dP = np.zeros(table_shape, dtype=dy.dtype)  # (M, D)
    np.add.at(dP, np.broadcast_to(steps, shape[:2]), dy)
    return dy, {"P": dP}
