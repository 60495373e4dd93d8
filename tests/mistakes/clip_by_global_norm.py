"""Answers to: clipping by the global norm."""

import math

import numpy as np

from . import Answers

answers = Answers("clip_by_global_norm")


def norm_of(grads):
    return np.sqrt(sum(np.sum(grad**2) for grad in grads.values()))


def scaled(grads, factor):
    return {name: grad * factor for name, grad in grads.items()}


@answers.right
def condition_first(grads, max_norm):
    norm = norm_of(grads)
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    if norm > max_norm:
        return scaled(grads, max_norm / norm), norm
    return scaled(grads, 1), norm


@answers.right
def one_long_vector(grads, max_norm):
    norm = np.linalg.norm(np.concatenate([grad.ravel() for grad in grads.values()]))
    factor = min(1.0, max_norm / norm) if np.isfinite(norm) and norm > 0 else 1.0
    if not np.isfinite(norm):
        grads = {name: 0 * np.nan_to_num(grad) for name, grad in grads.items()}
    return {name: grad * np.asarray(factor, grad.dtype) for name, grad in grads.items()}, norm


@answers.right
def norm_of_the_norms(grads, max_norm):
    norm = np.linalg.norm([np.linalg.norm(grad) for grad in grads.values()])
    clipped = {}
    for name, grad in grads.items():
        if np.isfinite(norm):
            clipped[name] = grad * float(max_norm / max(norm, max_norm))
        else:
            clipped[name] = np.zeros(grad.shape, dtype=grad.dtype)
    return clipped, float(norm)


@answers.right
def entry_by_entry(grads, max_norm):
    total = 0.0
    for grad in grads.values():
        for value in grad.flat:
            total += float(value) ** 2
    norm = total**0.5
    if np.isnan(norm) or np.isinf(norm):
        return {name: np.full_like(grad, 0) for name, grad in grads.items()}, norm
    if norm <= max_norm:
        return {name: grad.copy() for name, grad in grads.items()}, norm
    return {name: grad * (max_norm / norm) for name, grad in grads.items()}, norm


@answers.right
def dot_products_in_a_list(grads, max_norm):
    norm = np.sqrt(sum(np.vdot(grad, grad) for grad in grads.values()))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.minimum(1.0, max_norm / norm)
    fine = np.isfinite(norm) and norm > 0
    dtype = next(iter(grads.values())).dtype
    keep = {name: (grad * factor).astype(dtype) for name, grad in grads.items()}
    return [keep if fine else {n: np.zeros_like(g) for n, g in grads.items()}, norm.astype(dtype)]


@answers.right
def largest_entry_first(grads, max_norm):
    if not all(np.isfinite(grad).all() for grad in grads.values()):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm_of(grads)
    top = max(float(np.abs(grad).max()) for grad in grads.values()) or 1.0
    norm = top * float(norm_of(scaled(grads, 1 / top)))
    return {
        name: grad * min(1.0, max_norm / (norm or max_norm)) for name, grad in grads.items()
    }, norm


@answers.right
def the_same_dict_when_short(grads, max_norm):
    norm = norm_of(grads)
    return (grads, norm) if norm <= max_norm else condition_first(grads, max_norm)


@answers.right
def exact_sum(grads, max_norm):
    entries = [float(entry) for grad in grads.values() for entry in grad.flat]
    norm = math.sqrt(math.fsum(entry * entry for entry in entries))
    if not math.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return {name: grad / max(1.0, norm / max_norm) for name, grad in grads.items()}, norm


def with_factor(factor):
    """An answer that scales by factor(grads, max_norm, norm) and is right in the rest."""

    def answer(grads, max_norm):
        norm = norm_of(grads)
        if not np.isfinite(norm):
            return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
        return scaled(grads, float(factor(grads, max_norm, norm))), norm

    return answer


def mistake(name, says, keeps, factor):
    answers.mistake(name, says, keeps)(with_factor(factor))


mistake(
    "scaled also when short", "although it was shorter", 10 / 12,
    lambda g, m, norm: m / norm if norm else 1,
)  # fmt: skip
mistake(
    "max_norm left out of the factor", "max_norm does not enter", 7 / 12,
    lambda g, m, norm: 1 / norm if norm > m else 1,
)  # fmt: skip
mistake(
    "condition the wrong way round", "the right way round", 5 / 12,
    lambda g, m, norm: m / norm if 0 < norm < m else 1,
)  # fmt: skip
mistake(
    "factor upside down", "upside down", 7 / 12,
    lambda g, m, norm: norm / m if norm > m else 1,
)  # fmt: skip


