"""Schedules of the learning rate, against torch.optim.lr_scheduler and by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from rnn_course.optimisers import SGD
from rnn_course.schedules import (
    constant,
    cosine_decay,
    exponential_decay,
    inverse_square_root,
    step_decay,
)

RATE, UPDATES, WARM_UP = 0.3, 40, 7


def vaswani(k, size=64):
    """Equation 3 of the source, whose steps count from one."""
    step = k + 1
    return size**-0.5 * min(step**-0.5, step * WARM_UP**-1.5)


def torch_warm_up_and_cosine(optimiser):
    """As torch puts it together: a line up to the full rate, then half a cosine."""
    up = lr_scheduler.LinearLR(optimiser, 1 / WARM_UP, total_iters=WARM_UP - 1)
    down = lr_scheduler.CosineAnnealingLR(optimiser, UPDATES - WARM_UP, eta_min=0.01)
    return lr_scheduler.SequentialLR(optimiser, [up, down], milestones=[WARM_UP])


SCHEDULES = {
    "constant": (constant(RATE), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    "exponential": (exponential_decay(RATE, 0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "step": (step_decay(RATE, 0.4, every=6), lambda o: lr_scheduler.StepLR(o, 6, 0.4)),
    "cosine": (cosine_decay(RATE, UPDATES), lambda o: lr_scheduler.CosineAnnealingLR(o, UPDATES)),
    "cosine to a rate": (
        cosine_decay(RATE, UPDATES, final=0.01),
        lambda o: lr_scheduler.CosineAnnealingLR(o, UPDATES, eta_min=0.01),
    ),
    "cosine after a warm-up": (
        cosine_decay(RATE, UPDATES, WARM_UP, final=0.01),
        torch_warm_up_and_cosine,
    ),
    "inverse square root": (
        inverse_square_root((64 * WARM_UP) ** -0.5, WARM_UP),
        lambda o: lr_scheduler.LambdaLR(o, lambda k: vaswani(k) / RATE),
    ),
}
every = pytest.mark.parametrize("name", SCHEDULES)


@every
@pytest.mark.filterwarnings("ignore:.*epoch parameter in `scheduler.step\\(\\)`")
def test_schedule_equals_torch(name):
    """Is the rate of every update torch's, when its scheduler steps after each update?"""
    schedule, make_torch = SCHEDULES[name]
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE)
    scheduler = make_torch(optimiser)
    for k in range(UPDATES + 1):
        assert schedule(k) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-10, abs=1e-15), k
        optimiser.step()
        scheduler.step()


@every
def test_schedule_drives_an_optimiser(name):
    """Are the updates as long as the schedule says, from the first one on?"""
    schedule, _ = SCHEDULES[name]
    optimiser, params = SGD(schedule), {"w": np.zeros(1)}
    for k in range(UPDATES):
        before = params["w"].copy()
        optimiser.update(params, {"w": np.ones(1)})
        assert before - params["w"] == pytest.approx(schedule(k), abs=1e-12)


def test_schedule_gives_plain_numbers():
    """Are rates Python floats also for settings from NumPy, so that float32 stays float32?"""
    rate, factor, updates = np.float64(0.1), np.float32(0.5), np.int64(5)
    schedules = [
        constant(rate),
        exponential_decay(rate, factor),
        step_decay(rate, factor, updates),
        cosine_decay(rate, updates, np.int64(2), final=np.float64(0.01)),
        inverse_square_root(rate, updates),
    ]
    for schedule in schedules:
        assert {type(schedule(k)) for k in (0, 1, 2, np.int64(5), 99)} == {float}


