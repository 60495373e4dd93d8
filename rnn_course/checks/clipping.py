"""Checks of clipping by the global norm, and of the update that uses it."""

from dataclasses import replace

import numpy as np

from rnn_course.examination.calling import call
from rnn_course.examination.compare import Missing, as_array
from rnn_course.examination.examine import Aspect, Task, examine, picked

SIZES = {"W_xh": (5, 3), "W_hh": (5, 5), "b_h": (5,)}
BEFORE = "the norm before clipping"
NOT_FINITE = "a gradient with NaN or infinity: zeros, and the norm as it is"
CLIPPED = tuple(f'clipped["{name}"]' for name in SIZES)


def _norm(grads):
    return np.sqrt(sum((grad**2).sum() for grad in grads.values()))


def _scaled(grads, factor):
    return {name: grad * factor for name, grad in grads.items()}


def _clip(grads, max_norm):
    norm = _norm(grads)
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return _scaled(grads, max_norm / norm if norm > max_norm else 1.0), norm


def _each_array(grads, max_norm):
    return {name: _clip({name: grad}, max_norm)[0][name] for name, grad in grads.items()}


def _each_row(grad, max_norm):
    norms = np.sqrt((grad**2).sum(axis=-1, keepdims=True))
    return grad * np.minimum(1.0, max_norm / norms)


def _matrices(grads):
    return {name: grad for name, grad in grads.items() if grad.ndim == 2}


def _unless_finite(grads, factor):
    if np.isfinite(_norm(grads)):
        raise ValueError("only for gradients that are not finite")
    return _scaled(grads, factor)


# Wrong dictionaries of clipped gradients, as functions of (grads, max_norm).
WRONG_CLIPPING = {
    "the norm is NaN or infinite, and the gradients are handed on all the same: one such update "
    "spoils every weight.": lambda g, m: _unless_finite(g, 1.0),
    "the norm is infinite, so the factor is 0, and 0 times infinity is NaN. Look at the norm "
    "before you scale.": lambda g, m: _unless_finite(g, 0.0),
    "a gradient beyond the bound comes back as it is. Is the norm, not its square, compared with "
    "max_norm, and the right way round?": lambda g, m: g,
    "every array is clipped by a norm of its own, which turns the direction of the whole "
    "gradient. There is one norm, over all arrays together.": _each_array,
    "every entry is clipped by itself (np.clip), which turns the direction of the gradient; "
    "all entries are scaled by one factor.": lambda g, m: {
        name: np.clip(grad, -m, m) for name, grad in g.items()
    },
    "the gradient is scaled to the norm max_norm although it was shorter; what is within the "
    "bound stays as it is.": lambda g, m: _scaled(g, m / _norm(g)),
    "the gradient is divided by max_norm; the factor is max_norm / norm.": lambda g, m: _scaled(
        g, 1 / m if _norm(g) > m else 1.0
    ),
    "the root of the factor is taken; the norm grows with the factor itself.": lambda g, m: _scaled(
        g, min(1.0, np.sqrt(m / _norm(g)))
    ),
    "a gradient beyond the bound is set to zero; it is scaled to the norm max_norm.": lambda g, m: (
        _scaled(g, 0.0 if _norm(g) > m else 1.0)
    ),
    "every row is clipped by a norm of its own; there is one norm, over all arrays together.": (
        lambda g, m: {name: _each_row(grad, m) for name, grad in g.items()}
    ),
    "the bias does not enter the norm; all entries of all arrays do.": lambda g, m: _scaled(
        g, min(1.0, m / _norm(_matrices(g)))
    ),
    "the gradient is divided by its norm, so max_norm does not enter.": lambda g, m: _scaled(
        g, 1 / _norm(g) if _norm(g) > m else 1.0
    ),
    "the root is missing: the gradient is divided by the square of its norm.": lambda g, m: _scaled(
        g, m / _norm(g) ** 2 if _norm(g) ** 2 > m else 1.0
    ),
    "the factor is upside down, norm / max_norm: long gradients grow longer.": lambda g, m: _scaled(
        g, _norm(g) / m if _norm(g) > m else 1.0
    ),
    "the norm is taken of the absolute values' sum; it is the root of the sum of "
    "squares.": lambda g, m: _scaled(g, min(1.0, m / sum(np.abs(v).sum() for v in g.values()))),
    "the norms of the arrays are added; the squares of all entries are added, and one root is "
    "taken of their sum.": lambda g, m: _scaled(
        g, min(1.0, m / sum(np.linalg.norm(v) for v in g.values()))
    ),
    "the norm is averaged over the entries; it is the root of the sum of squares, not of their "
    "mean.": lambda g, m: _scaled(
        g, min(1.0, m / (_norm(g) / np.sqrt(sum(v.size for v in g.values()))))
    ),
    "the largest entry decides; the norm is over all entries.": lambda g, m: _scaled(
        g, min(1.0, m / max(np.abs(v).max() for v in g.values()))
    ),
}
WRONG_NORM = {
    "the root is missing: this is the sum of the squares.": lambda g, m: _norm(g) ** 2,
    "this is the norm after clipping; the one before is asked for, since it shows in a log when "
    "training goes astray.": lambda g, m: min(_norm(g), m),
    "the norms of the arrays are added; the squares of all entries are added, and one root is "
    "taken of their sum.": lambda g, m: sum(np.linalg.norm(v) for v in g.values()),
    "this is the sum of the absolute values.": lambda g, m: sum(
        np.abs(v).sum() for v in g.values()
    ),
    "this is the largest entry.": lambda g, m: max(np.abs(v).max() for v in g.values()),
    "the squares are averaged instead of added.": lambda g, m: (
        _norm(g) / np.sqrt(sum(v.size for v in g.values()))
    ),
    "the bias does not enter; all entries of all arrays do.": lambda g, m: _norm(_matrices(g)),
    "this is the norm of the last array alone.": lambda g, m: np.linalg.norm(list(g.values())[-1]),
    "this is the factor of the scaling, not the norm.": lambda g, m: min(1.0, m / _norm(g)),
}


