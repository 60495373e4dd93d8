"""Check of beam search over a table of log-probabilities."""

import functools

import numpy as np

from rnn_course.checks.decoding import END, START
from rnn_course.checks.wrong_beams import DROPPED, WRONG, WRONG_WORDS, tokens
from rnn_course.examination.examine import Aspect, Task, examine, picked

BEAM, ALPHA = 3, 0.7
SHORT = 5  # steps after which the best sentence has not ended
STEPS = 7
WORDS = (END, 0, 3, 4, 5)  # that can be written; START cannot
# A hundred times the scores of END, 0, 3, 4 and 5 after START at the first step, and then at each
# step after END, after 0, after 3 and so on. They were found by trying: with them every wrong
# search goes astray, to a sentence or a score of its own. Tables drawn at random hardly ever do.
SCORES = """
152 454 302 93 255
302 397 103 202 301 100 353 96 49 348 403 400 -1 346 -1
350 99 406 455 86 191 349 298 401 401
361 44 298 460 303 353 197 192 451 301 44 147 150 345 100
100 450 -3 403 304 102 -4 304 447 304
245 355 50 444 398 450 301 295 144 1 -2 101 254 442 51
256 149 96 304 251 354 298 343 249 248
54 201 -8 444 104 153 97 200 152 2 4 101 100 199 205
-11 199 400 93 452 97 304 449 103 206
52 346 292 109 449 -3 451 -1 254 400 450 46 152 195 103
308 392 288 153 413 345 44 3 -4 347
98 353 48 101 249 46 448 -5 250 194 -5 357 50 150 103
448 249 2 51 244 354 347 -5 45 48
"""
NEVER, UNLIKELY = -30.0, -5.0  # scores of START, and of END at the first step
NOISE = 0.01  # of the scores, so that every seed has numbers of its own


def _table(rng, noise=NOISE):
    """(T, V, V) log-probabilities: the scores with some noise, the words with numbers of a seed."""
    scores = np.array(SCORES.split(), dtype=float) / 100
    scores += rng.normal(0, noise, scores.shape)
    first, later = np.split(scores, [len(WORDS)])
    words = np.array([END, *rng.permutation(WORDS[1:])])
    a = np.full((STEPS, len(words) + 1, len(words) + 1), NEVER)
    a[0, START, words] = first
    a[0, START, END] = UNLIKELY
    for table, given in zip(a[1:], np.split(later, STEPS - 1), strict=True):
        table[np.ix_(words, words)] = given.reshape(len(words), -1)
    return a - np.log(np.exp(a).sum(axis=-1, keepdims=True))


def _cases_of(log_p):
    """Arguments by what they show."""
    main = {"log_p": log_p, "start": START, "end": END, "beam": BEAM, "alpha": ALPHA}
    return {
        "beam": main,
        "sum": main | {"alpha": 0.0},
        "mean": main | {"alpha": 1.0},
        "greedy": main | {"beam": 1},
        "short": main | {"log_p": log_p[:SHORT].copy()},
    }


def _agreement(given):
    """(N, N) which of the right search and the wrong ones find the same score."""
    runs = (tokens, *WRONG.values(), *DROPPED.values())
    scores = np.array([run(*given.values())[1] for run in runs])
    return np.isclose(scores[:, None], scores, rtol=1e-3, atol=0)


def _shows(cases):
    """For each part of the check, which wrong searches it shows; the first part tells all apart."""
    main = _agreement(cases["beam"])
    hidden = {name: _agreement(given)[0] for name, given in cases.items()}
    return [main, hidden["sum"] & hidden["mean"], hidden["greedy"], hidden["short"]]


@functools.cache
def _intended():
    """What the scores show as they are."""
    return _shows(_cases_of(_table(np.random.default_rng(0), noise=0.0)))


@functools.lru_cache(maxsize=1024)
def _cases(seed):
    """Arguments in which the noise has changed nothing of what goes astray."""
    rng = np.random.default_rng(seed)
    while True:
        cases = _cases_of(_table(rng))
        if all(map(np.array_equal, _shows(cases), _intended())):
            return cases


def _beam_task(seed):
    cases = _cases(seed)
    wrong = DROPPED | WRONG
    both = ("score", "words")  # the score first: it tells apart what finds the same words
    return Task(
        name="beam_search",
        outputs=("words", "score"),
        reference=tokens,
        aspects=(
            Aspect("the best sentence with a beam of three", 5, (cases["beam"],), both),
            Aspect("alpha = 0 and alpha = 1", 2, (cases["sum"], cases["mean"]), both),
            Aspect("a beam of one: greedy search", 1, (cases["greedy"],), both),
            Aspect("sentences that reach the last step", 1, (cases["short"],), both),
        ),
        suspects={
            "words": {cause: picked(run, 0) for cause, run in wrong.items()} | WRONG_WORDS,
            "score": {cause: picked(run, 1) for cause, run in wrong.items()},
        },
        rounding=lambda *given: (np.zeros(len(tokens(*given)[0])), 16 * abs(tokens(*given)[1])),
        kinds={"words": "iu", "score": "f"},
    )


def check_beam_search(answer, seed=7025):
    """Check answer(log_p, start, end, beam, alpha) -> words, score; returns a Verdict."""
    return examine(_beam_task(seed), answer)
