"""Check of either gated network over a padded batch, run by the learner's own steps."""

import functools

import numpy as np

from rnn_course import gru, lstm
from rnn_course.checks import gru as gru_check
from rnn_course.checks import lstm as lstm_check
from rnn_course.examination.examine import Aspect, Task
from rnn_course.examination.following import Earlier, examine_following
from rnn_course.examination.rounding import measured_rounding

T, D, H = 6, 3, 5
LENGTHS = (4, 6, 1, 3)  # so B is 4
SHAPES = {"h": "(B, T, H)", 'end["h"]': "(B, H)", 'end["c"]': "(B, H)"}


def _draw(rng, cell, T=T, lengths=LENGTHS, D=D, H=H):
    """Arguments; neither the states nor what stands in the padding is zero."""
    B = len(lengths)
    lstms = cell == "lstm"
    given = lstm_check.draw_step(rng, B, D, H) if lstms else gru_check.draw_step(rng, "", B, D, H)
    return {
        "x": rng.uniform(-1, 1, (B, T, D)),
        "lengths": np.array(lengths),
        "state": {name[0]: given[name] for name in ("h_prev", "c_prev") if name in given},
        "params": {name: given[name] for name in given if name[:2] in ("W_", "b_")},
        "cell": cell,
    }


def _histories(advance, x, lengths, state, still):
    """{name: (B, T + 1, H)}: each state from the start on, right through the padding.

    Those named in ``still`` stand still there, the others run on.
    """
    states = [state]
    for t in range(x.shape[1]):
        new = advance(x[:, t], states[-1])
        for name in still & new.keys():
            new[name] = np.where((t < lengths)[:, None], new[name], states[-1][name])
        states.append(new)
    return {name: np.stack([one[name] for one in states], axis=1) for name in state}


def _real(x, lengths):
    return (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]  # (B, T, 1)


def _real_states(past, lengths):
    h = past["h"][:, 1:]
    return np.where(_real(h, lengths), h, 0)


def _after(past, steps):
    """The state (B, H) after so many steps of each sequence."""
    return past[np.arange(len(past)), steps]


def _over(lstm_step, gru_step):
    """Function that runs either step over a padded batch; parts of it may go wrong.

    Its options: ``read`` changes x, ``start`` the state, ``go`` the way from a state to the next;
    ``show`` and ``end`` make the results of the states, of which only those named in ``still``
    stand still over the padding.
    """

    def run(x, lengths, state, params, cell, /, read=None, start=None, go=None, **seen):
        def advance(x_t, state, reset="after"):
            if cell == "lstm":
                new = lstm_step(x_t, *state.values(), *params.values())
                return dict(zip("hc", new, strict=True))
            return {"h": gru_step(x_t, state["h"], *params.values(), reset)}

        x = read(x, lengths) if read else x
        state = start(state) if start else state
        go = functools.partial(go, advance, state) if go else advance
        still = seen.get("still", set() if seen else {"h", "c"})
        past = _histories(go, x, lengths, state, still)
        show, end = seen.get("show", _real_states), seen.get("end", _after)
        return show(past, lengths), {name: end(past[name], lengths) for name in past}

    return run


_run = _over(
    lambda *inputs: lstm.lstm_step_forward(*inputs)[0],
    lambda *inputs: gru.gru_step_forward(*inputs)[0],
)


def _zeros_for(names):
    return lambda state: {n: 0 * value if n in names else value for n, value in state.items()}


def _from_start(names):
    """Advance from the start in some of the states."""
    return lambda advance, state_0, x_t, state: advance(
        x_t, {name: (state_0 if name in names else state)[name] for name in state}
    )


