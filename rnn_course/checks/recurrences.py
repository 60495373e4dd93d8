"""Checks of linear recurrences: all states, and two stretches of steps made one."""

import numpy as np

from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.scan import scan_steps

B, T, H = 2, 6, 3


def draw_recurrence(rng, B=B, T=T, H=H, low=0.2):
    """keep, add and h_0, every number far enough from 0 to show."""
    keep = rng.uniform(low, 1, (B, T, H))
    return {
        "keep": keep,
        "add": rng.choice((-1.0, 1.0), (B, T, H)) * rng.uniform(0.5, 2, (B, T, H)),
        "h_0": rng.choice((-1.0, 1.0), (B, H)) * rng.uniform(0.5, 2, (B, H)),
    }


def _states(step=None, start=None, order=1):
    """All states, where a step, the start or the direction may be wrong."""
    step = step or (lambda keep_t, h, add_t, t: keep_t * h + add_t)

    def run(keep, add, h_0):
        h_t = start(keep, add, h_0) if start else h_0
        h = np.empty_like(add)
        for t in list(range(add.shape[1]))[::order]:
            h_t = step(keep[:, t], h_t, add[:, t], t)
            h[:, t] = h_t
        return h

    return run


def _shifted(keep, add, h_0):
    """The state before each step."""
    return np.concatenate([h_0[:, None], scan_steps(keep, add, h_0)[:, :-1]], axis=1)


def _own_previous_keep(keep, add, h_0):
    moved = np.concatenate([np.ones_like(keep[:, :1]), keep[:, :-1]], axis=1)
    return scan_steps(moved, add, h_0)


def _without_start(keep, add, h_0):
    h = np.cumprod(keep, axis=1)
    return h * np.cumsum(add / h, axis=1)


SUSPECTS = {
    "h_0 does not enter: the first state is keep_0 * h_0 + add_0.": _states(
        start=lambda keep, add, h_0: 0 * h_0
    ),
    "h_0 enters the first state whole; it is multiplied by keep_0 as every state is.": _states(
        lambda keep_t, h, add_t, t: (h if t == 0 else keep_t * h) + add_t
    ),
    "nothing is kept: these are the additions alone.": _states(lambda keep_t, h, add_t, t: add_t),
    "everything is kept: keep is left out.": _states(lambda keep_t, h, add_t, t: h + add_t),
    "the additions are left out.": _states(lambda keep_t, h, add_t, t: keep_t * h),
    "keep is taken off 1: here keep_t is the share that stays.": _states(
        lambda keep_t, h, add_t, t: (1 - keep_t) * h + add_t
    ),
    "add is weighted by 1 - keep, as in a GRU; here it is added whole.": _states(
        lambda keep_t, h, add_t, t: keep_t * h + (1 - keep_t) * add_t
    ),
    "keep multiplies the addition too: keep_t * (h + add_t).": _states(
        lambda keep_t, h, add_t, t: keep_t * (h + add_t)
    ),
    "add and keep are exchanged.": _states(lambda keep_t, h, add_t, t: add_t * h + keep_t),
    "the step is squashed by tanh; this recurrence is linear.": _states(
        lambda keep_t, h, add_t, t: np.tanh(keep_t * h + add_t)
    ),
    "each step starts from h_0 again instead of the state before it.": lambda keep, add, h_0: (
        keep * h_0[:, None] + add
    ),
    "time runs backwards: the last step is taken first.": _states(order=-1),
    "these are the states before each step; h[:, t] is the one after step t.": _shifted,
    "the keep of the step before is used.": _own_previous_keep,
    "only the last addition before a state is kept: keep_t * add_{t-1} + add_t.": (
        lambda keep, add, h_0: keep * np.concatenate([h_0[:, None], add[:, :-1]], axis=1) + add
    ),
    "the last state stands at every step.": lambda *i: np.repeat(
        scan_steps(*i)[:, -1:], i[0].shape[1], axis=1
    ),
    "h_0 stands at h[:, 0]; that is the state after step 0, keep_0 * h_0 + add_0.": (
        lambda keep, add, h_0: np.concatenate(
            [h_0[:, None], scan_steps(keep[:, 1:], add[:, 1:], h_0)], axis=1
        )
    ),
    "h_0 stands in front of the states; h starts after step 0.": lambda keep, add, h_0: (
        np.concatenate([h_0[:, None], scan_steps(keep, add, h_0)], axis=1)
    ),
    "what is added never decays: each addition passes the keep of all later steps.": (
        lambda keep, add, h_0: np.cumprod(keep, axis=1) * h_0[:, None] + np.cumsum(add, axis=1)
    ),
    "the loop has as many steps as the batch has sequences; T is keep.shape[1].": (
        lambda keep, add, h_0: scan_steps(keep, add, h_0)[:, : len(keep)]
    ),
    "reshape cuts the states up in another order. Stack them along axis 1, or exchange the first "
    "two axes.": lambda *i: scan_steps(*i).swapaxes(0, 1).reshape(i[0].shape),
    "time is on axis 0; the batch comes first: (B, T, H).": lambda *i: scan_steps(*i).swapaxes(
        0, 1
    ),
    "the states of the batch are returned in another order.": lambda *i: scan_steps(*i)[::-1],
    "this is the state after the last step; all T states are asked for.": lambda *i: scan_steps(*i)[
        :, -1
    ],
}


