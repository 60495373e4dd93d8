"""Checks of attention with a mask: its output and weights, and its gradient."""

import functools

import numpy as np

from rnn_course.checks.examine import Aspect, Task, picked
from rnn_course.checks.following import Earlier, examine_following
from rnn_course.checks.weights import (
    PADDING,
    WRONG_DIVISORS,
    WRONG_WEIGHTS,
    defined_aspects,
    draw_mask,
    earlier_softmax,
    large_scores,
    masked_softmax,
    rounding_of_weights,
    softmax,
    weights_of_real,
)

B, T, S, SIZE, E = 2, 4, 6, 3, 5  # SIZE is d, that of a query and of a key


def _draw(rng, B=B, T=T, S=S, size=SIZE, E=E, lengths=None):
    given = {"q": rng.uniform(-2, 2, (B, T, size)), "k": rng.uniform(-2, 2, (B, S, size))}
    v, mask = rng.uniform(-2, 2, (B, S, E)), draw_mask(rng, B, S, lengths)
    return given | {"v": v, "mask": mask}


def _with_large_scores(rng):
    """Queries and keys of one direction in each sequence, so that the scores are those drawn."""
    direction = rng.choice((-1, 1), (B, 1, SIZE)) * rng.uniform(0.5, 2, (B, 1, SIZE))
    a = large_scores(rng, B, T, S)
    k = direction * a[:, -1, :, None] / a[:, -1:, :1]  # (B, S, d)
    q = direction * a[:, :, :1] * np.sqrt(SIZE) / (direction**2).sum(axis=2, keepdims=True)
    return _draw(rng) | {"q": q, "k": k}


def attend(q, k, v, mask, weigh=masked_softmax, divisor=np.sqrt):
    """(o, p) of scaled products, where the weights or the divisor may be wrong.

    Args:
        q, k, v, mask: as in the task.
        weigh: function of the scores and of where keys are seen, both (B, T, S).
        divisor: function of d.
    """
    a = q @ k.swapaxes(1, 2) / divisor(q.shape[2])  # (B, T, S)
    p = weigh(a, np.broadcast_to(mask[:, None], a.shape))
    return p @ v, p


def _score_mistakes(weigh):
    """{cause: (o, p) where the scores are wrong}, whatever the learner's softmax is."""
    wrong = functools.partial(attend, weigh=weigh)
    other = "the scores are divided by the root of another size than that of a key: "
    return {
        **{cause: functools.partial(wrong, divisor=how) for cause, how in WRONG_DIVISORS.items()},
        f"{other}the number of keys.": lambda q, k, v, mask: wrong(
            q, k, v, mask, divisor=lambda d: np.sqrt(k.shape[1])
        ),
        f"{other}the size of a value.": lambda q, k, v, mask: wrong(
            q, k, v, mask, divisor=lambda d: np.sqrt(v.shape[2])
        ),
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
    "these are the scores; the softmax is missing.": lambda *inputs: _scores(*inputs),
    "the weights are transposed: a row for each query, a column for each key.": lambda *i: attend(
        *i
    )[1].swapaxes(1, 2),
    "this is the output; the results are o first and p second.": lambda *i: attend(*i)[0],
}


def _scores(q, k, *_):
    return q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])  # (B, T, S)


def _forward_task(seed, weigh=weights_of_real):
    rng = np.random.default_rng(seed)
    run = functools.partial(attend, weigh=lambda a, seen: weigh(a, seen[:, 0]))
    main, large, empty = _draw(rng), _with_large_scores(rng), _draw(rng, lengths=(0, 3))
    whole = _draw(rng, lengths=(S, S)), _draw(rng, B=1, T=1, S=1, lengths=(1,))
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
        aspects=defined_aspects(aspects, run),
        suspects={
            "o": {cause: picked(how, 0) for cause, how in wrong.items()} | ONLY_OUTPUT,
            "p": {cause: picked(how, 1) for cause, how in wrong.items()} | ONLY_WEIGHTS,
        },
        fallbacks=(_draw(rng, B=3, T=3, S=3, size=3, E=3, lengths=(1, 2, 3)),),
        rounding=rounding_of_weights(run, SIZE + S + 8, _scores),
        shapes={"o": "(B, T, E)", "p": "(B, T, S)"},
    )


def check_dot_product_attention(answer, weigh=None, seed=7002):
    """Check answer(q, k, v, mask) -> o, p; returns a Verdict.

    ``weigh`` is the learner's masked_softmax; where it is wrong, what attention makes of it counts.
    """
    make_task = functools.partial(_forward_task, seed)
    own = earlier_softmax(weigh, seed)
    return examine_following(make_task, answer, lambda weigh: weigh, masked_softmax=own)


