"""Check of one step of the LSTM."""

from itertools import permutations

import numpy as np

from rnn_course.activations import sigmoid
from rnn_course.examination.examine import Aspect, Task, examine, picked
from rnn_course.examination.rounding import measured_rounding

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


def gates_of(x, h, c, W_xh, W_hh, b, order=GATES, squash=None, cut=None):
    """{"i": (B, H), ...} with the rows of the weights taken in any order, or cut otherwise."""
    squash = {"i": sigmoid, "f": sigmoid, "g": np.tanh, "o": sigmoid} | (squash or {})
    a = _pre(x, h, W_xh, W_hh, b)
    parts = cut(a) if cut else np.split(a, 4, axis=1)
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


def wrong_orders(words, named=""):
    """{cause: order} of every wrong order of the gates but the one that has words of its own."""
    stacked = "the rows are stacked i, f, g, o."
    orders = ["".join(order) for order in permutations(GATES)]
    causes = {order: f"{words} in the order {', '.join(order)}; {stacked}" for order in orders}
    return {cause: order for order, cause in causes.items() if order not in (GATES, named)}


def _raw(a):
    return a


SQUASHED = {
    **{
        f"{name} is squashed by tanh; a gate lies between 0 and 1, so it is a sigmoid.": {
            name: np.tanh
        }
        for name in "ifo"
    },
    **{f"{name} is not squashed: its sigmoid is missing.": {name: _raw} for name in "ifo"},
    "g is squashed by the sigmoid; a candidate may be negative, so it is a tanh.": {"g": sigmoid},
    "g is not squashed: its tanh is missing.": {"g": _raw},
    "g is the tanh of a sigmoid; i, f and o alone are sigmoids.": {
        "g": lambda a: np.tanh(sigmoid(a))
    },
    "i, f and o are not squashed: their sigmoids are missing.": dict.fromkeys("ifo", _raw),
    "nothing is squashed: i, f and o are sigmoids, g is a tanh.": dict.fromkeys(GATES, _raw),
    "all gates are squashed by tanh; i, f and o lie between 0 and 1, so they are sigmoids.": (
        dict.fromkeys(GATES, np.tanh)
    ),
    "1 is added to f's pre-activation. A forget bias stands in b_h from the start.": {
        "f": lambda a: sigmoid(a + 1)
    },
}
CUTS = {
    "reshape cuts a_t up in another order: the four parts stand side by side in each row.": (
        lambda a: a.reshape(4, len(a), -1)
    ),
    "the gates are taken unit by unit; all rows of i come first, then those of f, g and o.": (
        lambda a: a.reshape(len(a), -1, 4).transpose(2, 0, 1)
    ),
}
CELLS = {
    "the forget gate is left out: the old cell state is kept whole.": (
        lambda k, c: c + k["i"] * k["g"]
    ),
    "the old cell state does not enter: f * c_prev is missing.": lambda k, c: k["i"] * k["g"],
    "the input gate is left out: g is added whole.": lambda k, c: k["f"] * c + k["g"],
    "1 - f stands where i belongs. Here the two gates are independent.": (
        lambda k, c: k["f"] * c + (1 - k["f"]) * k["g"]
    ),
    "1 - i stands where f belongs. Here the two gates are independent.": (
        lambda k, c: (1 - k["i"]) * c + k["i"] * k["g"]
    ),
    "the forget gate multiplies what is new as well; it guards c_prev alone.": (
        lambda k, c: k["f"] * (c + k["i"] * k["g"])
    ),
    "tanh is taken of the cell state itself. c_t may grow; h_t shows its tanh.": (
        lambda k, c: np.tanh(k["f"] * c + k["i"] * k["g"])
    ),
}
WRONG_STEPS = {
    "f and i are exchanged: the rows are stacked i, f, g, o, and f multiplies c_prev.": _combined(
        order="figo"
    ),
    **{
        cause: _combined(order=order)
        for cause, order in wrong_orders("the gates are taken", "figo").items()
    },
    **{cause: _combined(squash=squash) for cause, squash in SQUASHED.items()},
    **{cause: _combined(cut=cut) for cause, cut in CUTS.items()},
    **{cause: _combined(cell=cell) for cause, cell in CELLS.items()},
    "h_prev stands where c_prev belongs; the two states are different arrays.": (
        lambda x, h, c, *weights: _step_of(x, h, h, *weights)
    ),
    "c_prev is fed to the gates; they read h_prev.": (
        lambda x, h, c, *weights: _step_of(x, c, c, *weights)
    ),
    "the bias b_h is added twice.": lambda x, h, c, U, W, b: _step_of(x, h, c, U, W, 2 * b),
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
