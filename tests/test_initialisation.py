"""Starting values: bounds, orthogonality, and that nothing but the rng decides."""

import numpy as np
import pytest

from rnn_course.initialisation import orthogonal, uniform_parameters


def test_uniform_parameters_fill_their_bounds(rng):
    """Do the draws reach almost to ±1/sqrt(size), and never beyond?"""
    params = uniform_parameters({"W": (50, 40), "b": (50,)}, 16, rng, np.float32)
    assert {name: (p.shape, p.dtype.name) for name, p in params.items()} == {
        "W": ((50, 40), "float32"),
        "b": ((50,), "float32"),
    }
    assert 0.249 < np.abs(params["W"]).max() <= 0.25
    assert params["W"].min() < 0 < params["W"].max()


@pytest.mark.parametrize("shape", [(6, 6), (6, 3), (3, 6), (1, 1), (4, 0)])
def test_orthogonal_shorter_side_is_orthonormal(shape, rng):
    """Are rows or columns, whichever are fewer, orthogonal and of length gain?"""
    W = orthogonal(shape, rng, gain=2.0)
    assert W.shape == shape
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(product, 4 * np.eye(min(shape)), atol=1e-14)


def test_orthogonal_draws_every_direction_alike(rng):
    """Is no sign preferred? Without the signs of R, the first entry would be negative always."""
    W = np.array([orthogonal((3, 3), rng) for _ in range(2000)])  # (2000, 3, 3)
    np.testing.assert_allclose(W.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose((W**2).mean(axis=0), 1 / 3, atol=0.04)
    assert 0.45 < np.mean(np.linalg.det(W) > 0) < 0.55


def test_orthogonal_is_decided_by_the_rng_alone():
    """Does one seed give one matrix, in the type asked for?"""
    first, again, other = (orthogonal((4, 4), np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert orthogonal((4, 4), np.random.default_rng(1), dtype=np.float32).dtype == np.float32


def test_orthogonal_refuses_what_is_no_matrix(rng):
    """Does a vector's shape raise with a message that names it?"""
    with pytest.raises(ValueError, match=r"shape is \(5,\); expected \(rows, columns\)"):
        orthogonal((5,), rng)
