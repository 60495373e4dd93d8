"""Check of additive attention: its hidden units, weights and output."""

import functools

import numpy as np

from rnn_course.checks.weights import (
    PADDING,
    WRONG_WEIGHTS,
    draw_mask,
    earlier_softmax,
    masked_softmax,
    rounding_of_weights,
    softmax,
    weights_of_real,
)
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.following import examine_following

B, T, S, HQ, HK, A, E = 2, 4, 6, 3, 5, 7, 8
EQUAL = {"B": 3, "T": 3, "S": 3, "HQ": 3, "HK": 3, "A": 3, "E": 3, "lengths": (1, 2, 3)}


def draw_additive(rng, B=B, T=T, S=S, HQ=HQ, HK=HK, A=A, E=E, lengths=None):
    """Arguments of additive_attention; queries and keys differ in size."""
    shapes = {"q": (B, T, HQ), "k": (B, S, HK), "v": (B, S, E)}
    weights = {"W_q": (A, HQ), "W_k": (A, HK), "w": (A,)}
    given = {name: rng.uniform(-1.5, 1.5, shape) for name, shape in shapes.items()}
    given["mask"] = draw_mask(rng, B, S, lengths)
    return given | {name: rng.uniform(-0.8, 0.8, shape) for name, shape in weights.items()}


def _hidden(q, k, W_q, W_k):
    return np.tanh((q @ W_q.T)[:, :, None] + (k @ W_k.T)[:, None])  # (B, T, S, A)


def attend_additive(
    q, k, v, mask, W_q, W_k, w, hidden=_hidden, score=np.matmul, weigh=masked_softmax
):
    """(o, p, g), where hidden units, scores or weights may be wrong."""
    g = hidden(q, k, W_q, W_k)
    a = score(g, w)  # (B, T, S)
    p = weigh(a, mask[:, None])
    return p @ v, p, g


def _terms(q, k, W_q, W_k):
    return (q @ W_q.T)[:, :, None], (k @ W_k.T)[:, None]  # (B, T, 1, A), (B, 1, S, A)


# {cause: function of q, k, W_q, W_k -> g}
WRONG_HIDDEN = {
    "tanh is left out: these are the sums inside it.": lambda *i: sum(_terms(*i)),
    "tanh is taken of each term and the results are added; add first, then take one tanh of the "
    "sum.": lambda *i: sum(map(np.tanh, _terms(*i))),
    "tanh is taken of the query's term alone; the key's belongs inside too.": lambda *i: (
        np.tanh(_terms(*i)[0]) + _terms(*i)[1]
    ),
    "tanh is taken of the key's term alone; the query's belongs inside too.": lambda *i: (
        _terms(*i)[0] + np.tanh(_terms(*i)[1])
    ),
    "tanh is applied twice.": lambda *i: np.tanh(_hidden(*i)),
    "the query does not enter.": lambda q, k, U, V: _hidden(0 * q, k, U, V),
    "the keys do not enter.": lambda q, k, U, V: _hidden(q, 0 * k, U, V),
    "the key's term is subtracted; the terms are added.": lambda q, k, U, V: _hidden(q, -k, U, V),
    "the terms are multiplied; additive attention adds them.": lambda *i: np.tanh(
        np.multiply(*_terms(*i))
    ),
    "the logistic sigmoid stands where tanh belongs.": lambda *i: (
        0.5 + 0.5 * np.tanh(0.5 * sum(_terms(*i)))
    ),
    "ReLU stands where tanh belongs.": lambda *i: np.maximum(sum(_terms(*i)), 0),
    "the sum is divided by a root; additive attention has no such divisor.": lambda q, k, U, V: (
        np.tanh(sum(_terms(q, k, U, V)) / np.sqrt(k.shape[2]))
    ),
    # The others run only where all sizes are equal.
    "each query meets only the key of its own place. Every query meets every key: (B, T, 1, A) + "
    "(B, 1, S, A).": lambda q, k, U, V: np.tanh(q @ U.T + k @ V.T),
    "the factors are in the order of the equation, where q_t is a column. In the arrays q_t is a "
    "row: q @ W_q.T.": lambda q, k, U, V: np.tanh((U @ q)[:, :, None] + (V @ k)[:, None]),
    "W_q and W_k are exchanged.": lambda q, k, U, V: _hidden(q, k, V, U),
    "queries and keys are exchanged.": lambda q, k, U, V: _hidden(k, q, U, V),
    "W_q and W_k are used the wrong way round. They are (A, Hq) and (A, Hk), a row for each hidden "
    "unit: which axis has to meet the last axis of q?": lambda q, k, U, V: _hidden(q, k, U.T, V.T),
    "W_q is used the wrong way round: which of its axes has to meet the last axis of "
    "q?": lambda q, k, U, V: _hidden(q, k, U.T, V),
    "W_k is used the wrong way round: which of its axes has to meet the last axis of "
    "k?": lambda q, k, U, V: _hidden(q, k, U, V.T),
}
# {cause: function of g, w -> a}
WRONG_SCORES = {
    "w is left out: the hidden units are just added up.": lambda g, w: g.sum(axis=-1),
    "the hidden units are averaged after w; their products with w are added.": lambda g, w: (
        g @ w / len(w)
    ),
    "the scores are divided by the root of the number of hidden units; only the product of query "
    "and key has a divisor.": lambda g, w: g @ w / np.sqrt(len(w)),
    "tanh is taken of the score as well; it belongs to the hidden units alone.": lambda g, w: (
        np.tanh(g @ w)
    ),
    "w enters as it is in every hidden unit: it multiplies tanh, and stands outside of it.": (
        lambda g, w: np.tanh(np.arctanh(g) * w).sum(axis=-1)
    ),
}
OTHER_ROOT = "only the product of query and key has a divisor."


