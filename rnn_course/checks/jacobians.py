"""Checks of Jacobians of the vanilla RNN: of one step, their product, and what it does."""

import numpy as np

from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.rounding import measured_rounding

B, T, H = 2, 6, 4


def _draw(rng, B=B, T=T, H=H, **replaced):
    h = rng.uniform(-0.9, 0.9, (B, T, H))
    return {"h": h, "W_hh": rng.uniform(-0.8, 0.8, (H, H))} | replaced


def _jacobians(h, W_hh):
    return (1 - h**2)[..., None] * W_hh  # (B, T, H, H)


def _product(jacobians):
    """J_{T-1} ... J_1 of (B, T, H, H)."""
    result = np.broadcast_to(np.eye(jacobians.shape[-1]), jacobians[:, 0].shape)
    for t in range(1, jacobians.shape[1]):
        result = jacobians[:, t] @ result
    return result


def _jacobian_product(h, W_hh):
    return _product(_jacobians(h, W_hh))


JACOBIAN_SUSPECTS = {
    "the factor 1 - h_t^2 is left out: this is W_hh alone, as if tanh were not "
    "there.": lambda h, W: np.broadcast_to(W, (*h.shape, len(W))),
    "W_hh stands transposed: row j, column k is the effect of unit k before on unit j "
    "after.": lambda h, W: (1 - h**2)[..., None] * W.T,
    "the factor 1 - h_t^2 multiplies the columns; unit j after the step has the row "
    "j.": lambda h, W: (1 - h**2)[..., None, :] * W,
    "the whole matrix is transposed: the result's rows are the units after the "
    "step.": lambda h, W: _jacobians(h, W).swapaxes(-1, -2),
    "the square is missing: the derivative of tanh is 1 - h_t^2.": lambda h, W: (
        (1 - h)[..., None] * W
    ),
    "the derivative of tanh is 1 - h_t^2; here h_t^2 stands alone.": lambda h, W: (
        (h**2)[..., None] * W
    ),
    "tanh is taken once too often: h_t is tanh(a_t) already.": lambda h, W: (
        (1 - np.tanh(h) ** 2)[..., None] * W
    ),
    "this is the derivative of the sigmoid, h (1 - h); the state is a tanh.": lambda h, W: (
        (h * (1 - h))[..., None] * W
    ),
    "the factor stands on the diagonal alone, without W_hh.": lambda h, W: (
        (1 - h**2)[..., None] * np.eye(len(W))
    ),
    "the factor is that of the state before the step; it belongs to the state after "
    "it.": lambda h, W: (
        np.concatenate([np.ones_like(h[:, :1]), 1 - h[:, :-1] ** 2], axis=1)[..., None] * W
    ),
    "the sign is reversed: 1 - h_t^2, not h_t^2 - 1.": lambda h, W: (h**2 - 1)[..., None] * W,
    "the factor is 1 + h_t^2; the derivative of tanh subtracts.": lambda h, W: (
        (1 + h**2)[..., None] * W
    ),
    "the rows of W_hh enter as vectors: W_hh (1 - h_t^2) is a product with the column, and one "
    "matrix for each state is asked for.": lambda h, W: (1 - h**2) @ W.T,
}


def _jacobian_task(seed):
    rng = np.random.default_rng(seed)
    return Task(
        name="state_jacobians",
        outputs=("J",),
        reference=_jacobians,
        aspects=(
            Aspect("all states of two sequences", 3, (_draw(rng),)),
            Aspect("one state of one sequence", 1, (_draw(rng, B=1, T=1),)),
            Aspect(
                "states of zero, where tanh has the slope 1",
                1,
                (_draw(rng, h=np.zeros((B, T, H))),),
            ),
            Aspect("one unit", 1, (_draw(rng, H=1),)),
        ),
        suspects={"J": JACOBIAN_SUSPECTS},
        fallbacks=(_draw(rng, B=3, T=3, H=3),),
        rounding=lambda h, W_hh: 8 * np.abs(W_hh) + 0 * h[..., None],
        shapes={"J": "(B, T, H, H)"},
    )


def check_state_jacobians(answer, seed=4001):
    """Check answer(h, W_hh) -> J (B, T, H, H); returns a Verdict."""
    return examine(_jacobian_task(seed), answer)


def _others(jacobians, turn):
    """The product of T - 1 Jacobians in which `turn` chooses and changes them."""
    return lambda h, W: turn(jacobians(h, W))