def test_cosine_by_hand():
    """Does the rate rise in equal steps, fall through the middle, and stay at the end?"""
    schedule = cosine_decay(0.8, 8, warm_up=4, final=0.2)
    assert [schedule(k) for k in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert schedule(6) == pytest.approx(0.5)
    assert [schedule(k) for k in (8, 9, 12, 10**6)] == pytest.approx([0.2] * 4)


def test_inverse_square_root_by_hand():
    """Is the highest rate that of the warm-up's last update, and half of it four times later?"""
    schedule = inverse_square_root(0.8, warm_up=4)
    assert [schedule(k) for k in range(4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert schedule(15) == pytest.approx(0.4)


def test_step_decay_by_hand():
    """Does the rate stay for as many updates as told, then shrink at once?"""
    schedule = step_decay(0.8, 0.5, every=3)
    assert [schedule(k) for k in range(7)] == pytest.approx([0.8] * 3 + [0.4] * 3 + [0.2])
    assert exponential_decay(0.8, 0.5)(10**6) == 0


@given(
    st.floats(1e-6, 10), st.integers(1, 30), st.integers(0, 29), st.floats(0, 1), st.integers(0, 99)
)
def test_cosine_rises_then_falls_within_its_bounds(rate, num_updates, warm_up, share, k):
    """Is the rate positive, at most the highest, rising up to the warm-up's end, then falling?"""
    warm_up = min(warm_up, num_updates - 1)
    schedule = cosine_decay(rate, num_updates, warm_up, final=share * rate)
    assert 0 <= schedule(k) <= rate * (1 + 1e-12)
    assert schedule(max(warm_up - 1, 0)) == pytest.approx(rate)
    if k + 1 < warm_up:
        assert schedule(k) < schedule(k + 1)
    else:
        assert schedule(k) >= schedule(k + 1) - 1e-12 * rate
    if k < num_updates and k >= warm_up:
        assert schedule(k) >= share * rate * (1 - 1e-12)


@pytest.mark.parametrize(
    "make",
    [
        constant,
        lambda rate: exponential_decay(rate, 0.9),
        lambda rate: step_decay(rate, 0.9, 3),
        lambda rate: cosine_decay(rate, 5),
        lambda rate: inverse_square_root(rate, 5),
    ],
)
@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, np.inf])
def test_schedule_refuses_a_rate_that_is_not_positive(make, rate):
    """Does a highest rate of no size, uphill or without bound raise?"""
    with pytest.raises(ValueError, match=r"learning_rate is .*; expected a positive finite number"):
        make(rate)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: exponential_decay(0.1, 0.0), "factor is 0.0; expected more than 0 and at most 1"),
        (lambda: exponential_decay(0.1, 1.1), "factor is 1.1; expected"),
        (lambda: step_decay(0.1, np.nan, 3), "factor is nan; expected"),
        (lambda: step_decay(0.1, 0.5, 0), "every is 0; expected a whole number, at least 1"),
        (lambda: step_decay(0.1, 0.5, 2.5), "every is 2.5; expected a whole number"),
        (lambda: cosine_decay(0.1, 0), "num_updates is 0; expected a whole number, at least 1"),
        (lambda: cosine_decay(0.1, np.inf), "num_updates is inf; expected a whole number"),
        (lambda: cosine_decay(0.1, np.nan), "num_updates is nan; expected a whole number"),
        (lambda: cosine_decay(0.1, 5, 5), "warm_up is 5; expected a whole number, 0 to 4"),
        (lambda: cosine_decay(0.1, 5, -1), "warm_up is -1; expected a whole number, 0 to 4"),
        (lambda: cosine_decay(0.1, 5, final=0.2), "final is 0.2; expected 0 to the learning_rate"),
        (lambda: cosine_decay(0.1, 5, final=-0.1), "final is -0.1; expected 0 to"),
        (lambda: cosine_decay(0.1, 5, final=np.nan), "final is nan; expected 0 to"),
        (lambda: inverse_square_root(0.1, 0), "warm_up is 0; expected a whole number, at least 1"),
    ],
)
def test_schedule_refuses_nonsense(make, match):
    """Does each setting outside its range raise by its name when the schedule is made?"""
    with pytest.raises(ValueError, match=match):
        make()
