"""Check of one step of the LSTM."""

import numpy as np

from rnn_course.activations import sigmoid
from rnn_course.checks.examine import Aspect, Task, examine, picked
from rnn_course.checks.rounding import measured_rounding

B, D, H = 2, 3, 5
GATES = "ifgo"


def draw_step(rng, B=B, D=D, H=H, **replaced):
    """Arguments of one step, in which every gate is well away from 0, 1/2 and 1."""
    given = {"x_t": rng.uniform(-1, 1, (B, D)), "h_prev": rng.uniform(-0.9, 0.9, (B, H))}
    given["c_prev"] = rng.uniform(-2, 2, (B, H))
    weights = {"W_xh": rng.uniform(-1, 1, (4 * H, D)), "W_hh": rng.uniform(-0.8, 0.8, (4 * H, H))}
    return given | weights | {"b_h": rng.uniform(-1, 1, 4 * H)} | replaced


def _pre(x, h, W_xh, W_hh, b):
    return x @ W_xh.T + h @ W_hh.T + b  # (B, 4H)


def gates_of(x, h, c, W_xh, W_hh, b, order=GATES, squash=None):
    """{"i": (B, H), ...} with the rows of the weights taken in any order."""
    squash = {"i": sigmoid, "f": sigmoid, "g": np.tanh, "o": sigmoid} | (squash or {})
    parts = np.split(_pre(x, h, W_xh, W_hh, b), 4, axis=1)
    return {name: squash[name](part) for name, part in zip(order, parts, strict=True)}


def _combined(cell=None, show=None, **how):
    """A step from its gates; ``cell`` and ``show`` may be wrong."""
    cell = cell or (lambda k, c: k["f"] * c + k["i"] * k["g"])
    show = show or (lambda k, c_t: k["o"] * np.tanh(c_t))

    def step(x, h, c, *weights):
        gates = gates_of(x, h, c, *weights, **how)
        c_t = cell(gates, c)
        return show(gates, c_t), c_t

    return step


_step = _combined()
ORDERS = {
    "the gates are taken in the order i, f, o, g; the rows are stacked i, f, g, o.": "ifog",
    "f and i are exchanged: the rows are stacked i, f, g, o, and f multiplies c_prev.": "figo",
    "the gates are taken in the order f, i, o, g; the rows are stacked i, f, g, o.": "fiog",
    "the gates are taken in the order i, g, f, o; the rows are stacked i, f, g, o.": "igfo",
    "the gates are taken in the order o, i, f, g; the rows are stacked i, f, g, o.": "oifg",
    "the gates are taken in the order i, o, f, g; the rows are stacked i, f, g, o.": "iofg",
    "the gates are taken in reverse order; the rows are stacked i, f, g, o.": "ogfi",
}
WRONG_STEPS = {
    **{cause: _combined(order=order) for cause, order in ORDERS.items()},
    "g is squashed by the sigmoid; a candidate may be negative, so it is a tanh.": _combined(
        squash={"g": sigmoid}
    ),
    "o is squashed by tanh; a gate lies between 0 and 1, so it is a sigmoid.": _combined(
        squash={"o": np.tanh}
    ),
    "i is squashed by tanh; a gate lies between 0 and 1, so it is a sigmoid.": _combined(
        squash={"i": np.tanh}
    ),
    "f is squashed by tanh; a gate lies between 0 and 1, so it is a sigmoid.": _combined(
        squash={"f": np.tanh}
    ),
    "the forget gate is left out: the old cell state is kept whole.": _combined(
        lambda k, c: c + k["i"] * k["g"]
    ),
    "the old cell state does not enter: f * c_prev is missing.": _combined(
        lambda k, c: k["i"] * k["g"]
    ),
    "the input gate is left out: g is added whole.": _combined(lambda k, c: k["f"] * c + k["g"]),
    "1 - f stands where i belongs. Here the two gates are independent.": _combined(
        lambda k, c: k["f"] * c + (1 - k["f"]) * k["g"]
    ),
    "h_prev stands where c_prev belongs; the two states are different arrays.": (
        lambda x, h, c, *weights: _step_of(x, h, h, *weights)
    ),
    "c_prev is fed to the gates; they read h_prev.": (
        lambda x, h, c, *weights: _step_of(x, c, c, *weights)
    ),
    "the bias b_h is left out.": lambda x, h, c, U, W, b: _step_of(x, h, c, U, W, 0 * b),
    "the previous state h_prev does not enter the gates.": (
        lambda x, h, c, *weights: _step_of(x, 0 * h, c, *weights)
    ),
    "the input x_t does not enter the gates.": (
        lambda x, h, c, *weights: _step_of(0 * x, h, c, *weights)
    ),
    "W_hh is used the wrong way round within each gate.": lambda x, h, c, U, W, b: _step_of(
        x, h, c, U, np.concatenate([part.T for part in np.split(W, 4)]), b
    ),
}
WRONG_SHOWS = {
    "h_t is o * c_t: the tanh around c_t is missing.": lambda k, c_t: k["o"] * c_t,
    "h_t is tanh(c_t): the output gate is left out.": lambda k, c_t: np.tanh(c_t),
    "the output gate stands inside: h_t = o * tanh(c_t), not tanh(o * c_t).": lambda k, c_t: (
        np.tanh(k["o"] * c_t)
    ),
    "the sigmoid of c_t stands where its tanh belongs.": lambda k, c_t: k["o"] * sigmoid(c_t),
    "h_t is c_t; the output gate and tanh come between.": lambda k, c_t: c_t,
}