def _state_rounding(keep, add, h_0):
    """Every product and every sum rounds what is there, and the rest decays with keep."""
    sizes = scan_steps(np.abs(keep), np.abs(add), np.abs(h_0))  # (B, T, H)
    return (3.0 * np.arange(1, keep.shape[1] + 1)[:, None] + 4) * sizes


def _recurrence_task(seed):
    rng = np.random.default_rng(seed)
    main, forgetful, long = (
        draw_recurrence(rng),
        draw_recurrence(rng),
        draw_recurrence(rng, T=400, low=0),
    )
    forgetful["keep"][:, 2] = 0
    whole = draw_recurrence(rng)
    whole["keep"][:] = 1
    return Task(
        name="linear_recurrence",
        outputs=("h",),
        reference=lambda *inputs: scan_steps(*inputs),
        aspects=(
            Aspect("the state after every step", 4, (main,)),
            Aspect("one sequence of one step", 1, (draw_recurrence(rng, B=1, T=1),)),
            Aspect("keep = 0 forgets all, keep = 1 nothing", 1, (forgetful, whole)),
            Aspect("400 steps, whose product of all keep is too small for a number", 1, (long,)),
        ),
        suspects={"h": SUSPECTS},
        fallbacks=(draw_recurrence(rng, B=3, T=3),),
        rounding=_state_rounding,
        shapes={"h": "(B, T, H)"},
    )


def check_linear_recurrence(answer, seed=8004):
    """Check answer(keep, add, h_0) -> h; returns a Verdict."""
    return examine(_recurrence_task(seed), answer)


def combine(keep_1, add_1, keep_2, add_2):
    """Two stretches made one."""
    return keep_2 * keep_1, keep_2 * add_1 + add_2


