"""Check of scaling a matrix to a given spectral radius."""

import numpy as np

from rnn_course.examination.examine import Aspect, Task, examine


def _sizes(W):
    return np.abs(np.linalg.eigvals(W))


def _radius(W):
    return _sizes(W).max()


def _with_radius(W, radius):
    return W * (radius / _radius(W))


# What learners take for the spectral radius.
MEASURES = {
    "the largest singular value is used (the spectral norm, np.linalg.norm(W, 2)); the spectral "
    "radius is the largest absolute value of the eigenvalues.": lambda W: np.linalg.norm(W, 2),
    "the Frobenius norm is used (np.linalg.norm's default); the spectral radius is the largest "
    "absolute value of the eigenvalues.": np.linalg.norm,
    "the matrix is multiplied by radius; it has a radius of its own, by which it is divided "
    "first.": lambda W: 1.0,
    "max() compares complex numbers by their real parts, so the eigenvalue with the largest real "
    "part is used; the largest absolute value counts.": lambda W: np.abs(
        np.linalg.eigvals(W).max()
    ),
    "the real parts of the eigenvalues are used; the largest absolute value counts, that is "
    "sqrt(re^2 + im^2).": lambda W: np.linalg.eigvals(W).real.max(),
    "the real parts of the eigenvalues are used, without their imaginary parts; the largest "
    "absolute value counts, which np.abs gives.": lambda W: np.abs(np.linalg.eigvals(W).real).max(),
    "real and imaginary part are added; the absolute value is sqrt(re^2 + im^2).": lambda W: (
        np.abs(np.linalg.eigvals(W).real) + np.abs(np.linalg.eigvals(W).imag)
    ).max(),
    "the smallest eigenvalue is used; the largest absolute value counts.": lambda W: _sizes(
        W
    ).min(),
    "the first eigenvalue is used; they come in no order, and the largest absolute value "
    "counts.": lambda W: _sizes(W)[0],
    "eigvalsh is for symmetric matrices and reads one triangle only; W_hh is not "
    "symmetric.": lambda W: np.abs(np.linalg.eigvalsh(W)).max(),
    "the spectral radius is divided by twice: the factor is squared.": lambda W: _radius(W) ** 2,
    "the mean of the absolute eigenvalues is used; the largest one counts.": lambda W: _sizes(
        W
    ).mean(),
    "the sum of the absolute eigenvalues is used; the largest one counts.": lambda W: _sizes(
        W
    ).sum(),
    "the trace is used, the sum of all eigenvalues; the largest absolute value counts.": lambda W: (
        np.abs(np.trace(W))
    ),
    "the determinant is used, the product of all eigenvalues; the largest absolute value "
    "counts.": lambda W: np.abs(np.linalg.det(W)),
    "the largest sum over a row is used; that bounds the spectral radius from above.": lambda W: (
        np.abs(W).sum(axis=1).max()
    ),
    "the largest entry is used; the spectral radius is that of the eigenvalues.": lambda W: np.abs(
        W
    ).max(),
}


def _all_set(W, radius):
    values, vectors = np.linalg.eig(W)
    return (vectors * (values / np.abs(values) * radius) @ np.linalg.inv(vectors)).real


def _divided_by(measure):
    return lambda W, radius: W * (radius / measure(W))


RADIUS_SUSPECTS = {cause: _divided_by(measure) for cause, measure in MEASURES.items()} | {
    "radius does not enter: the result has the spectral radius 1.": lambda W, r: W / _radius(W),
    "the factor is upside down.": lambda W, r: W * _radius(W) / r,
    "the root of the factor is taken; the eigenvalues grow with the factor itself.": lambda W, r: (
        W * np.sqrt(r / _radius(W))
    ),
    "the matrix is only ever made smaller; one whose radius is below the wanted one is made "
    "larger.": lambda W, r: W * min(1.0, r / _radius(W)),
    "every eigenvalue is given the absolute value radius; all of them are scaled by one "
    "factor.": _all_set,
    "the radius is subtracted from the diagonal, which moves the eigenvalues; they are "
    "scaled.": lambda W, r: W - (_radius(W) - r) * np.eye(len(W)),
    "the result is transposed.": lambda W, r: _with_radius(W, r).T,
}


def _apart(size, others):
    return np.all(np.abs(np.log(np.abs(others) / size)) > 0.03)


def _matrix(rng, H):
    """One whose spectral radius no other measure comes near, whichever eigenvalue is taken."""
    while True:
        W = rng.uniform(-1, 1, (H, H))
        values = np.linalg.eigvals(W)
        sizes, largest_real = np.abs(values), values[values.real.argmax()]
        parts = [abs(largest_real), largest_real.real, np.abs(values.real).max()]
        picked = _apart(sizes.max(), [sizes[0], sizes[-1], *parts]) and _apart(sizes.min(), parts)
        if picked and _apart(sizes.max(), [measure(W) for measure in MEASURES.values()]):
            return W


def _rounding(W, radius):
    """The computed eigenvalues are those of W + E, where E has about the size epsilon * |W|.

    An eigenvalue moves by |E| times its condition, 1 / |cosine of the angle between its left and
    right eigenvector| (Golub and Van Loan, Matrix Computations, section 7.2; LAPACK Users' Guide,
    section 4.8); H stands for the constant there. Quotient, product and rounded radius add 3. Who
    puts W together again from its eigenvectors rounds by their condition number.
    """
    values, vectors = np.linalg.eig(W)
    top, right = np.abs(values).argmax(), _with_radius(W, radius)
    condition = np.linalg.norm(np.linalg.inv(vectors)[top])  # the columns have the length 1
    moved = len(W) * condition * np.linalg.norm(W) / np.abs(values[top])
    rebuilt = len(W) * np.linalg.cond(vectors) * np.linalg.norm(right)
    return (3 + moved) * np.abs(right) + rebuilt


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
        rounding=_rounding,
        shapes={"scaled": "(H, H)"},
    )  # fmt: skip


def check_with_spectral_radius(answer, seed=4005):
    """Check answer(W_hh, radius) -> W_hh scaled to that spectral radius; returns a Verdict."""
    return examine(_radius_task(seed), answer)
