"""Checks of attention that looks back only: over a whole sequence, step by step, and in heads."""

import numpy as np

from rnn_course.checks.examine import Aspect, Task, examine, picked
from rnn_course.checks.rounding import measured_rounding

B, T, SIZE, E = 2, 5, 3, 4  # SIZE is d, that of a query and of a key


def _draw(rng, B=B, T=T, size=SIZE, E=E):
    shapes = {"q": (B, T, size), "k": (B, T, size), "v": (B, T, E)}
    return {name: rng.uniform(-2, 2, shape) for name, shape in shapes.items()}


def _softmax(a, axis=-1):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _masked_softmax(a, seen):
    e = np.exp(a - np.where(seen, a, -np.inf).max(axis=-1, keepdims=True, initial=-1e30))
    e = np.where(seen, e, 0)
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def _attend(weigh=None, root=None):
    """Output and weights of causal attention, where the weights or the divisor may be wrong."""
    weigh = weigh or (lambda a, seen: _masked_softmax(a, seen))

    def run(q, k, v):
        divisor = root(q) if root else np.sqrt(q.shape[2])
        a = q @ k.swapaxes(1, 2) / divisor  # (B, T, T)
        p = weigh(a, np.tri(a.shape[1], dtype=bool))
        return p @ v, p

    return run


_causal = _attend()


def _seen(offset):
    return lambda a, seen: _masked_softmax(a, np.tri(len(seen), k=offset, dtype=bool))


WRONG = {
    "there is no mask: each step sees all steps, later ones too.": _attend(
        lambda a, _: _softmax(a)
    ),
    "the mask is one step too wide: each step sees the next one.": _attend(_seen(1)),
    "the mask is one step too narrow: a step does not see itself.": _attend(_seen(-1)),
    "the mask is transposed: each step sees itself and what comes later. Row t is the query, "
    "column s the key, and s <= t is seen.": _attend(lambda a, seen: _masked_softmax(a, seen.T)),
    "the mask is the wrong way round: what should be hidden is seen, and the reverse.": _attend(
        lambda a, seen: _masked_softmax(a, ~seen)
    ),
    "the mask is applied after the softmax, so the weights of a row no longer sum to 1.": _attend(
        lambda a, seen: _softmax(a) * seen
    ),
    "hidden scores are set to 0 before the softmax; exp(0) is 1, so they still get weight. They "
    "must become -infinity.": _attend(lambda a, seen: _softmax(np.where(seen, a, 0))),
    "1 is taken off the hidden scores, which leaves them some weight; they must become "
    "-infinity.": _attend(lambda a, seen: _softmax(a - ~seen)),
    "the scores are not divided by the root of d, the size of a key.": _attend(root=lambda q: 1),
    "the scores are divided by d instead of its root.": _attend(root=lambda q: q.shape[2]),
    "the scores are divided by the root of the number of steps; d is the size of a key.": _attend(
        root=lambda q: np.sqrt(q.shape[1])
    ),
    "the scores are multiplied by the root of d; they are divided by it.": _attend(
        root=lambda q: 1 / np.sqrt(q.shape[2])
    ),
    "the softmax runs over the queries; the weights of one query over the keys sum to 1.": _attend(
        lambda a, seen: _softmax(np.where(seen, a, -np.inf), axis=1)
    ),
    "every step that is seen gets the same weight: the scores do not enter.": _attend(
        lambda a, seen: _masked_softmax(0 * a, seen)
    ),
    "the weights are not divided by their sum.": _attend(lambda a, seen: np.exp(a) * seen),
    "queries and keys are exchanged in the scores.": lambda q, k, v: _causal(k, q, v),
    "the sign of the scores is reversed: the worst fit gets the most weight.": lambda q, k, v: (
        _causal(-q, k, v)
    ),
}
ONLY_OUTPUT = {
    "the keys are averaged instead of the values.": lambda q, k, v: _causal(q, k, k)[0],
    "the weights are transposed before they meet the values.": lambda q, k, v: (
        _causal(q, k, v)[1].swapaxes(1, 2) @ v
    ),
    "these are the weights; the results are o first and p second.": lambda *i: _causal(*i)[1],
}
ONLY_WEIGHTS = {
    "these are the scores; the softmax is missing.": lambda q, k, v: (
        q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])
    ),
    "this is the output; the results are o first and p second.": lambda *i: _causal(*i)[0],
}


def _causal_task(seed):
    rng = np.random.default_rng(seed)
    main, large = _draw(rng), _draw(rng)
    large["q"] = large["q"] * 2000  # exp overflows without the maximum taken off
    return Task(
        name="causal_attention",
        outputs=("o", "p"),
        reference=lambda *inputs: _causal(*inputs),
        aspects=(
            Aspect("the weights p: no step sees a later one", 3, (main,), ("p",)),
            Aspect("the output o", 2, (main,), ("o",)),
            Aspect("one sequence of one step", 1, (_draw(rng, B=1, T=1),)),
            Aspect("large scores, where exp would overflow", 1, (large,)),
        ),
        suspects={
            "o": {cause: picked(run, 0) for cause, run in WRONG.items()} | ONLY_OUTPUT,
            "p": {cause: picked(run, 1) for cause, run in WRONG.items()} | ONLY_WEIGHTS,
        },
        fallbacks=(_draw(rng, B=3, T=3, size=3, E=3),),
        rounding=measured_rounding(lambda *inputs: _causal(*inputs), SIZE + T + 8),
        shapes={"o": "(B, T, E)", "p": "(B, T, T)"},
    )


def check_causal_attention(answer, seed=8001):
    """Check answer(q, k, v) -> o, p; returns a Verdict."""
    return examine(_causal_task(seed), answer)


