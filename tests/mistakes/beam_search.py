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
wrong("beyond the end", "beyond the end symbol", 1 / 11, beyond=True)
wrong("multiplied", "are multiplied", 0, join=lambda total, new: total * new if total else new)
wrong("last word alone", "only the last word", 0, join=lambda total, new: new)
wrong("first that ends", "stops at the first", 1 / 11, first=True, open=False)
wrong("unfinished dropped", "are dropped", 10 / 11, open=False)
wrong(
    "sum of probabilities",
    "probabilities are added",
    0,
    join=lambda total, new: total + np.exp(new),
)


@answers.mistake("greedy", "greedy search", keeps=2 / 11)
def _(log_p, start, end, beam, *rest):
    return search(log_p, start, end, 1, *rest)


@answers.mistake("wider than allowed", "more beginnings are kept", keeps=1 / 11)
def _(log_p, start, end, beam, *rest):
    return search(log_p, start, end, beam + 1, *rest)


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
