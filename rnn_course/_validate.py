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
