"""The weights of attention: a softmax over the keys that are seen, and how it goes wrong.

Scores a are (..., T, S); ``seen`` broadcasts to them and is True where a query may see a key.
"""

import numpy as np


def softmax(a, axis=-1):
    """Softmax over one axis, mask or no mask."""
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def masked_softmax(a, seen):
    """Softmax over the keys that are seen; zeros where a query sees none."""
    highest = np.where(seen, a, -np.inf).max(axis=-1, initial=-1e30, keepdims=True)
    e = np.where(seen, np.exp(a - highest), 0)
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


# {cause: function of a and seen}, whatever the scores are and whoever is hidden
WRONG_WEIGHTS = {
    "the mask is applied after the softmax, so the weights of a row no longer sum to "
    "1.": lambda a, seen: softmax(a) * seen,
    "masked scores are set to 0 before the softmax; exp(0) is 1, so they still get weight. They "
    "must become -infinity.": lambda a, seen: softmax(np.where(seen, a, 0)),
    "the mask is the wrong way round: it is True where a key is seen.": lambda a, seen: (
        masked_softmax(a, ~seen)
    ),
    "the softmax runs over the queries; the weights of one query over the keys sum to "
    "1.": lambda a, seen: np.where(seen, softmax(a, axis=-2), 0),
    "the softmax runs over the batch; the weights of one query over the keys sum to "
    "1.": lambda a, seen: np.where(seen, softmax(a, axis=0), 0),
    "every key that is seen gets the same weight: the scores do not enter.": lambda a, seen: (
        masked_softmax(0 * a, seen)
    ),
    "the weights are not divided by their sum.": lambda a, seen: np.where(seen, np.exp(a), 0),
    "the sign of the scores is reversed: the worst fit gets the most weight.": lambda a, seen: (
        masked_softmax(-a, seen)
    ),
    "the largest score takes all the weight: that is a maximum, and no gradient passes through "
    "its choice.": lambda a, seen: np.eye(a.shape[-1])[np.where(seen, a, -np.inf).argmax(axis=-1)],
}
# {cause: function of d, what the products q^T k are divided by}
WRONG_DIVISORS = {
    "the scores are not divided by the root of d, the size of a key.": lambda d: 1,
    "the scores are divided by d instead of its root.": lambda d: d,
    "the scores are multiplied by the root of d; they are divided by it.": lambda d: d**-0.5,
}
