"""Decoding: greedy and beam search against brute force, on tables of probabilities."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnn_course.activations import log_softmax
from rnn_course.decoding import (
    Hypothesis,
    _largest,
    beam_search,
    count_rows,
    greedy_decode,
    select_rows,
)

V, START, END, STEPS = 3, 1, 2, 4
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)
penalties = st.sampled_from([0.0, 0.5, 1.0, 2.0])


class Table:
    """A network made of a table: the next token hangs on the step, the last two and the source.

    Its state holds arrays of several shapes and types, lists, tuples and None; it counts the rows
    it was asked about.
    """

    def __init__(self, rng, sources, V=V, sharpness=2.0):
        shape = (sources, STEPS + 1, V, V, V)
        self.log_p = log_softmax(sharpness * rng.standard_normal(shape))
        self.sources, self.rows = sources, 0

    def start(self):
        zeros = np.zeros((self.sources, 2), dtype=int)
        return [np.arange(self.sources)], (zeros, None), [(np.full((self.sources, 1), START),)]

    def step(self, tokens, state):
        (source,), (steps, nothing), ((before,),) = state
        assert nothing is None
        self.rows += len(tokens)
        log_p = self.log_p[source, steps[:, 0], before[:, 0], tokens]
        return log_p, ([source], (steps + 1, None), [(tokens[:, None],)])

    def score(self, source, tokens, ended):
        """Log-probability of one sequence, token by token."""
        before, last, total = START, START, 0.0
        for t, token in enumerate([*tokens, END] if ended else tokens):
            total += self.log_p[source, t, before, last, token]
            before, last = last, token
        return total

    def everything(self, source, penalty, max_steps=STEPS):
        """Every sequence with its score, best first."""
        found = []
        others = [token for token in range(self.log_p.shape[-1]) if token != END]
        for length in range(max_steps + 1):
            ended = length < max_steps
            for tokens in product(others, repeat=length):
                total = self.score(source, tokens, ended) / max(1, length + ended) ** penalty
                found.append((total, list(tokens)))
        return sorted(found, key=lambda pair: -pair[0])

    def greedy(self, max_steps=STEPS):
        return greedy_decode(self.step, self.start(), START, END, max_steps)

    def beam(self, beam_size, *options, max_steps=STEPS, **named):
        state = self.start()
        return beam_search(self.step, state, START, END, max_steps, beam_size, *options, **named)


@given(sizes, penalties, seeds)
def test_beam_search_finds_the_optimum_where_nothing_is_dropped(sources, penalty, seed):
    """With room for every sequence, are all results those of brute force, in its order?"""
    table, room = Table(np.random.default_rng(seed), sources), V**STEPS
    results = table.beam(room, penalty, n_best=room)
    assert len(results) == sources
    for source, found in enumerate(results):
        expected = table.everything(source, penalty)
        np.testing.assert_allclose([h.score for h in found], [total for total, _ in expected])
        assert [h.tokens for h in found] == [tokens for _, tokens in expected]


@given(sizes, penalties, seeds)
def test_beam_search_of_size_one_is_greedy(sources, penalty, seed):
    """Does a beam of one write what the greedy choice writes, whatever the length penalty?"""
    table = Table(np.random.default_rng(seed), sources)
    assert [best.tokens for (best,) in table.beam(1, penalty)] == table.greedy()


def plain_beam(table, source, beam_size, penalty):
    """Beam search of one source, written out with lists and to the end."""
    beam, ended = [([], 0.0)], []
    for _ in range(STEPS):
        longer = [[*tokens, token] for tokens, _ in beam for token in range(V)]
        found = [(tokens, table.score(source, tokens, ended=False)) for tokens in longer]
        found = sorted(found, key=lambda pair: -pair[1])[: beam_size - len(ended)]
        ended += [pair for pair in found if pair[0][-1] == END]
        beam = [pair for pair in found if pair[0][-1] != END]
    scored = [(total / len(tokens) ** penalty, tokens) for tokens, total in ended + beam]
    return sorted(scored, key=lambda pair: -pair[0])


@given(sizes, st.integers(1, 12), penalties, seeds)
def test_beam_search_equals_a_plain_one(sources, beam_size, penalty, seed):
    """For every size of the beam, is the list that of a search written out with lists?"""
    table = Table(np.random.default_rng(seed), sources)
    for source, found in enumerate(table.beam(beam_size, penalty, n_best=beam_size)):
        expected = plain_beam(table, source, beam_size, penalty)
        np.testing.assert_allclose([h.score for h in found], [score for score, _ in expected])
        expected = [[token for token in tokens if token != END] for _, tokens in expected]
        assert [h.tokens for h in found] == expected


@given(sizes, st.integers(1, 12), penalties, seeds)
def test_beam_search_stops_early_without_loss(sources, beam_size, penalty, seed):
    """Are the n best the first of the whole list, for fewer rows or as many?"""
    rng = np.random.default_rng(seed)
    table = Table(rng, sources)
    whole = table.beam(beam_size, penalty, n_best=beam_size)
    all_rows, table.rows = table.rows, 0
    n_best = int(rng.integers(1, beam_size + 1))
    assert table.beam(beam_size, penalty, n_best=n_best) == [found[:n_best] for found in whole]
    assert table.rows <= all_rows


@given(sizes, st.integers(1, 12), penalties, seeds)
def test_beam_search_reports_true_scores(sources, beam_size, penalty, seed):
    """Is each score the sequence's own, are they in order, and is no sequence there twice?"""
    table = Table(np.random.default_rng(seed), sources)
    for source, found in enumerate(table.beam(beam_size, penalty, n_best=beam_size)):
        scores = [h.score for h in found]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(h.tokens) for h in found}) == len(found) <= beam_size
        for tokens, score in found:
            assert END not in tokens
            ended = len(tokens) < STEPS
            total = table.score(source, tokens, ended)
            assert score == pytest.approx(total / (len(tokens) + ended) ** penalty)


