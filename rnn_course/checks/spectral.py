"""Check of scaling a matrix to a given spectral radius."""

import numpy as np

from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.rounding import measured_rounding


def _radius(W):
    return np.abs(np.linalg.eigvals(W)).max()


def _with_radius(W, radius):
    return W * (radius / _radius(W))


RADIUS_SUSPECTS = {
    "the largest singular value is used (the spectral norm, np.linalg.norm(W, 2)); the spectral "
    "radius is the largest absolute value of the eigenvalues.": lambda W, r: (
        W * r / np.linalg.norm(W, 2)
    ),
    "the Frobenius norm is used (np.linalg.norm's default); the spectral radius is the largest "
    "absolute value of the eigenvalues.": lambda W, r: W * r / np.linalg.norm(W),
    "the matrix is multiplied by radius; it has a radius of its own, by which it is divided "
    "first.": lambda W, r: W * r,
    "radius does not enter: the result has the spectral radius 1.": lambda W, r: W / _radius(W),
    "the factor is upside down.": lambda W, r: W * _radius(W) / r,
    "the real parts of the eigenvalues are used; a complex eigenvalue counts by its absolute "
    "value sqrt(re^2 + im^2).": lambda W, r: W * r / np.linalg.eigvals(W).real.max(),
    "the real parts of the eigenvalues are used, without their imaginary parts; np.abs gives the "
    "size of a complex number.": lambda W, r: W * r / np.abs(np.linalg.eigvals(W).real).max(),
    "the smallest eigenvalue is used; the spectral radius is the largest absolute "
    "value.": lambda W, r: W * r / np.abs(np.linalg.eigvals(W)).min(),
    "the first eigenvalue is used; they come in no order, and the largest absolute value "
    "counts.": lambda W, r: W * r / np.abs(np.linalg.eigvals(W)[0]),
    "eigvalsh is for symmetric matrices and reads one triangle only; W_hh is not "
    "symmetric.": lambda W, r: W * r / np.abs(np.linalg.eigvalsh(W)).max(),
    "the spectral radius is divided by twice: the factor is squared.": lambda W, r: (
        W * r / _radius(W) ** 2
    ),
    "the mean of the absolute eigenvalues is used; the largest one counts.": lambda W, r: (
        W * r / np.abs(np.linalg.eigvals(W)).mean()
    ),
    "the result is transposed.": lambda W, r: _with_radius(W, r).T,
}


def _matrix(rng, H):
    """A matrix whose eigenvalue of largest absolute value is complex, where H allows it."""
    while True:
        W = rng.uniform(-1, 1, (H, H))
        values = np.linalg.eigvals(W)
        top = values[np.abs(values).argmax()]
        if H == 1 or abs(top.imag) > 0.3 * abs(top):
            return W


def _radius_task(seed):
    rng = np.random.default_rng(seed)
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])  # eigenvalues 2i and -2i
    return Task(
        name="with_spectral_radius",
        outputs=("scaled",),
        reference=_with_radius,
        aspects=(
            Aspect("a matrix of five units, its radius made smaller", 2,
                   ({"W_hh": _matrix(rng, 5), "radius": 0.5},)),
            Aspect("a matrix of four units, its radius made larger", 1,
                   ({"W_hh": _matrix(rng, 4), "radius": 3.0},)),
            Aspect("a rotation, all of whose eigenvalues are imaginary", 1,
                   ({"W_hh": turn, "radius": 0.9},)),
            Aspect("one unit with a negative weight", 1,
                   ({"W_hh": -np.ones((1, 1)), "radius": 0.9},)),
        ),
        suspects={"scaled": RADIUS_SUSPECTS},
        rounding=measured_rounding(_with_radius, 60),
        shapes={"scaled": "(H, H)"},
    )  # fmt: skip


def check_with_spectral_radius(answer, seed=4005):
    """Check answer(W_hh, radius) -> W_hh scaled to that spectral radius; returns a Verdict."""
    return examine(_radius_task(seed), answer)
