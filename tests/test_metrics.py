"""Scores on held-out data: by hand, and against counting with sets."""

import numpy as np
import pytest
from gradients import frozen
from hypothesis import assume, given
from hypothesis import strategies as st

from rnn_course.metrics import (
    accuracy,
    confusion_matrix,
    exact_match,
    majority_accuracy,
    perplexity,
    precision_recall_f1,
)

K = 4
WRONG_SHAPES = [
    (np.ones(3, dtype=int), None, r"predicted has shape \(3,\), but target \(2, 3\)"),
    (np.ones((2, 3), dtype=int), [True, False], r"mask has shape \(2,\), but target \(2, 3\)"),
]


@st.composite
def tagged(draw):
    """Predicted and target classes (B, T) in [0, K), and a mask that leaves at least one place."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    num_classes = draw(st.integers(1, K))
    predicted, target = frozen(rng.integers(num_classes, size=(2, *shape)))
    mask = rng.random(shape) < 0.7
    assume(mask.any())
    return predicted, target, frozen(mask)


def places(classes, mask, wanted):
    """The set of real places that hold the wanted class."""
    return {
        place for place, found in np.ndenumerate(classes) if mask[place] and int(found) == wanted
    }


def scores_from_counts(both, num_predicted, num_target):
    """Precision, recall and their harmonic mean, each 0 where it is not defined."""
    precision = both / num_predicted if num_predicted else 0.0
    recall = both / num_target if num_target else 0.0
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def test_accuracy_by_hand():
    """Is the accuracy the share of places that agree?"""
    assert accuracy([1, 2, 3, 4], [1, 2, 0, 4]) == 0.75


def test_scores_are_plain_numbers():
    """Are scores Python floats, which JSON and format strings take as they are?"""
    ones = np.ones(3, dtype=int)
    averages = [precision_recall_f1(ones, ones, [1], average=each) for each in ("macro", "micro")]
    scores = [accuracy(ones, ones), majority_accuracy(ones, ones), perplexity(np.log(2))]
    assert {type(score) for score in [*scores, *averages[0], *averages[1]]} == {float}


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


def test_confusion_matrix_by_hand():
    """Is the row the target and the column the prediction, over real places only?"""
    predicted, target = [[0, 2, 2], [1, 9, 9]], [[0, 1, 2], [1, 9, 9]]
    mask = [[1, 1, 1], [1, 0, 0]]
    expected = [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    np.testing.assert_array_equal(confusion_matrix(predicted, target, 3, mask), expected)
    nothing = np.zeros((2, 0), dtype=int)
    np.testing.assert_array_equal(confusion_matrix(nothing, nothing, 2), np.zeros((2, 2)))


@given(tagged())
def test_confusion_matrix_counts_places(data):
    """Is each entry the size of the set of places with that target and that prediction?"""
    predicted, target, mask = data
    counts = confusion_matrix(predicted, target, K, mask)
    assert counts.shape == (K, K)
    assert np.issubdtype(counts.dtype, np.integer)
    for (row, column), count in np.ndenumerate(counts):
        assert count == len(places(target, mask, row) & places(predicted, mask, column))
    assert np.trace(counts) / counts.sum() == pytest.approx(accuracy(*data))


def test_confusion_matrix_refuses_classes_out_of_range():
    """Do a class with no row, a float and a padding value that counts as real raise?"""
    with pytest.raises(ValueError, match=r"predicted\[mask\]\[1\] is 3, outside"):
        confusion_matrix([0, 3], [0, 1], 3)
    with pytest.raises(ValueError, match=r"target\[mask\]\[0\] is -1, outside"):
        confusion_matrix([0, 1], [-1, 1], 3)
    with pytest.raises(TypeError, match=r"predicted\[mask\] must hold integers"):
        confusion_matrix([0.0], [0], 3)


def test_precision_recall_f1_by_hand():
    """Are the scores of a small tagging worked out on paper right, in the order of classes?"""
    target = [[1, 1, 0, 2, 0], [1, 1, 3, 0, 0]]
    predicted = [[1, 0, 0, 1, 0], [1, 1, 0, 0, 1]]  # 2 and 3 are never predicted
    mask = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]
    precision, recall, f1 = precision_recall_f1(predicted, target, [1, 0, 2], mask)
    assert precision == pytest.approx([3 / 4, 3 / 5, 0])
    assert recall == pytest.approx([3 / 4, 1, 0])
    assert f1 == pytest.approx([3 / 4, 3 / 4, 0])
    macro = precision_recall_f1(predicted, target, [1, 0, 2], mask, "macro")
    assert macro == pytest.approx(((3 / 4 + 3 / 5) / 3, (3 / 4 + 1) / 3, 1 / 2))
    micro = precision_recall_f1(predicted, target, [1, 2], mask, "micro")
    assert micro == pytest.approx((3 / 4, 3 / 5, 2 / 3))


def test_precision_recall_f1_is_zero_where_undefined():
    """Are a class never predicted, one that is no target, and one that is neither worth 0?"""
    scores = precision_recall_f1([0, 0, 2], [0, 1, 0], range(4))
    expected = [[1 / 2, 0, 0, 0], [1 / 2, 0, 0, 0], [1 / 2, 0, 0, 0]]
    np.testing.assert_allclose(scores, expected)
    for average in ("macro", "micro"):
        assert precision_recall_f1([0, 0], [0, 0], [3], average=average) == (0, 0, 0)


@given(tagged(), st.lists(st.integers(0, K), min_size=1, max_size=K, unique=True))
def test_precision_recall_f1_count_sets_of_places(data, classes):
    """Are all scores and averages those of counting sets of places, one class at a time?"""
    predicted, target, mask = data
    predicted_places = [places(predicted, mask, each) for each in classes]
    target_places = [places(target, mask, each) for each in classes]
    counts = np.array(
        [(len(p & t), len(p), len(t)) for p, t in zip(predicted_places, target_places, strict=True)]
    )
    each = np.array([scores_from_counts(*row) for row in counts.tolist()])  # (C, 3)
    scores = precision_recall_f1(predicted, target, classes, mask)
    np.testing.assert_allclose(np.transpose(scores), each, rtol=1e-12)
    macro = precision_recall_f1(predicted, target, classes, mask, average="macro")
    assert macro == pytest.approx(tuple(each.mean(axis=0)))
    micro = precision_recall_f1(predicted, target, classes, mask, average="micro")
    assert micro == pytest.approx(scores_from_counts(*counts.sum(axis=0).tolist()))


@given(tagged())
def test_precision_and_recall_mirror_each_other(data):
    """Do they change places with predicted and target, while F1 stays?"""
    predicted, target, mask = data
    precision, recall, f1 = precision_recall_f1(predicted, target, range(K), mask)
    mirrored = precision_recall_f1(target, predicted, range(K), mask)
    np.testing.assert_array_equal(mirrored, (recall, precision, f1))
    assert ((np.array(mirrored) >= 0) & (np.array(mirrored) <= 1)).all()


@given(tagged())
def test_micro_average_of_all_classes_is_the_accuracy(data):
    """Are all three the accuracy where every place has one class and every class counts?"""
    micro = precision_recall_f1(*data[:2], range(K), data[2], average="micro")
    assert micro == pytest.approx((accuracy(*data),) * 3)


def test_precision_recall_f1_refuses_what_it_cannot_score():
    """Do an unknown average, no class, a class given twice, and no real place raise?"""
    ones = np.ones((2, 3), dtype=int)
    with pytest.raises(ValueError, match="average is 'mean'; expected None, \"macro\" or"):
        precision_recall_f1(ones, ones, range(K), average="mean")
    for classes in ([], [1, 2, 1]):
        with pytest.raises(ValueError, match=r"classes is .*; expected at least one, each of them"):
            precision_recall_f1(ones, ones, classes)
    with pytest.raises(ValueError, match="no place is real"):
        precision_recall_f1(ones, ones, range(K), np.zeros((2, 3)))


@pytest.mark.parametrize(("predicted", "mask", "match"), WRONG_SHAPES)
def test_counting_scores_refuse_wrong_shapes(predicted, mask, match):
    """Do shapes that would broadcast or select rows raise, with both shapes?"""
    ones = np.ones((2, 3), dtype=int)
    with pytest.raises(ValueError, match=match):
        confusion_matrix(predicted, ones, K, mask)
    with pytest.raises(ValueError, match=match):
        precision_recall_f1(predicted, ones, range(K), mask)


def test_exact_match_of_lists_by_hand():
    """Is a sequence right only from the first to the last token, and of equal length?"""
    target = [[1, 2, 3], [1, 2, 3], [1, 2, 3], [4], []]
    predicted = [[1, 2, 3], [1, 2], [1, 2, 3, 4], [5], []]
    assert exact_match(predicted, target) == pytest.approx(2 / 5)
    assert exact_match([["ab", "c"], ["d"]], [("ab", "c"), ("e",)]) == 1 / 2
    assert type(exact_match(predicted, target)) is float


def test_exact_match_of_padded_arrays_by_hand():
    """Does only what stands before each sequence's end count, on either side?"""
    target, lengths = np.array([[1, 2, 0], [3, 3, 3], [4, 0, 0]]), np.array([2, 3, 1])
    tags = np.array([[1, 2, 9], [3, 3, 9], [4, 9, 9]])
    assert exact_match(tags, target, lengths, lengths) == pytest.approx(2 / 3)
    written = [[1, 2], [3, 3, 3], [4, 0]]
    assert exact_match(written, target, target_lengths=lengths) == pytest.approx(2 / 3)
    assert exact_match(tags, target, [0, 0, 0], [0, 0, 0]) == 1


