"""The gradient checker: passes what is right, finds the worst entry, names the likely cause."""

import numpy as np
import pytest
from gradients import B, D, H, T, frozen, normal

from rnn_course.gradient_check import check_gradients, numerical_gradient
from rnn_course.rnn import rnn_backward, rnn_forward


@pytest.fixture
def problem(rng):
    """Loss of an RNN's parameters, the parameters, and their true gradients."""
    x, h_0, upstream = normal(rng, B, T, D), normal(rng, B, H), normal(rng, B, T, H)
    params = {
        "W_xh": normal(rng, H, D),
        "W_hh": frozen(normal(rng, H, H) / 2),
        "b_h": normal(rng, H),
    }

    def loss_of(params):
        return (rnn_forward(x, h_0, **params)[0] * upstream).sum()

    _, cache = rnn_forward(x, h_0, **params)
    return loss_of, params, rnn_backward(upstream, cache)[2]


def test_numerical_gradient_of_a_polynomial():
    """Is the derivative of a cubic what calculus says, and are the parameters left alone?"""
    p = frozen([[1.0, -2.0], [0.5, 3.0]])
    gradient = numerical_gradient(lambda params: (params["p"] ** 3).sum(), {"p": p}, "p")
    np.testing.assert_allclose(gradient, 3 * p**2, atol=1e-8)  # epsilon² and rounding


def test_numerical_gradient_takes_one_entry_at_a_time(rng):
    """Is every other entry and parameter at its own value while one entry moves?"""
    p, q = normal(rng, 2, 3), normal(rng, 3)
    gradient = numerical_gradient(
        lambda params: params["p"].prod() * params["q"].sum(), {"p": p, "q": q}, "p"
    )
    np.testing.assert_allclose(gradient, p.prod() * q.sum() / p, rtol=1e-7)


def test_check_passes_right_gradients(problem):
    """Do true gradients pass, with the worst entry named and no cause given?"""
    verdict = check_gradients(*problem)
    assert verdict
    assert verdict.passed
    assert verdict.relative_error < 1e-7
    assert verdict.likely_cause == ""
    assert str(verdict).startswith(f"passed: worst entry d{verdict.name}[")
    assert "likely cause" not in str(verdict)
    numbers = verdict.analytic, verdict.numeric, verdict.relative_error
    assert {type(number) for number in numbers} == {float}
    assert {type(k) for k in verdict.index} == {int}


def test_check_passes_a_gradient_that_is_zero(rng):
    """Is zero right where the loss does not depend on a parameter?"""
    params = {"unused": normal(rng, 3)}
    assert check_gradients(lambda params: 1.0, params, {"unused": np.zeros(3)})
    verdict = check_gradients(lambda params: 1.0, params, {"unused": np.ones(3)})
    assert not verdict
    assert "most entries of dunused are wrong" in verdict.likely_cause


def spoil(grad, index, value):
    """A copy of a gradient with one place changed."""
    changed = grad.copy()
    changed[index] = value
    return changed


