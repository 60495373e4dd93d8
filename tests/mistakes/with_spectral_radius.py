"""Answers to: a matrix scaled to a given spectral radius."""

import numpy as np

from . import Answers

answers = Answers("with_spectral_radius")


def radius_of(W):
    return np.abs(np.linalg.eigvals(W)).max()


@answers.right
def eigenvalues(W_hh, radius):
    return W_hh * (radius / radius_of(W_hh))


@answers.right
def divided_first(W_hh, radius):
    return radius * (W_hh / max(abs(value) for value in np.linalg.eigvals(W_hh)))


@answers.right
def roots_of_the_squares(W_hh, radius):
    values, _ = np.linalg.eig(W_hh)
    largest = np.sqrt(np.max(values.real**2 + values.imag**2))
    return W_hh / largest * radius


@answers.right
def sorted_and_in_rows(W_hh, radius):
    largest = float(sorted(np.abs(np.linalg.eigvals(W_hh)))[-1])
    return [row * radius / largest for row in W_hh]


@answers.right
def in_float64_and_back(W_hh, radius):
    wide = W_hh.astype(np.float64)
    return (wide * (radius / radius_of(wide))).astype(W_hh.dtype)


@answers.right
def of_the_transpose(W_hh, radius):
    return (W_hh.T * np.divide(radius, np.max(np.abs(np.linalg.eigvals(W_hh.T))))).T.astype(
        W_hh.dtype
    )


@answers.right
def eigenvalues_of_the_square(W_hh, radius):
    return W_hh * float(radius / np.sqrt(np.abs(np.linalg.eigvals(W_hh @ W_hh)).max()))


@answers.right
def roots_of_the_polynomial(W_hh, radius):
    largest = np.abs(np.roots(np.poly(W_hh))).max()
    return (W_hh * (radius / largest)).astype(W_hh.dtype)


@answers.right
def products_with_conjugates(W_hh, radius):
    values = np.linalg.eigvals(W_hh)
    return W_hh / np.sqrt((values * values.conj()).real.max()) * radius


@answers.right
def put_together_from_eigenvectors(W_hh, radius):
    values, vectors = np.linalg.eig(W_hh)
    values = values * (radius / np.abs(values).max())
    return (vectors * values @ np.linalg.inv(vectors)).real.astype(W_hh.dtype)


def by(name, says, keeps, measure):
    @answers.mistake(name, says, keeps)
    def _(W_hh, radius):
        return W_hh * float(radius / measure(W_hh))


by("spectral norm", "the largest singular value", 2 / 7, lambda W: np.linalg.norm(W, 2))
by("Frobenius norm", "the Frobenius norm", 1 / 7, np.linalg.norm)
by("not divided", "a radius of its own", 1 / 7, lambda W: 1)
by("real parts' maximum", "real part", 0, lambda W: np.linalg.eigvals(W).real.max())
by("absolute real parts", "real part", 1 / 7,
   lambda W: np.abs(np.linalg.eigvals(W).real).max())  # fmt: skip
by("smallest eigenvalue", "the smallest", 2 / 7, lambda W: np.abs(np.linalg.eigvals(W)).min())
by("eigvalsh", "symmetric matrices", 2 / 7, lambda W: np.abs(np.linalg.eigvalsh(W)).max())
by("squared factor", "divided by twice", 1 / 7, lambda W: radius_of(W) ** 2)
by("mean of the eigenvalues", "the mean", 2 / 7, lambda W: np.abs(np.linalg.eigvals(W)).mean())


@answers.mistake("radius left out", "radius does not enter")
def _(W_hh, radius):
    return W_hh / radius_of(W_hh)


@answers.mistake("upside down", "upside down")
def _(W_hh, radius):
    return W_hh * (radius_of(W_hh) / radius)


@answers.mistake("complex result", "complex numbers", keeps=0)
def _(W_hh, radius):
    values = np.linalg.eigvals(W_hh).astype(complex)
    return W_hh * (radius / values[np.abs(values).argmax()])


@answers.mistake("transposed", "the result is transposed", keeps=1 / 7)
def _(W_hh, radius):
    return eigenvalues(W_hh, radius).T


@answers.mistake("changed in place", "writes into its input W_hh", keeps=6 / 7)
def _(W_hh, radius):
    W_hh *= radius / radius_of(W_hh)
    return W_hh


@answers.mistake("float64", "comes out as float64", keeps=6 / 7)
def _(W_hh, radius):
    return np.eye(len(W_hh)) @ eigenvalues(W_hh, radius)


@answers.mistake("the radius instead of the matrix", "expected (5, 5)", keeps=0)
def _(W_hh, radius):
    return radius_of(W_hh)


by("maximum of complex numbers", "compares complex numbers by their real parts", 2 / 7,
   lambda W: abs(np.linalg.eigvals(W).max()))  # fmt: skip
by("the first eigenvalue", "the largest absolute value counts", 2 / 7,
   lambda W: abs(np.linalg.eigvals(W)[0]))  # fmt: skip
by("real and imaginary part added", "real and imaginary part are added", 2 / 7,
   lambda W: np.max([abs(v.real) + abs(v.imag) for v in np.linalg.eigvals(W)]))  # fmt: skip
by("the root of the squares forgotten", "the factor is squared", 1 / 7,
   lambda W: (np.abs(np.linalg.eigvals(W)) ** 2).max())  # fmt: skip
by("sum of the eigenvalues", "the sum of the absolute", 1 / 7,
   lambda W: np.abs(np.linalg.eigvals(W)).sum())  # fmt: skip
by("trace", "the trace is used", 1 / 7, lambda W: abs(np.trace(W)))
by("row sums", "the largest sum over a row", 2 / 7, lambda W: np.linalg.norm(W, np.inf))
by("largest entry", "the largest entry", 2 / 7, lambda W: np.abs(W).max())


@answers.mistake("scaled down only", "only ever made smaller", keeps=6 / 7)
def _(W_hh, radius):
    return W_hh * min(1.0, float(radius / radius_of(W_hh)))


@answers.mistake("root of the factor", "the root of the factor")
def _(W_hh, radius):
    return W_hh * float(np.sqrt(radius / radius_of(W_hh)))


@answers.mistake("every eigenvalue moved to the radius", "scaled by one factor", keeps=2 / 7)
def _(W_hh, radius):
    values, vectors = np.linalg.eig(W_hh)
    values = values / np.abs(values) * radius
    return (vectors * values @ np.linalg.inv(vectors)).real.astype(W_hh.dtype)


@answers.mistake("shifted", "subtracted from the diagonal")
def _(W_hh, radius):
    return W_hh - (radius_of(W_hh) - radius) * np.eye(len(W_hh), dtype=W_hh.dtype)


@answers.mistake("divided by a complex number", "complex numbers")
def _(W_hh, radius):
    return W_hh * radius / max(np.linalg.eigvals(W_hh).astype(complex), key=abs)
