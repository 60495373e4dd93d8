"""Linear probes: what is there is found, what is not is not, and nothing is scored on its fit."""

import numpy as np
import pytest
from gradients import B, H, K, T, normal
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_course.probes import fit_ridge, linear_probe, pairs_at_distance, probe_by_distance

N = 60


def halves(*arrays):
    """The first half of each array's rows, and the second."""
    return tuple(array[: len(array) // 2] for array in arrays), tuple(
        array[len(array) // 2 :] for array in arrays
    )


@settings(max_examples=25)
@given(
    size=st.integers(1, 6), outputs=st.integers(1, 4), strength=st.sampled_from([0.0, 0.1, 30.0])
)
def test_ridge_agrees_with_the_normal_equations(size, outputs, strength):
    """Is it the solution of the textbook's formula, the intercept left out of the penalty?"""
    rng = np.random.default_rng(size + 10 * outputs)
    h, target = normal(rng, N, size) + 3, normal(rng, N, outputs) - 2
    fitted = fit_ridge(h, target, strength)
    rows = np.hstack([h, np.ones((N, 1))])
    penalty = strength * np.diag([1.0] * size + [0.0])
    expected = np.linalg.solve(rows.T @ rows + penalty, rows.T @ target).T  # (K, H + 1)
    np.testing.assert_allclose(fitted["W"], expected[:, :-1], atol=1e-10)
    np.testing.assert_allclose(fitted["b"], expected[:, -1], atol=1e-10)


def test_ridge_of_fewer_rows_than_units_passes_through_them(rng):
    """Is there an answer, the least one, where many fit?"""
    h, target = normal(rng, 4, 9), normal(rng, 4, K)
    fitted = fit_ridge(h, target)
    np.testing.assert_allclose(h @ fitted["W"].T + fitted["b"], target)
    slightly = fit_ridge(h, target, 1e-10)
    np.testing.assert_allclose(fitted["W"], slightly["W"], atol=1e-6)


def test_probe_reads_a_linear_target_exactly(rng):
    """Is R² 1 for a linear map of the states, and about 0 for the mean beside it?"""
    h = normal(rng, 40 * N, H)
    target = h @ normal(rng, H, K) + 5
    score, baseline = linear_probe(*halves(h, target))
    assert score == pytest.approx(1, abs=1e-12)
    assert -0.01 < baseline <= 0


def test_probe_reads_the_small_digits(rng):
    """Is what a state holds a ten-millionth of its size down still found?"""
    h, small = normal(rng, N, 1), normal(rng, N)
    h = np.hstack([h, h + 1e-7 * small[:, None]])
    assert linear_probe(*halves(h, small))[0] > 0.999


def test_probe_finds_nothing_in_noise(rng):
    """Does a target that has nothing to do with the states score about 0 where not fitted?"""
    score, baseline = linear_probe(*halves(normal(rng, 4000, H), normal(rng, 4000)))
    assert abs(score) < 0.02 and abs(baseline) < 0.02


def test_probe_is_scored_on_rows_it_was_not_fitted_to(rng):
    """Does noise that many units fit perfectly score badly on others, until held back?"""
    train, test = halves(normal(rng, 40, 18), normal(rng, 40))
    score, baseline = linear_probe(train, test)
    held_back, same_baseline = linear_probe(train, test, regularisation=1e9)
    assert score < -1
    assert held_back == pytest.approx(baseline, abs=1e-6)
    assert baseline == same_baseline


def test_probe_r_squared_by_hand():
    """Is it 1 less squared errors over squared distances from the mean of the held-out rows?"""
    train = np.array([[0.0], [1.0]]), np.array([0.0, 2.0])
    test = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 5.0, 5.0])
    score, baseline = linear_probe(train, test)
    assert score == pytest.approx(1 - 2 / 6)  # answers 2, 4, 6
    assert baseline == pytest.approx(1 - 33 / 6)  # always answers 1


