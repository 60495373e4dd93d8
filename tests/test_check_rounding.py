"""The bounds of rounding errors: wide enough for right answers, far below any mistake."""

from importlib import import_module

import numpy as np
import pytest

from rnn_course import lstm
from rnn_course.checks import (
    bptt,
    clipping,
    gradients,
    jacobians,
    loss_gradient,
    losses,
    norms,
    rnn,
    spectral,
    truncation,
    updates,
)
from rnn_course.examination.calling import each
from rnn_course.examination.rounding import measured_rounding

B, T, D, H = 2, 7, 3, 5


def arguments(seed):
    rng = np.random.default_rng(seed)
    sizes = {"x": (B, T, D), "h_0": (B, H), "c_0": (B, H)}
    sizes |= {"W_xh": (4 * H, D), "W_hh": (4 * H, H), "b_h": (4 * H,)}
    return {name: rng.uniform(-1, 1, size) for name, size in sizes.items()}


def run(x, h_0, c_0, W_xh, W_hh, b_h):
    """All states, and the last cell state in a dict."""
    h, c_t, states = h_0, c_0, []
    for t in range(x.shape[1]):
        (h, c_t), _ = lstm.lstm_step_forward(x[:, t], h, c_t, W_xh, W_hh, b_h)
        states.append(h)
    return np.stack(states, axis=1), {"c": c_t}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bound_holds_for_another_order_of_operations(dtype):
    """Is a right answer, summed in another order and in its own dtype, always within the bound?"""
    bound = measured_rounding(run, T * (H + D))
    eps = np.finfo(dtype).eps
    for seed in range(20):
        given = arguments(seed)
        order = np.random.default_rng(seed).permutation(D)
        cast = {name: value.astype(dtype) for name, value in given.items()}
        cast["x"], cast["W_xh"] = cast["x"][:, :, order], cast["W_xh"][:, order]
        exact = {name: value.astype(dtype).astype(float) for name, value in given.items()}
        got, right = run(*cast.values()), run(*exact.values())
        limits = bound(*exact.values())
        within = each(lambda g, r, m: bool((abs(g - r) <= eps * m).all()), got, right, limits)
        assert within == (True, {"c": True})


def test_bound_is_far_below_the_effect_of_a_mistake():
    """Would a bias wrong in its fifth digit still show in float32?"""
    given = arguments(0)
    right, limits = run(*given.values()), measured_rounding(run, T * (H + D))(*given.values())
    wrong = run(*(given | {"b_h": 1.001 * given["b_h"]}).values())
    exceeded = each(lambda w, r, m: bool((abs(w - r) > 1.2e-7 * m).any()), wrong, right, limits)
    assert exceeded == (True, {"c": True})


def test_bound_of_an_exact_function_is_that_of_its_values():
    """Do integers that nothing changes count by their size alone, and empty arrays at all?"""
    picked = measured_rounding(lambda x, index: x[index], 3)
    x, index = np.array([1.0, -2.0, 4.0]), np.array([1])
    assert picked(x, index) == pytest.approx(3 * (2 + 2 + 2))
    assert picked(x, index[:0]).shape == (0,)


def test_bound_counts_parameters_in_a_list_of_dicts():
    """Are arrays within lists and dicts changed like any other?"""
    bound = measured_rounding(lambda layers: layers[1]["W"] - layers[0]["W"], 1)
    W = np.array([3.0])
    assert bound([{"W": W}, {"W": W}]) == pytest.approx(6)


DERIVED = {
    "log_softmax": losses._log_softmax_task,
    "masked_cross_entropy": losses._loss_task,
    "rnn_step_forward": rnn._step_task,
    "rnn_forward": rnn._sequence_task,
    "cross_entropy_gradient": loss_gradient._task,
    "rnn_step_backward": gradients._task,
    "rnn_backward": bptt._task,
    "truncated_rnn_backward": truncation._task,
    "adam_step": updates._task,
    "state_jacobians": jacobians._jacobian_task,
    "jacobian_product": jacobians._product_task,
    "gradient_norms": norms._norm_task,
    "with_spectral_radius": spectral._radius_task,
    "clip_by_global_norm": clipping._clip_task,
}


PRECISIONS = [(task, dtype) for task in DERIVED for dtype in (np.float32, np.float64)]
PRECISIONS.remove(("masked_cross_entropy", np.float32))  # its check takes float64 alone


def used_share(task, answer, dtype):
    """Largest share of its bound that the error of an answer takes up, over all inputs."""
    shares = []

    def compare(right, got, bound):
        error = np.abs(np.asarray(got, dtype=float) - right)
        limit = np.broadcast_to(np.finfo(dtype).eps * bound, error.shape)
        assert (error[limit == 0] == 0).all()
        shares.append((error[limit > 0] / limit[limit > 0]).max(initial=0))

    def cast(arguments, kind):
        def one(a):
            return a.astype(kind) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

        return each(one, arguments)

    for case in (case for aspect in task.aspects for case in aspect.cases):
        given = cast(tuple(case.values()), dtype)
        exact = cast(given, np.float64)
        each(compare, task.reference(*exact), answer(*given), task.rounding(*exact))
    return max(shares)


@pytest.mark.parametrize(("task", "dtype"), PRECISIONS)
def test_derived_bound_holds_and_is_close(task, dtype):
    """Do all right answers keep to the bound itself, and come within a factor of 50 of it?"""
    rights = import_module(f"mistakes.{task}").answers.rights.values()
    with np.errstate(all="ignore"):
        tasks = [DERIVED[task](seed) for seed in range(10)]
        used = max(used_share(drawn, right, dtype) for drawn in tasks for right in rights)
    assert 0.02 < used <= 1


def test_bound_of_a_gradient_is_zero_at_padded_steps():
    """Must the gradient of a padded step be exactly zero?"""
    case = loss_gradient._task(0).aspects[0].cases[0]
    bound = loss_gradient._rounding(*case.values())
    assert (bound[~case["mask"]] == 0).all()
    assert (bound[case["mask"]] > 0).all()
