"""Checks of arguments whose messages name what was wrong and where."""

import numpy as np


def require_shape(name, array, expected, because):
    """Raise ValueError unless ``array.shape`` matches ``expected`` (None matches any size).

    ``because`` says where the expectation comes from, such as "W_xh (5, 3)".
    """
    shape = np.shape(array)
    if len(shape) != len(expected) or any(
        want is not None and have != want for have, want in zip(shape, expected, strict=True)
    ):
        wanted = "(" + ", ".join("any" if size is None else str(size) for size in expected) + ")"
        raise ValueError(f"{name} has shape {shape}, but {because} needs {wanted}")


def require_tokens(name, tokens, vocabulary_size):
    """Raise unless ``tokens`` is an integer array with entries in [0, vocabulary_size)."""
    tokens = np.asarray(tokens)
    if not np.issubdtype(tokens.dtype, np.integer):
        raise TypeError(f"{name} must hold integers, got dtype {tokens.dtype}")
    outside = (tokens < 0) | (tokens >= vocabulary_size)
    if outside.any():
        where = tuple(int(k) for k in np.argwhere(outside)[0])
        raise ValueError(
            f"{name}{list(where)} is {tokens[where]}, "
            f"outside the vocabulary of {vocabulary_size} tokens (0 to {vocabulary_size - 1})"
        )


def require_truncation(truncation):
    """Raise ValueError unless ``truncation`` is None or a number of steps >= 1."""
    if truncation is not None and truncation < 1:
        raise ValueError(f"truncation is {truncation}; expected None or a number of steps >= 1")


def require_rate(name, rate):
    """Raise ValueError unless ``rate`` is a share that dropout can set to zero, in [0, 1)."""
    if not 0 <= rate < 1:
        raise ValueError(f"{name} is {rate}; expected at least 0 and less than 1")


def require_lengths(name, lengths, B, T, fewest=0):
    """Return a copy of ``lengths`` as int64; raise unless it holds B integers, fewest to T."""
    lengths = np.asarray(lengths)
    require_shape(name, lengths, (B,), f"a batch of {B} sequences")
    if lengths.size and not np.issubdtype(lengths.dtype, np.integer):
        raise TypeError(f"{name} must hold integers, got dtype {lengths.dtype}")
    for row, length in enumerate(lengths):
        if not fewest <= length <= T:
            raise ValueError(
                f"{name}[{row}] is {length}; expected {fewest} to {T}, the number of steps"
            )
    return lengths.astype(np.int64)  # unsigned integers would wrap around below 0


def require_recurrent_shapes(gates, x_name, x, leading, states, W_xh, W_hh, biases):
    """Raise ValueError unless x (*leading, D), the states and weights of ``gates`` gates fit.

    ``states`` and ``biases`` are dicts of arrays by name; None stands for one that is not given.
    """
    rows = "hidden size" if gates == 1 else f"{gates} * hidden size"
    require_shape("W_xh", W_xh, (None, None), f"({rows}, input size)")
    if W_xh.shape[0] % gates:
        raise ValueError(f"W_xh has shape {W_xh.shape}, but {gates} gates need {gates} H rows")
    H, D = W_xh.shape[0] // gates, W_xh.shape[1]
    of_gates = "" if gates == 1 else f" of {gates} gates"
    require_shape("W_hh", W_hh, (gates * H, H), f"W_xh {W_xh.shape}{of_gates}")
    for name, bias in biases.items():
        if bias is not None:
            require_shape(name, bias, (gates * H,), f"W_xh {W_xh.shape}")
    require_shape(x_name, x, (*leading, D), f"W_xh {W_xh.shape}")
    for name, state in states.items():
        if state is not None:
            because = f"{x_name} {x.shape} with W_hh {W_hh.shape}"
            require_shape(name, state, (x.shape[0], H), because)