def _step(append=None, weigh=None, root=None):
    """One step of generation, parts of which may be wrong."""
    append = append or (lambda old, new: np.concatenate([old, new[:, None]], axis=1))
    weigh = weigh or (lambda a: _softmax(a))

    def run(q_t, k_t, v_t, keys, values):
        keys, values = append(keys, k_t), append(values, v_t)  # (B, S + 1, d), (B, S + 1, E)
        a = (keys @ q_t[:, :, None])[:, :, 0] / (root(keys) if root else np.sqrt(q_t.shape[1]))
        return (weigh(a)[:, None] @ values)[:, 0], keys, values

    return run


_cached = _step()


def _without_own(q_t, k_t, v_t, keys, values):
    p = _softmax((keys @ q_t[:, :, None])[:, :, 0] / np.sqrt(q_t.shape[1]))
    return (p[:, None] @ values)[:, 0]


def _in_front(old, new):
    return np.concatenate([new[:, None], old], axis=1)


def _in_last_place(old, new):
    return np.concatenate([old[:, :-1], new[:, None]], axis=1)


WRONG_CACHES = {
    "the new row stands in front; time goes on at the end.": _in_front,
    "nothing was appended: this is the cache as it came.": lambda old, new: old,
    "the last row was overwritten; the new one is to follow it.": _in_last_place,
    "the oldest row was dropped to make room; all rows are kept.": lambda old, new: np.concatenate(
        [old[:, 1:], new[:, None]], axis=1
    ),
    "the new row alone came back; all earlier rows belong before it.": lambda old, new: new[
        :, None
    ],
    "the new row stands at the end twice.": lambda old, new: np.concatenate(
        [old, new[:, None], new[:, None]], axis=1
    ),
    "the new row was laid out without an axis of time: (B, d) must become (B, 1, "
    "d).": lambda old, new: np.concatenate([old, np.broadcast_to(new, old.shape)], axis=1),
}
WRONG_OUTPUTS = {
    "the step does not see itself: append first, then attend.": _without_own,
    "the scores are not divided by the root of d, the size of a key.": picked(
        _step(root=lambda keys: 1), 0
    ),
    "the scores are divided by d instead of its root.": picked(
        _step(root=lambda keys: keys.shape[2]), 0
    ),
    "the scores are divided by the root of the number of keys; d is the size of a key.": picked(
        _step(root=lambda keys: np.sqrt(keys.shape[1])), 0
    ),
    "the keys' softmax runs over the batch.": picked(_step(weigh=lambda a: _softmax(a, 0)), 0),
    "every key gets the same weight: the query does not enter.": picked(
        _step(weigh=lambda a: _softmax(0 * a)), 0
    ),
    "the weights are not divided by their sum.": picked(_step(weigh=np.exp), 0),
    "the largest score takes all the weight.": picked(
        _step(weigh=lambda a: np.eye(a.shape[1])[a.argmax(axis=1)]), 0
    ),
    "the keys are averaged instead of the values.": lambda q_t, k_t, v_t, keys, values: _cached(
        q_t, k_t, k_t, keys, keys
    )[0],
    "the new key asks; the query does.": lambda q_t, k_t, v_t, keys, values: _cached(
        k_t, k_t, v_t, keys, values
    )[0],
    "this is the step's own value; the mean of all values, by weight, is asked for.": (
        lambda q_t, k_t, v_t, keys, values: v_t
    ),
    "the new value was put in front, while its key stands at the end.": (
        lambda q_t, k_t, v_t, keys, values: (
            _softmax(
                (_cached(q_t, k_t, v_t, keys, values)[1] @ q_t[:, :, None])[:, :, 0]
                / np.sqrt(q_t.shape[1])
            )[:, None]
            @ _in_front(values, v_t)
        )[:, 0]
    ),
}


def _step_task(seed):
    rng = np.random.default_rng(seed)

    def draw(B=B, S=T, **sizes):
        given = _draw(rng, B, S + 1, **sizes)
        now = {f"{name}_t": given[name][:, -1].copy() for name in "qkv"}
        return now | {"keys": given["k"][:, :-1].copy(), "values": given["v"][:, :-1].copy()}

    main, large = draw(), draw()
    large["q_t"] = large["q_t"] * 2000
    caches = {
        name: {
            cause: lambda q, k_t, v_t, keys, values, wrong=wrong, name=name: (
                wrong(keys, k_t) if name == "keys" else wrong(values, v_t)
            )
            for cause, wrong in WRONG_CACHES.items()
        }
        for name in ("keys", "values")
    }
    return Task(
        name="cached_step",
        outputs=("o_t", "keys", "values"),
        reference=lambda *inputs: _cached(*inputs),
        aspects=(
            Aspect("the cache, one step longer", 2, (main,), ("keys", "values")),
            Aspect("the output o_t", 3, (main,), ("o_t",)),
            Aspect("the first step, with an empty cache", 1, (draw(S=0),)),
            Aspect("one sequence; a cache of one step", 1, (draw(B=1), draw(S=1))),
            Aspect("large scores, where exp would overflow", 1, (large,), ("o_t",)),
        ),
        suspects={"o_t": WRONG_OUTPUTS} | caches,
        fallbacks=(draw(B=3, S=3, size=3, E=3), draw(B=4, S=4, size=4, E=4)),
        rounding=measured_rounding(lambda *inputs: _cached(*inputs), SIZE + T + 8),
        shapes={"o_t": "(B, E)", "keys": "(B, S + 1, d)", "values": "(B, S + 1, E)"},
    )


def check_cached_step(answer, seed=8002):
    """Check answer(q_t, k_t, v_t, keys, values) -> o_t, keys, values; returns a Verdict."""
    return examine(_step_task(seed), answer)
