"""Answers to: either gated network over a padded batch."""

import numpy as np

from rnn_course import gru, lstm

from . import Answers
from .gru_step_forward import two_products as gru_step
from .lstm_step_forward import slices_of_one_product as lstm_step

answers = Answers("gated_forward")


def advance(x_t, state, params, cell, reset="after"):
    """The state after one step, as a dict."""
    if cell == "gru":
        return {"h": gru_step(x_t, state["h"], **params, reset=reset)}
    h_t, c_t = lstm_step(x_t, state["h"], state["c"], **params)
    return {"h": h_t, "c": c_t}


def forward(
    x, lengths, state, params, cell, /, step=advance, stays=None, shown=None, real=None, length=None
):
    """The loop, parts of which may be told to go wrong."""
    h, real = [], real or (lambda t, lengths: t < lengths)
    for t in range(length(lengths) if length else x.shape[1]):
        new, runs = step(x[:, t], state, params, cell), real(t, lengths)[:, None]
        stays_now = stays(new, state) if stays else state
        state = {name: np.where(runs, new[name], stays_now[name]) for name in state}
        h.append(shown(new, state, runs) if shown else np.where(runs, new["h"], 0))
    return np.stack(h, axis=1), state


@answers.right
def states_stand_still(*given):
    return forward(*given)


@answers.right
def the_package(x, lengths, state, params, cell):
    if cell == "lstm":
        (h, c), _ = lstm.lstm_forward(x, state["h"], state["c"], **params, lengths=lengths)
        past = {"h": h, "c": c}
    else:
        past = {"h": gru.gru_forward(x, state["h"], **params, lengths=lengths)[0]}
    rows = np.arange(len(x))
    ends = {name: np.where(lengths[:, None] > 0, past[name][rows, lengths - 1], state[name])
            for name in past}  # fmt: skip
    return past["h"], ends


@answers.right
def one_sequence_after_the_other(x, lengths, state, params, cell):
    h = np.zeros((*x.shape[:2], state["h"].shape[1]), dtype=x.dtype)
    end = {name: value.copy() for name, value in state.items()}
    for j, length in enumerate(lengths):
        own = {name: value[j : j + 1] for name, value in state.items()}
        for t in range(length):
            own = advance(x[j : j + 1, t], own, params, cell)
            h[j, t] = own["h"][0]
        for name in end:
            end[name][j] = own[name][0]
    return h, end


@answers.right
def only_the_rows_that_run(x, lengths, state, params, cell):
    h = np.zeros((x.shape[1], *state["h"].shape), dtype=x.dtype)
    end = {name: value.copy() for name, value in state.items()}
    for t in range(max(lengths)):
        rows = lengths > t
        new = advance(x[rows, t], {name: end[name][rows] for name in end}, params, cell)
        h[t, rows] = new["h"]
        for name in end:
            end[name][rows] = new[name]
    return h.transpose(1, 0, 2), end


@answers.right
def end_picked_from_the_history(x, lengths, state, params, cell):
    past = [state]
    for t in range(x.shape[1]):
        past.append(advance(x[:, t], past[-1], params, cell))
    real = np.arange(x.shape[1]) < lengths[:, None]
    end = {name: np.array([past[length][name][j] for j, length in enumerate(lengths)])
           for name in state}  # fmt: skip
    return np.stack([one["h"] for one in past[1:]], axis=1) * real[:, :, None].astype(x.dtype), end


@answers.right
def mask_as_numbers(x, lengths, state, params, cell):
    mask = (np.arange(x.shape[1])[:, None] < lengths).astype(x.dtype)[:, :, None]  # (T, B, 1)
    h, end = np.empty((*x.shape[:2], state["h"].shape[1]), dtype=x.dtype), dict(state)
    for t, m in enumerate(mask):
        new = advance(x[:, t], end, params, cell)
        end = {name: m * new[name] + (1 - m) * end[name] for name in end}
        h[:, t] = m * end["h"]
    return h, end


def wrong(name, says, keeps=0.0, **how):
    answers.mistake(name, says, keeps)(lambda *given: forward(*given, **how))


def always(t, lengths):
    return np.ones(len(lengths), dtype=bool)


wrong("lengths ignored", "the states over it stand in h", 2 / 13, real=always)
wrong("end runs on", "it runs on over the padding; a state", 4 / 13, stays=lambda new, state: new)
wrong("c runs on", "Both states of the LSTM", 6 / 13,
      stays=lambda new, state: state | ({"c": new["c"]} if "c" in new else {}))  # fmt: skip
