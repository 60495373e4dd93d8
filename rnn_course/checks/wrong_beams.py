"""Beam search over a table of log-probabilities, right and wrong in the ways of learners.

Each takes log_p (T, V, V), the start and the end symbol, the beam and alpha, and returns the words
and their score, for checks/beam.py.
"""

import numpy as np


def _add(total, new):
    return total + new


def _best(candidates, beam):
    return sorted(candidates, key=lambda one: -one[1])[:beam]


def _worst(candidates, beam):
    return sorted(candidates, key=lambda one: one[1])[:beam]


def found(log_p, start, end, beam, alpha, join=_add, keep=_best, score=None, chosen=None, **how):
    """Words and score of the best sentence; the keywords make the search go wrong."""
    score = score or (lambda total, length: total / length**alpha)
    chosen = chosen or score
    running, done = [((start,), 0.0)], []
    for table in log_p.tolist():
        longer = [
            ((*words, new), join(total, p))
            for words, total in running
            for new, p in enumerate(table[words[-1]])
        ]
        running, done = _step(longer, done, end, beam, keep, score, how)
        if not running or len(done) >= how.get("stop_at", len(log_p) * beam):
            break
    every = done + (running if how.get("keep_open", True) or not done else [])
    words, total = max(every, key=lambda one: chosen(one[1], len(one[0]) - 1))
    return list(words[1:]), score(total, len(words) - 1)


def _step(longer, done, end, beam, keep, score, how):
    """The beginnings of the next step, and the finished sentences."""
    if how.get("compete"):  # finished sentences may be thrown out again
        compared = {"sum": lambda one: one[1], "score": lambda one: score(one[1], len(one[0]) - 1)}
        kept = sorted(longer + done, key=compared[how["compete"]], reverse=True)[:beam]
        return _open(kept, end), _ended(kept, end)
    if how.get("apart"):  # every sentence that could end here does, besides the beam
        return keep(_open(longer, end), beam), done + _ended(longer, end)
    kept = keep(longer, beam - len(done) if how.get("shrink") else beam)
    if how.get("beyond"):
        return kept, done
    if how.get("top") and kept[0][0][-1] == end:
        return [], [kept[0]]
    going_on = [one for one in kept if one[0][-2] != end] if how.get("late") else _open(kept, end)
    return going_on, done + _ended(kept, end)


def _ended(sentences, end):
    return [one for one in sentences if one[0][-1] == end]


def _open(sentences, end):
    return [one for one in sentences if one[0][-1] != end]


def tokens(*given, **how):
    """The same with the words as an array."""
    words, score = found(*given, **how)
    return np.array(words), score


def _run(**how):
    return lambda *given: tokens(*given, **how)


def _with_beam(change):
    return lambda log_p, start, end, beam, alpha: tokens(log_p, start, end, change(beam), alpha)


def _with_length(change):
    """A score divided by change(length)^alpha."""

    def run(*given):
        return tokens(*given, score=lambda total, length: total / change(length) ** given[-1])

    return run


def _total(total, length):
    return total


def _of_right(change):
    """change(score, length, alpha) in the place of the right score."""

    def run(*given):
        words, score = tokens(*given)
        return words, change(score, len(words), given[-1])

    return run


def _multiplied(*given):
    return tokens(*given, score=lambda total, length: total * length ** given[-1])


def _least(*given):
    return tokens(*given, chosen=lambda total, length: -total / length ** given[-1])


WRONG_SUMS = {
    "the scores of finished sentences are not divided by length^alpha.": _run(score=_total),
    "the scores are divided by the length whatever alpha is.": _run(
        score=lambda total, length: total / length
    ),
    "the scores are multiplied by length^alpha; they are divided by it.": _multiplied,
    "only the last word's log-probability counts; those before it are forgotten.": _run(
        join=lambda total, new: new
    ),
    "probabilities are added; the logarithms are, since probabilities multiply.": _run(
        join=lambda total, new: total + np.exp(new)
    ),
    "the log-probabilities are multiplied; those of one sentence are added.": _run(
        join=lambda total, new: total * new if total else new
    ),
    "the best is chosen by the sum; it is the one with the largest score, sum / length^alpha.": (
        _run(chosen=_total)
    ),
    "the sentence with the smallest score is chosen; log-probabilities are negative, and the best "
    "is the largest.": _least,
}
# Several wrong searches may find the same sentence. Those that share what begins their cause are
# not told apart.
TOO_MANY = (
    "more candidates are kept than the beam allows. Of all candidates of a step together the "
    "`beam` best stay, and those that end take places among them"
)
PLACES = (
    "finished sentences keep places in the beam. They are put aside until the choice at the end"
)
STOPS = "the search stops too early, and a beginning that is left may still win: it stops at "
WRONG_SEARCHES = {
    "the beam is not kept: only the best beginning is extended, which is greedy "
    "search.": _with_beam(lambda beam: 1),
    f"{TOO_MANY}.": _with_beam(lambda beam: beam + 1),
    f"{TOO_MANY} like all others.": _run(apart=True),
    "the candidates with the smallest sums are kept.": _run(keep=_worst),
    "finished sentences are extended beyond the end symbol.": _run(beyond=True),
    f"{PLACES}.": _run(compete="sum"),
    f"{PLACES}, and compared by their scores there alone.": _run(compete="score"),
    f"{PLACES}, so that each step keeps `beam` candidates.": _run(shrink=True),
    f"{PLACES}, and at once, not one step later.": _run(late=True),
    f"{STOPS}the first finished sentence.": _run(stop_at=1, keep_open=False),
    f"{STOPS}the first step at which the best candidate ends.": _run(top=True, keep_open=False),
    f"{STOPS}as many finished sentences as the beam is wide.": lambda *given: tokens(
        *given, stop_at=given[3], keep_open=False
    ),
    "the table of the first step is used at every step.": lambda log_p, *rest: tokens(
        log_p[:1].repeat(len(log_p), axis=0), *rest
    ),
    "the table is read the wrong way round: log_p[t, i, j] belongs to word j after word "
    "i.": lambda log_p, *rest: tokens(log_p.swapaxes(1, 2), *rest),
}
WRONG_SCORES = {
    "the length counts the start symbol; n is the number of words written, the end symbol "
    "included.": _with_length(lambda length: length + 1),
    "the length leaves out the end symbol; it is a word written like any other.": _with_length(
        lambda length: max(length - 1, 1)
    ),
    "the score is that of the right sentence, and not divided by length^alpha.": _of_right(
        lambda score, length, alpha: score * length**alpha
    ),
    "exp is taken of the score; it stays a logarithm.": _of_right(
        lambda score, length, alpha: np.exp(score)
    ),
}
DROPPED = {
    "beginnings that have not ended after the last step are dropped; they count as they are.": _run(
        keep_open=False
    ),
}
WRONG_WORDS = {
    "the start symbol stands in front; it is not a word of the answer.": lambda *i: np.concatenate(
        [[i[1]], tokens(*i)[0]]
    ),
    "the end symbol is missing; it is the word that ends the answer.": lambda *i: (
        tokens(*i)[0][:-1] if tokens(*i)[0][-1] == i[2] else np.array([-1])
    ),
}
WRONG = WRONG_SCORES | WRONG_SEARCHES | WRONG_SUMS
