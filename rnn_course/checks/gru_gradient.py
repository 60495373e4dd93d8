"""Check of one step of the GRU backwards, with the reset after the product."""

import numpy as np

from rnn_course import gru
from rnn_course.activations import sigmoid
from rnn_course.checks.lstm_gradient import sigmoid_slope, slope_runs
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.rounding import measured_rounding

B, D, H = 2, 3, 5
GRADS = ('grads["W_xh"]', 'grads["W_hh"]', 'grads["b_xh"]', 'grads["b_hh"]')
RESULTS = ("dx_t", "dh_prev", *GRADS)
SHAPES = dict(
    zip(RESULTS, ("(B, D)", "(B, H)", "(3H, D)", "(3H, H)", "(3H,)", "(3H,)"), strict=True)
)


def _draw(rng, B=B, D=D, H=H, **replaced):
    """Arguments whose gates are those of a step forward, each well away from 0, 1/2 and 1."""
    x_t, h_prev = rng.uniform(-1, 1, (B, D)), rng.uniform(-0.9, 0.9, (B, H))
    W_xh, W_hh = rng.uniform(-1, 1, (3 * H, D)), rng.uniform(-0.9, 0.9, (3 * H, H))
    b_xh, b_hh = rng.uniform(-1, 1, (2, 3 * H))
    a_x, a_h = (np.split(a, 3, axis=1) for a in (x_t @ W_xh.T + b_xh, h_prev @ W_hh.T + b_hh))
    r, z = sigmoid(a_x[0] + a_h[0]), sigmoid(a_x[1] + a_h[1])
    gates = {"r": r, "z": z, "n": np.tanh(a_x[2] + r * a_h[2])}
    given = {"dh_t": rng.uniform(-1, 1, (B, H)), "x_t": x_t, "h_prev": h_prev} | gates
    return given | {"W_xh": W_xh, "W_hh": W_hh, "b_hh": b_hh} | replaced