wrong("state multiplied by the mask", "it becomes zero where a sequence has ended", 4 / 13,
      stays=lambda new, state: {name: 0 * state[name] for name in state})  # fmt: skip
wrong("last state repeated in h", "is repeated at its padded steps", 5 / 13,
      shown=lambda new, state, runs: state["h"])  # fmt: skip
wrong("h not masked", "the states over it stand in h", 2 / 13,
      stays=lambda new, state: new, shown=lambda new, state, runs: new["h"])  # fmt: skip
wrong("one padded step too many", "one padded step too many", 2 / 13, real=lambda t, n: t <= n)
wrong("one real step too few", "one real step too few", 0, real=lambda t, n: t < n - 1)
wrong("c in h", "the cell state stands in h", 5 / 13,
      shown=lambda new, state, runs: np.where(runs, new.get("c", new["h"]), 0))  # fmt: skip
wrong("only as long as the longest", "h ends with the longest sequence", 11 / 13, length=max)
wrong("reset before the product", "the reset acts before", 7 / 13,
      step=lambda *given: advance(*given, "before"))  # fmt: skip


def wrong_start(name, says, keeps, start):
    answers.mistake(name, says, keeps)(
        lambda x, lengths, state, *rest: forward(x, lengths, start(state), *rest)
    )


wrong_start("start ignored", "every state begins with zeros", 0,
            lambda state: {name: np.zeros_like(state[name]) for name in state})  # fmt: skip
wrong_start("c_0 ignored", "the cell state begins with zeros", 2 / 13,
            lambda state: state | ({"c": 0 * state["c"]} if "c" in state else {}))  # fmt: skip
wrong_start("c starts from h_0", "the cell state starts from h_0", 2 / 13,
            lambda state: dict.fromkeys(state, state["h"]))  # fmt: skip


@answers.mistake("state not carried on", "the state is not carried on")
def _(x, lengths, state, params, cell):
    steps = [advance(x[:, t], state, params, cell) for t in range(x.shape[1])]
    h = np.stack([new["h"] for new in steps], axis=1)
    real = (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]
    ends = {name: np.array([steps[n - 1][name][j] if n else state[name][j]
                            for j, n in enumerate(lengths)]) for name in state}  # fmt: skip
    return np.where(real, h, 0), ends


@answers.mistake(
    "back to the start after the end", "its state falls back to the start", keeps=4 / 13
)
def _(x, lengths, state, params, cell):
    return forward(x, lengths, state, params, cell, stays=lambda new, now: state)


@answers.mistake("c not carried on", "c is not carried on", keeps=2 / 13)
def _(x, lengths, state, params, cell):
    def step(x_t, now, params, cell):
        return advance(x_t, state | {"h": now["h"]}, params, cell)

    return forward(x, lengths, state, params, cell, step=step)


@answers.mistake("h and c exchanged in the call", "h and c are exchanged on the way", keeps=2 / 13)
def _(x, lengths, state, params, cell):
    def step(x_t, now, params, cell):
        if cell == "gru":
            return advance(x_t, now, params, cell)
        return advance(x_t, {"h": now["c"], "c": now["h"]}, params, cell)

    return forward(x, lengths, state, params, cell, step=step)


@answers.mistake("h and c exchanged at the end", "the two end states are exchanged", keeps=4 / 13)
def _(*given):
    h, end = forward(*given)
    return h, {"h": end.get("c", end["h"]), "c": end["h"]}


@answers.mistake("padding set to zero and read", "set to zero, and read all the same", keeps=2 / 13)
def _(x, lengths, state, params, cell):
    real = (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]
    return forward(x * real, lengths, state, params, cell, real=always)


@answers.mistake(
    "h masked, padding read as zeros", "set to zero, and read all the same", keeps=4 / 13
)
def _(x, lengths, state, params, cell):
    real = (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]
    h, end = forward(np.where(real, x, 0), lengths, state, params, cell, real=always)
    return np.where(real, h, 0), end


@answers.mistake("the start returned", "this is the start", keeps=2 / 13)
def _(x, lengths, state, params, cell):
    h, _ = forward(x, lengths, state, params, cell)
    return h, {name: value.copy() for name, value in state.items()}


@answers.mistake("all end with the shortest", "all sequences end with the shortest", keeps=5 / 13)
def _(x, lengths, state, params, cell):
    h, _ = forward(x, lengths, state, params, cell)
    return h, forward(x, 0 * lengths + lengths.min(), state, params, cell)[1]