WRONG_RUNS = {
    "the start is ignored: every state begins with zeros.": {"start": _zeros_for("hc")},
    "c_0 is ignored: the cell state begins with zeros.": {"start": _zeros_for("c")},
    "h_0 is ignored: it begins with zeros.": {"start": _zeros_for("h")},
    "the cell state starts from h_0; c_0 is an array of its own.": {
        "start": lambda state: dict.fromkeys(state, state["h"])
    },
    "the hidden state starts from c_0; h_0 is an array of its own.": {
        "start": lambda state: dict.fromkeys(state, state.get("c", state["h"]))
    },
    "h and c are exchanged on the way into the step, which takes h_prev first.": {
        "go": lambda advance, _, x_t, state: advance(
            x_t, dict(zip(state, reversed(state.values()), strict=True))
        )
    },
    "the state is not carried on: every step starts from the start.": {"go": _from_start("hc")},
    "c is not carried on: every step starts from c_0.": {"go": _from_start("c")},
    "h is not carried on: every step starts from h_0.": {"go": _from_start("h")},
    'the reset acts before the product; "after" is asked for.': {
        "go": lambda advance, _, x_t, state: advance(x_t, state, "before")
    },
    "the sequences are read from the end of the array.": {"read": lambda x, lengths: x[:, ::-1]},
    "the first input is read at every step: the time index of x does not move.": {
        "read": lambda x, lengths: 0 * x + x[:, :1]
    },
}
SHOWS = {
    "the padding is read, and the states over it stand in h; zeros are asked for at padded "
    "steps.": lambda past, lengths: past["h"][:, 1:],
    "each sequence's last real state is repeated at its padded steps. There h holds zeros; the end "
    "state alone stands still.": lambda past, lengths: np.stack(
        [_after(past["h"], np.minimum(t, lengths)) for t in range(1, past["h"].shape[1])], axis=1
    ),
    "one padded step too many is kept: step t is real where t < lengths[j].": (
        lambda past, lengths: _real_states(past, lengths + 1)
    ),
    "one real step too few is kept: step t is real where t < lengths[j].": (
        lambda past, lengths: _real_states(past, lengths - 1)
    ),
    "the cell state stands in h; h holds h_t of every step.": lambda past, lengths: _real_states(
        {"h": past.get("c", past["h"])}, lengths
    ),
    "the states are one step late: h[:, t] is the state after step t, not before it.": (
        lambda past, lengths: _real_states({"h": np.roll(past["h"], 1, axis=1)}, lengths)
    ),
    "time and batch are exchanged: a list of T states of shape (B, H) becomes (T, B, H) when "
    "stacked along axis 0.": lambda past, lengths: _real_states(past, lengths).swapaxes(0, 1),
    "h ends with the longest sequence; it has a row for each of the T steps of x.": (
        lambda past, lengths: _real_states(past, lengths)[:, : lengths.max()]
    ),
    "reshape cuts the states up in another order. Stack them along axis 1, or exchange the first "
    "two axes.": lambda past, lengths: (
        _real_states(past, lengths).swapaxes(0, 1).reshape(past["h"][:, 1:].shape)
    ),
}
ZERO_IS_READ = (
    "the padding of x is set to zero, and read all the same. The network runs on over zeros, too: "
    "the state itself has to stand still once t has reached lengths[j]."
)
RUNS_ON = "it runs on over the padding; a state has to stand still once t has reached lengths[j]."
RUNS_ALONE = (
    "it runs on over the padding while {} stands still. Both states of the LSTM have to stand "
    "still once t has reached lengths[j]."
)
NO_STEP = "a sequence without a step ends where it starts; index lengths[j] - 1 is -1 there."
ENDS = {
    "it becomes zero where a sequence has ended; the state after its last real step is asked "
    "for.": lambda past, lengths: past[:, -1] * (lengths[:, None] == past.shape[1] - 1),
    "one padded step is read: step t is real where t < lengths[j].": lambda past, lengths: _after(
        past, np.minimum(lengths + 1, past.shape[1] - 1)
    ),
    "the last real step is left out: step t is real where t < lengths[j].": lambda past, lengths: (
        _after(past, np.maximum(lengths - 1, 0))
    ),
    "this is the start; the state after the last real step is asked for.": lambda past, lengths: (
        past[:, 0]
    ),
    "where a sequence has ended, its state falls back to the start; it has to stay what it "
    "was.": lambda past, lengths: np.where(
        lengths[:, None] == past.shape[1] - 1, past[:, -1], past[:, 0]
    ),
    "all sequences end with the shortest; each has its own length.": lambda past, lengths: past[
        :, lengths.min()
    ],
    f"{NO_STEP} That is the last padded step, where h is zero.": lambda past, lengths: (
        _after(past, lengths) * (lengths[:, None] > 0)
    ),
    f"{NO_STEP} That is the end of the padding.": lambda past, lengths: _after(
        past, np.where(lengths > 0, lengths, -1)
    ),
}


