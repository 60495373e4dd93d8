"""Decoding: from the probabilities of the next token to a whole sequence.

A network is asked through one function, ``step(tokens, state) -> (log_p, state)``: tokens (R,) the
newest token of each of R rows, log_p (R, V) the log-probabilities of the next one, state whatever
the network remembers: arrays with the rows on axis 0, or None, in lists and tuples of any depth.

The greedy choice of the most probable token at each step can lead away from the most probable
sequence. Beam search keeps the best few sequences at each step, and compares those that have ended
by

score = log p(target_0, ..., target_{T-1}) / T^alpha                            (eq-beam-score)

With alpha = 0 that is the log-probability, which favours short sequences: each further token can
only lower it. With alpha = 1 it is the mean over the tokens. The token ``end`` counts.
"""

from typing import NamedTuple

import numpy as np

from rnn_course._validate import require_shape


class Hypothesis(NamedTuple):
    """A written sequence: its tokens, a list without ``end``, and its score (eq-beam-score)."""

    tokens: list
    score: float


def select_rows(state, rows):
    """The state of the given rows, in their order; a row may be taken more than once.

    Args:
        state: arrays (R, ...) or None, in lists and tuples of any depth. rows: (N,) integers.

    Returns:
        like state, with arrays (N, ...).
    """
    if isinstance(state, list | tuple):
        return type(state)(select_rows(part, rows) for part in state)
    return None if state is None else state[rows]


def count_rows(state):
    """The number R of rows in a state, or None where it holds no array."""
    if isinstance(state, list | tuple):
        return next((R for R in map(count_rows, state) if R is not None), None)
    return None if state is None else len(state)


def _require_rows(state, max_steps):
    if max_steps < 0:
        raise ValueError(f"max_steps is {max_steps}; expected at least 0")
    R = count_rows(state)
    if R is None:
        raise ValueError("state holds no array, so it does not tell how many sequences there are")
    return R


def _log_probabilities(step, tokens, state):
    log_p, state = step(tokens, state)
    require_shape("log_p", log_p, (len(tokens), None), f"step with tokens {tokens.shape}")
    return log_p, state


def greedy_decode(step, state, start, end, max_steps):
    """Take the most probable token at each step, the first of equals.

    Args:
        step, state: see above; the state before the first token, R rows.
        start: the token that opens every sequence. end: the token that closes it.
        max_steps: sequences that did not end by then are cut.

    Returns:
        list of R lists of tokens, without ``end``.

    Raises:
        ValueError: max_steps is negative, or step does not give a row for each token.
    """
    R = _require_rows(state, max_steps)
    tokens, ended = np.full(R, start), np.zeros(R, dtype=bool)  # (R,) each
    written = [[] for _ in range(R)]
    for _ in range(max_steps):
        if ended.all():
            break
        log_p, state = _log_probabilities(step, tokens, state)  # (R, V)
        tokens = log_p.argmax(axis=1)  # (R,)
        ended |= tokens == end
        for row in np.flatnonzero(~ended):
            written[row].append(int(tokens[row]))
    return written


def _largest(values, k):
    """Places of the k largest of values (N,), largest first, the first of equals before others."""
    k = min(k, len(values))
    limit = np.partition(values, len(values) - k)[len(values) - k]
    places = np.flatnonzero(values >= limit)  # k or, with equals, more
    return places[np.argsort(-values[places], kind="stable")][:k]


