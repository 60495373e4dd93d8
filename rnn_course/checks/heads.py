"""Check of causal attention in several heads."""

import numpy as np

from rnn_course.attention import dot_product_attention_weights
from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.rounding import measured_rounding

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


def _heads(split=_split, merge=_merge, root=None, causal=True, pick=None):
    """Attention in heads, parts of which may be wrong."""

    def run(q, k, v, num_heads):
        q, k, v = (split(a, num_heads) for a in (q, k, v))
        if pick:
            k, v = pick(k, v)
        scale = np.sqrt(q.shape[3]) / root(q, num_heads) if root else 1
        p = dot_product_attention_weights(q * scale, k, causal=causal)
        return merge(p @ v)

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


def _over_heads(q, k, v, num_heads):
    """Attention of the heads of one step to each other."""
    parts = [_split(a, num_heads).swapaxes(1, 2) for a in (q, k, v)]  # (B, T, heads, d)
    o = dot_product_attention_weights(*parts[:2], causal=True) @ parts[2]
    return o.reshape(q.shape)


def _mean_of_heads(q, k, v, num_heads):
    qs, ks = (_split(a, num_heads) for a in (q, k))
    p = dot_product_attention_weights(qs, ks, causal=True).mean(axis=1)  # (B, T, T)
    return p @ v


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
    "the mask is missing: each step sees all steps.": _heads(causal=False),
    "the scores are divided by the root of all features; d is the size of a head.": _heads(
        root=lambda q, heads: np.sqrt(q.shape[3] * heads)
    ),
    "the scores are not divided by the root of d, the size of a head.": _heads(
        root=lambda q, heads: 1
    ),
    "the scores are divided by d instead of its root.": _heads(root=lambda q, heads: q.shape[3]),
    "the scores are divided by the root of the number of heads; d is the size of a head.": _heads(
        root=lambda q, heads: np.sqrt(heads)
    ),
    "the heads of one step attend to each other; steps should attend to steps.": _over_heads,
    "the weights of the heads were averaged: each head keeps its own.": _mean_of_heads,
    "all heads use the keys of the first.": _heads(
        pick=lambda k, v: (np.broadcast_to(k[:, :1], k.shape), v)
    ),
    "all heads use the values of the first.": _heads(
        pick=lambda k, v: (k, np.broadcast_to(v[:, :1], v.shape))
    ),
    "the heads are laid end to end in reverse.": _heads(merge=lambda o: _merge(o[:, ::-1])),
    "the heads were not laid end to end: (B, heads, T, d) is left.": _heads(merge=lambda o: o),
    "the sum of the heads is returned.": _heads(merge=lambda o: o.sum(axis=1)),
    "the mean of the heads is returned.": _heads(merge=lambda o: o.mean(axis=1)),
    "queries and keys are exchanged in the scores.": lambda q, k, v, heads: _right(k, q, v, heads),
    "the keys are averaged instead of the values.": lambda q, k, v, heads: _right(q, k, k, heads),
}


def _task(seed):
    rng = np.random.default_rng(seed)
    return Task(
        name="multi_head_attention",
        outputs=("o",),
        reference=lambda *inputs: _right(*inputs),
        aspects=(
            Aspect("three heads of two features", 4, (_draw(rng),)),
            Aspect("one head of all features", 1, (_draw(rng, heads=1, size=4),)),
            Aspect("heads of one feature", 1, (_draw(rng, heads=4, size=1),)),
            Aspect("one sequence of one step", 1, (_draw(rng, B=1, T=1),)),
        ),
        suspects={"o": SUSPECTS},
        fallbacks=(_draw(rng, B=3, T=3, heads=3, size=3), _draw(rng, T=2, heads=2)),
        rounding=measured_rounding(lambda *inputs: _right(*inputs), SIZE + T + 8),
        shapes={"o": "(B, T, E)"},
    )


def check_multi_head_attention(answer, seed=8006):
    """Check answer(q, k, v, num_heads) -> o; returns a Verdict."""
    return examine(_task(seed), answer)
