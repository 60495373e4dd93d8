"""Compare hand-written gradients with central finite differences, and say what looks wrong."""

from dataclasses import dataclass

import numpy as np

from rnn_course._validate import require_shape


@dataclass(frozen=True)
class GradientCheck:
    """Verdict on one set of gradients; true in a boolean context when it passed.

    Attributes:
        passed: whether every entry agrees within the tolerance.
        name: the parameter that holds the worst entry.
        index: position of that entry in the parameter.
        analytic, numeric: its hand-written and its finite-difference value.
        relative_error: |analytic - numeric| / max(|analytic|, |numeric|, scale of the gradient).
        likely_cause: a sentence for a learner; empty when the check passed.
    """

    passed: bool
    name: str
    index: tuple
    analytic: float
    numeric: float
    relative_error: float
    likely_cause: str = ""

    def __bool__(self):
        return self.passed

    def __str__(self):
        place = f"{self.name}[{', '.join(map(str, self.index))}]"
        line = (
            f"{'passed' if self.passed else 'FAILED'}: worst entry d{place}: analytic "
            f"{self.analytic:.6g}, numeric {self.numeric:.6g}, relative error "
            f"{self.relative_error:.1e}"
        )
        return line if self.passed else f"{line}\nlikely cause: {self.likely_cause}"


def numerical_gradient(loss_of, params, name, epsilon=1e-5):
    """Central differences (L(p + e) - L(p - e)) / 2e for every entry of ``params[name]``.

    Args:
        loss_of: function of a dict of parameters that returns the loss, a scalar.
        params: dict of float64 arrays; not changed.

    Returns:
        array of the parameter's shape. Its error is about epsilon² from the formula plus
        2e-16 |L| / epsilon from rounding.
    """
    changed = {key: np.array(value) for key, value in params.items()}
    param = changed[name]
    gradient = np.empty_like(param)
    for index in np.ndindex(param.shape):
        value = param[index]
        param[index] = value + epsilon
        above = float(loss_of(changed))
        param[index] = value - epsilon
        below = float(loss_of(changed))
        param[index] = value
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient


def _is_close(a, b, tolerance):
    return np.shape(a) == np.shape(b) and np.abs(a - b).max() <= 10 * tolerance * np.abs(b).max()


def _likely_cause(name, analytic, numeric, tolerance):
    if not np.isfinite(analytic).all():
        return f"d{name} holds NaN or infinity: look for a division by zero or an overflow"
    if not np.isfinite(numeric).all():
        return f"the loss is NaN or infinite close to these values of {name}: look at the forward"
    if not analytic.any():
        return f"d{name} is zero everywhere: it was never computed, or overwritten"
    if _is_close(analytic, numeric, tolerance):
        return f"d{name} is nearly right: a float32 array on the way, or a kink of relu close by"
    if _is_close(analytic, -numeric, tolerance):
        return f"d{name} has the wrong sign"
    if _is_close(analytic.T, numeric, tolerance):
        return f"d{name} is transposed: the two factors of the product are exchanged"
    factor = (analytic * numeric).sum() / (numeric * numeric).sum() if numeric.any() else 0
    if _is_close(analytic, factor * numeric, tolerance):
        return (
            f"d{name} is {factor:.4g} times the true gradient: a mean where a sum belongs, a sum "
            "where a mean belongs, or a forgotten factor"
        )
    wrong = np.abs(analytic - numeric) > tolerance * np.abs(numeric).max()
    if wrong.mean() < 0.5:
        return (
            f"{wrong.sum()} of {wrong.size} entries of d{name} are wrong, the others right: a "
            "boundary step, the mask, or one row or column left out"
        )
    return (
        f"most entries of d{name} are wrong: a missing term (has the gradient from step t + 1 been "
        "added?), a wrong time index, or a derivative taken at the wrong place"
    )


def check_gradients(loss_of, params, grads, tolerance=1e-6, epsilon=1e-5):
    """Compare gradients with central finite differences, entry by entry.

    An entry's error is relative to the larger of the two values, but at least to a hundredth of
    the gradient's largest entry, so that rounding in a tiny entry is not taken for a mistake.

    Args:
        loss_of: function of a dict of parameters that returns the loss, a scalar.
        params: dict of float64 arrays, not changed.
        grads: dict of the same keys (or fewer: only these are checked) and shapes.
        tolerance: largest accepted relative error.
        epsilon: the step of the differences.

    Returns:
        GradientCheck for the worst entry of all.

    Raises:
        TypeError: a parameter is not float64: differences of float32 losses are mostly rounding.
        KeyError: a gradient without parameter. ValueError: shapes differ, or nothing to check.
    """
    if not grads:
        raise ValueError("grads is empty: there is nothing to check")
    worst = None
    for name, grad in grads.items():
        if params[name].dtype != np.float64:
            raise TypeError(f"{name} is {params[name].dtype}; a gradient check needs float64")
        shape = params[name].shape
        require_shape(f"the gradient of {name}", grad, shape, f"{name} {shape}")
        numeric = numerical_gradient(loss_of, params, name, epsilon)
        verdict = _compare(name, np.asarray(grad), numeric, tolerance)
        if worst is None or verdict.relative_error > worst.relative_error:
            worst = verdict
    return worst


def _compare(name, analytic, numeric, tolerance):
    floor = max(0.01 * np.abs(numeric).max(), 1e-8)
    scale = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), floor)
    with np.errstate(invalid="ignore"):  # infinity over infinity, caught below
        error = np.abs(analytic - numeric) / scale
    error = np.where(np.isfinite(error), error, np.inf)  # NaN compares false: it must be the worst
    index = tuple(int(k) for k in np.unravel_index(error.argmax(), error.shape))
    passed = bool(error[index] <= tolerance)
    cause = "" if passed else _likely_cause(name, analytic, numeric, tolerance)
    return GradientCheck(
        passed,
        name,
        index,
        float(analytic[index]),
        float(numeric[index]),
        float(error[index]),
        cause,
    )