def _backward(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H = h_prev.shape[1]
    under_r = h_prev @ W_hh[2 * H :].T + b_hh[2 * H :]
    params = {"W_xh": W_xh, "W_hh": W_hh, "b_xh": b_hh, "b_hh": b_hh}  # no gradient needs b_xh
    cache = x_t, h_prev, under_r, (r, z, n), params, "after"
    return gru.gru_step_backward(dh_t, cache)


REACHES = {  # what a gate's gradient is formed with; s is W_hn h_prev + b_hn
    "n": lambda v: v["dh"] * (1 - v["z"]),
    "z": lambda v: v["dh"] * (v["h"] - v["n"]),
    "r": lambda v: v["da_n"] * v["s"],
}
SLOPES = dict.fromkeys("rz", sigmoid_slope) | {"n": lambda n: 1 - n**2}


def _by_hand(reach=None, slope=None, order="rzn", kept=None, sides=None, under=None, met=None):
    """The textbook's backward pass, parts of which may be wrong.

    Args:
        reach, slope: what replaces REACHES and SLOPES. kept: what comes straight back to h_prev.
        sides: of da_n and r, n's rows on the input's side and on the state's.
        under: of h, W_hh and b_hh in three parts each, what r multiplied.
        met: the state that W_hh met.
    """
    reach, slope = REACHES | (reach or {}), SLOPES | (slope or {})
    sides = sides or (lambda v: (v["da_n"], v["r"] * v["da_n"]))
    under = under or (lambda h, W, b: h @ W[2].T + b[2])

    def run(dh, x, h, r, z, n, U, W, b):
        v = {"dh": dh, "h": h, "r": r, "z": z, "n": n}
        v["s"] = under(h, np.split(W, 3), np.split(b, 3))
        v["da_n"] = reach["n"](v) * slope["n"](n)
        da = {k: reach[k](v) * slope[k](v[k]) for k in "rz"}
        on_x, on_h = sides(v)
        da_x = np.concatenate([on_x if k == "n" else da[k] for k in order], axis=1)
        da_h = np.concatenate([on_h if k == "n" else da[k] for k in order], axis=1)
        grads = {"W_xh": da_x.T @ x, "W_hh": da_h.T @ (met(v) if met else h)}
        grads |= {"b_xh": da_x.sum(axis=0), "b_hh": da_h.sum(axis=0)}
        return da_x @ U, (kept(v) if kept else z * dh) + da_h @ W, grads

    return run


def _reset_before(dh, x, h, r, z, n, U, W, b):
    """The gradient of the other convention, given the same gates."""
    params = {"W_xh": U, "W_hh": W, "b_xh": b, "b_hh": b}
    return gru.gru_step_backward(dh, (x, h, h, (r, z, n), params, "before"))


def _all_gated(dh, x, h, r, z, n, U, W, b):
    """All three parts of the state's side multiplied by r."""
    dx, _, grads = _backward(dh, x, h, r, z, n, U, W, b)
    v = {"dh": dh, "h": h, "z": z, "n": n, "s": h @ W[2 * h.shape[1] :].T + b[2 * h.shape[1] :]}
    v["da_n"] = REACHES["n"](v) * SLOPES["n"](n)
    da = [REACHES["r"](v) * sigmoid_slope(r), REACHES["z"](v) * sigmoid_slope(z), v["da_n"]]
    da_h = np.concatenate([r * part for part in da], axis=1)
    return dx, z * dh + da_h @ W, grads | {"W_hh": da_h.T @ h, "b_hh": da_h.sum(axis=0)}


BOTH_OF_Z = "z multiplies h_prev and takes as much from n, so it is h_prev - n."
UNDER_R = "r multiplied W_hn h_prev + b_hn."
WRONG_REACHES = {
    "z stands where 1 - z belongs in da_n: the candidate has the share 1 - z.": (
        {"n": lambda v: v["dh"] * v["z"]}
    ),
    "1 - z is left out of da_n: the candidate has that share of h_t.": {"n": lambda v: v["dh"]},
    f"da_z has the wrong sign: {BOTH_OF_Z}": {"z": lambda v: v["dh"] * (v["n"] - v["h"])},
    f"h_prev and n are added in da_z: {BOTH_OF_Z}": {"z": lambda v: v["dh"] * (v["h"] + v["n"])},
    f"the candidate is left out of da_z: {BOTH_OF_Z}": {"z": lambda v: v["dh"] * v["h"]},
    f"h_prev is left out of da_z: {BOTH_OF_Z}": {"z": lambda v: -v["dh"] * v["n"]},
    "nothing comes through the reset gate: da_r is zero. r stands in the candidate, so it gets its "
    "gradient from da_n.": {"r": lambda v: 0 * v["r"]},
    "nothing comes through the update gate: da_z is zero. z stands in h_t twice.": (
        {"z": lambda v: 0 * v["z"]}
    ),
    "da_r is formed with dh_t; r stands in the candidate, so da_n reaches it.": (
        {"r": lambda v: v["dh"] * v["s"]}
    ),
    "the derivative of tanh is left out of da_r: r stands under the tanh, so da_n reaches it.": (
        {"r": lambda v: v["dh"] * (1 - v["z"]) * v["s"]}
    ),
    "what r multiplies is left out of da_r: W_hn h_prev + b_hn.": {"r": lambda v: v["da_n"]},
    f"h_prev stands in da_r; {UNDER_R}": {"r": lambda v: v["da_n"] * v["h"]},
    f"n stands in da_r; {UNDER_R}": {"r": lambda v: v["da_n"] * v["n"]},
    "da_r is formed with r * da_n. That is what has passed the gate; what reaches the gate itself "
    "is da_n.": {"r": lambda v: v["r"] * v["da_n"] * v["s"]},
}
WRONG_UNDER = {
    f"b_hn is left out of da_r; {UNDER_R}": lambda h, W, b: h @ W[2].T,
    f"W_hn is used the wrong way round in da_r; {UNDER_R}": lambda h, W, b: h @ W[2] + b[2],
    f"the rows of r stand in da_r; {UNDER_R}": lambda h, W, b: h @ W[0].T + b[0],
    f"the factors are in the order of the equation in da_r, where h_prev is a column; {UNDER_R}": (
        lambda h, W, b: W[2] @ h + b[2]
    ),
    f"W_hn h_prev is transposed in da_r, a column for each sequence; {UNDER_R}": (
        lambda h, W, b: W[2] @ h.T + b[2]
    ),
    f"W_hn and h_prev are multiplied entry by entry in da_r, not with @; {UNDER_R}": (
        lambda h, W, b: W[2] * h + b[2]
    ),
}
SLOPES_OF_BOTH = {
    "the derivatives of the gates are left out: r (1 - r) and z (1 - z).": lambda k: 1 + 0 * k,
    "the gates have the derivative 1 - r^2 of a tanh; a sigmoid's is r (1 - r).": (
        lambda k: 1 - k**2
    ),
    "the sigmoid is taken of the gates once more; r is one already, and its slope is r (1 - r).": (
        lambda k: sigmoid_slope(sigmoid(k))
    ),
}
RUNS = {
    "z and 1 - z are exchanged: h_t = (1 - z) n + z h_prev, so z is the share that is "
    "kept.": _by_hand(
        {"n": lambda v: v["dh"] * v["z"], "z": lambda v: v["dh"] * (v["n"] - v["h"])},
        kept=lambda v: (1 - v["z"]) * v["dh"],
    ),
    **{cause: _by_hand(reach) for cause, reach in WRONG_REACHES.items()},
    **{cause: _by_hand(under=under) for cause, under in WRONG_UNDER.items()},
    **slope_runs(_by_hand, "rz", "n"),
    "the slope of tanh is taken of h_prev; it is that of the candidate, 1 - n^2.": _by_hand(
        {"n": lambda v: v["dh"] * (1 - v["z"]) * (1 - v["h"] ** 2)}, {"n": lambda n: 1}
    ),
    **{cause: _by_hand(slope=dict.fromkeys("rz", k)) for cause, k in SLOPES_OF_BOTH.items()},
    **{
        f"the gates' gradients stand in the order {', '.join(order)}; the rows are stacked r, z, "
        "n.": _by_hand(order=order)
        for order in ("zrn", "nrz", "rnz", "znr", "nzr")
    },
    "the reset acts before the product, as in Cho et al.; here r multiplies W_hn h_prev + "
    "b_hn.": _reset_before,
    "everything is averaged over the batch; the loss contains its mean already.": (
        lambda dh, *rest: _backward(dh / len(dh), *rest)
    ),
    "the reset gate multiplies all of the state's side; it stands before n's rows "
    "alone.": _all_gated,
    "the reset gate is left out on the state's side: n's rows of W_hh and b_hh get r * "
    "da_n.": _by_hand(sides=lambda v: (v["da_n"], v["da_n"])),
    "the reset gate multiplies the input's side; x_t reaches n without it, so n's rows of W_xh and "
    "b_xh get da_n.": _by_hand(sides=lambda v: (v["r"] * v["da_n"], v["r"] * v["da_n"])),
}
WRONG_WAYS = {  # of dh_prev
    "the direct way is left out: h_t holds z * h_prev, so z * dh_t comes straight back.": _by_hand(
        kept=lambda v: 0 * v["dh"]
    ),
    "all of dh_t comes straight back; the share z does.": _by_hand(kept=lambda v: v["dh"]),
    "1 - z stands in the direct way; the old state had the share z.": _by_hand(
        kept=lambda v: (1 - v["z"]) * v["dh"]
    ),
    "the reset gate is left out on the way to h_prev: W_hn is reached by r * da_n.": _by_hand(
        sides=lambda v: (v["da_n"], v["da_n"])
    ),
    "nothing comes through the candidate.": _by_hand(sides=lambda v: (v["da_n"], 0 * v["da_n"])),
    "nothing comes through the gates r and z; both have read h_prev.": _by_hand(
        slope=dict.fromkeys("rz", lambda k: 0 * k)
    ),
}
MEAN = "it is averaged over the batch; the sum is asked for, the loss contains the mean."


def _reset_before_in_n(dh, x, h, r, z, n, *weights):
    """dW_hh whose rows of n alone are those of the other convention."""
    H, grad = h.shape[1], _backward(dh, x, h, r, z, n, *weights)[2]["W_hh"]
    return np.concatenate([grad[: 2 * H], (dh * (1 - z) * (1 - n**2)).T @ (r * h)])


def _named(results):
    return dict(zip(RESULTS, (*results[:2], *results[2].values()), strict=True))


def _suspects():
    def entry(run, name):
        return lambda *inputs: _named(run(*inputs))[name]

    def averaged(name):
        return lambda *inputs: _named(_backward(*inputs))[name] / len(inputs[0])

    own = {name: {MEAN: averaged(name)} for name in GRADS}
    own["dh_prev"] = {cause: entry(run, "dh_prev") for cause, run in WRONG_WAYS.items()}
    own['grads["W_hh"]'] |= {
        "n's rows are formed with r * h_prev; after the product W_hn meets h_prev "
        "itself.": _reset_before_in_n,
        "it is formed with h_t; W_hh met h_prev.": entry(
            _by_hand(met=lambda v: v["n"] + v["z"] * (v["h"] - v["n"])), 'grads["W_hh"]'
        ),
    }
    own['grads["b_hh"]'] |= {
        "n's rows are not multiplied by r; b_hn stands under the reset gate, as W_hn does.": entry(
            _backward, 'grads["b_xh"]'
        )
    }
    return {
        name: own.get(name, {}) | {cause: entry(run, name) for cause, run in RUNS.items()}
        for name in RESULTS
    }


def _task(seed):
    rng = np.random.default_rng(seed)
    main, single = _draw(rng), _draw(rng, B=1)
    open_gate = _draw(rng, z=np.ones((B, H)))

    def rows(gate):
        return lambda given: (np.arange(3 * H) // H == "rzn".index(gate))[:, None]

    return Task(
        name="gru_step_backward",
        outputs=("dx_t", "dh_prev", "grads"),
        reference=_backward,
        aspects=(
            Aspect("the weights' rows of n, the candidate", 2, (main,), GRADS[:2], rows("n")),
            Aspect("the weights' rows of z, the update gate", 2, (main,), GRADS[:2], rows("z")),
            Aspect("the weights' rows of r, the reset gate", 2, (main,), GRADS[:2], rows("r")),
            Aspect("both biases", 2, (main,), GRADS[2:]),
            Aspect("dx_t", 1, (main,), ("dx_t",)),
            Aspect("dh_prev, on all four ways", 3, (main,), ("dh_prev",)),
            Aspect("z = 1: all of dh_t comes straight back", 1, (open_gate,), ("dh_prev",)),
            Aspect("one sequence", 1, (single,)),
        ),
        suspects=_suspects(),
        fallbacks=(_draw(rng, B=3, D=3, H=3),),
        rounding=measured_rounding(_backward, D + H + B + 24),
        shapes=SHAPES,
    )  # fmt: skip


def check_gru_step_backward(answer, seed=5005):
    """Check answer(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh) -> dx_t, dh_prev, grads."""
    return examine(_task(seed), answer)
