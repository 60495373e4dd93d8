"""Check of one step of attention with the keys and values of earlier steps kept."""

import functools

import numpy as np

from rnn_course.checks.attention import attend
from rnn_course.checks.causal import FAR, SIZE, B, T, draw_attention, earlier_attention, far_out
from rnn_course.checks.weights import WRONG_DIVISORS, WRONG_WEIGHTS
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.following import examine_following
from rnn_course.examination.rounding import measured_rounding

OUTPUTS = ("o_t", "keys", "values")


def _at_the_end(old, new):
    return np.concatenate([old, new[:, None]], axis=1)


def _attend(q_t, keys, values, **how):
    """Output (B, E) and weights (B, S) of one query for each sequence."""
    here = np.ones(keys.shape[:2], dtype=bool)  # (B, S)
    o, p = attend(q_t[:, None], keys, values, here, **how)  # (B, 1, E), (B, 1, S)
    return o[:, 0], p[:, 0]


def _step(append_key=_at_the_end, append_value=_at_the_end, **how):
    """One step of generation, parts of which may be wrong."""

    def run(q_t, k_t, v_t, keys, values):
        keys, values = append_key(keys, k_t), append_value(values, v_t)
        return _attend(q_t, keys, values, **how)[0], keys, values

    return run


_right = _step()


def _over(attention):
    """The step by a whole pass of the learner's attention, of which the last row is kept."""

    def run(q_t, k_t, v_t, keys, values):
        keys, values = _at_the_end(keys, k_t), _at_the_end(values, v_t)
        q = np.repeat(q_t[:, None], keys.shape[1], axis=1)  # (B, S + 1, d)
        return attention(q, keys, values)[:, -1], keys, values

    return run


def _in_front(old, new):
    return np.concatenate([new[:, None], old], axis=1)


def _as_it_was(old, new):
    return old


WRONG_CACHES = {
    "the new row stands in front; time goes on at the end.": _in_front,
    "nothing was appended: this is the cache as it came.": _as_it_was,
    "the last row was overwritten; the new one is to follow it.": lambda old, new: np.concatenate(
        [old[:, :-1], new[:, None]], axis=1
    ),
    "the oldest row was dropped to make room; all rows are kept.": lambda old, new: np.concatenate(
        [old[:, 1:], new[:, None]], axis=1
    ),
    "the new row alone came back; all earlier rows belong before it.": lambda old, new: new[
        :, None
    ],
    "the new row stands at the end twice.": lambda old, new: np.concatenate(
        [old, new[:, None], new[:, None]], axis=1
    ),
    "the cache was laid out anew, with axes of another order; only one row was to be "
    "added.": lambda old, new: _at_the_end(old, new).swapaxes(0, 1),
    "all numbers lie in one row: np.append and np.concatenate need axis=1.": lambda old, new: (
        np.append(old, new)
    ),
    "a row of zeros was appended.": lambda old, new: _at_the_end(old, 0 * new),
}
# {cause: function of the arguments and of the longer keys and values}
WRONG_LOOKS = {
    "the scores are divided by the root of the number of keys; d is the size of a key.": (
        lambda q_t, k_t, v_t, keys, values: _attend(
            q_t, keys, values, divisor=lambda d: np.sqrt(keys.shape[1])
        )
    ),
    "the scores are divided by the root of the size of a value; d is that of a key.": (
        lambda q_t, k_t, v_t, keys, values: _attend(
            q_t, keys, values, divisor=lambda d: np.sqrt(values.shape[2])
        )
    ),
    "the keys are averaged instead of the values.": lambda q_t, k_t, v_t, keys, values: _attend(
        q_t, keys, keys
    ),
    "the new key asks; the query does.": lambda q_t, k_t, v_t, keys, values: _attend(
        k_t, keys, values
    ),
}
WRONG_OUTPUTS = {
    "the step does not see itself: append first, then attend.": picked(
        _step(_as_it_was, _as_it_was), 0
    ),
    **{cause: picked(_step(divisor=wrong), 0) for cause, wrong in WRONG_DIVISORS.items()},
    **{
        cause: picked(_step(weigh=wrong), 0)
        for cause, wrong in WRONG_WEIGHTS.items()
        if "mask" not in cause
    },
    **{
        cause: lambda q_t, k_t, v_t, keys, values, wrong=wrong: wrong(
            q_t, k_t, v_t, _at_the_end(keys, k_t), _at_the_end(values, v_t)
        )[0]
        for cause, wrong in WRONG_LOOKS.items()
    },
    "the first key gets all the weight, as with np.tri of one row; no key is hidden here.": picked(
        _step(weigh=lambda a, _: np.eye(1, a.shape[2])[None] + 0 * a), 0
    ),
    "the new value was put in front, while its key stands at the end.": picked(
        _step(append_value=_in_front), 0
    ),
    "the new key was put in front, while its value stands at the end.": picked(
        _step(append_key=_in_front), 0
    ),
    "this is the step's own value; the mean of all values, by weight, is asked for.": (
        lambda q_t, k_t, v_t, keys, values: v_t
    ),
    "these are the weights; the mean of the values by these weights is asked for.": (
        lambda q_t, k_t, v_t, keys, values: _attend(
            q_t, _at_the_end(keys, k_t), _at_the_end(values, v_t)
        )[1]
    ),
}