def _running(order):
    def product(jacobians):
        result = jacobians[:, order[0]]
        for t in order[1:]:
            result = jacobians[:, t] @ result
        return result

    return product


def _forwards(jacobians):
    """J_1 ... J_{T-1}: the order of time, from left to right."""
    result = np.broadcast_to(np.eye(jacobians.shape[-1]), jacobians[:, 0].shape)
    for t in range(1, jacobians.shape[1]):
        result = result @ jacobians[:, t]
    return result


PRODUCT_SUSPECTS = {
    "the factors stand in the wrong order. The latest step is on the left, J_{T-1} ... J_1: a "
    "change of h_0 meets J_1 first.": _others(_jacobians, _forwards),
    "J_0 is in the product as well. h_0 is the first state, and J_0 belongs to the step that led "
    "to it: the steps from h_0 to the last state are 1 to T - 1.": _others(
        _jacobians, lambda J: _product(J) @ J[:, 0]
    ),
    "the last step J_{T-1} is missing.": _others(_jacobians, lambda J: _product(J[:, :-1])),
    "the first step J_1 is missing.": _others(_jacobians, lambda J: _product(J[:, 1:])),
    "the factors 1 - h_t^2 are left out: this is a power of W_hh.": lambda h, W: np.broadcast_to(
        np.linalg.matrix_power(W, h.shape[1] - 1), (len(h), *W.shape)
    ),
    "the matrices are multiplied entry by entry (*); a product of Jacobians is a matrix product, "
    "@.": _others(_jacobians, lambda J: J[:, 1:].prod(axis=1)),
    "the Jacobians are added; effects of steps in a row multiply.": _others(
        _jacobians, lambda J: J[:, 1:].sum(axis=1)
    ),
    "W_hh stands transposed in every Jacobian.": lambda h, W: _product(_jacobians(h, W.T)),
    "the factors 1 - h_t^2 multiply the columns of W_hh instead of its rows.": lambda h, W: (
        _product((1 - h**2)[..., None, :] * W)
    ),
    "the result is transposed: its rows are the units of the last state.": _others(
        _jacobians, lambda J: _product(J).swapaxes(-1, -2)
    ),
    "only the last Jacobian is there; those of the steps before belong to the product.": _others(
        _jacobians, lambda J: J[:, -1]
    ),
    "each Jacobian takes the state before its step: J_t needs h_t.": _others(
        _jacobians, lambda J: _product(np.concatenate([J[:, :1], J[:, :-1]], axis=1))
    ),
}


def _product_task(seed):
    rng = np.random.default_rng(seed)
    return Task(
        name="jacobian_product",
        outputs=("P",),
        reference=_jacobian_product,
        aspects=(
            Aspect("from the first state to the last of six", 3, (_draw(rng),)),
            Aspect("over one step, from h_0 to h_1", 1, (_draw(rng, T=2),)),
            Aspect("one state alone: nothing lies between, and the product is the identity", 1,
                   (_draw(rng, T=1),)),
            Aspect("one sequence of one unit", 1, (_draw(rng, B=1, H=1),)),
        ),
        suspects={"P": PRODUCT_SUSPECTS},
        fallbacks=(_draw(rng, B=3, T=3, H=3),),
        rounding=measured_rounding(_jacobian_product, (T - 1) * (H + 4)),
        shapes={"P": "(B, H, H)"},
    )  # fmt: skip


def check_jacobian_product(answer, seed=4002):
    """Check answer(h, W_hh) -> P (B, H, H) = dh_{T-1}/dh_0; returns a Verdict."""
    return examine(_product_task(seed), answer)


def _backwards(h, W_hh, dh_last, slope=lambda h: 1 - h**2):
    """dL/dh_t of every step (B, T, H), for a loss of the last state alone."""
    dh = np.zeros(h.shape)
    dh[:, -1] = dh_last
    for t in range(h.shape[1] - 1, 0, -1):
        dh[:, t - 1] = (dh[:, t] * slope(h[:, t])) @ W_hh
    return dh


def _norms(h, W_hh, dh_last):
    return np.linalg.norm(_backwards(h, W_hh, dh_last), axis=-1)


def _by_norm(wrong, norm=lambda dh: np.linalg.norm(dh, axis=-1)):
    return lambda h, W, d: norm(wrong(h, W, d))


