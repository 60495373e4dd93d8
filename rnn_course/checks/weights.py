"""The weights of attention: a softmax over the keys that are seen, how it goes wrong, its check.

Scores a are (..., T, S); ``seen`` broadcasts to them and is True where a query may see a key.
"""

import numpy as np

from rnn_course.examination.calling import each
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.following import Earlier
from rnn_course.examination.rounding import measured_rounding

B, T, S = 2, 4, 6
FILLS = (-1, -2, -5, -9, -10)  # that learners write for -infinity


def softmax(a, axis=-1):
    """Softmax over one axis, mask or no mask."""
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def masked_softmax(a, seen):
    """Softmax over the keys that are seen; zeros where a query sees none."""
    a = np.where(seen, a, -np.inf)
    e = np.exp(a - a.max(axis=-1, initial=-1e30, keepdims=True))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def _row_maximum(a):
    return a.max(axis=-1, keepdims=True)


def _over(highest=None, total=None, guarded=True):
    """The weights where the largest score or the sum is taken over other entries than a row's.

    Args:
        highest: function of the scores, -infinity where masked. total: function of their
            exponentials. guarded: whether a sum of 0 becomes 1.
    """

    def run(a, seen):
        a = np.where(seen, a, -np.inf)
        e = np.exp(a - (highest or _row_maximum)(a))
        e = np.where(np.isnan(e), 0, e) if guarded else e
        total_e = (total or (lambda e: e.sum(axis=-1, keepdims=True)))(e)
        return e / np.where(guarded & (total_e == 0), 1, total_e)

    return run


def _beside_masked(guarded):
    return lambda a, seen: _over(lambda _: _row_maximum(a), guarded=guarded)(a, seen)


VANISHED = "the largest score is taken over masked keys as well; beside it the others vanish in exp"
ONE_FOR_ALL = (
    "the largest score of all rows is taken off every row; beside it whole rows vanish in exp"
)
# {cause: function of a and seen}, whatever the scores are and whoever is hidden
WRONG_WEIGHTS = {
    f"{VANISHED}.": _beside_masked(guarded=True),
    f"{VANISHED}, and 0 / 0 is NaN.": _beside_masked(guarded=False),
    f"{ONE_FOR_ALL}. Each row needs its own.": lambda a, seen: _over(lambda _: a.max())(a, seen),
    f"{ONE_FOR_ALL}, and 0 / 0 is NaN. Each row needs its own.": lambda a, seen: _over(
        lambda _: a.max(), guarded=False
    )(a, seen),
    "the largest score is taken together with 0; where all scores are far below 0, exp vanishes.": (
        _over(lambda a: np.maximum(_row_maximum(a), 0))
    ),
    "where no key is seen, a number is taken off all scores alike, which changes no weight. Such a "
    "row must become zeros.": lambda a, seen: np.where(
        seen.any(axis=-1, keepdims=True), masked_softmax(a, seen), softmax(a)
    ),
    "where no key is seen, all scores are equally low, and masked keys share the weight. Such a "
    "row must become zeros.": lambda a, seen: softmax(np.where(seen, a, -1e30)),
    "masked scores are set to a number that is not low enough: where all others are lower still, "
    "masked keys get the weight. They must become -infinity.": lambda a, seen: softmax(
        np.where(seen, a, -1500.0)
    ),
    "the mask is applied after the softmax, so the weights of a row no longer sum to "
    "1.": lambda a, seen: softmax(a) * seen,
    "masked scores are set to 0 before the softmax; exp(0) is 1, so they still get weight. They "
    "must become -infinity.": lambda a, seen: softmax(np.where(seen, a, 0)),
    **{
        f"masked scores are set to {fill}, and exp({fill}) is not 0: they still get weight. They "
        "must become -infinity.": lambda a, seen, fill=fill: softmax(np.where(seen, a, float(fill)))
        for fill in FILLS
    },
    "the mask is the wrong way round: it is True where a key is seen.": lambda a, seen: (
        masked_softmax(a, ~seen)
    ),
    "the softmax runs over the queries; the weights of one query over the keys sum to "
    "1.": lambda a, seen: np.where(seen, softmax(a, axis=-2), 0),
    "the softmax runs over the queries, so what a masked key gets is NaN; the weights of one query "
    "over the keys sum to 1.": lambda a, seen: softmax(np.where(seen, a, -np.inf), axis=-2),
    "the softmax runs over the batch; the weights of one query over the keys sum to "
    "1.": lambda a, seen: np.where(seen, softmax(a, axis=0), 0),
    "every key that is seen gets the same weight: the scores do not enter.": lambda a, seen: (
        masked_softmax(0 * a, seen)
    ),
    "the weights are not divided by their sum.": lambda a, seen: np.where(seen, np.exp(a), 0),
    "the exponentials are divided by the sum of all rows; each row has its own sum.": _over(
        total=np.sum
    ),
    "the exponentials are divided by the sum of the whole array; each row has its own sum.": _over(
        np.max, np.sum
    ),
    "the sign of the scores is reversed: the worst fit gets the most weight.": lambda a, seen: (
        masked_softmax(-a, seen)
    ),
    "the largest score takes all the weight: that is a maximum, and no gradient passes through "
    "its choice.": lambda a, seen: np.eye(a.shape[-1])[np.where(seen, a, -np.inf).argmax(axis=-1)],
}
# {cause: function of d, what the products q^T k are divided by}
WRONG_DIVISORS = {
    "the scores are not divided by the root of d, the size of a key.": lambda d: 1,
    "the scores are divided by d instead of its root.": lambda d: d,
    "the scores are multiplied by the root of d; they are divided by it.": lambda d: d**-0.5,
}


