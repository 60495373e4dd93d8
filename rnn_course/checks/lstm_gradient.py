"""Check of one step of the LSTM backwards."""

import numpy as np

from rnn_course import lstm
from rnn_course.activations import sigmoid
from rnn_course.checks.lstm import GATES, B, D, H, draw_step, gates_of, wrong_orders
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.rounding import measured_rounding

GRADS = ('grads["W_xh"]', 'grads["W_hh"]', 'grads["b_h"]')
BACKWARD = ("dx_t", "dh_prev", "dc_prev", *GRADS)
BACKWARD_SHAPES = ("(B, D)", "(B, H)", "(B, H)", "(4H, D)", "(4H, H)", "(4H,)")


def _backward(dh_t, dc_t, *step):
    _, cache = lstm.lstm_step_forward(*step)
    return lstm.lstm_step_backward(dh_t, dc_t, cache)


def sigmoid_slope(gate):
    return gate * (1 - gate)


REACHES = {  # what a gate's gradient is formed with
    "i": lambda v: v["dc"] * v["g"],
    "f": lambda v: v["dc"] * v["c"],
    "g": lambda v: v["dc"] * v["i"],
    "o": lambda v: v["dh"] * v["tanh_c"],
}
SLOPES = dict.fromkeys("ifo", sigmoid_slope) | {"g": lambda g: 1 - g**2}


def _by_hand(reach=None, slope=None, through=None, arriving=None, order=GATES, met=None):
    """The textbook's backward pass, parts of which may be wrong.

    Args:
        reach, slope: what replaces REACHES and SLOPES. through: what comes through h_t.
        arriving: what the cell gets from the step after. met: the state that W_hh met.
    """
    reach, slope = REACHES | (reach or {}), SLOPES | (slope or {})
    through = through or (lambda v: v["dh"] * v["o"] * (1 - v["tanh_c"] ** 2))

    def run(dh, dc, x, h, c, U, W, b):
        v = gates_of(x, h, c, U, W, b) | {"dh": dh, "dc_t": dc, "c": c, "h": h}
        v["c_t"] = v["f"] * c + v["i"] * v["g"]
        v["tanh_c"] = np.tanh(v["c_t"])
        v["dc"] = (arriving(v) if arriving else dc) + through(v)
        da = np.concatenate([reach[k](v) * slope[k](v[k]) for k in order], axis=1)
        grads = {"W_xh": da.T @ x, "W_hh": da.T @ (met(v) if met else h), "b_h": da.sum(axis=0)}
        return da @ U, da @ W, v["dc"] * v["f"], grads

    return run


def _averaged(dh, dc, *step):
    return _backward(dh / len(dh), dc / len(dc), *step)


