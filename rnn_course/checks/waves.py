"""Check of sinusoidal positions."""

import numpy as np

from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.positions import sinusoidal_positions

BASE = 10000.0


def _waves(rate=None, odd=np.cos, even=np.sin, first=0):
    """Rows of positions, where the speed of pair k of E / 2, or the waves, may be wrong."""
    rate = rate or (lambda k, E: BASE ** (-2 * k / E))

    def table(T, E):
        angle = (first + np.arange(T))[:, None] * rate(np.arange(E // 2), E)  # (T, E / 2)
        P = np.empty((T, E))  # (T, E)
        P[:, 0::2], P[:, 1::2] = even(angle), odd(angle)
        return P

    return table


def _side_by_side(T, E):
    P = _waves()(T, E)
    return np.concatenate([P[:, 0::2], P[:, 1::2]], axis=1)


def _column_by_column(T, E):
    angle = np.arange(T)[:, None] * BASE ** (-np.arange(E) / E)
    return np.where(np.arange(E) % 2, np.cos(angle), np.sin(angle))


def _doubled_column(T, E):
    angle = np.arange(T)[:, None] * BASE ** (-2 * np.arange(E) / E)
    return np.where(np.arange(E) % 2, np.cos(angle), np.sin(angle))


def _next_pair(T, E):
    next_waves = _waves(lambda k, E: BASE ** (-2 * (k + 1) / E))
    return np.where(np.arange(E) % 2, next_waves(T, E), _waves()(T, E))


def _row_by_row(T, E):
    sines, cosines = _waves(odd=np.sin)(T, E), _waves(even=np.cos)(T, E)
    return np.where(np.arange(T)[:, None] % 2, cosines, sines)


SUSPECTS = {
    "sine and cosine are exchanged: the even columns hold the sine.": _waves(None, np.sin, np.cos),
    "all sines stand first and then all cosines; here they alternate.": _side_by_side,
    "each column has a wave of its own; the two columns of a pair share one.": _column_by_column,
    "the column stands where the number of its pair belongs: column 2k and column 2k + 1 both have "
    "10000^(2k / E).": _doubled_column,
    "the 2 is missing: the exponent is 2k / E, with k the number of the pair.": _waves(
        lambda k, E: BASE ** (-k / E)
    ),
    "the waves get quicker from pair to pair: t is divided by 10000^(2k / E).": _waves(
        lambda k, E: BASE ** (2 * k / E)
    ),
    "the positions start at 1; the first step is t = 0.": _waves(first=1),
    "the positions start at -1; the first step is t = 0.": _waves(first=-1),
    "all columns hold sines; every second one is a cosine.": _waves(odd=np.sin),
    "all columns hold cosines; every second one is a sine.": _waves(even=np.cos),
    "a factor of 2 pi was added; the formula has none.": _waves(
        lambda k, E: 2 * np.pi * BASE ** (-2 * k / E)
    ),
    "all pairs have the same wavelength: was the exponent rounded down to 0, by // or by "
    "integers?": _waves(lambda k, E: BASE ** (0 * k)),
    "the wavelength grows linearly: t / (10000 * 2k / E) stands where a power belongs.": _waves(
        lambda k, E: 1 / (BASE * np.maximum(2 * k, 1e-300) / E)
    ),
    "10000**2*k/E means (10000**2) * k / E; the exponent needs brackets.": _waves(
        lambda k, E: k / E / BASE**2
    ),
    "the pairs are counted from 1; the first is k = 0.": _waves(
        lambda k, E: BASE ** (-2 * (k + 1) / E)
    ),
    "the cosine has the wavelength of the next pair; both waves of a pair have the "
    "same.": _next_pair,
    "sines and cosines take turns from step to step; they do from column to column.": _row_by_row,
    "the angles are taken for degrees and made radians; t counts radians as it is.": _waves(
        lambda k, E: np.pi / 180 * BASE ** (-2 * k / E)
    ),
    "1000 stands where 10000 belongs.": _waves(lambda k, E: 1000.0 ** (-2 * k / E)),
    "the exponent is divided by E - 2; it is 2k / E.": _waves(
        lambda k, E: BASE ** (-2 * k / max(E - 2, 1))
    ),
    "these are the angles; their sines and cosines are asked for.": _waves(None, np.copy, np.copy),
    "the table is transposed: a row for each position.": lambda T, E: _waves()(T, E).T,
}


def _rounding(T, E):
    return np.broadcast_to(16.0 + 24.0 * np.arange(T)[:, None], (T, E))  # the angle's own rounding


def _task(seed):
    rng = np.random.default_rng(seed)
    E, T = 2 * int(rng.integers(3, 8)), int(rng.integers(3, 6))
    return Task(
        name="sinusoidal_positions",
        outputs=("P",),
        reference=lambda T, E: sinusoidal_positions(T, E),
        aspects=(
            Aspect("the even columns, sines", 2, ({"T": T, "E": E},),
                   where=lambda given: np.arange(given["E"]) % 2 == 0),
            Aspect("the odd columns, cosines", 2, ({"T": T, "E": E},),
                   where=lambda given: np.arange(given["E"]) % 2 == 1),
            Aspect("one pair of features; one step", 1, ({"T": 4, "E": 2}, {"T": 1, "E": 6})),
            Aspect("300 steps, 64 features", 1, ({"T": 300, "E": 64},)),
        ),
        suspects={"P": SUSPECTS},
        fallbacks=({"T": 4, "E": 4}, {"T": 4, "E": 8}, {"T": 3, "E": 6}),
        rounding=_rounding,
        shapes={"P": "(T, E)"},
        kinds={"P": "f"},
    )  # fmt: skip


def check_sinusoidal_positions(answer, seed=8003):
    """Check answer(T, E) -> P; returns a Verdict."""
    return examine(_task(seed), answer)