def _draw(rng, B=B, S=T, far=None, **sizes):
    """Arguments of one step after S others, whose own key never fits best."""
    given = draw_attention(rng, B, S + 1, **sizes)
    a = (given["k"] @ given["q"][:, -1:].swapaxes(1, 2))[..., 0]  # (B, S + 1)
    own_is_best = a.argmax(axis=1) == S
    given["q"][own_is_best] *= -1
    given = far_out(given, np.array(far)) if far else given
    now = {f"{name}_t": given[name][:, -1].copy() for name in "qkv"}
    return now | {"keys": given["k"][:, :-1].copy(), "values": given["v"][:, :-1].copy()}


def _wrong_caches(name):
    """Suspects of the keys or of the values: WRONG_CACHES as functions of all arguments."""

    def wrong(append):
        def run(q_t, k_t, v_t, keys, values):
            return append(keys, k_t) if name == "keys" else append(values, v_t)

        return run

    place = OUTPUTS.index(name)
    order = {
        f"this is another result; their order is {', '.join(OUTPUTS)}.": lambda *i: _right(*i)[
            3 - place
        ],
        f"this is the output; the order of the results is {', '.join(OUTPUTS)}.": picked(_right, 0),
    }
    return order | {cause: wrong(append) for cause, append in WRONG_CACHES.items()}


def _task(seed, run=_right):
    rng = np.random.default_rng(seed)
    main = _draw(rng)
    return Task(
        name="cached_step",
        outputs=OUTPUTS,
        reference=lambda *inputs: run(*inputs),
        aspects=(
            Aspect("the cache, one step longer", 2, (main,), ("keys", "values")),
            Aspect("the output o_t", 3, (main,), ("o_t",)),
            Aspect("the first step, with an empty cache", 1, (_draw(rng, S=0),)),
            Aspect("one sequence; a cache of one step", 1, (_draw(rng, B=1), _draw(rng, S=1))),
            Aspect("scores far below 0 and far above it", 1,
                   (_draw(rng, far=[[-FAR]]), _draw(rng, far=[[FAR], [-FAR]])), ("o_t",)),
        ),
        suspects={"o_t": WRONG_OUTPUTS} | {n: _wrong_caches(n) for n in ("keys", "values")},
        fallbacks=(_draw(rng, B=3, S=3, size=3, E=3), _draw(rng, B=4, S=4, size=4, E=4)),
        rounding=measured_rounding(lambda *inputs: run(*inputs), SIZE + T + 8),
        shapes={"o_t": "(B, E)", "keys": "(B, S + 1, d)", "values": "(B, S + 1, E)"},
    )  # fmt: skip


def check_cached_step(answer, attention=None, seed=8002):
    """Check answer(q_t, k_t, v_t, keys, values) -> o_t, keys, values; returns a Verdict.

    ``attention`` is the learner's causal_attention. Where it is wrong, a right step that calls it
    gets all points: no mistake costs twice.
    """
    make_task = functools.partial(_task, seed)
    own = earlier_attention(attention, seed)
    return examine_following(make_task, answer, _over, causal_attention=own)
