"""Check of the norms of a gradient on its way back through a vanilla RNN."""

import functools

import numpy as np

from rnn_course.checks.jacobians import B, H, T, draw_states, own_jacobians
from rnn_course.examination.examine import Aspect, Task
from rnn_course.examination.following import examine_following
from rnn_course.examination.rounding import measured_rounding


def _backwards(h, W_hh, dh_last, slope=lambda h: 1 - h**2):
    """dL/dh_t of every step (B, T, H), for a loss of the last state alone."""
    dh = np.zeros(h.shape)
    dh[:, -1] = dh_last
    for t in range(h.shape[1] - 1, 0, -1):
        dh[:, t - 1] = (dh[:, t] * slope(h[:, t])) @ W_hh
    return dh


def _norms(h, W_hh, dh_last):
    return np.linalg.norm(_backwards(h, W_hh, dh_last), axis=-1)


def _norms_over(jacobians):
    def run(h, W_hh, dh_last):
        J, dh = jacobians(h, W_hh), [dh_last]  # (B, T, H, H)
        for t in range(h.shape[1] - 1, 0, -1):
            dh.append((dh[-1][:, None] @ J[:, t])[:, 0])  # (B, H)
        return np.linalg.norm(np.stack(dh[::-1], axis=1), axis=-1)

    return run


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
    "the gradient is multiplied by J_t; backwards it is multiplied by its transpose.": _by_norm(
        lambda h, W, d: _handed_back(h, d, lambda dh, h_t, _: (dh @ W.T) * (1 - h_t**2))
    ),
    "W_hh comes first and the factor 1 - h_t^2 then; backwards the factor comes first.": _by_norm(
        lambda h, W, d: _handed_back(h, d, lambda dh, h_t, _: (dh @ W) * (1 - h_t**2))
    ),
    "the factor is that of the earlier state and comes after W_hh; dh_t is multiplied by 1 - h_t^2 "
    "first.": _by_norm(
        lambda h, W, d: _handed_back(h, d, lambda dh, h_t, h_prev: (dh @ W) * (1 - h_prev**2))
    ),
    "these are norms of dh_t times 1 - h_t^2; those of dh_t are asked for.": lambda h, W, d: (
        np.linalg.norm(_backwards(h, W, d) * (1 - h**2), axis=-1)
    ),
    "the norms are one step early: norms[:, t] is that of dh_t, before it is handed back through "
    "step t.": lambda h, W, d: np.linalg.norm((_backwards(h, W, d) * (1 - h**2)) @ W, axis=-1),
    "norms[:, 0] is not filled in: the loop ends before step 0.": lambda *i: (
        _norms(*i) * (np.arange(i[0].shape[1]) > 0)
    ),
    "norms[:, T - 1] is not filled in: it is the norm of dh_last.": lambda *i: (
        _norms(*i) * (np.arange(i[0].shape[1]) < i[0].shape[1] - 1)
    ),
    "the gradient is divided by its norm at every step, so what the steps before did is "
    "lost.": lambda *i: np.concatenate(
        [_norms(*i)[:, :-1] / _norms(*i)[:, 1:], _norms(*i)[:, -1:]], axis=1
    ),
    "the loop goes forwards in time; the gradient starts at the last step.": lambda *i: _forwards(
        *i
    ),
    "the loop goes forwards in time, and the norms are put in reverse order; the gradient starts "
    "at the last step.": lambda *i: _forwards(*i)[:, ::-1],
    "these are logarithms of the norms.": lambda *i: np.log(_norms(*i)),
    "the entries are added with their signs; the norm is the root of the sum of squares.": _by_norm(
        _backwards, lambda dh: dh.sum(axis=-1)
    ),
    "the norms are added up from the end; each stands for itself.": lambda *i: _norms(*i)[
        :, ::-1
    ].cumsum(axis=1)[:, ::-1],
    "this is the bound from the largest singular value; the norms themselves are asked "
    "for.": lambda h, W, d: (
        np.linalg.norm(d, axis=-1)[:, None] * np.linalg.norm(W, 2) ** np.arange(h.shape[1])[::-1]
    ),
    "the norms are divided by that of dh_last; they are asked for as they are.": lambda h, W, d: (
        _norms(h, W, d) / np.linalg.norm(d, axis=-1)[:, None]
    ),
}


def _shifted(h, W_hh, dh_last):
    before = np.concatenate([h[:, :1], h[:, :-1]], axis=1)
    return _backwards(before, W_hh, dh_last)


def _handed_back(h, dh_last, hand_back):
    dh = [dh_last]
    for t in range(h.shape[1] - 1, 0, -1):
        dh.append(hand_back(dh[-1], h[:, t], h[:, t - 1]))
    return np.stack(dh[::-1], axis=1)


def _forwards(h, W_hh, dh_last):
    from_the_start = np.concatenate([h[:, -1:], h[:, -2::-1]], axis=1)
    return _norms(from_the_start, W_hh, dh_last)[:, ::-1]


def _everywhere(h, W_hh, dh_last):
    return _handed_back(h, dh_last, lambda dh, h_t, _: (dh * (1 - h_t**2)) @ W_hh + dh_last)


def _draw_norms(rng, B=B, T=T, H=H, **replaced):
    dh_last = {"dh_last": rng.uniform(-1, 1, (B, H))}
    return draw_states(rng, B, T, H) | dh_last | replaced


def _norm_rounding(h, W_hh, dh_last):
    """Each step back takes H + 3 roundings, the norm H + 2 more; no slope is above 1."""
    T, H = h.shape[1:]
    return T * (H + 4) * _norms(0 * h, np.abs(W_hh), np.abs(dh_last))


def _norm_task(seed, run=_norms):
    rng = np.random.default_rng(seed)
    one_unit = _draw_norms(rng, H=1)
    one_unit["dh_last"][1] = 0  # what divides by a norm shows here
    return Task(
        name="gradient_norms",
        outputs=("norms",),
        reference=run,
        aspects=(
            Aspect("six steps of two sequences", 3, (_draw_norms(rng),)),
            Aspect("one step: the norm of dh_last itself", 1, (_draw_norms(rng, T=1),)),
            Aspect("one sequence, two steps", 1, (_draw_norms(rng, B=1, T=2),)),
            Aspect("one unit; a gradient of zeros stays one", 1, (one_unit,)),
        ),
        suspects={"norms": NORM_SUSPECTS},
        fallbacks=(_draw_norms(rng, B=3, T=3, H=3),),
        rounding=_norm_rounding if run is _norms else measured_rounding(run, T * (H + 4)),
        shapes={"norms": "(B, T)"},
    )


def check_gradient_norms(answer, jacobians=None, seed=4003):
    """Check answer(h, W_hh, dh_last) -> norms (B, T) of dL/dh_t; returns a Verdict.

    ``jacobians`` is the learner's state_jacobians; where it is wrong, the norms over what it gives
    count.
    """
    own, make_task = own_jacobians(jacobians, seed), functools.partial(_norm_task, seed)
    return examine_following(make_task, answer, _norms_over, state_jacobians=own)