# {cause: function of do, o, p and dp = do v^T -> da (B, T, S)}, whatever the scores are
WRONG_SOFTMAX_GRADIENTS = {
    "the softmax is taken for independent entries: da = p * dp lacks the term - p * (do . "
    "o).": lambda do, o, p, dp: p * dp,
    "the softmax has p (1 - p) on its diagonal only if nothing else moves; the other weights of "
    "the row move too.": lambda do, o, p, dp: p * (1 - p) * dp,
    "the softmax is left out: dp is handed on as da.": lambda do, o, p, dp: dp,
    "the factor p is left out.": lambda do, o, p, dp: dp - (do * o).sum(axis=-1, keepdims=True),
    "the mean of dp stands where its mean weighted by p belongs.": lambda do, o, p, dp: (
        p * (dp - dp.mean(axis=-1, keepdims=True))
    ),
    "the sum of dp is not weighted by p.": lambda do, o, p, dp: (
        p * (dp - dp.sum(axis=-1, keepdims=True))
    ),
    "the sum runs over the queries; the softmax couples the keys of one query.": (
        lambda do, o, p, dp: p * (dp - (p * dp).sum(axis=1, keepdims=True))
    ),
    "the sign of da is reversed.": lambda do, o, p, dp: (
        p * ((do * o).sum(axis=-1, keepdims=True) - dp)
    ),
}


def softmax_gradient(do, o, p, dp):
    """Gradient da (B, T, S) of the scores."""
    return p * (dp - (do * o).sum(axis=-1, keepdims=True))


def _backward(do, q, k, v, mask, inner=softmax_gradient, divisor=np.sqrt, attention=attend):
    o, p = attention(q, k, v, mask)
    da = inner(do, o, p, do @ v.swapaxes(1, 2)) / divisor(q.shape[2])  # (B, T, S)
    return da @ k, da.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ do


def _back_mistakes(back):
    """{cause: wrong gradients}, where ``back`` is the right way back over some attention."""
    return {
        **{
            cause: functools.partial(back, inner=inner)
            for cause, inner in WRONG_SOFTMAX_GRADIENTS.items()
        },
        "the division by the root of d is left out on the way back.": functools.partial(
            back, divisor=lambda d: 1
        ),
        "the division is by d on the way back, and by its root on the way forward.": (
            functools.partial(back, divisor=lambda d: d)
        ),
        "padding is not masked on the way back.": lambda do, q, k, v, mask: back(
            do, q, k, v, np.ones_like(mask)
        ),
    }


ALONE = {
    "dq": {
        "it is formed with the queries; a score's derivative with respect to q is "
        "k.": lambda do, q, k, v, m: (
            _backward(do, q, k, v, m)[1] if q.shape == k.shape else np.zeros(1)
        ),
        "this is the gradient of o through the values: do itself.": lambda do, q, k, v, m: do,
    },
    "dk": {
        "this is dq.": lambda *i: _backward(*i)[0],
        "this is dv.": lambda *i: _backward(*i)[2],
    },
    "dv": {
        "the weights are left out: every value gets the sum of do.": lambda do, q, k, v, m: (
            np.broadcast_to(do.sum(axis=1, keepdims=True), v.shape)
        ),
        "the gradients of the scores stand where the weights belong.": lambda do, q, k, v, m: (
            _da(do, q, k, v, m).swapaxes(1, 2) @ do
        ),
        "it is averaged over the queries; their parts are added.": lambda do, *rest: (
            _backward(do, *rest)[2] / do.shape[1]
        ),
        "this is dk.": lambda *i: _backward(*i)[1],
    },
}


def _da(do, q, k, v, mask):
    o, p = attend(q, k, v, mask)
    return softmax_gradient(do, o, p, do @ v.swapaxes(1, 2))


def _backward_task(seed, attention=attend):
    rng, run = np.random.default_rng(seed), functools.partial(_backward, attention=attention)

    def draw(**how):
        given = _draw(rng, **how)
        return {"do": rng.uniform(-1, 1, (*given["q"].shape[:2], given["v"].shape[2]))} | given

    main, outputs = draw(), ("dq", "dk", "dv")
    others = draw(B=1, T=1, lengths=(3,)), draw(lengths=(S, S))
    aspects = (
        Aspect("dv, the gradient of the values", 2, (main,), ("dv",)),
        Aspect("dq, the gradient of the queries", 3, (main,), ("dq",)),
        Aspect("dk, the gradient of the keys", 3, (main,), ("dk",)),
        Aspect("one query; no padding", 1, others),
        Aspect("a row without a real key: zeros, not NaN", 1, (draw(lengths=(0, 3)),)),
    )
    return Task(
        name="attention_backward",
        outputs=outputs,
        reference=run,
        aspects=defined_aspects(aspects, run),
        suspects={
            name: {cause: picked(wrong, k) for cause, wrong in _back_mistakes(run).items()}
            | ALONE[name]
            for k, name in enumerate(outputs)
        },
        fallbacks=(draw(B=3, T=3, S=3, size=3, E=3, lengths=(1, 2, 3)),),
        rounding=rounding_of_weights(run, SIZE + S + E + T + 8, lambda do, *rest: _scores(*rest)),
        shapes={"dq": "(B, T, d)", "dk": "(B, S, d)", "dv": "(B, S, E)"},
    )


def check_attention_backward(answer, attention=None, seed=7003):
    """Check answer(do, q, k, v, mask) -> dq, dk, dv; returns a Verdict.

    ``attention`` is the learner's dot_product_attention; where it is wrong, what the way back
    makes of it counts.
    """
    own = Earlier(attention, attend, _draw(np.random.default_rng(seed)), ("v",))
    return examine_following(
        functools.partial(_backward_task, seed),
        answer,
        lambda attention: attention,
        dot_product_attention=own,
    )
