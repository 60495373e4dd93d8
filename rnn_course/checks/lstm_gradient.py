"""Check of one step of the LSTM backwards."""

import numpy as np

from rnn_course import lstm
from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.lstm import GATES, B, D, H, draw_step, gates_of
from rnn_course.checks.rounding import measured_rounding

GRADS = ('grads["W_xh"]', 'grads["W_hh"]', 'grads["b_h"]')
BACKWARD = ("dx_t", "dh_prev", "dc_prev", *GRADS)
BACKWARD_SHAPES = ("(B, D)", "(B, H)", "(B, H)", "(4H, D)", "(4H, H)", "(4H,)")


def _backward(dh_t, dc_t, *step):
    _, cache = lstm.lstm_step_forward(*step)
    return lstm.lstm_step_backward(dh_t, dc_t, cache)


def _by_hand(local=None, through_h=None, kept=None, order=GATES):
    """The textbook's backward pass, parts of which may be wrong."""

    def run(dh, dc, x, h, c, U, W, b):
        k = gates_of(x, h, c, U, W, b)
        c_t = k["f"] * c + k["i"] * k["g"]
        tanh_c = np.tanh(c_t)
        through = through_h or (lambda dh, k, tanh_c: dh * k["o"] * (1 - tanh_c**2))
        dc_all = dc + through(dh, k, tanh_c)
        da = {
            "i": dc_all * k["g"] * k["i"] * (1 - k["i"]),
            "f": dc_all * c * k["f"] * (1 - k["f"]),
            "g": dc_all * k["i"] * (1 - k["g"] ** 2),
            "o": dh * tanh_c * k["o"] * (1 - k["o"]),
        }
        if local:
            da |= local(dh, dc_all, k, c, c_t, tanh_c)
        da = np.concatenate([da[name] for name in order], axis=1)
        grads = {"W_xh": da.T @ x, "W_hh": da.T @ h, "b_h": da.sum(axis=0)}
        dc_prev = kept(dh, dc, dc_all, k) if kept else dc_all * k["f"]
        return da @ U, da @ W, dc_prev, grads

    return run


BACK_RUNS = {
    "what comes through h_t does not reach the cell: add dh_t * o * (1 - tanh(c_t)^2) to dc_t "
    "first.": _by_hand(through_h=lambda dh, k, tanh_c: 0 * dh),
    "dc_t, what reaches the cell from the step after, is left out.": (
        lambda dh, dc, *step: _by_hand()(dh, 0 * dc, *step)
    ),
    "the derivative of tanh(c_t) is left out on the way from h_t to the cell.": _by_hand(
        through_h=lambda dh, k, tanh_c: dh * k["o"]
    ),
    "the output gate is left out on the way from h_t to the cell.": _by_hand(
        through_h=lambda dh, k, tanh_c: dh * (1 - tanh_c**2)
    ),
    "tanh is taken once too often on the way to the cell: 1 - tanh(c_t)^2, not "
    "1 - tanh(tanh(c_t))^2.": _by_hand(
        through_h=lambda dh, k, tanh_c: dh * k["o"] * (1 - np.tanh(tanh_c) ** 2)
    ),
    "the gates' gradients stand in the order i, f, o, g; the rows are stacked i, f, g, "
    "o.": _by_hand(order="ifog"),
    "the gates' gradients stand in the order f, i, g, o; the rows are stacked i, f, g, "
    "o.": _by_hand(order="figo"),
    "g has the derivative of a sigmoid; it is a tanh, 1 - g^2.": _by_hand(
        lambda dh, dc, k, c, c_t, tanh_c: {"g": dc * k["i"] * k["g"] * (1 - k["g"])}
    ),
    "the forget gate's gradient is formed with c_t; f multiplied c_prev.": _by_hand(
        lambda dh, dc, k, c, c_t, tanh_c: {"f": dc * c_t * k["f"] * (1 - k["f"])}
    ),
    "the output gate's gradient is formed with c_t; o multiplied tanh(c_t).": _by_hand(
        lambda dh, dc, k, c, c_t, tanh_c: {"o": dh * c_t * k["o"] * (1 - k["o"])}
    ),
    "the output gate's gradient is formed with dc_t; o multiplies tanh(c_t) in h_t, so dh_t "
    "counts.": _by_hand(
        lambda dh, dc, k, c, c_t, tanh_c: {"o": dc * tanh_c * k["o"] * (1 - k["o"])}
    ),
    "the derivatives of the gates are left out: i (1 - i) and so on.": _by_hand(
        lambda dh, dc, k, c, c_t, tanh_c: {
            "i": dc * k["g"], "f": dc * c, "g": dc * k["i"], "o": dh * tanh_c
        }
    ),
    "the sigmoids have the derivative 1 - i^2 of a tanh; theirs is i (1 - i).": _by_hand(
        lambda dh, dc, k, c, c_t, tanh_c: {
            "i": dc * k["g"] * (1 - k["i"] ** 2), "f": dc * c * (1 - k["f"] ** 2),
            "o": dh * tanh_c * (1 - k["o"] ** 2),
        }
    ),
    "everything is averaged over the batch; the loss contains its mean already.": (
        lambda dh, dc, *step: _by_hand()(dh / len(dh), dc / len(dc), *step)
    ),
}  # fmt: skip
WRONG_KEPT = {
    "it is dc_t as it came; what comes through h_t belongs to it, and then f multiplies "
    "it.": lambda dh, dc, dc_all, k: dc,
    "f does not multiply it: dc_prev = f * dc_t, since c_t = f * c_prev + ...": (
        lambda dh, dc, dc_all, k: dc_all
    ),
    "what comes through h_t is left out of it.": lambda dh, dc, dc_all, k: dc * k["f"],
    "it is multiplied by i; the old cell state was multiplied by f.": (
        lambda dh, dc, dc_all, k: dc_all * k["i"]
    ),
    "it is zero; the cell hands its gradient back through f.": lambda dh, dc, dc_all, k: 0 * dc,
}


