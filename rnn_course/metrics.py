"""Scores on held-out data.

For one class, with the places where it was predicted and those where it is the target:

    precision = both / predicted                    (eq-precision)
    recall = both / target                          (eq-recall)
    F1 = 2 both / (predicted + target)              (eq-f1), the harmonic mean of the two
"""

import numpy as np

from rnn_course._validate import require_shape, require_tokens


def _real_places(predicted, target, mask):
    """Predicted and target classes (N,) of the places that the mask leaves."""
    predicted, target = np.asarray(predicted), np.asarray(target)
    require_shape("predicted", predicted, target.shape, f"target {target.shape}")
    mask = np.ones(target.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    require_shape("mask", mask, target.shape, f"target {target.shape}")
    return predicted[mask], target[mask]


def accuracy(predicted, target, mask=None):
    """Share of real places where the predicted class is the target class.

    Args:
        predicted, target: integer arrays of one shape. mask: the same shape, True where real.

    Raises:
        ValueError: shapes differ, or no place is real.
    """
    predicted, target = _real_places(predicted, target, mask)
    if target.size == 0:
        raise ValueError("no place is real; the accuracy is undefined")
    return float((predicted == target).mean())


def majority_accuracy(target_train, target_test):
    """Accuracy of always answering the most frequent class of the training targets."""
    classes, counts = np.unique(target_train, return_counts=True)
    return float(np.mean(np.asarray(target_test) == classes[counts.argmax()]))


def confusion_matrix(predicted, target, num_classes, mask=None):
    """Count how often each target class was predicted as each class.

    Args:
        predicted, target: integer arrays of one shape, entries in [0, num_classes) where real.
        num_classes: K. mask: the same shape, True where real.

    Returns:
        counts: (K, K) integers; row: target, column: predicted. The diagonal is what was right.

    Raises:
        ValueError: shapes differ, or a class outside the range. TypeError: classes are not
            integers.
    """
    predicted, target = _real_places(predicted, target, mask)
    require_tokens("predicted[mask]", predicted, num_classes)
    require_tokens("target[mask]", target, num_classes)
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)  # (K, K)
    np.add.at(counts, (target, predicted), 1)
    return counts


def precision_recall_f1(predicted, target, classes, mask=None, average=None):
    """Precision, recall and F1 (eq-precision, eq-recall, eq-f1).

    A quotient whose denominator is zero counts as 0: precision of a class never predicted, recall
    of a class that is no target, F1 of a class that is neither.

    Args:
        predicted, target: integer arrays of one shape.
        classes: (C,) the classes to score, such as range(K); for names among other words, all
            but the class of the other words. Places of a class left out still count as mistakes
            where the other side has a scored one.
        mask: the same shape, True where real.
        average: None: one score a class; "macro": the mean of these, each class counting alike;
            "micro": counts of all classes added before dividing, each place counting alike.

    Returns:
        precision, recall, f1: (C,) arrays in the order of ``classes``, or floats for an average.

    Raises:
        ValueError: shapes differ, no place is real, no class or one class twice, or an unknown
            average.

    Source: Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, chapter
    8.3 and (averages) 13.6.
    """
    if average not in (None, "macro", "micro"):
        raise ValueError(f'average is {average!r}; expected None, "macro" or "micro"')
    classes = np.array(list(classes))  # (C,)
    if len(classes) == 0 or len(np.unique(classes)) < len(classes):
        raise ValueError(f"classes is {classes.tolist()}; expected at least one, each of them once")
    predicted, target = _real_places(predicted, target, mask)
    if target.size == 0:
        raise ValueError("no place is real; precision and recall are undefined")
    is_predicted, is_target = predicted == classes[:, None], target == classes[:, None]  # (C, N)
    counts = [is_predicted & is_target, is_predicted, is_target]
    both, num_predicted, num_target = (count.sum(axis=1) for count in counts)  # (C,) each
    if average == "micro":
        both, num_predicted, num_target = both.sum(), num_predicted.sum(), num_target.sum()
    scores = (
        _quotient(both, num_predicted),
        _quotient(both, num_target),
        _quotient(2 * both, num_predicted + num_target),
    )
    return scores if average is None else tuple(float(score.mean()) for score in scores)


def _quotient(part, whole):
    """part / whole, and 0 where whole is 0 (part is 0 there, too)."""
    return part / np.maximum(whole, 1)


def exact_match(predicted, target, predicted_lengths=None, target_lengths=None):
    """Share of sequences that are right from the first to the last token, and no longer.

    Args:
        predicted, target: B sequences each: lists of tokens, or the rows of padded (B, T) arrays.
        predicted_lengths, target_lengths: (B,) how many tokens of each sequence are real; None
            for all of them. Tags of one batch have the same lengths: give them twice.

    Raises:
        ValueError: different numbers of sequences, none at all, or an impossible length.
    """
    predicted = _cut("predicted", predicted, predicted_lengths)
    target = _cut("target", target, target_lengths)
    if len(predicted) != len(target) or not target:
        raise ValueError(
            f"{len(predicted)} predicted and {len(target)} target sequences; expected equally "
            "many, and at least one"
        )
    return float(np.mean([p == t for p, t in zip(predicted, target, strict=True)]))


def _cut(name, sequences, lengths):
    """The real tokens of each sequence, as lists."""
    sequences = [list(sequence) for sequence in sequences]
    if lengths is None:
        return sequences
    require_shape(f"{name}_lengths", lengths, (len(sequences),), f"{len(sequences)} sequences")
    for row, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        if not 0 <= length <= len(sequence):
            raise ValueError(
                f"{name}_lengths[{row}] is {length}; expected 0 to {len(sequence)}, the "
                "sequence's places"
            )
    return [sequence[:length] for sequence, length in zip(sequences, lengths, strict=True)]


def perplexity(loss):
    """exp of the mean cross-entropy in nats: the size of a uniform choice equally hard."""
    with np.errstate(over="ignore"):  # infinity is the right answer for a hopeless model
        return float(np.exp(loss))