def _draw(rng, length, **replaced):
    grads = {name: rng.standard_normal(size) for name, size in SIZES.items()}
    return {"grads": _scaled(grads, length / _norm(grads)), "max_norm": 1.5} | replaced


def _clip_rounding(grads, max_norm):
    """A sum of n squares is wrong by n roundings, its root by half of them and one of its own.

    The quotient and the product with it add two. Zeros in place of what is not finite are exact.
    """
    clipped, norm = _clip(grads, max_norm)
    terms = 1 + sum(grad.size for grad in grads.values()) / 2
    bounds = {name: (terms + 2) * np.abs(grad) for name, grad in clipped.items()}
    return bounds, terms * norm


def _with_entry(rng, name, place, value):
    given = _draw(rng, 2.0)
    given["grads"][name][place] = value
    return given


def _clip_task(seed):
    rng = np.random.default_rng(seed)
    spoilt = _with_entry(rng, "W_hh", (1, 2), np.nan)
    overflown = _with_entry(rng, "b_h", 3, np.inf)
    first = _with_entry(rng, "W_xh", (0, 0), np.nan)
    zero = {"grads": {name: np.zeros(size) for name, size in SIZES.items()}, "max_norm": 1.5}
    # Each on one side of the bound, and its square on the other
    long, short = _draw(rng, 60.0), _draw(rng, 1.3)
    beyond = _draw(rng, 1.7), _draw(rng, 0.6, max_norm=0.5)
    return Task(
        name="clip_by_global_norm",
        outputs=("clipped", "norm"),
        reference=_clip,
        aspects=(
            Aspect(BEFORE, 2, (long, short, zero), ("norm",)),
            Aspect("a gradient beyond the bound", 3, (long, *beyond), CLIPPED),
            Aspect("a gradient within the bound", 2, (short,), CLIPPED),
            Aspect("a gradient of zeros", 1, (zero,), CLIPPED),
            Aspect(NOT_FINITE, 2, (spoilt, overflown, first), CLIPPED),
        ),
        suspects={
            entry: {cause: picked(wrong, name) for cause, wrong in WRONG_CLIPPING.items()}
            for entry, name in zip(CLIPPED, SIZES, strict=True)
        }
        | {"norm": WRONG_NORM},
        rounding=_clip_rounding,
        shapes={"norm": "one number"},
    )


def _norm_problem(task, answer):
    """Why the norm of a gradient that is not finite is wrong; empty if it is NaN or infinite."""
    for arguments in next(a for a in task.aspects if a.name == NOT_FINITE).cases:
        norm = as_array("norm", call(answer, arguments).value[1])
        if isinstance(norm, Missing):
            return norm.why
        if np.isfinite(norm).any():
            return (
                f"norm is {norm} where the gradients hold NaN or infinity; it comes back as it is, "
                "NaN or infinite.\nLikely cause: it was replaced, or computed after the gradients "
                "were set to zero. Who reads the log must see that an update was skipped."
            )
    return ""


def check_clip_by_global_norm(answer, seed=4004):
    """Check answer(grads, max_norm) -> (clipped, norm); returns a Verdict."""
    task = _clip_task(seed)
    verdict = examine(task, answer)
    held = {part.name for part in verdict.parts if part.held}
    if not {BEFORE, NOT_FINITE} <= held:  # the norm is wrong anyway, or the zeros are
        return verdict
    problem = _norm_problem(task, answer)
    parts = (
        replace(part, problem=problem) if part.name == NOT_FINITE else part
        for part in verdict.parts
    )
    return replace(verdict, parts=tuple(parts))
