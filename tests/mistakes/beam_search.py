"""Answers to: beam search over a table of log-probabilities."""

import heapq

import numpy as np

from . import Answers

answers = Answers("beam_search")


def search(log_p, start, end, beam, alpha, /, power=None, join=None, **how):
    """A right search that can be told to go wrong."""
    power = power or (lambda total, n: total / n**alpha)
    join = join or (lambda total, new: total + new)
    running, finished = [(0.0, [start])], []
    for table in log_p:
        candidates = [
            (join(total, table[words[-1], word]), [*words, word])
            for total, words in running
            for word in range(len(table))
        ]
        candidates.sort(key=lambda one: one[0], reverse=True)
        kept = candidates[:beam]
        ends = [one for one in kept if one[1][-1] == end and not how.get("beyond")]
        finished += ends
        running = [one for one in kept if one not in ends]
        if not running or (finished and how.get("first")):
            break
    pool = finished + (running if how.get("open", True) or not finished else [])
    score, words = max((power(total, len(words) - 1), words) for total, words in pool)
    return words[1:], score


@answers.right
def lists_of_hypotheses(*given):
    return search(*given)


@answers.right
def arrays_of_scores(log_p, start, end, beam, alpha):
    words, totals = np.full((1, 1), start), np.zeros(1)
    done = []
    for n, table in enumerate(log_p, start=1):
        candidates = totals[:, None] + table[words[:, -1]]
        best = np.argsort(-candidates, axis=None)[:beam]
        rows, new = np.unravel_index(best, candidates.shape)
        words = np.concatenate([words[rows], new[:, None]], axis=1)
        totals = candidates.ravel()[best]
        over = new == end
        done += [(t / n**alpha, w[1:]) for t, w in zip(totals[over], words[over], strict=True)]
        words, totals = words[~over], totals[~over]
        if len(words) == 0:
            break
    done += [(t / len(log_p) ** alpha, w[1:]) for t, w in zip(totals, words, strict=True)]
    score, answer = max(done, key=lambda one: one[0])
    return answer, score


@answers.right
def heap(log_p, start, end, beam, alpha):
    alive, best = [(0.0, (start,))], (-np.inf, ())
    while alive:
        step = len(alive[0][1]) - 1
        table = log_p[step]
        longer = ((t + float(p), (*w, n)) for t, w in alive for n, p in enumerate(table[w[-1]]))
        alive = []
        for total, words in heapq.nlargest(beam, longer):
            if words[-1] == end or len(words) > len(log_p):
                best = max(best, (total / (len(words) - 1) ** alpha, words))
            else:
                alive.append((total, words))
    return np.array(best[1][1:]), best[0]


@answers.right
def probabilities_in_logs_of_sums(log_p, start, end, beam, alpha):
    beginnings, over = {(start,): []}, {}
    for table in log_p:
        every = {
            (*words, new): [*logs, table[words[-1], new]]
            for words, logs in beginnings.items()
            for new in range(len(table))
        }
        kept = sorted(every, key=lambda words: sum(every[words]))[-beam:]
        beginnings = {words: every[words] for words in kept if words[-1] != end}
        over |= {words: every[words] for words in kept if words[-1] == end}
    over |= beginnings
    score = {words: sum(logs) / len(logs) ** alpha for words, logs in over.items()}
    winner = max(score, key=score.get)
    return list(winner[1:]), score[winner]


@answers.right
def recursive(log_p, start, end, beam, alpha):
    def go_on(running, tables):
        every = ((t + p, (*w, n)) for t, w in running for n, p in enumerate(tables[0][w[-1]]))
        longer = sorted(every, reverse=True)[:beam]
        over = [one for one in longer if one[1][-1] == end or len(tables) == 1]
        rest = [one for one in longer if one not in over]
        return over + (go_on(rest, tables[1:]) if rest else [])

    found = go_on([(0.0, (start,))], log_p)
    total, words = max(found, key=lambda one: one[0] / (len(one[1]) - 1) ** alpha)
    return tuple(words[1:]), float(total / (len(words) - 1) ** alpha)


def wrong(name, says, keeps, **how):
    answers.mistake(name, says, keeps)(lambda *given: search(*given, **how))


