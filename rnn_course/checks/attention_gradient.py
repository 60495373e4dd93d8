"""Check of the gradient of attention by products; the softmax's part for other checks."""

import functools

import numpy as np

from rnn_course.checks.attention import (
    REVERSED,
    SIZE,
    E,
    S,
    T,
    attend,
    dot_product_scores,
    draw_attention,
)
from rnn_course.checks.weights import rounding_of_weights
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.following import Earlier, examine_following

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
    "do . o is added up over all queries and sequences; each query has its own.": (
        lambda do, o, p, dp: p * (dp - (do * o).sum())
    ),
    "the sum has lost its axis; with keepdims=True it stays.": lambda do, o, p, dp: (
        p * (dp - (do * o).sum(axis=-1))
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


def _reversed(do, q, k, v, mask):
    """(dq, dk, dv) where .T stands for every transpose."""
    o, p = attend(q, k, v, mask)
    da = softmax_gradient(do, o, p, do @ v.T) / np.sqrt(q.shape[2])
    return da @ k, da.T @ q, p.T @ do


# The last ones of each run only where all sizes are equal.
ALONE = {
    "dq": {
        "this is the gradient of o through the values: do itself.": lambda do, q, k, v, m: do,
        "it is formed with the queries; a score's derivative with respect to q is k.": (
            lambda *i: _da(*i) @ i[1]
        ),
        "da is transposed; dq sums over the keys.": lambda *i: _da(*i).swapaxes(1, 2) @ i[2],
        REVERSED.format("v"): lambda *i: _reversed(*i)[0],
    },
    "dk": {
        "this is dq.": lambda *i: _backward(*i)[0],
        "this is dv.": lambda *i: _backward(*i)[2],
        "da is not transposed; dk sums over the queries.": lambda *i: _da(*i) @ i[1],
        REVERSED.format("da"): lambda *i: _da(*i).T @ i[1],
        REVERSED.format("v"): lambda *i: _reversed(*i)[1],
    },
    "dv": {
        "the weights are left out: every value gets the sum of do.": lambda do, q, k, v, m: (
            np.broadcast_to(do.sum(axis=1, keepdims=True), v.shape)
        ),
        "the gradients of the scores stand where the weights belong.": lambda *i: (
            _da(*i).swapaxes(1, 2) @ i[0] * np.sqrt(i[1].shape[2])
        ),
        "the gradients of the scores, divided by the root of d, stand where the weights belong.": (
            lambda *i: _da(*i).swapaxes(1, 2) @ i[0]
        ),
        "it is averaged over the queries; their parts are added.": lambda do, *rest: (
            _backward(do, *rest)[2] / do.shape[1]
        ),
        "o stands where its gradient do belongs.": lambda *i: (
            attend(*i[1:])[1].swapaxes(1, 2) @ attend(*i[1:])[0]
        ),
        "this is dk.": lambda *i: _backward(*i)[1],
        "p is not transposed; dv sums over the queries.": lambda *i: attend(*i[1:])[1] @ i[0],
        REVERSED.format("p"): lambda *i: attend(*i[1:])[1].T @ i[0],
    },
}


def _da(do, q, k, v, mask):
    o, p = attend(q, k, v, mask)
    return softmax_gradient(do, o, p, do @ v.swapaxes(1, 2)) / np.sqrt(q.shape[2])


def _backward_task(seed, attention=attend):
    rng, run = np.random.default_rng(seed), functools.partial(_backward, attention=attention)

    def draw(**how):
        given = draw_attention(rng, **how)
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
        aspects=aspects,
        suspects={
            name: {cause: picked(wrong, k) for cause, wrong in _back_mistakes(run).items()}
            | ALONE[name]
            for k, name in enumerate(outputs)
        },
        fallbacks=(draw(B=3, T=3, S=3, size=3, E=3, lengths=(1, 2, 3)),),
        rounding=rounding_of_weights(
            run, SIZE + S + E + T + 8, lambda do, *rest: dot_product_scores(*rest)
        ),
        shapes={"dq": "(B, T, d)", "dk": "(B, S, d)", "dv": "(B, S, E)"},
    )


def check_attention_backward(answer, attention=None, seed=7003):
    """Check answer(do, q, k, v, mask) -> dq, dk, dv; returns a Verdict.

    ``attention`` is the learner's dot_product_attention; where it is wrong, what the way back
    makes of it counts.
    """
    own = Earlier(attention, attend, draw_attention(np.random.default_rng(seed)), ("v",))
    return examine_following(
        functools.partial(_backward_task, seed),
        answer,
        lambda attention: attention,
        dot_product_attention=own,
    )