def test_probe_tells_separable_classes_apart(rng):
    """Is the accuracy 1 on clusters apart, beside the share of the most frequent class?"""
    classes = np.array([3, 7, 9])[rng.permutation(np.repeat([0, 1, 2], [30, 10, 20]))]
    centres = {3: [4.0, 0.0], 7: [0.0, 4.0], 9: [-4.0, -4.0]}
    h = np.array([centres[k] for k in classes.tolist()]) + 0.1 * normal(rng, 60, 2)
    score, baseline = linear_probe(*halves(h, classes))
    assert score == 1
    assert baseline == np.mean(classes[30:] == 3)


def test_probe_cannot_know_a_class_it_has_not_seen(rng):
    """Does a held-out class without a training row count as missed?"""
    h = np.array([[1.0], [-1.0], [1.1], [-1.1], [9.0], [-1.2]])
    train, test = (h[:4], np.array([0, 1, 0, 1])), (h[4:], np.array([5, 1]))
    assert linear_probe(train, test)[0] == 0.5


@pytest.mark.parametrize("k", [0, 2, T - 1, T, T + 3])
def test_pairs_hold_what_was_there_k_steps_earlier(k, rng):
    """Is every real state paired with its own sequence's step t - k, and none left out?"""
    lengths = [4, T]
    h = np.arange(B * T).reshape(B, T, 1)  # step t of row r holds T r + t
    states, past = pairs_at_distance(k, h, h[..., 0], lengths)
    expected = [T * row + t for row, length in enumerate(lengths) for t in range(k, length)]
    assert states[:, 0].tolist() == expected
    assert past.tolist() == [place - k for place in expected]


def test_pairs_without_lengths_use_every_step(rng):
    """Are all sequences T long then, and vectors paired like numbers?"""
    h, past = normal(rng, B, T, H), normal(rng, B, T, K)
    states, found = pairs_at_distance(3, h, past)
    np.testing.assert_array_equal(states, h[:, 3:].reshape(-1, H))
    np.testing.assert_array_equal(found, past[:, :-3].reshape(-1, K))


def window_states(rng, classes=None):
    """(h, past): states that hold the present and the last step's item, in another basis."""
    past = rng.integers(classes, size=(80, 12)) if classes else rng.standard_normal((80, 12))
    x = np.eye(classes)[past] if classes else past[..., None]  # (B, T, K)
    before = np.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    seen = np.concatenate([x, before], axis=2)  # (B, T, 2K)
    return seen @ normal(np.random.default_rng(5), seen.shape[2], seen.shape[2]), past


def test_probe_by_distance_finds_as_much_as_the_states_hold(rng):
    """Does a state of two steps tell the last two inputs exactly, and nothing of a third?"""
    scores, baselines = probe_by_distance([0, 1, 2, 5], window_states(rng), window_states(rng))
    np.testing.assert_allclose(scores[:2], 1)
    np.testing.assert_allclose(scores[2:], 0, atol=0.03)
    np.testing.assert_allclose(baselines, 0, atol=0.02)


def test_probe_by_distance_is_fitted_to_one_part_and_scored_on_the_other(rng):
    """Do many units fit noise, fail on other noise, and give up under a large penalty?"""
    train, test = ((normal(rng, 3, 10, 30), normal(rng, 3, 10)) for _ in range(2))
    (fitted,), _ = probe_by_distance([1], train, train)
    (scored,), (baseline,) = probe_by_distance([1], train, test)
    (held_back,), _ = probe_by_distance([1], train, test, regularisation=1e9)
    assert fitted == pytest.approx(1)
    assert scored < -1
    assert held_back == pytest.approx(baseline, abs=1e-6)


def test_probe_of_classes_is_held_back_too(rng):
    """Does a large penalty leave the most frequent class as the only answer?"""
    h, classes = normal(rng, N, H), np.repeat([0, 1], [40, 20])
    h = h + 5 * classes[:, None]
    both = (h, classes), (h, classes)
    assert linear_probe(*both)[0] == 1
    held_back, baseline = linear_probe(*both, regularisation=1e9)
    assert held_back == baseline == pytest.approx(2 / 3)