@given(st.integers(2, 5), st.integers(1, 8), penalties, seeds)
def test_beam_search_keeps_sources_apart(sources, beam_size, penalty, seed):
    """Does each source of a batch get what it gets alone?"""
    table = Table(np.random.default_rng(seed), sources)
    together = table.beam(beam_size, penalty, n_best=beam_size)
    log_p = table.log_p
    for source in range(sources):
        table.log_p, table.sources = log_p[source : source + 1], 1
        assert table.beam(beam_size, penalty, n_best=beam_size) == [together[source]]


def fixed(table):
    """A step function from a dict: tokens so far, as a string, to probabilities."""

    def step(tokens, state):
        written = np.char.add(state, tokens.astype(str))
        with np.errstate(divide="ignore"):
            return np.log([table[text] for text in written]), written

    return step, np.array([""])


def test_beam_search_goes_where_greed_does_not():
    """By hand: is a less probable first token taken where the whole is more probable?"""
    step, state = fixed(
        {
            "1": [0.6, 0.4, 0.0],
            "10": [0.3, 0.3, 0.4],  # greedy: 0, end, with 0.24
            "11": [0.0, 0.1, 0.9],  # better: 1, end, with 0.36
            "100": [0.0, 0.0, 1.0],
            "101": [0.0, 0.0, 1.0],
            "111": [0.0, 0.0, 1.0],
        }
    )
    assert greedy_decode(step, state, START, END, 3) == [[0]]
    (found,) = beam_search(step, state, START, END, 3, beam_size=2, n_best=2)
    assert [h.tokens for h in found] == [[1], [0]]
    np.testing.assert_allclose(np.exp([h.score for h in found]), [0.36, 0.24])
    (found,) = beam_search(step, state, START, END, 3, 4, n_best=4)
    np.testing.assert_allclose(np.exp([h.score for h in found]), [0.36, 0.24, 0.18, 0.18])
    assert [h.tokens for h in found[2:]] == [[0, 0], [0, 1]]