def _step_of(*inputs):
    return _step(*inputs)


def _with_old_cell(x, h, c, *weights):
    return gates_of(x, h, c, *weights)["o"] * np.tanh(c)


def _step_task(seed):
    rng = np.random.default_rng(seed)
    main, single = draw_step(rng), draw_step(rng, B=1)
    nothing = np.zeros((4 * H, D)), np.zeros((4 * H, H)), np.full(4 * H, -100.0)
    closed = dict(zip(("W_xh", "W_hh", "b_h"), nothing, strict=True))
    closed["b_h"][H : 2 * H] = 100.0  # the forget gate alone is open
    kept = draw_step(rng, **closed)
    shows = {cause: _combined(show=show) for cause, show in WRONG_SHOWS.items()}
    suspects = {
        "c_t": {cause: picked(run, 1) for cause, run in WRONG_STEPS.items()}
        | {"this is h_t; the results are h_t first and c_t second.": lambda *i: _step(*i)[0]},
        "h_t": {cause: picked(run, 0) for cause, run in (shows | WRONG_STEPS).items()}
        | {
            "this is c_t; the results are h_t first and c_t second.": lambda *i: _step(*i)[1],
            "it is formed with c_prev; h_t shows the new cell state.": _with_old_cell,
        },
    }
    return Task(
        name="lstm_step_forward",
        outputs=("h_t", "c_t"),
        reference=lambda *inputs: _step(*inputs),
        aspects=(
            Aspect("c_t, the cell state, of two sequences", 3, (main,), ("c_t",)),
            Aspect("h_t, what the cell shows, of two sequences", 2, (main,), ("h_t",)),
            Aspect("one sequence", 1, (single,)),
            Aspect("f = 1 and i = 0: the cell keeps its state", 1, (kept,), ("c_t",)),
        ),
        suspects=suspects,
        fallbacks=(draw_step(rng, B=3, D=3, H=3),),
        rounding=measured_rounding(lambda *inputs: _step(*inputs), D + H + 12),
        shapes={"h_t": "(B, H)", "c_t": "(B, H)"},
    )  # fmt: skip


def check_lstm_step_forward(answer, seed=5001):
    """Check answer(x_t, h_prev, c_prev, W_xh, W_hh, b_h) -> h_t, c_t; returns a Verdict."""
    return examine(_step_task(seed), answer)