def _named(results):
    return dict(zip(BACKWARD, (*results[:3], *results[3].values()), strict=True))


def _backward_suspects():
    own = {
        "dx_t": {"this is dh_prev; the way to x_t leads through W_xh.": lambda r: r["dh_prev"]},
        "dh_prev": {"this is dc_prev.": lambda r: r["dc_prev"]},
        "dc_prev": {"this is dh_prev.": lambda r: r["dh_prev"]},
    }
    spoilt = {"dc_prev": {c: _by_hand(kept=kept) for c, kept in WRONG_KEPT.items()}}

    def entry(run, name):
        return lambda *inputs: _named(run(*inputs))[name]

    def right_but(pick):
        return lambda *inputs: pick(_named(_backward(*inputs)))

    def averaged(name):
        return lambda *i: _named(_backward(*i))[name] / len(i[0])

    mean = "it is averaged over the batch; the sum is asked for, the loss contains the mean."
    return {
        name: {cause: entry(run, name) for cause, run in spoilt.get(name, {}).items()}
        | {cause: entry(run, name) for cause, run in BACK_RUNS.items()}
        | {cause: right_but(pick) for cause, pick in own.get(name, {}).items()}
        | ({mean: averaged(name)} if name in GRADS else {})
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
    return Task(
        name="lstm_step_backward",
        outputs=("dx_t", "dh_prev", "dc_prev", "grads"),
        reference=_backward,
        aspects=(
            Aspect("dc_prev, the road of the cell state", 3, (main,), ("dc_prev",)),
            Aspect("dh_prev and dx_t", 3, (main,), ("dh_prev", "dx_t")),
            Aspect("the gradients of the weights and of the bias", 3, (main,), GRADS),
            Aspect("a last step, where dc_t is zero", 1, (last,)),
            Aspect("one sequence", 1, (single,)),
        ),
        suspects=_backward_suspects(),
        fallbacks=(_draw_backward(rng, B=3, D=3, H=3),),
        rounding=measured_rounding(_backward, D + H + B + 24),
        shapes=dict(
            zip(
                BACKWARD, ("(B, D)", "(B, H)", "(B, H)", "(4H, D)", "(4H, H)", "(4H,)"), strict=True
            )
        ),
    )


def check_lstm_step_backward(answer, seed=5002):
    """Check answer(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h); returns a Verdict."""
    return examine(_backward_task(seed), answer)
