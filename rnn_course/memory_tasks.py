"""Two generated tasks that ask for a long memory, each with the loss of a model that has none.

Adding: a value and a mark at each step; two steps are marked, and the answer is the sum of their
values. Copying: some symbols, a long blank, and a signal to write the symbols down.
"""

import numpy as np

ADDING_BASELINE = 1 / 6  # squared error of always answering 1: twice the variance of a value


def adding_problem(num_sequences, T, rng, dtype=np.float64):
    """Values of which two are marked, one in either half; the target is their sum.

    Always answering 1, the mean of the sums, has the squared error ADDING_BASELINE.

    Args:
        num_sequences: B. T: steps, at least 2. rng: np.random.Generator. dtype: of both arrays.

    Returns:
        x: (B, T, 2): values, uniform on [0, 1), and marks, 1 at one step of 0 ... T // 2 - 1 and
            at one of T // 2 ... T - 1, else 0. target: (B, 1).

    Raises:
        ValueError: T is below 2.

    Source: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735, section 5.4; with
        values and marks as in Le, Jaitly and Hinton (2015), arXiv:1504.00941.
    """
    if T < 2:
        raise ValueError(f"T is {T}; expected at least 2, one step for each marked value")
    x = np.zeros((num_sequences, T, 2), dtype=dtype)  # (B, T, 2)
    x[:, :, 0] = rng.random((num_sequences, T))
    rows = np.arange(num_sequences)  # (B,)
    first = rng.integers(T // 2, size=num_sequences)  # (B,)
    second = rng.integers(T // 2, T, size=num_sequences)  # (B,)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, (x[rows, first, 0] + x[rows, second, 0])[:, None]


def copy_task(num_sequences, delay, rng, num_symbols=8, length=10):
    """Symbols to be written down after a delay.

    The input is ``length`` symbols, ``delay`` blanks, of which the last is a signal to write, and
    ``length`` blanks. The target is blank up to the signal, and then the symbols.

    Args:
        num_sequences: B. delay: at least 1. rng: np.random.Generator.
        num_symbols: of which each symbol is one, equally likely. length: how many to keep.

    Returns:
        tokens, targets: (B, delay + 2 length) integers: symbols 0 ... num_symbols - 1, the blank
            num_symbols, and, in tokens alone, the signal num_symbols + 1.

    Raises:
        ValueError: delay is below 1.

    Source: Arjovsky, Shah and Bengio (2016), arXiv:1511.06464, section 5.1, after Hochreiter and
        Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735.
    """
    if delay < 1:
        raise ValueError(f"delay is {delay}; expected at least 1, for the signal")
    symbols = rng.integers(num_symbols, size=(num_sequences, length))  # (B, length)
    tokens = np.full((num_sequences, delay + 2 * length), num_symbols)  # (B, T)
    targets = tokens.copy()  # (B, T)
    tokens[:, :length] = targets[:, length + delay :] = symbols
    tokens[:, length + delay - 1] = num_symbols + 1
    return tokens, targets


def copy_baseline(delay, num_symbols=8, length=10):
    """Cross-entropy, in nats a step, of the best answer without memory to copy_task.

    It is certain of the blanks, whose place it knows, and gives all symbols the same probability.
    """
    return length * np.log(num_symbols) / (delay + 2 * length)
