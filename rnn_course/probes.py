"""Linear probes: what can be read out of states by the simplest of means.

A linear map is fitted to some states h (N, H) and scored on others, with W and b for which

sum_n |W h_n + b - target_n|² + regularisation |W|²                                     (eq-ridge)

is least. What a probe finds is there; what it misses may still be there in a form that is not
linear. A score says little without the baseline that needs no state, which stands beside it.
"""

import numpy as np

from rnn_course._validate import require_lengths, require_shape
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.text import mask_from_lengths


def _require_finite_rows(name, array):
    if len(array) == 0:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one row")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity, which no linear map can handle")


def fit_ridge(h, target, regularisation=0.0):
    """The linear map from h to target of least squared error (eq-ridge).

    Args:
        h: (N, H). target: (N, K) numbers. regularisation: weight of |W|² beside a sum over N rows;
            at 0 the W of least norm where several are best.

    Returns:
        {"W": (K, H), "b": (K,)}, to be applied as h @ W.T + b.

    Raises:
        ValueError: sizes disagree, no rows, NaN or infinity, or regularisation is negative.

    Source: Hoerl and Kennard (1970), doi:10.1080/00401706.1970.10488634.
    """
    if regularisation < 0:
        raise ValueError(f"regularisation is {regularisation}; expected at least 0")
    require_shape("h", h, (None, None), "a linear map")
    require_shape("target", target, (len(h), None), f"h {h.shape}")
    _require_finite_rows("h", h)
    _require_finite_rows("target", target)
    h_mean, target_mean = h.mean(axis=0), target.mean(axis=0)  # (H,), (K,)
    # As further rows, and not as H^T H + regularisation: that would square rounding errors
    rows = np.sqrt(regularisation) * np.eye(h.shape[1])  # (H, H)
    zeros = np.zeros((h.shape[1], target.shape[1]))  # (H, K)
    W = np.linalg.lstsq(
        np.concatenate([h - h_mean, rows]), np.concatenate([target - target_mean, zeros])
    )[0].T  # (K, H)
    return {"W": W, "b": target_mean - W @ h_mean}


def linear_probe(train, test, regularisation=0.0):
    """How well a linear map, fitted to some states, reads the target from others (eq-ridge).

    Integer targets are classes: the map is fitted to 1 at the class and 0 elsewhere, its largest
    output is the answer, and the score is the accuracy. Others are numbers, and the score is
    R² = 1 - squared error / squared distance from their mean, over all K together.

    Args:
        train: (h, target) of shapes (N, H) and (N,), or (N, K) for several numbers.
        test: the same for other rows, best of other sequences. regularisation: see fit_ridge.

    Returns:
        score: at most 1. baseline: the score of always giving the mean, or the most frequent
            class, of the training targets.

    Raises:
        ValueError: sizes disagree, no rows, NaN, or held-out numbers that are all the same.
    """
    (h_train, target_train), (h_test, target_test) = train, test
    require_shape("h_test", h_test, (None, h_train.shape[1]), f"h_train {h_train.shape}")
    _require_finite_rows("h_test", h_test)
    if np.issubdtype(target_train.dtype, np.integer):
        require_shape("target_train", target_train, (len(h_train),), f"h_train {h_train.shape}")
        classes = np.unique(target_train)  # (K,)
        one_hot = (target_train[:, None] == classes).astype(float)  # (N, K)
        probe = fit_ridge(h_train, one_hot, regularisation)
        answer = classes[(h_test @ probe["W"].T + probe["b"]).argmax(axis=1)]  # (N,)
        return accuracy(answer, target_test), majority_accuracy(target_train, target_test)
    if target_train.ndim == 1:
        target_train, target_test = target_train[:, None], target_test[:, None]  # (N, 1) each
    probe = fit_ridge(h_train, target_train, regularisation)
    answer = h_test @ probe["W"].T + probe["b"]  # (N, K)
    require_shape("target_test", target_test, answer.shape, f"h_test {h_test.shape}")
    return _r_squared(answer, target_test), _r_squared(target_train.mean(axis=0), target_test)


def _r_squared(answer, target):
    spread = np.sum((target - target.mean(axis=0)) ** 2)
    if spread == 0:
        raise ValueError("the held-out targets are all the same; R² is undefined")
    return float(1 - np.sum((answer - target) ** 2) / spread)


def pairs_at_distance(k, h, past, lengths=None):
    """States h_t and what was there k steps earlier, past_{t-k}, of all real steps t >= k.

    Args:
        k: steps, at least 0. h: (B, T, H). past: (B, T) or (B, T, K), such as the inputs.
        lengths: (B,) real steps of each sequence, or None for T each.

    Returns:
        (N, H) and (N,) or (N, K), the same places in both.

    Raises:
        ValueError: sizes disagree, or k is negative.
    """
    if k < 0:
        raise ValueError(f"k is {k}; expected a number of steps, at least 0")
    B, T = h.shape[:2]
    require_shape("past", past, (B, T, *past.shape[2:]), f"h {h.shape}")
    lengths = np.full(B, T) if lengths is None else require_lengths("lengths", lengths, B, T)
    real = mask_from_lengths(lengths, T)[:, k:]  # (B, T - k), whether t = k, k + 1, ... is real
    return h[:, k:][real], past[:, : max(T - k, 0)][real]


def probe_by_distance(distances, train, test, regularisation=0.0):
    """How well h_t tells what was there k steps earlier, for several k.

    Args:
        distances: numbers of steps k. regularisation: see fit_ridge.
        train, test: (h, past) or (h, past, lengths) of different sequences, see pairs_at_distance.

    Returns:
        scores, baselines: (len(distances),) each, see linear_probe.

    Raises:
        ValueError: as in linear_probe; a distance that no sequence has leaves it no rows.
    """
    probes = [
        linear_probe(pairs_at_distance(k, *train), pairs_at_distance(k, *test), regularisation)
        for k in distances
    ]
    scores, baselines = np.array(probes).reshape(-1, 2).T  # (len(distances),) each
    return scores, baselines
