"""Starting values of parameters."""

import numpy as np


def uniform_parameters(shapes, size, rng, dtype):
    """Draw parameters uniformly from ±1/sqrt(size), as torch does for its layers.

    Args:
        shapes: dict from name to shape; drawn in this order. size: inputs of a linear layer, or
            hidden units of a recurrent one. rng: np.random.Generator.

    Returns:
        dict of arrays of these shapes and this dtype.
    """
    bound = 1 / np.sqrt(size)
    return {name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()}


def orthogonal(shape, rng, gain=1.0, dtype=np.float64):
    """A random matrix that keeps lengths, times ``gain``; every such matrix is equally likely.

    Square, it has all singular values at ``gain`` and all eigenvalues at that distance from 0.
    Else the shorter side's rows or columns are orthogonal and of length ``gain``. Several gates'
    matrices are drawn one by one and stacked: np.concatenate([orthogonal((H, H), rng), ...]).

    Args:
        shape: (rows, columns). rng: np.random.Generator.

    Returns:
        an array of this shape and dtype.

    Raises:
        ValueError: the shape is not that of a matrix.

    Source: Saxe, McClelland and Ganguli (2014), arXiv:1312.6120; the signs: Mezzadri (2007),
        arXiv:math-ph/0609050.
    """
    if len(shape) != 2:
        raise ValueError(f"shape is {tuple(shape)}; expected (rows, columns)")
    tall = rng.standard_normal((max(shape), min(shape)))  # (longer, shorter)
    Q, R = np.linalg.qr(tall)  # Q as tall
    Q = Q * np.sign(np.diag(R))  # as tall; QR alone prefers some signs, so it is not uniform
    return (gain * (Q if shape[0] >= shape[1] else Q.T)).astype(dtype)
