"""Layers without memory: linear, embedding, dropout; one state for a whole sequence; reversal."""

import numpy as np

from rnn_course._validate import require_lengths, require_rate, require_shape, require_tokens
from rnn_course.initialisation import uniform_parameters


def init_linear(input_size, output_size, rng, dtype=np.float64):
    """Parameters {"W": (output_size, input_size), "b": (output_size,)}.

    Drawn uniformly from ±1/sqrt(input_size), as torch.nn.Linear does.
    """
    shapes = {"W": (output_size, input_size), "b": (output_size,)}
    return uniform_parameters(shapes, input_size, rng, dtype)


def linear_forward(x, W, b):
    """Affine map y = W x + b of the last axis (eq-linear).

    Args:
        x: (..., D) input. W: (K, D), b: (K,) parameters.

    Returns:
        y: (..., K). cache: what linear_backward needs; opaque.

    Raises:
        ValueError: a size disagrees; the message names both arrays and shapes.
    """
    require_shape("x", x, (*np.shape(x)[:-1], W.shape[1]), f"W {W.shape}")
    require_shape("b", b, (W.shape[0],), f"W {W.shape}")
    x_rows = x.reshape(-1, W.shape[1])  # (N, D), one product instead of one a sequence
    y = x_rows @ W.T + b  # (N, K)
    return y.reshape(*x.shape[:-1], len(W)), (x, W)


def linear_backward(dy, cache):
    """Gradients of linear_forward.

    Args:
        dy: (..., K) gradient of the loss with respect to y.

    Returns:
        dx: (..., D). grads: {"W": (K, D), "b": (K,)}, summed over all leading axes.

    Raises:
        ValueError: dy does not have the shape of y.
    """
    x, W = cache
    require_shape("dy", dy, (*x.shape[:-1], W.shape[0]), f"x {x.shape} with W {W.shape}")
    dy_rows = dy.reshape(-1, W.shape[0])  # (N, K)
    x_rows = x.reshape(-1, W.shape[1])  # (N, D)
    dx = (dy_rows @ W).reshape(x.shape)
    return dx, {"W": dy_rows.T @ x_rows, "b": dy_rows.sum(axis=0)}


def init_embedding(vocabulary_size, embedding_size, rng, dtype=np.float64):
    """Parameters {"E": (vocabulary_size, embedding_size)}, standard normal as torch draws them."""
    return {"E": rng.standard_normal((vocabulary_size, embedding_size)).astype(dtype)}


def embedding_forward(tokens, E):
    """Look up one row of E for each token.

    Args:
        tokens: (...) integers in [0, V). E: (V, D) one row a vocabulary entry.

    Returns:
        x: (..., D), a copy. cache: what embedding_backward needs; opaque.

    Raises:
        TypeError: tokens are not integers. ValueError: a token outside the vocabulary.
    """
    tokens = np.asarray(tokens)
    require_tokens("tokens", tokens, E.shape[0])
    return np.take(E, tokens, axis=0), (tokens, E.shape)


def embedding_backward(dx, cache):
    """Gradient {"E": (V, D)}: each row the sum of dx (..., D) over its token's places.

    Raises:
        ValueError: dx does not have the shape of x.
    """
    tokens, shape = cache
    because = f"tokens {tokens.shape} with E {shape}"
    require_shape("dx", dx, (*tokens.shape, shape[1]), because)
    dE = np.zeros(shape, dtype=dx.dtype)  # (V, D)
    np.add.at(dE, tokens.reshape(-1), dx.reshape(-1, shape[1]))
    return {"E": dE}


