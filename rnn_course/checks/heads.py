"""Check of causal attention in several heads."""

import functools

import numpy as np

from rnn_course.checks.causal import WRONG_LOOKS, earlier_attention, look_back
from rnn_course.checks.weights import WRONG_DIVISORS, softmax
from rnn_course.examination.compare import matches
from rnn_course.examination.examine import Aspect, Task
from rnn_course.examination.following import examine_following
from rnn_course.examination.rounding import measured_rounding

B, T, HEADS, SIZE = 2, 5, 3, 2  # SIZE is d, that of a head


def _draw(rng, B=B, T=T, heads=HEADS, size=SIZE):
    given = {name: rng.uniform(-2, 2, (B, T, heads * size)) for name in "qkv"}
    return given | {"num_heads": heads}


def _split(a, num_heads):
    B, T, E = a.shape
    return a.reshape(B, T, num_heads, E // num_heads).swapaxes(1, 2)  # (B, heads, T, d)


def _merge(o):
    B, heads, T, d = o.shape
    return o.swapaxes(1, 2).reshape(B, T, heads * d)


def _outputs(q, k, v, **how):
    return look_back(q, k, v, **how)[0]


def _over_each(look, q, k, v):
    """Attention of every head by itself, q, k, v (B, heads, T, d); o of the same shape."""
    o = look(*(a.reshape(-1, *a.shape[2:]) for a in (q, k, v)))  # (B * heads, T, d)
    return o.reshape(v.shape)


def _heads(split=_split, merge=_merge, pick=None, look=_outputs, **how):
    """Attention in heads, parts of which may be wrong."""

    def run(q, k, v, num_heads):
        q, k, v = (split(a, num_heads) for a in (q, k, v))
        if pick:
            k, v = pick(k, v)
        return merge(_over_each(lambda *given: look(*given, **how), q, k, v))

    return run


_right = _heads()


def _rows_to_heads(a, num_heads):
    """(B, heads, T, d) in the order of the memory: steps and heads are mixed."""
    B, T, E = a.shape
    return a.reshape(B, num_heads, T, E // num_heads)


def _interleaved(a, num_heads):
    B, T, E = a.shape
    return a.reshape(B, T, E // num_heads, num_heads).transpose(0, 3, 1, 2)


def _merge_interleaved(o):
    B, heads, T, d = o.shape
    return o.transpose(0, 2, 3, 1).reshape(B, T, heads * d)


def _merge_rows(o):
    B, heads, T, d = o.shape
    return o.reshape(B, T, heads * d)


def _steps(a, num_heads):
    return _split(a, num_heads).swapaxes(1, 2)  # (B, T, heads, d)


def _merge_steps(o):
    return o.reshape(*o.shape[:2], -1)


def _mean_of_heads(q, k, v, num_heads):
    """Each head's weights by the values of all heads, then the mean over the heads."""
    every = np.repeat(v[:, None], num_heads, axis=1)  # (B, heads, T, E)
    mean = _heads(merge=lambda o: o.mean(axis=1), pick=lambda k, _: (k, every))
    return mean(q, k, v, num_heads)


def _root(size):
    """Divisors that depend on the sizes of q and on the number of heads."""

    def run(q, k, v, num_heads):
        return _heads(divisor=lambda d: np.sqrt(size(q, num_heads)))(q, k, v, num_heads)

    return run


def _four_axes(q, k, v, num_heads):
    """What functions of (B, T, d) make of (B, heads, T, d)."""
    q, k, v = (_split(a, num_heads) for a in (q, k, v))
    a = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])
    a = np.where(np.tri(q.shape[1], dtype=bool), a, -np.inf)
    return _merge(softmax(a, axis=2) @ v)


SUSPECTS = {
    "the axes were not exchanged on the way in: (B, T, E) reshaped to (B, heads, T, d) mixes steps "
    "and heads. Reshape to (B, T, heads, d), then exchange the two middle axes.": _heads(
        _rows_to_heads
    ),
    "the axes were exchanged neither on the way in nor back, so steps and heads are mixed.": _heads(
        _rows_to_heads, _merge_rows
    ),
    "the axes were not exchanged back before the heads were laid end to end.": _heads(
        merge=_merge_rows
    ),
    "a head takes every so-and-so-many-th entry; it takes d entries that stand side by side: "
    "(B, T, heads, d), not (B, T, d, heads).": _heads(_interleaved, _merge_interleaved),
    "heads take entries that stand apart, and are laid end to end in another order.": _heads(
        _interleaved
    ),
    "the entries of the heads alternate in the result; the heads are laid end to end.": _heads(
        merge=_merge_interleaved
    ),
    "there is one head only: all features enter one score.": lambda q, k, v, num_heads: _right(
        q, k, v, 1
    ),
    "the scores are divided by the root of all features; d is the size of a head.": _root(
        lambda q, num_heads: q.shape[2]
    ),
    "the scores are divided by the root of the number of heads; d is the size of a head.": _root(
        lambda q, num_heads: num_heads
    ),
    "the scores are divided by the root of the number of steps; d is the size of a head.": _root(
        lambda q, num_heads: q.shape[1]
    ),
    "the scores are divided by the root of d twice; causal_attention does it already.": _heads(
        divisor=lambda d: d
    ),
    **{cause: _heads(divisor=divisor) for cause, divisor in WRONG_DIVISORS.items()},
    **{cause: _heads(weigh=weigh) for cause, weigh in WRONG_LOOKS.items()},
    "the heads of one step attend to each other; steps should attend to steps.": _heads(
        _steps, _merge_steps
    ),
    "the weights of the heads were averaged: each head keeps its own.": _mean_of_heads,
    "all heads use the keys of the first.": _heads(
        pick=lambda k, v: (np.broadcast_to(k[:, :1], k.shape), v)
    ),
    "all heads use the values of the first.": _heads(
        pick=lambda k, v: (k, np.broadcast_to(v[:, :1], v.shape))
    ),
    "all heads use the keys and values of the first.": _heads(
        pick=lambda k, v: (np.broadcast_to(k[:, :1], k.shape), np.broadcast_to(v[:, :1], v.shape))
    ),
    "num_heads was taken for the size of a head; that is E / num_heads.": (
        lambda q, k, v, num_heads: _right(q, k, v, q.shape[2] // num_heads)
    ),
    "the heads stood in front of the batch on the way in and behind it on the way back.": _heads(
        merge=lambda o: _merge(o.swapaxes(0, 1).reshape(o.shape))
    ),
    "the heads stood behind the batch on the way in and in front of it on the way back.": _heads(
        merge=lambda o: _merge(o.reshape(o.shape[1], o.shape[0], *o.shape[2:]).swapaxes(0, 1))
    ),
    "every head's result is that of the last one.": _heads(
        merge=lambda o: _merge(np.repeat(o[:, -1:], o.shape[1], axis=1))
    ),
    "every head's result is that of the first one.": _heads(
        merge=lambda o: _merge(np.repeat(o[:, :1], o.shape[1], axis=1))
    ),
    "the heads follow each other in time; they are laid end to end along the last axis.": _heads(
        merge=lambda o: o.reshape(len(o), -1, o.shape[3])
    ),
    "the heads still have an axis of their own, (B, T, heads, d).": _heads(
        merge=lambda o: o.swapaxes(1, 2)
    ),
    "the heads are laid end to end in reverse.": _heads(merge=lambda o: _merge(o[:, ::-1])),
    "the heads were not laid end to end: (B, heads, T, d) is left.": _heads(merge=lambda o: o),
    "the sum of the heads is returned.": _heads(merge=lambda o: o.sum(axis=1)),
    "the mean of the heads is returned.": _heads(merge=lambda o: o.mean(axis=1)),
    "queries and keys are exchanged in the scores.": lambda q, k, v, heads: _right(k, q, v, heads),
    "the keys are averaged instead of the values.": lambda q, k, v, heads: _right(q, k, k, heads),
    # The other runs only where all sizes are equal.
    "causal_attention takes three axes and was given four, so it exchanged and masked the heads "
    "instead of the steps. Make (B * heads, T, d) of them first.": _four_axes,
}


def _over(attention):
    """Heads that attend by the learner's attention, each by itself."""
    run, given = _heads(look=attention), _draw(np.random.default_rng(0))
    if matches(run(**given), run(**given | {"num_heads": 1})):
        raise ValueError("by this attention several heads are as one: it cannot be followed")
    return run


def _task(seed, run=_right):
    rng = np.random.default_rng(seed)
    main = _draw(rng)
    return Task(
        name="multi_head_attention",
        outputs=("o",),
        reference=lambda *inputs: run(*inputs),
        aspects=(
            Aspect("three heads of two features", 4, (main,)),
            Aspect("one head of all features", 1, (_draw(rng, heads=1, size=4),)),
            Aspect("heads of one feature", 1, (_draw(rng, heads=4, size=1),)),
            Aspect("one sequence of one step", 1, (_draw(rng, B=1, T=1),)),
        ),
        suspects={"o": SUSPECTS},
        fallbacks=(_draw(rng, B=3, T=3, heads=3, size=3), _draw(rng, T=2, heads=2)),
        rounding=measured_rounding(lambda *inputs: run(*inputs), SIZE + T + 8),
        shapes={"o": "(B, T, E)"},
    )


def check_multi_head_attention(answer, attention=None, seed=8006):
    """Check answer(q, k, v, num_heads) -> o; returns a Verdict.

    ``attention`` is the learner's causal_attention. Where it is wrong, right heads over it get all
    points: no mistake costs twice.
    """
    make_task = functools.partial(_task, seed)
    own = earlier_attention(attention, seed)
    return examine_following(make_task, answer, _over, causal_attention=own)