def test_beam_search_length_penalty_by_hand():
    """Does the penalty turn a short sequence's lead into a long one's, at the right place?"""
    step, state = fixed(
        {"1": [0.5, 0.0, 0.5], "10": [0.8, 0.0, 0.2], "100": [0.0, 0.0, 1.0], "1000": [1, 0, 0]}
    )
    # [] scores log 0.5, [0, 0] scores log 0.4 / 3^alpha: equal at alpha = 0.254
    for penalty, tokens, score in [
        (0.0, [], np.log(0.5)),
        (0.25, [], np.log(0.5)),
        (0.26, [0, 0], np.log(0.4) / 3**0.26),
        (1.0, [0, 0], np.log(0.4) / 3),
    ]:
        ((best,),) = beam_search(step, state, START, END, 4, 3, penalty)
        assert best.tokens == tokens
        assert best.score == pytest.approx(score)


def test_beam_search_stops_as_soon_as_nothing_can_win():
    """Is no further row computed once the best is known?"""
    asked = []

    def step(tokens, state):
        asked.append(len(tokens))
        return np.log(np.tile([0.1, 0.2, 0.7], (len(tokens), 1))), state

    assert beam_search(step, np.zeros(2), START, END, 50, beam_size=3)[0][0].tokens == []
    assert asked == [2]  # open ones have log 0.2 at most, and can only lose
    asked.clear()
    beam_search(step, np.zeros(2), START, END, 50, beam_size=3, n_best=2)
    assert asked == [2, 4]  # 1, end with 0.14: more than any open one has
    asked.clear()
    beam_search(step, np.zeros(2), START, END, 5, beam_size=3, length_penalty=1.0)
    assert asked == [2, 4]  # log(0.2) / 5 could still win; after a second step nothing can
    asked.clear()
    assert greedy_decode(step, np.zeros(2), START, END, 50) == [[], []]
    assert asked == [2]
    # end with 0.1, then 1, end with 0.54: the best, not the first, is what an open 0.36 lies below
    step, state = fixed({"1": [0.0, 0.9, 0.1], "11": [0.4, 0.0, 0.6]})
    ((best,),) = beam_search(step, state, START, END, 50, beam_size=4)
    assert best.tokens == [1]


@pytest.mark.parametrize("decode", [greedy_decode, beam_search])
def test_decoding_cuts_what_does_not_end(decode):
    """Where the end never comes, do sequences have max_steps tokens, and none for 0 steps?"""

    def step(tokens, state):
        return np.log(np.tile([0.4, 0.5, 0.1], (len(tokens), 1))), state

    for max_steps in (0, 1, 3):
        options = {"beam_size": 1} if decode is beam_search else {}
        (found,) = decode(step, np.zeros(1), START, END, max_steps, **options)
        if decode is beam_search:
            ((found, score),) = found
            assert score == pytest.approx(max_steps * np.log(0.5))
        assert found == [1] * max_steps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decoding_gives_plain_numbers(dtype, rng):
    """Are tokens Python integers and scores Python floats, for either precision?"""
    table = Table(rng, 2)
    table.log_p = table.log_p.astype(dtype)
    for tokens in table.greedy():
        assert {type(token) for token in tokens} <= {int}
    for found in table.beam(5, 0.5, n_best=5):
        assert all(isinstance(h, Hypothesis) and type(h.score) is float for h in found)
        assert {type(token) for h in found for token in h.tokens} <= {int}


def test_decoding_of_no_sources(rng):
    """Does an empty batch give an empty list, without asking the network?"""
    table = Table(rng, 0)
    assert table.greedy() == table.beam(3) == []
    assert table.rows == 0


def test_decoding_with_nan_ends_and_spares_the_others(rng):
    """Does a source whose probabilities are NaN leave the others alone, and end?"""
    table = Table(rng, 3)
    expected, greedy = table.beam(4, n_best=4), table.greedy()
    table.log_p[1] = np.nan
    found = table.beam(4, n_best=4)
    assert (found[0], found[2]) == (expected[0], expected[2])
    assert found[1] == []
    assert table.greedy()[::2] == greedy[::2]