WRONG_THROUGH = {
    "what comes through h_t does not reach the cell: add dh_t * o * (1 - tanh(c_t)^2) to dc_t "
    "first.": lambda v: 0 * v["dh"],
    "the derivative of tanh(c_t) is left out on the way from h_t to the cell.": (
        lambda v: v["dh"] * v["o"]
    ),
    "the output gate is left out on the way from h_t to the cell.": (
        lambda v: v["dh"] * (1 - v["tanh_c"] ** 2)
    ),
    "tanh is taken once too often on the way to the cell: 1 - tanh(c_t)^2, not "
    "1 - tanh(tanh(c_t))^2.": lambda v: v["dh"] * v["o"] * (1 - np.tanh(v["tanh_c"]) ** 2),
    "c_t itself stands in the slope of tanh on the way to the cell: 1 - tanh(c_t)^2.": (
        lambda v: v["dh"] * v["o"] * (1 - v["c_t"] ** 2)
    ),
    "h_t stands in the slope of tanh on the way to the cell: 1 - tanh(c_t)^2.": (
        lambda v: v["dh"] * v["o"] * (1 - (v["o"] * v["tanh_c"]) ** 2)
    ),
    "the slope of tanh is taken at c_prev; h_t shows the new cell state, c_t.": (
        lambda v: v["dh"] * v["o"] * (1 - np.tanh(v["c"]) ** 2)
    ),
}
WRONG_REACHES = {
    "the input gate's gradient is formed with c_prev; i multiplied g.": (
        {"i": lambda v: v["dc"] * v["c"]}
    ),
    "the forget gate's gradient is formed with c_t; f multiplied c_prev.": (
        {"f": lambda v: v["dc"] * v["c_t"]}
    ),
    "the forget gate's gradient is formed with g; f multiplied c_prev.": (
        {"f": lambda v: v["dc"] * v["g"]}
    ),
    "the forget gate's gradient is formed with h_prev; f multiplied c_prev.": (
        {"f": lambda v: v["dc"] * v["h"]}
    ),
    "the candidate's gradient is formed with g itself; i multiplied g.": (
        {"g": lambda v: v["dc"] * v["g"]}
    ),
    "the candidate's gradient is formed with f; i multiplied g.": (
        {"g": lambda v: v["dc"] * v["f"]}
    ),
    "the input gate is left out of the candidate's gradient; i multiplied g.": (
        {"g": lambda v: v["dc"]}
    ),
    "the output gate's gradient is formed with c_t; o multiplied tanh(c_t).": (
        {"o": lambda v: v["dh"] * v["c_t"]}
    ),
    "the output gate's gradient is formed with dc_t; o multiplies tanh(c_t) in h_t, so dh_t "
    "counts.": {"o": lambda v: v["dc"] * v["tanh_c"]},
    "tanh(c_t) is left out of the output gate's gradient; o multiplied it.": (
        {"o": lambda v: v["dh"]}
    ),
    "dc_t reaches i, f and g as it came; what comes through h_t belongs to it.": {
        "i": lambda v: v["dc_t"] * v["g"],
        "f": lambda v: v["dc_t"] * v["c"],
        "g": lambda v: v["dc_t"] * v["i"],
    },
}
WRONG_SLOPES = {
    "the derivative of {0} is left out: {0} (1 - {0}).": lambda k: 1 + 0 * k,
    "{0} has the derivative 1 - {0}^2 of a tanh; a sigmoid's is {0} (1 - {0}).": lambda k: 1 - k**2,
    "half of the derivative of {0} is there: {0} (1 - {0}), not 1 - {0}.": lambda k: 1 - k,
    "half of the derivative of {0} is there: {0} (1 - {0}), not {0}.": lambda k: k,
    "the sigmoid is taken of {0} once more; {0} is one already, and its slope is {0} (1 - {0}).": (
        lambda k: sigmoid_slope(sigmoid(k))
    ),
}
WRONG_TANH_SLOPES = {
    "the derivative of {0} is left out: it is a tanh, 1 - {0}^2.": lambda k: 1 + 0 * k,
    "{0} has the derivative of a sigmoid; it is a tanh, 1 - {0}^2.": sigmoid_slope,
    "the square is left out of the derivative of {0}: 1 - {0}^2.": lambda k: 1 - k,
    "tanh is taken of {0} once more; {0} is one already, and its slope is 1 - {0}^2.": (
        lambda k: 1 - np.tanh(k) ** 2
    ),
}


def slope_runs(by_hand, sigmoids, tanh):
    """{cause: backward pass} with a wrong slope of one gate or of the candidate."""
    runs = {
        cause.format(gate): by_hand(slope={gate: slope})
        for cause, slope in WRONG_SLOPES.items()
        for gate in sigmoids
    }
    return runs | {
        cause.format(tanh): by_hand(slope={tanh: slope})
        for cause, slope in WRONG_TANH_SLOPES.items()
    }


SLOPES_OF_ALL = {
    "the derivatives of the gates are left out: i (1 - i) and so on.": (
        dict.fromkeys(GATES, lambda k: 1 + 0 * k)
    ),
    "the derivatives of the sigmoids are left out: i (1 - i) and so on.": (
        dict.fromkeys("ifo", lambda k: 1 + 0 * k)
    ),
    "the sigmoids have the derivative 1 - i^2 of a tanh; theirs is i (1 - i).": (
        dict.fromkeys("ifo", lambda k: 1 - k**2)
    ),
    "the sigmoids are taken once more; i is one already, and its slope is i (1 - i).": (
        dict.fromkeys("ifo", lambda k: sigmoid_slope(sigmoid(k)))
    ),
}
BACK_RUNS = {
    **{cause: _by_hand(reach) for cause, reach in WRONG_REACHES.items()},
    **{cause: _by_hand(through=through) for cause, through in WRONG_THROUGH.items()},
    "dc_t, what reaches the cell from the step after, is left out.": _by_hand(
        arriving=lambda v: 0 * v["dc_t"]
    ),
    "f multiplies dc_t where it arrives; the step after has done that with its own f.": _by_hand(
        arriving=lambda v: v["f"] * v["dc_t"]
    ),
    **{
        cause: _by_hand(order=order)
        for cause, order in wrong_orders("the gates' gradients stand").items()
    },
    **slope_runs(_by_hand, "ifo", "g"),
    **{cause: _by_hand(slope=slopes) for cause, slopes in SLOPES_OF_ALL.items()},
    "everything is averaged over the batch; the loss contains its mean already.": _averaged,
}
MEAN = "it is averaged over the batch; the sum is asked for, the loss contains the mean."
WRONG_KEPT = {  # functions of dc_prev, dc_t, f, i
    "it is dc_t as it came; what comes through h_t belongs to it, and then f multiplies it.": (
        lambda right, dc, f, i: dc
    ),
    "f does not multiply it: dc_prev = f * dc_t, since c_t = f * c_prev + ...": (
        lambda right, dc, f, i: right / f
    ),
    "what comes through h_t is left out of it.": lambda right, dc, f, i: dc * f,
    "it is multiplied by i; the old cell state was multiplied by f.": (
        lambda right, dc, f, i: right / f * i
    ),
    "dc_t is added to it as it came; all of it passes f.": lambda right, dc, f, i: right + dc,
    "it is zero; the cell hands its gradient back through f.": lambda right, dc, f, i: 0 * dc,
}