class _Search:
    """The search for one source: sequences that are still open, and those that have ended."""

    def __init__(self, max_steps, beam_size, length_penalty, n_best):
        self.max_steps, self.beam_size = max_steps, beam_size
        self.length_penalty, self.n_best = length_penalty, n_best
        self.open, self.log_p = [[]], np.zeros(1)  # one sequence, empty; (rows,)
        self.ended = []

    def _score(self, log_p, length):
        return float(log_p) / max(1, length) ** self.length_penalty

    def advance(self, log_p, end):
        """Go on by the next tokens' log_p (rows, V).

        Returns, for each sequence that is open then, the row it goes on from and its new token.
        """
        V = log_p.shape[1]
        log_p = (self.log_p[:, None] + log_p).reshape(-1)  # (rows V,), of whole sequences
        log_p[np.isnan(log_p)] = -np.inf
        # a sequence that has ended keeps its place, so the greedy choice is a beam of size 1
        best = _largest(log_p, self.beam_size - len(self.ended))
        best = best[log_p[best] > -np.inf]  # (beam,) at most, possible ones only
        rows, tokens = best // V, best % V
        for place in best[tokens == end]:
            written = self.open[place // V]
            score = self._score(log_p[place], len(written) + 1)
            self.ended.append(Hypothesis(written, score))
        rows, tokens, self.log_p = (a[tokens != end] for a in (rows, tokens, log_p[best]))
        self.open = [
            [*self.open[row], token] for row, token in zip(rows, tokens.tolist(), strict=True)
        ]
        if self._is_decided():
            self.open, self.log_p, rows, tokens = [], self.log_p[:0], rows[:0], tokens[:0]
        return rows, tokens

    def _is_decided(self):
        """Whether no open sequence can get among the n best, even if all its later steps cost 0."""
        if len(self.ended) < self.n_best:
            return False
        limit = sorted(hypothesis.score for hypothesis in self.ended)[-self.n_best]
        return limit >= self._score(self.log_p.max(initial=-np.inf), self.max_steps)

    def results(self):
        """The n best, best first; sequences that are still open count as they stand."""
        cut = [
            Hypothesis(tokens, self._score(log_p, len(tokens)))
            for tokens, log_p in zip(self.open, self.log_p, strict=True)
        ]
        return sorted(self.ended + cut, key=lambda hypothesis: -hypothesis.score)[: self.n_best]


def _require_beam(beam_size, length_penalty, n_best):
    if beam_size < 1:
        raise ValueError(f"beam_size is {beam_size}; expected at least 1")
    if not 1 <= n_best <= beam_size:
        raise ValueError(f"n_best is {n_best}; expected 1 to {beam_size}, the beam size")
    if not length_penalty >= 0:
        raise ValueError(f"length_penalty is {length_penalty}; expected at least 0")


def beam_search(step, state, start, end, max_steps, beam_size, length_penalty=0.0, n_best=1):
    """Keep the ``beam_size`` most probable sequences of each source at each step.

    A sequence that ends keeps its place in the beam, and a source is done when its beam is full of
    these, or as soon as no open sequence can get among the n best any more. Then its rows are
    left out. With beam_size 1 the tokens are those of greedy_decode; a beam that holds all
    sequences finds the best of all.

    Args:
        step, state: see above; the state before the first token, a row for each of R sources.
        start: the token that opens every sequence. end: the token that closes it.
        max_steps: sequences that did not end by then are cut, and score as they stand.
        beam_size: how many. length_penalty: alpha >= 0 of eq-beam-score.
        n_best: how many hypotheses to return, up to beam_size.

    Returns:
        list of R lists of Hypothesis, best first; n_best each, or fewer where no more are possible,
            and none where all log_p are NaN.

    Raises:
        ValueError: an option out of its range, or step does not give a row for each token.

    Source: Graves (2012), arXiv:1211.3711; for translation Sutskever, Vinyals and Le (2014),
        arXiv:1409.3215; the length in the score, in a like form: Wu et al. (2016),
        arXiv:1609.08144.
    """
    R = _require_rows(state, max_steps)
    _require_beam(beam_size, length_penalty, n_best)
    searches = [_Search(max_steps, beam_size, length_penalty, n_best) for _ in range(R)]
    tokens, running = np.full(R, start), searches  # (rows of all sources,)
    for _ in range(max_steps):
        if not running:
            break
        log_p, state = _log_probabilities(step, tokens, state)  # (rows, V)
        first, kept = 0, []
        for search in running:
            stop = first + len(search.open)
            rows, new = search.advance(log_p[first:stop], end)
            kept.append((first + rows, new))
            first = stop
        rows, tokens = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        state = select_rows(state, rows)
        running = [search for search in running if search.open]
    return [search.results() for search in searches]