MISTAKES = {
    "sign": (lambda g: -g, "dW_hh has the wrong sign"),
    "twice": (lambda g: 2 * g, "dW_hh is 2 times the true gradient"),
    "mean over the batch": (lambda g: g / B, "dW_hh is 0.5 times the true gradient"),
    "transposed": (lambda g: g.T, "dW_hh is transposed"),
    "zero": (lambda g: 0 * g, "dW_hh is zero everywhere"),
    "nan": (lambda g: spoil(g, (1, 2), np.nan), "dW_hh holds NaN or infinity"),
    "infinite": (lambda g: spoil(g, (1, 2), np.inf), "dW_hh holds NaN or infinity"),
    "one row": (lambda g: spoil(g, 3, 0.0), "5 of 25 entries of dW_hh are wrong"),
    "one column": (lambda g: spoil(g, np.s_[:, 0], 9.0), "5 of 25 entries of dW_hh are wrong"),
    "two rows": (lambda g: spoil(g, np.s_[1:3], 0.0), "10 of 25 entries of dW_hh are wrong"),
    "three rows": (lambda g: spoil(g, np.s_[1:4], 0.0), "most entries of dW_hh are wrong"),
    "added constant": (lambda g: g + 0.1, "most entries of dW_hh are wrong: a missing term"),
    "subtracted constant": (lambda g: g - 0.1, "most entries of dW_hh are wrong: a missing term"),
    "in float32": (lambda g: g * (1 + 1.5e-6), "dW_hh is nearly right"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_check_names_the_likely_cause(name, problem):
    """Does each planted mistake fail, in the right parameter, with its own cause?"""
    loss_of, params, grads = problem
    plant, cause = MISTAKES[name]
    verdict = check_gradients(loss_of, params, grads | {"W_hh": plant(grads["W_hh"])})
    assert not verdict
    assert verdict.name == "W_hh"
    assert cause in verdict.likely_cause
    assert str(verdict).startswith("FAILED: worst entry dW_hh[")
    assert str(verdict).endswith(f"likely cause: {verdict.likely_cause}")


@pytest.mark.parametrize("scale", [1e-6, 1e4])
@pytest.mark.parametrize("name", ["twice", "one row", "two rows", "added constant"])
def test_check_does_not_depend_on_the_scale_of_the_loss(name, scale, problem):
    """Is the verdict the same for a loss in other units?"""
    loss_of, params, grads = problem
    plant, cause = MISTAKES[name]
    wrong = {"W_hh": plant(grads["W_hh"]) * scale}
    verdict = check_gradients(lambda params: loss_of(params) * scale, params, wrong)
    assert cause in verdict.likely_cause
    right = {"W_hh": grads["W_hh"] * scale}
    assert check_gradients(lambda params: loss_of(params) * scale, params, right)


def test_check_judges_negative_gradients_by_their_size():
    """Are error and cause right where every entry is negative?"""
    params, gradient = {"p": frozen(np.ones(5))}, np.full(5, -1.0)

    def check(analytic):
        return check_gradients(lambda params: -params["p"].sum(), params, {"p": analytic})

    assert check(gradient)
    assert check(gradient / 2).relative_error == pytest.approx(0.5, rel=1e-6)
    assert "0.5 times the true gradient" in check(gradient / 2).likely_cause
    assert check(spoil(gradient, 3, 0.5)).relative_error == pytest.approx(1.5, rel=1e-6)
    assert "1 of 5 entries of dp are wrong" in check(spoil(gradient, 3, 0.5)).likely_cause


@pytest.mark.parametrize("largest", [1, -1, 1e3])
def test_check_measures_tiny_entries_by_a_hundredth_of_the_largest(largest):
    """Is an error beside a zero relative to a hundredth of the gradient's largest entry?"""
    params, analytic = {"p": frozen([1.0, 1.0])}, np.array([1e-7 * abs(largest), largest])
    verdict = check_gradients(lambda params: largest * params["p"][1], params, {"p": analytic})
    assert verdict.index == (0,)
    assert verdict.relative_error == pytest.approx(1e-5)


@pytest.mark.parametrize("truncation", [1, T - 1])
def test_check_finds_a_gradient_dropped_between_steps(truncation, problem, rng):
    """Does a gradient that does not flow through all steps fail as a missing term?"""
    _, params, _ = problem
    x, h_0, upstream = normal(rng, B, T, D), normal(rng, B, H), normal(rng, B, T, H)
    _, cache = rnn_forward(x, h_0, **params)
    grads = rnn_backward(upstream, cache, truncation)[2]
    verdict = check_gradients(
        lambda params: (rnn_forward(x, h_0, **params)[0] * upstream).sum(), params, grads
    )
    assert not verdict
    assert "missing term (has the gradient from step t + 1 been added?)" in verdict.likely_cause


def test_check_finds_the_worst_entry(problem):
    """Is the entry with the largest error reported, with both values, of all parameters?"""
    loss_of, params, grads = problem
    wrong = {
        "W_xh": spoil(grads["W_xh"], (0, 1), grads["W_xh"][0, 1] * 1.01),
        "W_hh": spoil(grads["W_hh"], (4, 2), grads["W_hh"][4, 2] * 3),
        "b_h": grads["b_h"],
    }
    verdict = check_gradients(loss_of, params, wrong)
    assert (verdict.name, verdict.index) == ("W_hh", (4, 2))
    assert verdict.analytic == 3 * grads["W_hh"][4, 2]
    assert verdict.numeric == pytest.approx(grads["W_hh"][4, 2], rel=1e-6)
    assert verdict.relative_error == pytest.approx(2 / 3, rel=1e-4)


def test_check_does_not_take_rounding_of_tiny_entries_for_mistakes():
    """Is a tiny entry beside a large one judged on the scale of the gradient?"""
    params = {"p": frozen([1.0, 1.0])}
    gradient = np.array([1e-12 + 1e-15, 1.0])
    assert check_gradients(lambda p: 1e-12 * p["p"][0] + p["p"][1], params, {"p": gradient})


def test_check_tolerance_is_the_bound(problem):
    """Does the same error pass under a wide tolerance and fail under a narrow one?"""
    loss_of, params, grads = problem
    nearly = {"b_h": grads["b_h"] * (1 + 1e-3)}
    assert check_gradients(loss_of, params, nearly, tolerance=2e-3)
    assert not check_gradients(loss_of, params, nearly, tolerance=5e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_check_says_when_the_loss_itself_is_not_finite(value):
    """Is a NaN loss reported as such, without a warning, and not as a wrong gradient?"""
    verdict = check_gradients(lambda p: np.float64(value), {"p": frozen([1.0])}, {"p": np.ones(1)})
    assert not verdict
    assert "the loss is NaN or infinite close to these values of p" in verdict.likely_cause


def test_check_takes_a_scalar_parameter():
    """Does a parameter without axes work like any other?"""
    params = {"scale": frozen(3.0)}
    assert check_gradients(lambda p: p["scale"] ** 2, params, {"scale": 6.0})
    assert not check_gradients(lambda p: p["scale"] ** 2, params, {"scale": np.array(5.0)})


def test_check_refuses_what_it_cannot_judge(problem):
    """Do float32 parameters, wrong shapes, strange names and no gradients raise?"""
    loss_of, params, grads = problem
    with pytest.raises(TypeError, match="b_h is float32; a gradient check needs float64"):
        check_gradients(loss_of, params | {"b_h": params["b_h"].astype(np.float32)}, grads)
    match = r"the gradient of W_xh has shape \(3, 5\), but W_xh \(5, 3\) needs \(5, 3\)"
    with pytest.raises(ValueError, match=match):
        check_gradients(loss_of, params, {"W_xh": grads["W_xh"].T})
    with pytest.raises(KeyError, match="W_hy"):
        check_gradients(loss_of, params, {"W_hy": grads["W_hh"]})
    with pytest.raises(ValueError, match="nothing to check"):
        check_gradients(loss_of, params, {})