def _last(past, lengths):
    return past[:, -1]


def _zero_padding(x, lengths):
    return np.where(_real(x, lengths), x, 0)


def _suspects(run):
    """{result: {cause: function}}, all of it with the steps of ``run``."""

    def of_h(how):
        return lambda *given: run(*given, **how)[0]

    def of_end(name, how):
        return lambda *given: run(*given, **how)[1].get(name, np.zeros(0))

    shows = {cause: {"show": show} for cause, show in SHOWS.items()}
    shows[ZERO_IS_READ] = {"read": _zero_padding, "show": lambda past, _: past["h"][:, 1:]}
    suspects = {"h": {cause: of_h(how) for cause, how in (shows | WRONG_RUNS).items()}}
    for name, other in ("hc", "ch"):
        ends = {
            RUNS_ON: {"end": _last},
            RUNS_ALONE.format(other): {"end": _last, "still": {other}},
            ZERO_IS_READ: {"read": _zero_padding, "end": _last},
        }
        ends |= {cause: {"end": end} for cause, end in ENDS.items()} | WRONG_RUNS
        own = {cause: of_end(name, how) for cause, how in ends.items()}
        own["the two end states are exchanged."] = of_end(other, {})
        suspects[f'end["{name}"]'] = own
    return suspects


def _task(seed, run=_run):
    rng = np.random.default_rng(seed)

    def draw(*how, **more):
        return tuple(_draw(rng, cell, *how, **more) for cell in ("lstm", "gru"))

    lstms, grus = draw()
    return Task(
        name="gated_forward",
        outputs=("h", "end"),
        reference=run,
        aspects=(
            Aspect("LSTM: h of four padded sequences", 2, (lstms,), ("h",)),
            Aspect("LSTM: h and c at each sequence's own end", 3, (lstms,),
                   ('end["h"]', 'end["c"]')),
            Aspect("GRU: h, and where each sequence ends", 2, (grus,)),
            Aspect("both cells without padding", 2, draw(5, (5, 5))),
            Aspect("one step; one sequence", 1, (*draw(1, (1, 1, 1)), *draw(5, (4,)))),
            Aspect("a sequence without a step", 1, draw(4, (3, 0))),
        ),
        suspects=_suspects(run),
        fallbacks=draw(3, (2, 3, 1), D=3, H=3),
        rounding=measured_rounding(run, T * (D + H + 12)),
        shapes=SHAPES,
    )  # fmt: skip


def check_gated_forward(answer, lstm_step=None, gru_step=None, seed=5006):
    """Check answer(x, lengths, state, params, cell) -> h, end; returns a Verdict.

    ``lstm_step`` and ``gru_step`` are the learner's lstm_step_forward and gru_step_forward. Where
    they are wrong, a right loop over them gets all points: no mistake costs twice.
    """
    rng, needed = np.random.default_rng(seed), ("x_t", "h_prev")
    steps = {
        "lstm_step_forward": Earlier(
            lstm_step, lambda *i: lstm.lstm_step_forward(*i)[0], lstm_check.draw_step(rng), needed
        ),
        "gru_step_forward": Earlier(
            gru_step,
            lambda *i: gru.gru_step_forward(*i)[0],
            gru_check.draw_step(rng, "after"),
            needed,
        ),
    }
    return examine_following(functools.partial(_task, seed), answer, _over, **steps)