def _mistakes(weigh):
    """{cause: (o, p, g) where hidden units or scores are wrong}, whatever the softmax is."""
    wrong = functools.partial(attend_additive, weigh=weigh)
    return {
        **{cause: functools.partial(wrong, hidden=how) for cause, how in WRONG_HIDDEN.items()},
        **{cause: functools.partial(wrong, score=how) for cause, how in WRONG_SCORES.items()},
        f"the scores are divided by the root of the size of a key; {OTHER_ROOT}": (
            lambda q, k, *rest: wrong(q, k, *rest, score=lambda g, w: g @ w / np.sqrt(k.shape[2]))
        ),
        f"the scores are divided by the root of the size of a query; {OTHER_ROOT}": (
            lambda q, *rest: wrong(q, *rest, score=lambda g, w: g @ w / np.sqrt(q.shape[2]))
        ),
    }


WRONG_SOFTMAX = {
    cause: functools.partial(attend_additive, weigh=weigh)
    for cause, weigh in {PADDING: lambda a, seen: softmax(a), **WRONG_WEIGHTS}.items()
}
ONLY = {
    "o": {
        "the keys are averaged instead of the values.": lambda *i: attend_additive(*i)[1] @ i[1],
        "these are the weights; the results are o, p and g, in that order.": lambda *i: (
            attend_additive(*i)[1]
        ),
    },
    "p": {
        "these are the scores; the softmax is missing.": lambda *i: attend_additive(*i)[2] @ i[6],
        "this is the output; the results are o, p and g, in that order.": lambda *i: (
            attend_additive(*i)[0]
        ),
        "the weights are transposed: a row for each query, a column for each key.": lambda *i: (
            attend_additive(*i)[1].swapaxes(1, 2)
        ),
    },
    "g": {
        "queries and keys are exchanged in its axes: (B, T, S, A) has the queries first.": (
            lambda *i: attend_additive(*i)[2].swapaxes(1, 2)
        ),
        "these are the scores; the hidden units come before w.": lambda *i: (
            attend_additive(*i)[2] @ i[6]
        ),
        "W_q q and W_k k are multiplied and added up; additive attention adds them, and every unit "
        "stays by itself.": lambda q, k, v, mask, U, V, w: np.tanh(
            (q @ U.T) @ (k @ V.T).swapaxes(1, 2)
        ),
        "w is in it already; g is tanh alone.": lambda *i: attend_additive(*i)[2] * i[6],
        "it is 0 at padding; g is asked for of all keys. The mask belongs to the scores, where 0 "
        "is one score among others.": lambda *i: attend_additive(*i)[2] * i[3][:, None, :, None],
        "this is 1 - g^2, which the way back computes from g.": lambda *i: (
            1 - attend_additive(*i)[2] ** 2
        ),
    },
}


def additive_scores(q, k, v, mask, W_q, W_k, w):
    """Scores (B, T, S)."""
    return _hidden(q, k, W_q, W_k) @ w


def _forward_task(seed, weigh=weights_of_real):
    rng = np.random.default_rng(seed)
    run = functools.partial(attend_additive, weigh=lambda a, seen: weigh(a, seen[:, 0]))
    main, outputs = draw_additive(rng), ("o", "p", "g")
    whole = draw_additive(rng, lengths=(S, S)), draw_additive(rng, B=1, T=1, S=1, lengths=(1,))
    empty = draw_additive(rng, lengths=(0, 3))
    aspects = (
        Aspect("g, the hidden units", 2, (main,), ("g",)),
        Aspect("the weights p, padding masked", 2, (main,), ("p",)),
        Aspect("the output o", 1, (main,), ("o",)),
        Aspect("no padding; one query and one key", 1, whole),
        Aspect("a row without a real key: zeros, not NaN", 1, (empty,), ("o", "p")),
    )
    wrong = _mistakes(run.keywords["weigh"]) | WRONG_SOFTMAX
    return Task(
        name="additive_attention",
        outputs=outputs,
        reference=run,
        aspects=aspects,
        suspects={
            name: {cause: picked(how, k) for cause, how in wrong.items()} | ONLY[name]
            for k, name in enumerate(outputs)
        },
        fallbacks=(draw_additive(rng, **EQUAL),),
        rounding=rounding_of_weights(run, HQ + HK + A + S + 8, additive_scores),
        shapes={"o": "(B, T, E)", "p": "(B, T, S)", "g": "(B, T, S, A)"},
    )


def check_additive_attention(answer, weigh=None, seed=7006):
    """Check answer(q, k, v, mask, W_q, W_k, w) -> o, p, g; returns a Verdict.

    ``weigh`` is the learner's masked_softmax; where it is wrong, what attention makes of it counts.
    """
    make_task = functools.partial(_forward_task, seed)
    own = earlier_softmax(weigh, seed)
    return examine_following(make_task, answer, lambda weigh: weigh, masked_softmax=own)
