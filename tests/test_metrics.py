"""Scores: by hand, with masks, at the edges."""

import numpy as np
import pytest

from rnn_course.metrics import accuracy, majority_accuracy, perplexity


def test_accuracy_by_hand():
    """Is the accuracy the share of places that agree?"""
    assert accuracy([1, 2, 3, 4], [1, 2, 0, 4]) == 0.75


def test_scores_are_plain_numbers():
    """Are scores Python floats, which JSON and format strings take as they are?"""
    ones = np.ones(3, dtype=int)
    for score in (accuracy(ones, ones), majority_accuracy(ones, ones), perplexity(np.log(2))):
        assert type(score) is float


def test_accuracy_counts_real_places_only():
    """Do padded places count neither as right nor in the denominator?"""
    predicted, target = [[1, 2, 9], [5, 0, 0]], [[1, 3, 9], [5, 0, 0]]
    mask = [[True, True, False], [True, False, False]]
    assert accuracy(predicted, target, mask) == pytest.approx(2 / 3)
    assert accuracy(predicted, target, np.array(mask, dtype=int)) == pytest.approx(2 / 3)


def test_accuracy_refuses_nothing_real_and_wrong_shapes():
    """Do an empty mean, and shapes that would broadcast or select rows, raise?"""
    ones = np.ones((2, 3), dtype=int)
    with pytest.raises(ValueError, match="no place is real"):
        accuracy(ones, ones, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"predicted has shape \(3,\), but target \(2, 3\)"):
        accuracy(ones[0], ones)
    with pytest.raises(ValueError, match=r"mask has shape \(2,\), but target \(2, 3\)"):
        accuracy(ones, ones, [True, False])


def test_majority_accuracy_takes_the_class_from_the_training_data():
    """Is the answer the training majority, even where the test data have another?"""
    assert majority_accuracy([7, 7, 3], [3, 3, 3, 7]) == 0.25


def test_perplexity_is_the_size_of_a_uniform_choice():
    """Is a uniform guess over eight classes worth eight, and a hopeless one infinity?"""
    assert perplexity(np.log(8)) == pytest.approx(8)
    assert perplexity(0) == 1
    assert perplexity(1e4) == np.inf