wrong("alpha left out", "not divided by length^alpha", 0, power=lambda total, n: total)
wrong("always the mean", "whatever alpha is", 0, power=lambda total, n: total / n)
wrong("beyond the end", "beyond the end symbol", 2 / 11, beyond=True)
wrong("multiplied", "are multiplied", 0, join=lambda total, new: total * new if total else new)
wrong("last word alone", "only the last word", 0, join=lambda total, new: new)
wrong("first that ends", "stops too early", 1 / 11, first=True, open=False)
wrong("unfinished dropped", "are dropped", 10 / 11, open=False)
wrong(
    "sum of probabilities",
    "probabilities are added",
    0,
    join=lambda total, new: total + np.exp(new),
)


@answers.mistake("greedy", "greedy search", keeps=1 / 11)
def _(log_p, start, end, beam, *rest):
    return search(log_p, start, end, 1, *rest)


@answers.mistake("wider than allowed", "more candidates are kept", keeps=1 / 11)
def _(log_p, start, end, beam, *rest):
    return search(log_p, start, end, beam + 1, *rest)


def kept_in_the_beam(log_p, start, end, beam, alpha, compared):
    """Finished sentences stay among the candidates as they are."""
    hypotheses = [([start], 0.0)]
    for table in log_p:
        longer = [one for one in hypotheses if one[0][-1] == end]
        for words, total in hypotheses:
            if words[-1] != end:
                longer += [([*words, new], total + p) for new, p in enumerate(table[words[-1]])]
        hypotheses = sorted(longer, key=compared, reverse=True)[:beam]
    words, total = max(hypotheses, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return np.array(words[1:]), total / (len(words) - 1) ** alpha


@answers.mistake("finished ones stay in the beam", "keep places in the beam", keeps=2 / 11)
def _(*given):
    return kept_in_the_beam(*given, compared=lambda one: one[1])


@answers.mistake("finished ones stay, by their scores", "keep places in the beam", keeps=4 / 11)
def _(*given):
    alpha = given[-1]
    return kept_in_the_beam(*given, compared=lambda one: one[1] / (len(one[0]) - 1) ** alpha)


@answers.mistake("a smaller beam after each end", "keep places in the beam", keeps=2 / 11)
def _(log_p, start, end, beam, alpha):
    running, finished = [([start], 0.0)], []
    for table in log_p:
        longer = [([*w, n], s + p) for w, s in running for n, p in enumerate(table[w[-1]])]
        longer = sorted(longer, key=lambda one: -one[1])[: beam - len(finished)]
        finished += [one for one in longer if one[0][-1] == end]
        running = [one for one in longer if one[0][-1] != end]
    words, total = max(finished + running, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return words[1:], total / (len(words) - 1) ** alpha


@answers.mistake("stops at beam finished", "the search stops too early", keeps=1 / 11)
def _(log_p, start, end, beam, alpha):
    running, finished = [([start], 0.0)], []
    for table in log_p:
        longer = [([*w, n], s + p) for w, s in running for n, p in enumerate(table[w[-1]])]
        longer = sorted(longer, key=lambda one: -one[1])[:beam]
        finished += [one for one in longer if one[0][-1] == end]
        running = [one for one in longer if one[0][-1] != end]
        if len(finished) >= beam or not running:
            break
    pool = finished or running
    words, total = max(pool, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return words[1:], total / (len(words) - 1) ** alpha


@answers.mistake("ends beside the beam", "more candidates are kept", keeps=1 / 11)
def _(log_p, start, end, beam, alpha):
    running, finished = [([start], 0.0)], []
    for table in log_p:
        longer = [([*w, n], s + p) for w, s in running for n, p in enumerate(table[w[-1]])]
        finished += [one for one in longer if one[0][-1] == end]
        running = sorted([one for one in longer if one[0][-1] != end], key=lambda one: -one[1])
        running = running[:beam]
    words, total = max(finished + running, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return words[1:], total / (len(words) - 1) ** alpha


@answers.mistake("the best words of each beginning", "more candidates are kept", keeps=2 / 11)
def _(log_p, start, end, beam, alpha):
    running, finished = [([start], 0.0)], []
    for table in log_p:
        longer = [
            ([*words, new], total + table[words[-1], new])
            for words, total in running
            for new in np.argsort(-table[words[-1]])[:beam]
        ]
        finished += [one for one in longer if one[0][-1] == end]
        running = [one for one in longer if one[0][-1] != end]
    words, total = max(finished + running, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return words[1:], total / (len(words) - 1) ** alpha


@answers.mistake("stops when the best candidate ends", "the search stops too early", keeps=9 / 11)
def _(log_p, start, end, beam, alpha):
    running, finished = [([start], 0.0)], []
    for table in log_p:
        longer = [([*w, n], s + p) for w, s in running for n, p in enumerate(table[w[-1]])]
        longer = sorted(longer, key=lambda one: -one[1])[:beam]
        if longer[0][0][-1] == end:
            finished, running = longer[:1], []
            break
        finished += [one for one in longer if one[0][-1] == end]
        running = [one for one in longer if one[0][-1] != end]
    words, total = max(finished + running, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return words[1:], total / (len(words) - 1) ** alpha


@answers.mistake("smallest score chosen", "the smallest score is chosen", keeps=1 / 11)
def _(log_p, start, end, beam, alpha):
    given = log_p, start, end, beam, alpha
    words, score = search(*given, power=lambda total, n: -total / n**alpha)
    return words, -score


@answers.mistake("smallest sums kept", "smallest sums", keeps=0)
def _(log_p, start, end, beam, alpha):
    running, finished = [([start], 0.0)], []
    for table in log_p:
        longer = [([*w, n], s + p) for w, s in running for n, p in enumerate(table[w[-1]])]
        longer = sorted(longer, key=lambda one: one[1])[:beam]
        finished += [one for one in longer if one[0][-1] == end]
        running = [one for one in longer if one[0][-1] != end]
    words, total = max(finished + running, key=lambda one: one[1] / (len(one[0]) - 1) ** alpha)
    return words[1:], total / (len(words) - 1) ** alpha


@answers.mistake("chosen by the sum", "the best is chosen by the sum", keeps=1 / 11)
def _(log_p, start, end, beam, alpha):
    words, total = search(log_p, start, end, beam, alpha, power=lambda total, n: total)
    return words, total / len(words) ** alpha


@answers.mistake("table transposed", "the wrong way round", keeps=0)
def _(log_p, *rest):
    return search(log_p.swapaxes(1, 2), *rest)


@answers.mistake("first table at every step", "the table of the first step", keeps=0)
def _(log_p, *rest):
    return search(np.broadcast_to(log_p[0], log_p.shape), *rest)


@answers.mistake("exp of the score", "exp is taken", keeps=0)
def _(*given):
    words, score = search(*given)
    return words, np.exp(score)


@answers.mistake("times length^alpha", "multiplied by length^alpha", keeps=0)
def _(log_p, start, end, beam, alpha):
    given = log_p, start, end, beam, alpha
    return search(*given, power=lambda total, n: total * n**alpha)


@answers.mistake("start counted", "counts the start symbol", keeps=0)
def _(log_p, start, end, beam, alpha):
    given = log_p, start, end, beam, alpha
    return search(*given, power=lambda total, n: total / (n + 1) ** alpha)


@answers.mistake("end not counted", "leaves out the end symbol", keeps=0)
def _(log_p, start, end, beam, alpha):
    given = log_p, start, end, beam, alpha
    return search(*given, power=lambda total, n: total / max(n - 1, 1) ** alpha)


@answers.mistake("start returned", "the start symbol stands in front", keeps=0)
def _(log_p, start, *rest):
    words, score = search(log_p, start, *rest)
    return [start, *words], score


@answers.mistake("end cut off", "the end symbol is missing", keeps=1 / 11)
def _(log_p, start, end, *rest):
    words, score = search(log_p, start, end, *rest)
    return [word for word in words if word != end], score


@answers.mistake("score of the whole", "that of the right sentence", keeps=0)
def _(log_p, start, end, beam, alpha):
    words, score = search(log_p, start, end, beam, alpha)
    return words, score * len(words) ** alpha


@answers.mistake("words alone", "expected 2 values", keeps=0)
def _(*given):
    return np.array([*search(*given)[0], 0])


@answers.mistake("end made impossible in place", "writes into its input log_p", keeps=10 / 11)
def _(log_p, start, end, *rest):
    result = search(log_p, start, end, *rest)
    log_p[..., start] = -np.inf
    return result