def _flat_sum(e):
    return e.sum(axis=-1)


def _flat_maximum(a):
    return a.max(axis=-1)


PADDING = "padding is not masked: it gets weight."
OF_MASK = {
    PADDING: lambda a, mask: softmax(a),
    **{
        cause: lambda a, mask, weigh=weigh: weigh(a, mask[:, None])
        for cause, weigh in WRONG_WEIGHTS.items()
    },
    "these are the scores, and -infinity at padding; the softmax is missing.": lambda a, mask: (
        np.where(mask[:, None], a, -np.inf)
    ),
    "these are the logarithms of the weights.": lambda a, mask: np.log(
        masked_softmax(a, mask[:, None])
    ),
    "the weights are transposed: a row for each query, a column for each key.": lambda a, mask: (
        masked_softmax(a, mask[:, None]).swapaxes(1, 2)
    ),
    # The others run only where all sizes are equal.
    "the mask stands along the queries; it says which keys are real, so (B, S) becomes "
    "(B, 1, S).": lambda a, mask: masked_softmax(a, mask[:, :, None]),
    "the mask stands along the queries, whose rows become NaN; it says which keys are real, so "
    "(B, S) becomes (B, 1, S).": lambda a, mask: softmax(np.where(mask[:, :, None], a, -np.inf)),
    "the mask has no axis for the queries, so its rows went to them; (B, S) becomes "
    "(B, 1, S).": lambda a, mask: masked_softmax(a, mask),
    **{
        f"{what} lost its axis; with keepdims=True it stays.": (
            lambda a, mask, how=how: _over(**how)(a, mask[:, None])
        )
        for what, how in {
            "the sum of the exponentials has": {"highest": lambda _: 0, "total": _flat_sum},
            "the sum of each row has": {"total": _flat_sum},
            "the largest score of each row has": {"highest": _flat_maximum},
            "each of the two, largest score and sum, has": {
                "highest": _flat_maximum,
                "total": _flat_sum,
            },
        }.items()
    },
}


def draw_mask(rng, B, S, lengths=None):
    """(B, S) bool; without lengths each row has a number of its own, at least 2 and never all."""
    lengths = rng.permutation(np.arange(2, S))[:B] if lengths is None else np.array(lengths)
    return np.arange(S) < lengths[:, None]


def large_scores(rng, B, T, S):
    """(B, T, S) in thousands, far from each other and largest in size at the end of each row.

    Those of query 0 are negative, so that any number but a huge one outweighs them; all others
    are positive, so that exp overflows, and padding outweighs what is real.
    """
    size = 2000 * (1 + np.arange(S) + rng.uniform(0, 0.3, (B, 1, S)))
    return np.where(np.arange(T) == 0, -1.0, 1.0)[:, None] * size


def rounding_of_weights(run, operations, scores):
    """Every weight has the rounding error of its score, which grows with the score's size.

    Args:
        run, operations: as measured_rounding takes them. scores: function of the arguments -> a.
    """
    bound = measured_rounding(run, operations)

    def with_scores(*inputs):
        size = np.abs(scores(*inputs)).max(initial=0)
        return each(lambda units: units * (1 + size), bound(*inputs))

    return with_scores


def weights_of_real(a, mask):
    """The weights p (B, T, S) that the task asks for."""
    return masked_softmax(a, mask[:, None])


def draw_scores(rng, B=B, T=T, S=S, lengths=None):
    """Arguments of masked_softmax."""
    return {"a": rng.uniform(-2, 2, (B, T, S)), "mask": draw_mask(rng, B, S, lengths)}


def earlier_softmax(weigh, seed):
    """The learner's masked_softmax, for the check of a function that calls it."""
    # Two padded words at least, whose weights depend on the scores even with the mask reversed
    arguments = draw_scores(np.random.default_rng(seed), lengths=(2, 4))
    return Earlier(weigh, weights_of_real, arguments, ("a",))


def check_masked_softmax(answer, seed=7004):
    """Check answer(a, mask) -> p; returns a Verdict."""
    rng = np.random.default_rng(seed)
    main, large = draw_scores(rng), draw_scores(rng) | {"a": large_scores(rng, B, T, S)}
    whole = draw_scores(rng, lengths=(S, S)), draw_scores(rng, B=1, T=1, S=1, lengths=(1,))
    return examine(
        Task(
            name="masked_softmax",
            outputs=("p",),
            reference=weights_of_real,
            aspects=(
                Aspect("the weights of real keys, zeros at padding", 3, (main,)),
                Aspect("no padding; one query and one key", 1, whole),
                Aspect("large scores, where exp would overflow", 1, (large,)),
                Aspect(
                    "a row without a real key: zeros, not NaN",
                    1,
                    (draw_scores(rng, lengths=(0, 3)),),
                ),
            ),
            suspects={"p": OF_MASK},
            fallbacks=(draw_scores(rng, B=3, T=3, S=3, lengths=(1, 2, 3)),),
            rounding=rounding_of_weights(weights_of_real, S + 8, lambda a, mask: a),
            shapes={"p": "(B, T, S)"},
        ),
        answer,
    )