NORM_SUSPECTS = {
    "the factors 1 - h_t^2 are left out: the gradient passes through W_hh alone.": _by_norm(
        lambda h, W, d: _backwards(h, W, d, slope=np.ones_like)
    ),
    "W_hh is transposed. Backwards the gradient of a row is multiplied by W_hh from the right, "
    "without .T.": _by_norm(lambda h, W, d: _backwards(h, W.T, d)),
    "the factor 1 - h^2 is that of the earlier state; the step from h_{t-1} to h_t has that of "
    "h_t.": _by_norm(lambda h, W, d: _shifted(h, W, d)),
    "the norms stand in the order of going back; norms[:, t] belongs to step t, so the last one "
    "is that of dh_last.": lambda *i: _norms(*i)[:, ::-1],
    "the root is missing: these are squares of norms.": lambda *i: _norms(*i) ** 2,
    "the norm is taken over the batch as well; every sequence has a row of its own.": lambda *i: (
        np.linalg.norm(_backwards(*i), axis=(0, 2))
    ),
    "the norms are averaged over the batch; every sequence has a row of its own.": lambda *i: (
        _norms(*i).mean(axis=0)
    ),
    "these are the gradients themselves; their norms over the units are asked for.": _backwards,
    "the absolute values are added; the norm is the root of the sum of squares.": _by_norm(
        _backwards, lambda dh: np.abs(dh).sum(axis=-1)
    ),
    "this is the largest entry; the norm is the root of the sum of squares.": _by_norm(
        _backwards, lambda dh: np.abs(dh).max(axis=-1)
    ),
    "the mean of the squares stands where their sum belongs.": _by_norm(
        _backwards, lambda dh: np.sqrt((dh**2).mean(axis=-1))
    ),
    "the norms are one step late: norms[:, T - 1] is that of dh_last itself.": _by_norm(
        lambda h, W, d: np.concatenate(
            [_backwards(h, W, d)[:, :1] * 0, _backwards(h, W, d)[:, :-1]], axis=1
        )
    ),
    "the derivative of tanh is 1 - h_t^2; the square is missing.": _by_norm(
        lambda h, W, d: _backwards(h, W, d, slope=lambda h: 1 - h)
    ),
    "tanh is taken once too often: h_t is tanh(a_t) already.": _by_norm(
        lambda h, W, d: _backwards(h, W, d, slope=lambda h: 1 - np.tanh(h) ** 2)
    ),
    "dh_last is added at every step; the loss depends on the last state alone.": _by_norm(
        lambda h, W, d: _everywhere(h, W, d)
    ),
    "the norms are divided by that of dh_last; they are asked for as they are.": lambda h, W, d: (
        _norms(h, W, d) / np.linalg.norm(d, axis=-1)[:, None]
    ),
}


def _shifted(h, W_hh, dh_last):
    before = np.concatenate([h[:, :1], h[:, :-1]], axis=1)
    return _backwards(before, W_hh, dh_last)


def _everywhere(h, W_hh, dh_last):
    dh = np.zeros(h.shape)
    dh[:, -1] = dh_last
    for t in range(h.shape[1] - 1, 0, -1):
        dh[:, t - 1] = (dh[:, t] * (1 - h[:, t] ** 2)) @ W_hh + dh_last
    return dh


def _draw_norms(rng, B=B, T=T, H=H, **replaced):
    dh_last = {"dh_last": rng.uniform(-1, 1, (B, H))}
    return _draw(rng, B, T, H) | dh_last | replaced


def _norm_task(seed):
    rng = np.random.default_rng(seed)
    return Task(
        name="gradient_norms",
        outputs=("norms",),
        reference=_norms,
        aspects=(
            Aspect("six steps of two sequences", 3, (_draw_norms(rng),)),
            Aspect("one step: the norm of dh_last itself", 1, (_draw_norms(rng, T=1),)),
            Aspect("one sequence, two steps", 1, (_draw_norms(rng, B=1, T=2),)),
            Aspect("one unit", 1, (_draw_norms(rng, H=1),)),
        ),
        suspects={"norms": NORM_SUSPECTS},
        fallbacks=(_draw_norms(rng, B=3, T=3, H=3),),
        rounding=measured_rounding(_norms, T * (H + 4)),
        shapes={"norms": "(B, T)"},
    )


def check_gradient_norms(answer, seed=4003):
    """Check answer(h, W_hh, dh_last) -> norms (B, T) of dL/dh_t; returns a Verdict."""
    return examine(_norm_task(seed), answer)
