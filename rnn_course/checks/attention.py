"""Check of attention by products, with a mask: its output and weights."""

import functools

import numpy as np

from rnn_course.checks.weights import (
    PADDING,
    WRONG_DIVISORS,
    WRONG_WEIGHTS,
    draw_mask,
    earlier_softmax,
    large_scores,
    masked_softmax,
    rounding_of_weights,
    softmax,
    weights_of_real,
)
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.following import examine_following

B, T, S, SIZE, E = 2, 4, 6, 3, 5  # SIZE is d, that of a query and of a key


def draw_attention(rng, B=B, T=T, S=S, size=SIZE, E=E, lengths=None):
    """Arguments of dot_product_attention."""
    given = {"q": rng.uniform(-2, 2, (B, T, size)), "k": rng.uniform(-2, 2, (B, S, size))}
    v, mask = rng.uniform(-2, 2, (B, S, E)), draw_mask(rng, B, S, lengths)
    return given | {"v": v, "mask": mask}


def _with_large_scores(rng):
    """Queries and keys of one direction in each sequence, so that the scores are those drawn."""
    direction = rng.choice((-1, 1), (B, 1, SIZE)) * rng.uniform(0.5, 2, (B, 1, SIZE))
    a = large_scores(rng, B, T, S)
    k = direction * a[:, -1, :, None] / a[:, -1:, :1]  # (B, S, d)
    q = direction * a[:, :, :1] * np.sqrt(SIZE) / (direction**2).sum(axis=2, keepdims=True)
    return draw_attention(rng) | {"q": q, "k": k}


def attend(q, k, v, mask, weigh=masked_softmax, divisor=np.sqrt):
    """(o, p) of scaled products, where the weights or the divisor may be wrong.

    Args:
        q, k, v, mask: as in the task.
        weigh: function of the scores and of where keys are seen, both (B, T, S).
        divisor: function of d.
    """
    a = q @ k.swapaxes(1, 2) / float(divisor(q.shape[2]))  # (B, T, S)
    p = weigh(a, np.broadcast_to(mask[:, None], a.shape))
    return p @ v, p


REVERSED = (
    "{}.T reverses all three axes, the batch too; swapaxes(1, 2) exchanges the last two of them."
)


def _over_scores(weigh, scores):
    """(o, p) of scores that may be wrong, a function of q and k."""

    def run(q, k, v, mask):
        p = weigh(scores(q, k), mask[:, None])
        return p @ v, p

    return run


def _score_mistakes(weigh):
    """{cause: (o, p) where the scores are wrong}, whatever the learner's softmax is."""
    wrong = functools.partial(attend, weigh=weigh)
    other = "the scores are divided by the root of another size than that of a key: "
    return {
        **{cause: functools.partial(wrong, divisor=how) for cause, how in WRONG_DIVISORS.items()},
        f"{other}the number of keys.": lambda q, k, v, mask: wrong(
            q, k, v, mask, divisor=lambda d: np.sqrt(k.shape[1])
        ),
        f"{other}the number of queries.": lambda q, k, v, mask: wrong(
            q, k, v, mask, divisor=lambda d: np.sqrt(q.shape[1])
        ),
        f"{other}the size of a value.": lambda q, k, v, mask: wrong(
            q, k, v, mask, divisor=lambda d: np.sqrt(v.shape[2])
        ),
        "the weights are divided by the root of d; it belongs to the scores, before the softmax.": (
            lambda q, k, v, mask: tuple(
                part / np.sqrt(q.shape[2]) for part in wrong(q, k, v, mask, divisor=lambda d: 1)
            )
        ),
        # The others run only where all sizes are equal.
        "queries and keys are exchanged in the scores.": _over_scores(
            weigh, lambda q, k: dot_product_scores(k, q)
        ),
        f"{REVERSED.format('k')}": _over_scores(weigh, lambda q, k: q @ k.T / np.sqrt(q.shape[2])),
    }


WRONG_SOFTMAX = {
    cause: functools.partial(attend, weigh=weigh)
    for cause, weigh in {PADDING: lambda a, seen: softmax(a), **WRONG_WEIGHTS}.items()
}
ONLY_OUTPUT = {
    "the keys are averaged instead of the values.": lambda q, k, v, mask: (
        attend(q, k, v, mask)[1] @ k
    ),
    "the plain mean of the values is returned.": lambda q, k, v, mask: np.broadcast_to(
        v.mean(axis=1, keepdims=True), (*q.shape[:2], v.shape[2])
    ),
    "these are the weights; the results are o first and p second.": lambda *i: attend(*i)[1],
}
ONLY_WEIGHTS = {
    "these are the scores; the softmax is missing.": lambda *inputs: dot_product_scores(*inputs),
    "the weights are transposed: a row for each query, a column for each key.": lambda *i: attend(
        *i
    )[1].swapaxes(1, 2),
    "this is the output; the results are o first and p second.": lambda *i: attend(*i)[0],
}


def dot_product_scores(q, k, *_):
    """Scores (B, T, S)."""
    return q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])  # (B, T, S)


def _forward_task(seed, weigh=weights_of_real):
    rng = np.random.default_rng(seed)
    run = functools.partial(attend, weigh=lambda a, seen: weigh(a, seen[:, 0]))
    main, large, empty = (
        draw_attention(rng),
        _with_large_scores(rng),
        draw_attention(rng, lengths=(0, 3)),
    )
    whole = draw_attention(rng, lengths=(S, S)), draw_attention(rng, B=1, T=1, S=1, lengths=(1,))
    aspects = (
        Aspect("the weights p, padding masked", 3, (main,), ("p",)),
        Aspect("the output o", 2, (main,), ("o",)),
        Aspect("no padding; one query and one key", 1, whole),
        Aspect("large scores, where exp would overflow", 1, (large,)),
        Aspect("a row without a real key: zeros, not NaN", 1, (empty,)),
    )
    wrong = _score_mistakes(run.keywords["weigh"]) | WRONG_SOFTMAX
    return Task(
        name="dot_product_attention",
        outputs=("o", "p"),
        reference=run,
        aspects=aspects,
        suspects={
            "o": {cause: picked(how, 0) for cause, how in wrong.items()} | ONLY_OUTPUT,
            "p": {cause: picked(how, 1) for cause, how in wrong.items()} | ONLY_WEIGHTS,
        },
        fallbacks=(draw_attention(rng, B=3, T=3, S=3, size=3, E=3, lengths=(1, 2, 3)),),
        rounding=rounding_of_weights(run, SIZE + S + 8, dot_product_scores),
        shapes={"o": "(B, T, E)", "p": "(B, T, S)"},
    )


def check_dot_product_attention(answer, weigh=None, seed=7002):
    """Check answer(q, k, v, mask) -> o, p; returns a Verdict.

    ``weigh`` is the learner's masked_softmax; where it is wrong, what attention makes of it counts.
    """
    make_task = functools.partial(_forward_task, seed)
    own = earlier_softmax(weigh, seed)
    return examine_following(make_task, answer, lambda weigh: weigh, masked_softmax=own)
