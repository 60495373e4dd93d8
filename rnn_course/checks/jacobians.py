"""Checks of Jacobians of the vanilla RNN: of one step, and their product over many."""

import functools

import numpy as np

from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.following import Earlier, examine_following
from rnn_course.examination.rounding import measured_rounding

B, T, H = 2, 6, 4


def draw_states(rng, B=B, T=T, H=H, **replaced):
    h = rng.uniform(-0.9, 0.9, (B, T, H))
    return {"h": h, "W_hh": rng.uniform(-0.8, 0.8, (H, H))} | replaced


def jacobians_of(h, W_hh):
    return (1 - h**2)[..., None] * W_hh  # (B, T, H, H)


def _product(jacobians):
    """J_{T-1} ... J_1 of (B, T, H, H)."""
    H, dtype = jacobians.shape[-1], jacobians.dtype
    result = np.broadcast_to(np.eye(H, dtype=dtype), jacobians[:, 0].shape)
    for t in range(1, jacobians.shape[1]):
        result = jacobians[:, t] @ result
    return result


def _jacobian_product(h, W_hh):
    return _product(jacobians_of(h, W_hh))


JACOBIAN_SUSPECTS = {
    "the factor 1 - h_t^2 is left out: this is W_hh alone, as if tanh were not "
    "there.": lambda h, W: np.broadcast_to(W, (*h.shape, len(W))),
    "W_hh stands transposed: row j, column k is the effect of unit k before on unit j "
    "after.": lambda h, W: (1 - h**2)[..., None] * W.T,
    "the factor 1 - h_t^2 multiplies the columns; unit j after the step has the row "
    "j.": lambda h, W: (1 - h**2)[..., None, :] * W,
    "the whole matrix is transposed: the result's rows are the units after the "
    "step.": lambda h, W: jacobians_of(h, W).swapaxes(-1, -2),
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
    "* multiplies entry by entry, which keeps the diagonal alone; diag(1 - h_t^2) W_hh is a matrix "
    "product.": lambda h, W: (1 - h**2)[..., None] * np.eye(len(W)) * W,
    "1 - h^2 * W is 1 - (h^2 * W): brackets are missing around 1 - h^2.": lambda h, W: (
        1 - (h**2)[..., None] * W
    ),
    "h_t^2 is subtracted from W_hh; the factor 1 - h_t^2 multiplies it.": lambda h, W: (
        W - (h**2)[..., None]
    ),
    "the factor is squared: it stands once in front of W_hh.": lambda h, W: (
        ((1 - h**2) ** 2)[..., None] * W
    ),
    "the factor multiplies rows and columns; it multiplies the rows alone.": lambda h, W: (
        (1 - h**2)[..., None] * W * (1 - h**2)[..., None, :]
    ),
    "the derivative of tanh is 1 - h_t^2; here 1 - 2 h_t stands.": lambda h, W: (
        (1 - 2 * h)[..., None] * W
    ),
    "every step has the Jacobian of the last one: does each get an array of its own?": (
        lambda h, W: np.zeros((*h.shape, 1)) + jacobians_of(h, W)[:, -1:]
    ),
    "these are the Jacobians of the first sequence alone.": lambda h, W: jacobians_of(h[0], W),
    "they are averaged over the batch; every sequence has its own.": lambda h, W: jacobians_of(
        h, W
    ).mean(axis=0),
    "the first step is missing: J_0 leads from the state before to h_0.": lambda h, W: jacobians_of(
        h[:, 1:], W
    ),
    "the factor is that of the state before the step, and the last state comes before the first; "
    "J_t needs h_t.": lambda h, W: jacobians_of(np.roll(h, 1, axis=1), W),
    "the factor is that of the state after next; J_t needs h_t.": lambda h, W: jacobians_of(
        np.concatenate([h[:, 1:], 0 * h[:, :1]], axis=1), W
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
        reference=jacobians_of,
        aspects=(
            Aspect("all states of two sequences", 3, (draw_states(rng),)),
            Aspect("one state of one sequence", 1, (draw_states(rng, B=1, T=1),)),
            Aspect(
                "states of zero, where tanh has the slope 1",
                1,
                (draw_states(rng, h=np.zeros((B, T, H))),),
            ),
            Aspect("one unit", 1, (draw_states(rng, H=1),)),
        ),
        suspects={"J": JACOBIAN_SUSPECTS},
        fallbacks=(draw_states(rng, B=3, T=3, H=3),),
        # h^2, the product and the difference: three roundings, each of at most |W_hh|
        rounding=lambda h, W_hh: 3 * np.abs(W_hh) + 0 * h[..., None],
        shapes={"J": "(B, T, H, H)"},
    )


def check_state_jacobians(answer, seed=4001):
    """Check answer(h, W_hh) -> J (B, T, H, H); returns a Verdict."""
    return examine(_jacobian_task(seed), answer)


def _of_jacobians(combine):
    return lambda h, W: combine(jacobians_of(h, W))


def _forwards(jacobians):
    """J_1 ... J_{T-1}: the order of time, from left to right."""
    result = np.broadcast_to(np.eye(jacobians.shape[-1]), jacobians[:, 0].shape)
    for t in range(1, jacobians.shape[1]):
        result = result @ jacobians[:, t]
    return result


def _run_on(jacobians):
    result = [np.eye(jacobians.shape[-1])]
    for product in _product(jacobians):
        result.append(product @ result[-1])
    return np.stack(result[1:])


PRODUCT_SUSPECTS = {
    "the factors stand in the wrong order. The latest step is on the left, J_{T-1} ... J_1: a "
    "change of h_0 meets J_1 first.": _of_jacobians(_forwards),
    "J_0 is in the product as well. h_0 is the first state, and J_0 belongs to the step that led "
    "to it: the steps from h_0 to the last state are 1 to T - 1.": _of_jacobians(
        lambda J: _product(J) @ J[:, 0]
    ),
    "the last step J_{T-1} is missing.": _of_jacobians(lambda J: _product(J[:, :-1])),
    "the first step J_1 is missing.": _of_jacobians(lambda J: _product(J[:, 1:])),
    "the factors 1 - h_t^2 are left out: this is a power of W_hh.": lambda h, W: np.broadcast_to(
        np.linalg.matrix_power(W, h.shape[1] - 1), (len(h), *W.shape)
    ),
    "the matrices are multiplied entry by entry (*); a product of Jacobians is a matrix product, "
    "@.": _of_jacobians(lambda J: J[:, 1:].prod(axis=1)),
    "the Jacobians are added; effects of steps in a row multiply.": _of_jacobians(
        lambda J: J[:, 1:].sum(axis=1)
    ),
    "W_hh stands transposed in every Jacobian.": lambda h, W: _product(jacobians_of(h, W.T)),
    "the factors 1 - h_t^2 multiply the columns of W_hh instead of its rows.": lambda h, W: (
        _product((1 - h**2)[..., None, :] * W)
    ),
    "the slopes and the powers of W_hh are multiplied apart from each other; matrices cannot be "
    "reordered.": lambda h, W: (
        (1 - h[:, 1:] ** 2).prod(axis=1)[..., None] * np.linalg.matrix_power(W, h.shape[1] - 1)
    ),
    "the square is missing: the derivative of tanh is 1 - h_t^2.": lambda h, W: _product(
        (1 - h)[..., None] * W
    ),
    "tanh is taken once too often: h_t is tanh(a_t) already.": lambda h, W: _jacobian_product(
        np.tanh(h), W
    ),
    "J_0 is in the product as well, and the factors stand in the wrong order: J_{T-1} ... J_1, the "
    "latest step on the left.": _of_jacobians(lambda J: J[:, 0] @ _forwards(J)),
    "every Jacobian is transposed; the product of them as they are is asked for.": _of_jacobians(
        lambda J: _product(J.swapaxes(-1, -2))
    ),
    "the product does not start from the identity matrix: all entries are 1 there.": _of_jacobians(
        lambda J: _product(J) @ np.ones_like(J[:, 0])
    ),
    "every sequence has the product of the first one.": _of_jacobians(
        lambda J: np.zeros_like(J[:, 0]) + _product(J)[:1]
    ),
    "the product of one sequence runs on into the next one of the batch; each starts from the "
    "identity matrix.": _of_jacobians(lambda J: _run_on(J)),
    "these are the products up to every step; that of all steps is asked for.": _of_jacobians(
        lambda J: np.stack([_product(J[:, : t + 1]) for t in range(J.shape[1])], axis=1)
    ),
    "the products of all sequences are added; every sequence has its own.": _of_jacobians(
        lambda J: _product(J).sum(axis=0, keepdims=True)
    ),
    "the result is transposed: its rows are the units of the last state.": _of_jacobians(
        lambda J: _product(J).swapaxes(-1, -2)
    ),
    "only the last Jacobian is there; those of the steps before belong to the "
    "product.": _of_jacobians(lambda J: J[:, -1]),
    "each Jacobian takes the state before its step: J_t needs h_t.": _of_jacobians(
        lambda J: _product(np.concatenate([J[:, :1], J[:, :-1]], axis=1))
    ),
}


def _product_rounding(h, W_hh):
    """Any order of the product: each factor takes 3 roundings and its slope is at most 1."""
    T, H = h.shape[1:]
    bound = (T - 1) * (H + 3) * np.linalg.matrix_power(np.abs(W_hh), T - 1)
    return np.broadcast_to(bound, (len(h), H, H))


def _over_jacobians(jacobians):
    return lambda h, W_hh: _product(jacobians(h, W_hh))


def _product_task(seed, run=_jacobian_product):
    rng = np.random.default_rng(seed)
    return Task(
        name="jacobian_product",
        outputs=("P",),
        reference=run,
        aspects=(
            Aspect("from the first state to the last of six", 3, (draw_states(rng),)),
            Aspect("over one step, from h_0 to h_1", 1, (draw_states(rng, T=2),)),
            Aspect("one state alone: nothing lies between, and the product is the identity", 1,
                   (draw_states(rng, T=1),)),
            Aspect("one sequence of one unit", 1, (draw_states(rng, B=1, H=1),)),
        ),
        suspects={"P": PRODUCT_SUSPECTS},
        fallbacks=(draw_states(rng, B=3, T=3, H=3),),
        # of wrong Jacobians nothing is known
        rounding=_product_rounding
        if run is _jacobian_product
        else measured_rounding(run, (T - 1) * (H + 3)),
        shapes={"P": "(B, H, H)"},
    )  # fmt: skip


def own_jacobians(answer, seed):
    """The learner's state_jacobians; 1 - h^2 does not tell h from -h, so W_hh alone must matter."""
    return Earlier(answer, jacobians_of, draw_states(np.random.default_rng(seed)), ("W_hh",))


def check_jacobian_product(answer, jacobians=None, seed=4002):
    """Check answer(h, W_hh) -> P (B, H, H) = dh_{T-1}/dh_0; returns a Verdict.

    ``jacobians`` is the learner's state_jacobians; where it is wrong, the product of what it gives
    counts.
    """
    own, make_task = own_jacobians(jacobians, seed), functools.partial(_product_task, seed)
    return examine_following(make_task, answer, _over_jacobians, state_jacobians=own)