WRONG_KEEPS = {
    "the keeps are added; what passes both stretches is their product.": lambda k1, a1, k2, a2: (
        k1 + k2
    ),
    "this is the keep of the later stretch alone.": lambda k1, a1, k2, a2: k2,
    "this is the keep of the earlier stretch alone.": lambda k1, a1, k2, a2: k1,
    "this is add; the results are keep first and add second.": lambda *i: combine(*i)[1],
    "the additions are multiplied; keep is the product of both keeps.": lambda k1, a1, k2, a2: (
        a1 * a2
    ),
    "the mean of the keeps is taken; what passes both stretches is their product.": (
        lambda k1, a1, k2, a2: (k1 + k2) / 2
    ),
    "the stretches stand one after the other in time; each entry is to be joined with its "
    "own.": lambda k1, a1, k2, a2: np.concatenate([k1, k2], axis=1),
    "it is multiplied over time; every entry is a stretch of its own.": lambda k1, a1, k2, a2: (
        k1 * k2
    ).prod(axis=1),
    "@ multiplies matrices; here * is meant, entry by entry.": lambda k1, a1, k2, a2: k1 @ k2,
    "keep is a quotient; what passes both stretches is a product.": lambda k1, a1, k2, a2: k2 / k1,
}
WRONG_ADDS = {
    "the stretches are exchanged: what the earlier one adds goes through the keep of the later "
    "one.": lambda k1, a1, k2, a2: k1 * a2 + a1,
    "the keep of the earlier stretch is used; what it adds passes through the later "
    "one.": lambda k1, a1, k2, a2: k1 * a1 + a2,
    "the additions are summed as they are; the earlier one decays on its way through the later "
    "stretch.": lambda k1, a1, k2, a2: a1 + a2,
    "what the later stretch adds is missing.": lambda k1, a1, k2, a2: k2 * a1,
    "what the earlier stretch adds is missing.": lambda k1, a1, k2, a2: a2,
    "the later addition is multiplied by its keep too; it comes after it.": (
        lambda k1, a1, k2, a2: k2 * (a1 + a2)
    ),
    "the product of both keeps is used; what the earlier stretch adds passes the later one "
    "only.": lambda k1, a1, k2, a2: k1 * k2 * a1 + a2,
    "each addition passes the other's keep; what the later stretch adds comes last and passes "
    "none.": lambda k1, a1, k2, a2: k2 * a1 + k1 * a2,
    "a state of 1 went in: add is what comes out when the state before is 0.": (
        lambda k1, a1, k2, a2: k2 * (k1 + a1) + a2
    ),
    "@ multiplies matrices; here * is meant, entry by entry.": lambda k1, a1, k2, a2: k2 @ a1 + a2,
    "the earlier addition stands alone; it has to pass the later stretch and meet its "
    "addition.": lambda k1, a1, k2, a2: a1,
    "the sign is wrong: both parts are added.": lambda k1, a1, k2, a2: a2 - k2 * a1,
    "this is keep; the results are keep first and add second.": lambda *i: combine(*i)[0],
    "the keep of the later stretch multiplies its own addition; it belongs to the earlier "
    "one.": lambda k1, a1, k2, a2: a1 + k2 * a2,
}


def _both_rounding(keep_1, add_1, keep_2, add_2):
    sizes = combine(*map(np.abs, (keep_1, add_1, keep_2, add_2)))
    return tuple(4 * size for size in sizes)


def _combine_task(seed):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        first, second = draw_recurrence(rng), draw_recurrence(rng)
        given = {"keep_1": first["keep"], "add_1": first["add"]}
        given |= {"keep_2": second["keep"], "add_2": second["add"]}
        return {name: value[tuple(slice(n) for n in shape)] for name, value in given.items()}

    main, none = draw(), draw()
    none["keep_1"] = 0 * none["keep_1"]
    later = draw()
    later["keep_2"] = 0 * later["keep_2"]
    return Task(
        name="combine_segments",
        outputs=("keep", "add"),
        reference=lambda *inputs: combine(*inputs),
        aspects=(
            Aspect("keep: what is left of the state before both", 2, (main,), ("keep",)),
            Aspect("add: what both add to it", 3, (main,), ("add",)),
            Aspect("one sequence, one step, one unit", 1, (draw(1, 1, 1),)),
            Aspect("a stretch that forgets all before it", 1, (none, later)),
        ),
        suspects={"keep": WRONG_KEEPS, "add": WRONG_ADDS},
        fallbacks=(draw(2, 3, 3),),
        rounding=_both_rounding,
        shapes={"keep": "(B, T, H)", "add": "(B, T, H)"},
    )


def check_combine_segments(answer, seed=8005):
    """Check answer(keep_1, add_1, keep_2, add_2) -> keep, add; returns a Verdict."""
    return examine(_combine_task(seed), answer)