def _kept(wrong):
    def dc_prev(dh, dc, x, h, c, *weights):
        gates = gates_of(x, h, c, *weights)
        right = _backward(dh, dc, x, h, c, *weights)[2]
        return wrong(right, dc, gates["f"], gates["i"])

    return dc_prev


def _named(results):
    return dict(zip(BACKWARD, (*results[:3], *results[3].values()), strict=True))


def _entry(run, name):
    return lambda *inputs: _named(run(*inputs))[name]


def _own_suspects():
    """{result: {cause: function}} of what goes wrong in one result alone."""

    def right_but(change):
        return lambda *inputs: change(_named(_backward(*inputs)), *inputs)

    def averaged(name):
        return right_but(lambda right, *inputs: right[name] / len(inputs[0]))

    own = {
        "dx_t": {
            "this is dh_prev; the way to x_t leads through W_xh.": _entry(_backward, "dh_prev")
        },
        "dh_prev": {
            "this is dc_prev.": _entry(_backward, "dc_prev"),
            "dh_t is added; all that reaches h_prev comes through the gates.": right_but(
                lambda right, dh, *rest: right["dh_prev"] + dh
            ),
        },
        "dc_prev": {"this is dh_prev.": _entry(_backward, "dh_prev")}
        | {cause: _kept(wrong) for cause, wrong in WRONG_KEPT.items()},
    }
    own |= {name: {MEAN: averaged(name)} for name in GRADS}
    of_new = _by_hand(met=lambda v: v["o"] * v["tanh_c"])
    own[GRADS[1]]["it is formed with h_t; W_hh met h_prev."] = _entry(of_new, GRADS[1])
    return own


def _backward_suspects():
    own = _own_suspects()
    return {
        name: own[name] | {cause: _entry(run, name) for cause, run in BACK_RUNS.items()}
        for name in BACKWARD
    }


def _draw_backward(rng, **sizes):
    step = draw_step(rng, **sizes)
    shape = step["c_prev"].shape
    return {"dh_t": rng.uniform(-1, 1, shape), "dc_t": rng.uniform(-1, 1, shape)} | step


def _backward_task(seed):
    rng = np.random.default_rng(seed)
    main, single = _draw_backward(rng), _draw_backward(rng, B=1)
    last = _draw_backward(rng)
    last["dc_t"] = np.zeros((B, H))  # as at the last step of a sequence

    def rows(gates):
        return lambda given: np.repeat([gate in gates for gate in GATES], H)[:, None]

    return Task(
        name="lstm_step_backward",
        outputs=("dx_t", "dh_prev", "dc_prev", "grads"),
        reference=_backward,
        aspects=(
            Aspect("dc_prev, the road of the cell state", 3, (main,), ("dc_prev",)),
            Aspect("the weights' rows of i and f", 2, (main,), GRADS[:2], rows("if")),
            Aspect("the weights' rows of g", 1, (main,), GRADS[:2], rows("g")),
            Aspect("the weights' rows of o", 1, (main,), GRADS[:2], rows("o")),
            Aspect("the bias", 1, (main,), GRADS[2:]),
            Aspect("dh_prev and dx_t", 3, (main,), ("dh_prev", "dx_t")),
            Aspect("a last step, where dc_t is zero", 1, (last,)),
            Aspect("one sequence", 1, (single,)),
        ),
        suspects=_backward_suspects(),
        fallbacks=(_draw_backward(rng, B=3, D=3, H=3),),
        rounding=measured_rounding(_backward, D + H + B + 24),
        shapes=dict(zip(BACKWARD, BACKWARD_SHAPES, strict=True)),
    )


def check_lstm_step_backward(answer, seed=5002):
    """Check answer(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h); returns a Verdict."""
    return examine(_backward_task(seed), answer)