@answers.mistake("end at lengths - 1, also of nothing", "where h is zero", keeps=12 / 13)
def _(x, lengths, state, params, cell):
    h, end = forward(x, lengths, state, params, cell)
    return h, {name: np.where(lengths[:, None] > 0, value, 0) for name, value in end.items()}


@answers.mistake(
    "history at lengths - 1, also of nothing", "That is the end of the padding", keeps=12 / 13
)
def _(x, lengths, state, params, cell):
    h, _ = forward(x, lengths, state, params, cell)
    past, now = [], state
    for t in range(x.shape[1]):
        now = advance(x[:, t], now, params, cell)
        past.append(now)
    return h, {name: np.array([past[n - 1][name][j] for j, n in enumerate(lengths)])
               for name in state}  # fmt: skip


@answers.mistake("the LSTM alone", "It stops with KeyError", keeps=7 / 13)
def _(x, lengths, state, params, cell):
    return forward(x, lengths, {"h": state["h"], "c": state["c"]}, params, cell)


@answers.mistake("the GRU's end as an array", "end should be a dict", keeps=7 / 13)
def _(x, lengths, state, params, cell):
    h, end = forward(x, lengths, state, params, cell)
    return h, end if cell == "lstm" else end["h"]


@answers.mistake("the end as a tuple", "end should be a dict", keeps=2 / 13)
def _(*given):
    h, end = forward(*given)
    return h, tuple(end.values())


@answers.mistake("no end", "It returns one array; expected 2 values")
def _(*given):
    return forward(*given)[0]


@answers.mistake("stacked along axis 0", "time and batch are exchanged", keeps=3 / 13)
def _(*given):
    h, end = forward(*given)
    return h.swapaxes(0, 1), end


@answers.mistake("reshaped instead of exchanged", "reshape cuts the states up", keeps=4 / 13)
def _(*given):
    h, end = forward(*given)
    return h.swapaxes(0, 1).reshape(h.shape), end


@answers.mistake("loop over the batch", "It stops with ValueError")
def _(x, lengths, state, params, cell):
    h = []
    for t, x_t in enumerate(x):
        state = advance(x_t, state, params, cell)
        h.append(state["h"] * (t < lengths)[:, None])
    return np.stack(h, axis=1), state


@answers.mistake("np.zeros makes float64", "comes out as float64", keeps=12 / 13)
def _(x, lengths, state, params, cell):
    h, end = forward(x, lengths, state, params, cell)
    filled = np.zeros(h.shape)
    filled[:] = h
    return filled, end


@answers.mistake("state's dict written into", "writes into its input state", keeps=12 / 13)
def _(x, lengths, state, params, cell):
    h, end = forward(x, lengths, state, params, cell)
    for name in state:
        state[name][:] = end[name]
    return h, end


KEPT = {}


@answers.mistake("state kept between batches", "carried over")
def _(x, lengths, state, params, cell):
    before = KEPT.get((cell, state["h"].shape), {name: state[name] + 0.5 for name in state})
    h, end = forward(x, lengths, before, params, cell)
    KEPT[cell, state["h"].shape] = end
    return h, end


@answers.mistake("mask without its second axis", "It stops with ValueError")
def _(x, lengths, state, params, cell):
    h = []
    for t in range(x.shape[1]):
        new = advance(x[:, t], state, params, cell)
        state = {name: np.where(t < lengths, new[name], state[name]) for name in state}
        h.append(state["h"])
    return np.stack(h, axis=1), state


@answers.mistake("entries of state replaced", "writes into its input state", keeps=12 / 13)
def _(x, lengths, state, params, cell):
    h = []
    for t in range(x.shape[1]):
        new, runs = advance(x[:, t], state, params, cell), (t < lengths)[:, None]
        for name in state:
            state[name] = np.where(runs, new[name], state[name])
        h.append(np.where(runs, new["h"], 0))
    return np.stack(h, axis=1), {name: value.copy() for name, value in state.items()}


@answers.mistake("mask of whole numbers", "comes out as float64", keeps=12 / 13)
def _(x, lengths, state, params, cell):
    h = []
    for t in range(x.shape[1]):
        new, m = advance(x[:, t], state, params, cell), (t < lengths).astype(int)[:, None]
        state = {name: m * new[name] + (1 - m) * state[name] for name in state}
        h.append(m * new["h"])
    return np.stack(h, axis=1), state