@answers.mistake("every array by its own norm", "a norm of its own", keeps=7 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    own = {name: np.linalg.norm(grad) for name, grad in grads.items()}
    factors = {name: max_norm / n if n > max_norm else 1 for name, n in own.items()}
    return {name: grad * factors[name] for name, grad in grads.items()}, norm


@answers.mistake("np.clip of every entry", "every entry is clipped by itself", keeps=7 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return {name: np.clip(grad, -max_norm, max_norm) for name, grad in grads.items()}, norm


@answers.mistake("the root forgotten", "the root is missing", keeps=3 / 12)
def _(grads, max_norm):
    norm = sum(np.sum(grad**2) for grad in grads.values())
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("norms of the arrays added", "the norms of the arrays are added", keeps=3 / 12)
def _(grads, max_norm):
    norm = sum(np.linalg.norm(grad) for grad in grads.values())
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("absolute values added", "the sum of the absolute values", keeps=3 / 12)
def _(grads, max_norm):
    norm = sum(np.abs(grad).sum() for grad in grads.values())
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("the norm after clipping", "this is the norm after clipping", keeps=8 / 12)
def _(grads, max_norm):
    clipped, _norm = condition_first(grads, max_norm)
    return clipped, norm_of(clipped)


@answers.mistake("NaN handed on", "handed on all the same", keeps=10 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("NaN handed on, infinity stopped", "handed on all the same", keeps=10 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if np.isinf(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("zero divided by zero", "is nan", keeps=11 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return scaled(grads, float(np.minimum(norm, max_norm) / norm)), norm


@answers.mistake("only the bad entries set to zero", "should be 0", keeps=10 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if not np.isfinite(norm):
        grads = {name: np.where(np.isfinite(grad), grad, 0) for name, grad in grads.items()}
        return scaled(grads, 1), norm
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("the gradients changed in place", "writes into its input grads", keeps=11 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    factor = max_norm / norm if norm > max_norm else 1.0
    for name in grads:
        grads[name] *= float(factor)
        if not np.isfinite(norm):
            grads[name][:] = 0
    return grads, norm


@answers.mistake("float64 factor", "comes out as float64", keeps=11 / 12)
def _(grads, max_norm):
    clipped, norm = condition_first(grads, max_norm)
    return scaled(clipped, np.ones(1)), norm


@answers.mistake("the clipped gradients alone", "expected 2 values")
def _(grads, max_norm):
    return condition_first(grads, max_norm)[0]


@answers.mistake("a list instead of a dict", "should be a dict", keeps=2 / 12)
def _(grads, max_norm):
    clipped, norm = condition_first(grads, max_norm)
    return list(clipped.values()), norm


@answers.mistake("nothing clipped", "comes back as it is", keeps=7 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return dict(grads), norm


mistake(
    "the square compared with the bound", "not its square", 5 / 12,
    lambda g, m, norm: m / norm if norm**2 > m else 1,
)  # fmt: skip
mistake(
    "compared with 1", "comes back as it is", 5 / 12, lambda g, m, norm: m / norm if norm > 1 else 1
)
mistake(
    "a small number in the quotient", "a small number added", 7 / 12,
    lambda g, m, norm: min(1, m / (norm + 1e-6)),
)  # fmt: skip
mistake(
    "divided by max_norm",
    "is divided by max_norm",
    7 / 12,
    lambda g, m, norm: 1 / m if norm > m else 1,
)
mistake(
    "root of the factor", "the root of the factor", 7 / 12,
    lambda g, m, norm: (m / norm) ** 0.5 if norm > m else 1,
)  # fmt: skip
mistake(
    "zero beyond the bound", "beyond the bound is set to zero", 7 / 12,
    lambda g, m, norm: 0 if norm > m else 1,
)  # fmt: skip


@answers.mistake("rows by norms of their own", "every row is clipped", keeps=7 / 12)
def _(grads, max_norm):
    clipped, norm = condition_first(grads, max_norm)
    if np.isfinite(norm) and norm > 0:
        norms = {name: np.linalg.norm(g, axis=-1, keepdims=True) for name, g in grads.items()}
        clipped = {name: g * np.minimum(1, max_norm / norms[name]) for name, g in grads.items()}
    return clipped, norm


@answers.mistake("the bias left out of the norm", "the bias does not enter", keeps=5 / 12)
def _(grads, max_norm):
    norm = norm_of({name: grad for name, grad in grads.items() if grad.ndim == 2})
    if not np.isfinite(norm_of(grads)):
        return condition_first(grads, max_norm)
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("the last array's norm", "of the last array alone", keeps=5 / 12)
def _(grads, max_norm):
    for grad in grads.values():
        norm = np.linalg.norm(grad)
    if not np.isfinite(norm_of(grads)):
        return condition_first(grads, max_norm)
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("NaN stopped, infinity not", "0 times infinity", keeps=10 / 12)
def _(grads, max_norm):
    norm = norm_of(grads)
    if np.isnan(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    return scaled(grads, float(max_norm / norm) if norm > max_norm else 1), norm


@answers.mistake("the norm replaced by zero", "comes back as it is, NaN", keeps=10 / 12)
def _(grads, max_norm):
    clipped, norm = condition_first(grads, max_norm)
    return clipped, np.nan_to_num(norm, posinf=0)


@answers.mistake("None for the norm", "norm is None", keeps=10 / 12)
def _(grads, max_norm):
    clipped, norm = condition_first(grads, max_norm)
    return clipped, norm if np.isfinite(norm) else None


@answers.mistake("an error for NaN", "It stops with ValueError", keeps=10 / 12)
def _(grads, max_norm):
    if not np.isfinite(norm_of(grads)):
        raise ValueError("a gradient is not finite")
    return condition_first(grads, max_norm)


@answers.mistake("only the spoilt array set to zero", "handed on all the same", keeps=10 / 12)
def _(grads, max_norm):
    clipped, norm = condition_first(grads, max_norm)
    if not np.isfinite(norm):
        clipped = {n: g * 1 if np.isfinite(g).all() else np.zeros_like(g) for n, g in grads.items()}
    return clipped, norm


@answers.mistake("division by zero in Python", "ZeroDivisionError", keeps=7 / 12)
def _(grads, max_norm):
    norm = float(norm_of(grads))
    if not np.isfinite(norm):
        return condition_first(grads, max_norm)
    return scaled(grads, min(1.0, max_norm / norm)), norm


@answers.mistake("the norm first", "norm should hold numbers", keeps=0)
def _(grads, max_norm):
    return condition_first(grads, max_norm)[::-1]