@given(tagged(), st.data())
def test_exact_match_counts_rows_without_a_wrong_place(data, draw):
    """For tags of given lengths, is it the share of rows without a wrong real place?"""
    predicted, target, _ = data
    size, longest = target.shape
    lengths = draw.draw(st.lists(st.integers(0, longest), min_size=size, max_size=size))
    wrong = (predicted != target) & (np.arange(longest) < np.array(lengths)[:, None])
    got = exact_match(predicted, target, np.array(lengths), lengths)
    assert got == pytest.approx(1 - wrong.any(axis=1).mean())


def test_exact_match_refuses_what_does_not_pair_up():
    """Do different numbers of sequences, none at all, and impossible lengths raise?"""
    with pytest.raises(ValueError, match="2 predicted and 1 target sequences; expected equally"):
        exact_match([[1], [2]], [[1]])
    with pytest.raises(ValueError, match="0 predicted and 0 target sequences"):
        exact_match([], [])
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=rf"target_lengths\[1\] is {wrong}; expected 0 to 2"):
            exact_match([[1], [2]], [[1], [2, 0]], target_lengths=[1, wrong])
    match = r"predicted_lengths has shape \(1,\), but 2 sequences needs \(2\)"
    with pytest.raises(ValueError, match=match):
        exact_match([[1], [2]], [[1], [2]], predicted_lengths=[1])


def test_perplexity_is_the_size_of_a_uniform_choice():
    """Is a uniform guess over eight classes worth eight, and a hopeless one infinity?"""
    assert perplexity(np.log(8)) == pytest.approx(8)
    assert perplexity(0) == 1
    assert perplexity(1e4) == np.inf
