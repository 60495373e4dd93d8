"""Scores on held-out data."""

import numpy as np

from rnn_course._validate import require_shape


def accuracy(predicted, target, mask=None):
    """Share of real places where the predicted class is the target class.

    Args:
        predicted, target: integer arrays of one shape. mask: the same shape, True where real.

    Raises:
        ValueError: shapes differ, or no place is real.
    """
    predicted, target = np.asarray(predicted), np.asarray(target)
    require_shape("predicted", predicted, target.shape, f"target {target.shape}")
    mask = np.ones(target.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    require_shape("mask", mask, target.shape, f"target {target.shape}")
    right = (predicted == target)[mask]
    if right.size == 0:
        raise ValueError("no place is real; the accuracy is undefined")
    return float(right.mean())


def majority_accuracy(target_train, target_test):
    """Accuracy of always answering the most frequent class of the training targets."""
    classes, counts = np.unique(target_train, return_counts=True)
    return float(np.mean(np.asarray(target_test) == classes[counts.argmax()]))


def perplexity(loss):
    """exp of the mean cross-entropy in nats: the size of a uniform choice equally hard."""
    with np.errstate(over="ignore"):  # infinity is the right answer for a hopeless model
        return float(np.exp(loss))