def test_beam_search_takes_nan_for_impossible():
    """Is a sequence whose probability is NaN passed over for those that have one?"""
    step, state = fixed({"1": [np.nan, 0.3, 0.2], "11": [0.0, np.nan, 0.9]})
    (found,) = beam_search(step, state, START, END, 2, 2, n_best=2)
    assert [h.tokens for h in found] == [[1], []]
    np.testing.assert_allclose(np.exp([h.score for h in found]), [0.27, 0.2])


def test_beam_search_leaves_out_what_is_impossible():
    """Do tokens of probability zero neither take a place in the beam nor appear in the list?"""
    step, state = fixed({"1": [0.0, 1.0, 0.0], "11": [0.0, 0.0, 1.0]})
    assert beam_search(step, state, START, END, 3, 9, n_best=9) == [[Hypothesis([1], 0.0)]]


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=9), st.integers(1, 10))
@example([0, 0, 0], 2)
def test_largest_takes_the_first_of_equals(values, k):
    """Are the places those of a stable sort, however many values are equal?"""
    values = np.array(values, dtype=float)
    expected = np.argsort(-values, kind="stable")[:k]
    np.testing.assert_array_equal(_largest(values, k), expected)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), max_size=6))
def test_select_rows_reaches_every_array(rows):
    """Do all arrays of a nested state get the rows, while its form stays and nothing is shared?"""
    a, b = np.arange(4), np.arange(24).reshape(4, 2, 3)
    chosen = select_rows([(a, None), [b]], np.array(rows, dtype=int))
    (a_rows, nothing), (b_rows,) = chosen
    assert isinstance(chosen, list) and isinstance(chosen[0], tuple) and nothing is None
    np.testing.assert_array_equal(a_rows, a[rows])
    np.testing.assert_array_equal(b_rows, b[rows])
    assert count_rows(chosen) == len(rows)
    assert not np.shares_memory(a_rows, a)


def test_count_rows_looks_past_what_holds_no_array():
    """Is the first array found, also an empty one, and None where there is none?"""
    assert count_rows([None, (), (None, np.zeros((0, 3)))]) == 0
    assert count_rows([None, ([],)]) is None


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"beam_size": 0}, "beam_size is 0; expected at least 1"),
        ({"beam_size": 2, "n_best": 3}, "n_best is 3; expected 1 to 2, the beam size"),
        ({"beam_size": 2, "n_best": 0}, "n_best is 0; expected 1 to 2"),
        ({"beam_size": 2, "length_penalty": -0.5}, "length_penalty is -0.5; expected at least 0"),
        ({"beam_size": 2, "length_penalty": np.nan}, "length_penalty is nan; expected at least 0"),
        ({"beam_size": 2, "max_steps": -1}, "max_steps is -1; expected at least 0"),
    ],
)
def test_beam_search_refuses(options, match, rng):
    """Do options out of range raise, by their names?"""
    with pytest.raises(ValueError, match=match):
        Table(rng, 1).beam(**options)


@pytest.mark.parametrize("decode", [greedy_decode, beam_search])
def test_decoding_refuses_a_step_or_state_without_rows(decode):
    """Do a step that gives one row for all, and a state without arrays, raise?"""
    options = {"beam_size": 1} if decode is beam_search else {}
    with pytest.raises(ValueError, match=r"log_p has shape \(3,\), but step .* \(2,\) needs"):
        decode(lambda tokens, state: (np.zeros(3), state), np.zeros(2), START, END, 2, **options)
    with pytest.raises(ValueError, match="state holds no array"):
        decode(None, [(None,)], START, END, 2, **options)
    with pytest.raises(ValueError, match="max_steps is -2; expected at least 0"):
        decode(None, np.zeros(2), START, END, -2, **options)