def dropout_forward(x, rate, rng):
    """Set each entry to zero with probability ``rate`` and divide the rest by 1 - rate.

    The division keeps the expected value, so nothing changes where dropout is off.

    Args:
        x: any shape. rate: in [0, 1). rng: np.random.Generator, or None for no dropout.

    Returns:
        y: like x; x itself where rate is 0 or rng is None. cache: for dropout_backward; opaque.

    Raises:
        ValueError: rate lies outside [0, 1).

    Source: Srivastava et al. (2014), Journal of Machine Learning Research 15, 1929-1958.
    """
    require_rate("rate", rate)
    if rate == 0 or rng is None:
        return x, None
    scale = (rng.random(x.shape) >= rate) / x.dtype.type(1 - rate)  # like x, 0 or 1 / (1 - rate)
    return x * scale, scale


def dropout_backward(dy, cache):
    """Gradient of dropout_forward, shaped like x: dy where the entry was kept, divided alike.

    Raises:
        ValueError: dy does not have the shape of x.
    """
    if cache is None:
        return dy
    require_shape("dy", dy, cache.shape, f"x {cache.shape}")
    return dy * cache


def _require_nonempty(h, lengths, function):
    require_shape("h", h, (None, None, None), function)
    return require_lengths("lengths", lengths, *h.shape[:2], fewest=1)


def last_step_forward(h, lengths):
    """Pick the state at each sequence's own last real step, not at the padded end.

    Args:
        h: (B, T, H) states. lengths: (B,) number of real steps, 1 to T.

    Returns:
        h_last: (B, H), row j equal to h[j, lengths[j] - 1]. cache: opaque.

    Raises:
        ValueError: a length below 1 or above T, or not one length a sequence.
        TypeError: lengths are not integers.
    """
    lengths = _require_nonempty(h, lengths, "last_step_forward")
    return h[np.arange(len(lengths)), lengths - 1], (h.shape, lengths)


def last_step_backward(dh_last, cache):
    """Gradient (B, T, H) of last_step_forward: zero but at each sequence's last real step.

    Raises:
        ValueError: dh_last is not (B, H).
    """
    shape, lengths = cache
    require_shape("dh_last", dh_last, (shape[0], shape[2]), f"h {shape}")
    dh = np.zeros(shape, dtype=dh_last.dtype)  # (B, T, H)
    dh[np.arange(len(lengths)), lengths - 1] = dh_last
    return dh


def mean_step_forward(h, lengths):
    """Mean of each sequence's real states.

    Args:
        h: (B, T, H) states. lengths: (B,) number of real steps, 1 to T.

    Returns:
        h_mean: (B, H). cache: opaque.

    Raises:
        ValueError: a length below 1 or above T, or not one length a sequence.
        TypeError: lengths are not integers.
    """
    lengths = _require_nonempty(h, lengths, "mean_step_forward")
    real = np.arange(h.shape[1]) < lengths[:, None]  # (B, T)
    weights = (real / lengths[:, None]).astype(np.result_type(h, np.float32))  # (B, T)
    h_mean = np.einsum("bt,bth->bh", weights, np.where(real[..., None], h, 0))  # (B, H)
    return h_mean, (h.shape, weights)


def mean_step_backward(dh_mean, cache):
    """Gradient (B, T, H) of mean_step_forward: the same share at each real step.

    Raises:
        ValueError: dh_mean is not (B, H).
    """
    shape, weights = cache
    require_shape("dh_mean", dh_mean, (shape[0], shape[2]), f"h {shape}")
    return weights[..., None] * dh_mean[:, None]


def reverse_padded(x, lengths=None):
    """Turn the real steps of each sequence round and leave its padding where it is.

    Twice gives x again, and so the gradient is reversed alike.

    Args:
        x: (B, T, ...). lengths: (B,) real steps, 0 to T, or None for T each.

    Returns:
        an array like x: row j holds x[j, lengths[j] - 1], ..., x[j, 0], and then its padding.
    """
    if lengths is None:
        return x[:, ::-1]
    B, T = x.shape[:2]
    steps, lengths = np.arange(T), require_lengths("lengths", lengths, B, T)[:, None]
    source = np.where(steps < lengths, lengths - 1 - steps, steps)  # (B, T)
    return x[np.arange(B)[:, None], source]