def test_probe_by_distance_reads_classes(rng):
    """Are tokens told by accuracy, and is guessing the commonest one about 1/K?"""
    scores, baselines = probe_by_distance(range(4), window_states(rng, 4), window_states(rng, 4))
    np.testing.assert_array_equal(scores[:2], 1)
    assert (scores[2:] < 0.35).all()
    np.testing.assert_allclose(baselines, 0.25, atol=0.06)


def test_probe_by_distance_leaves_padding_out(rng):
    """Do NaN states and inputs after each end change nothing?"""
    h, past = window_states(rng)
    lengths = np.arange(80) % 9 + 4
    padding = np.arange(12) >= lengths[:, None]
    h[padding], past[padding] = np.nan, np.nan
    scores, _ = probe_by_distance([0, 1, 2], (h, past, lengths), (h, past, lengths))
    np.testing.assert_allclose(scores[:2], 1)
    assert scores[2] < 0.05


def test_probe_takes_float32(rng):
    """Do float32 states give the scores that they would give in float64?"""
    h, past = window_states(rng)
    single = probe_by_distance([0], (h.astype("f4"), past.astype("f4")), (h, past))
    np.testing.assert_allclose(single[0], 1, atol=1e-6)


def test_no_distances_give_no_scores(rng):
    """Is an empty list of distances answered by empty arrays?"""
    scores, baselines = probe_by_distance([], window_states(rng), window_states(rng))
    assert scores.shape == baselines.shape == (0,)


GOOD = np.ones((4, 2)), np.arange(4.0)
REFUSED = {
    "rows": ((np.ones((3, 2)), GOOD[1]), GOOD, r"target has shape \(4, 1\), but h \(3, 2\) needs"),
    "units": (GOOD, (np.ones((4, 3)), GOOD[1]), r"h_test has shape \(4, 3\), but h_train \(4, 2\)"),
    "held out": (GOOD, (GOOD[0], np.ones(5)), r"target_test has shape \(5, 1\), but h_test"),
    "constant": (GOOD, (GOOD[0], np.ones(4)), "held-out targets are all the same"),
    "nothing to score": (GOOD, (np.ones((0, 2)), np.ones(0)), r"h_test has shape \(0, 2\)"),
    "nothing to fit": ((np.ones((0, 2)), np.ones(0)), GOOD, r"h has shape \(0, 2\); .* one row"),
    "nan": ((GOOD[0] * np.nan, GOOD[1]), GOOD, "h holds NaN or infinity"),
    "nan to score": (GOOD, (GOOD[0] * np.nan, GOOD[1]), "h_test holds NaN or infinity"),
    "infinity": ((GOOD[0], np.full(4, np.inf)), GOOD, "target holds NaN or infinity"),
    "classes": (
        (GOOD[0], np.ones((4, 2), dtype=int)),
        GOOD,
        r"target_train has shape \(4, 2\), but h_train \(4, 2\) needs \(4\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_probe_refuses_what_it_cannot_fit(case):
    """Does the message name the argument and what is wrong with it?"""
    train, test, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        linear_probe(train, test)


def test_probe_refuses_impossible_numbers():
    """Do a negative penalty and a negative distance raise?"""
    with pytest.raises(ValueError, match="regularisation is -1; expected at least 0"):
        fit_ridge(GOOD[0], GOOD[1][:, None], -1)
    with pytest.raises(ValueError, match="k is -1; expected a number of steps"):
        pairs_at_distance(-1, np.ones((B, T, H)), np.ones((B, T)))
    with pytest.raises(ValueError, match=r"past has shape \(2, 6\), but h \(2, 7, 5\) needs"):
        pairs_at_distance(1, np.ones((B, T, H)), np.ones((B, T - 1)))
    with pytest.raises(ValueError, match=r"h_test has shape \(0, 5\)"):
        far = np.ones((B, T, H)), np.ones((B, T))
        probe_by_distance([T], far, far)
