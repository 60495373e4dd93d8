"""Answers to: clipping by the global norm."""

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


@answers.mistake("the root forgotten", "the root is missing", keeps=5 / 12)
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
