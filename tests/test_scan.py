"""The scan of a linear recurrence: many steps at once against one at a time, and its gradient."""

import numpy as np
import pytest
import torch
from gradients import B, H, T, assert_gradients, frozen, normal, torch_gradients
from hypothesis import example, given
from hypothesis import strategies as st

import rnn_course.scan
from rnn_course.scan import scan, scan_backward, scan_forward, scan_steps

both = pytest.mark.parametrize("parallel", [True, False])


def sequence_arrays(rng, B=B, T=T, H=H):
    """Everything scan takes, by name; keep in (0, 1), h_0 not zero."""
    return {
        "keep": frozen(rng.random((B, T, H))),
        "add": normal(rng, B, T, H),
        "h_0": normal(rng, B, H),
    }


def torch_scan(keep, add, h_0, truncation=None):
    """The textbook loop in torch."""
    h_t, states = h_0, []
    for t in range(keep.shape[1]):
        if truncation is not None and t > 0 and t % truncation == 0:
            h_t = h_t.detach()
        h_t = keep[:, t] * h_t + add[:, t]
        states.append(h_t)
    return torch.stack(states, dim=1) if states else torch.zeros_like(keep)


def all_gradients(dh, cache, truncation=None):
    """scan_backward's results in one dict."""
    return dict(zip(("keep", "add", "h_0"), scan_backward(dh, cache, truncation), strict=True))


@both
def test_scan_gradient_is_right(parallel, rng):
    """Do all three gradients agree with torch and finite differences?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    _, cache = scan_forward(**arrays, parallel=parallel)
    assert_gradients(
        all_gradients(upstream, cache),
        lambda **changed: scan_forward(**changed, parallel=parallel)[0],
        torch_scan,
        arrays,
        upstream,
    )


# Small and large steps: 1 * 1 to 8 * 128 entries double their reach, 8 * 129 go one at a time
WIDTHS = st.sampled_from([(1, 1), (2, 3), (1, 64), (8, 128), (8, 129)])
KEEPS = {
    "anything": lambda rng, shape: rng.random(shape),
    "nothing": lambda rng, shape: np.zeros(shape),
    "everything": lambda rng, shape: np.ones(shape),
    "almost nothing": lambda rng, shape: rng.random(shape) * 1e-200,
    "almost everything": lambda rng, shape: 1 - rng.random(shape) * 1e-9,
    "all or nothing": lambda rng, shape: (rng.random(shape) < 0.9) * 1.0,
}


@given(WIDTHS, st.integers(0, 100), st.sampled_from(sorted(KEEPS)), st.integers(0, 2**32 - 1))
@example((1, 64), 0, "anything", 0)
@example((1, 64), 1, "anything", 0)
@example((8, 128), 32, "anything", 0)  # one whole chunk
@example((8, 128), 33, "anything", 0)
@example((8, 128), 97, "almost everything", 0)  # a prime, and three chunks with a last step alone
def test_scan_equals_loop_for_any_size(width, T, kind, seed):
    """Do many steps at once give the loop's numbers, for any length and any share kept?"""
    (B, H), rng = width, np.random.default_rng(seed)
    keep = frozen(KEEPS[kind](rng, (B, T, H)))
    add, h_0 = normal(rng, B, T, H), normal(rng, B, H)
    expected = scan_steps(keep, add, h_0)
    np.testing.assert_allclose(scan(keep, add, h_0), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KEEPS)
def test_scan_of_long_sequences_equals_loop(kind, rng):
    """Do thousands of steps, whose products underflow or add up, still give the loop's numbers?"""
    keep, add = KEEPS[kind](rng, (1, 4001, 64)), normal(rng, 1, 4001, 64)
    expected = scan_steps(keep, add)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(scan(keep, add), expected, rtol=1e-12, atol=1e-12)


def test_scan_has_the_known_sums(rng):
    """Is it a running sum where all is kept, 2 - 2^-t where half is, and add where nothing is?"""
    ones = np.ones((B, 50, H))
    counted = np.arange(1.0, 51)[:, None] * ones
    np.testing.assert_array_equal(scan(ones, ones), counted)
    np.testing.assert_array_equal(scan(ones, ones, h_0=ones[:, 0]), counted + 1)
    halves = 2 - 2.0 ** -np.arange(50)[:, None] * ones
    np.testing.assert_array_equal(scan(ones / 2, ones), halves)
    add = normal(rng, B, 50, H)
    np.testing.assert_array_equal(scan(0 * ones, add, h_0=ones[:, 0]), add)


def test_scan_takes_many_steps_at_once_where_steps_are_short(monkeypatch, rng):
    """Do short steps go without the loop, and only long ones through it?"""

    def loop(*arrays):
        raise AssertionError("one step at a time")

    monkeypatch.setattr(rnn_course.scan, "scan_steps", loop)
    scan(*sequence_arrays(rng, 1, 1000, 64).values())
    scan(*sequence_arrays(rng, 8, 40, 128).values())
    with pytest.raises(AssertionError, match="one step at a time"):
        scan(*sequence_arrays(rng, 8, 40, 129).values())


def test_scan_without_parallel_is_the_loop(monkeypatch, rng):
    """Does parallel=False go one step at a time, forward and backward?"""
    monkeypatch.setattr(rnn_course.scan, "scan", None)
    h, cache = scan_forward(**sequence_arrays(rng), parallel=False)
    scan_backward(h, cache)


@given(
    width=WIDTHS,
    T=st.integers(0, 70),
    truncation=st.none() | st.integers(1, 75),
    parallel=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@example(width=(2, 3), T=1, truncation=1, parallel=True, seed=0)
@example(width=(2, 3), T=70, truncation=35, parallel=True, seed=0)
def test_scan_gradient_equals_torch_for_any_size(width, T, truncation, parallel, seed):
    """Do values and gradients agree with torch, whose states are detached at the cuts?"""
    (B, H), rng = width, np.random.default_rng(seed)
    arrays, upstream = sequence_arrays(rng, B, T, H), normal(rng, B, T, H)
    h, cache = scan_forward(**arrays, parallel=parallel)
    grads = all_gradients(upstream, cache, truncation)
    if T == 0:
        assert not any(grad.any() for grad in grads.values())
        return
    output, expected = torch_gradients(
        lambda **tensors: torch_scan(**tensors, truncation=truncation), arrays, upstream
    )
    np.testing.assert_allclose(h, output, rtol=1e-10, atol=1e-10)
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)


@both
@pytest.mark.parametrize("cut", [1, 3, T])
def test_scan_goes_on_from_a_state(parallel, cut, rng):
    """Do two pieces, the second from the first one's last state, give the whole sequence?"""
    keep, add, h_0 = sequence_arrays(rng).values()
    whole, _ = scan_forward(keep, add, h_0, parallel)
    first, _ = scan_forward(keep[:, :cut], add[:, :cut], h_0, parallel)
    second, _ = scan_forward(keep[:, cut:], add[:, cut:], first[:, -1], parallel)
    joined = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(joined, whole, rtol=1e-12, atol=1e-14)


@both
def test_scan_without_initial_state_starts_at_zero(parallel, rng):
    """Is h_0 = None the zero state, for states and gradients?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    h, cache = scan_forward(**arrays | {"h_0": None}, parallel=parallel)
    h_zero, cache_zero = scan_forward(**arrays | {"h_0": np.zeros((B, H))}, parallel=parallel)
    np.testing.assert_array_equal(h, h_zero)
    expected = all_gradients(upstream, cache_zero)
    for name, grad in all_gradients(upstream, cache).items():
        np.testing.assert_array_equal(grad, expected[name])


@both
@pytest.mark.parametrize(("B", "T"), [(0, T), (B, 0)])
def test_scan_of_nothing_is_nothing(parallel, B, T, rng):
    """Do an empty batch and a sequence of no steps give empty states and zero gradients?"""
    arrays = sequence_arrays(rng, B, T)
    h, cache = scan_forward(**arrays, parallel=parallel)
    assert h.shape == (B, T, H)
    for name, grad in all_gradients(np.zeros((B, T, H)), cache, truncation=2).items():
        assert grad.shape == arrays[name].shape
        assert not grad.any()


@both
def test_scan_keeps_nan_in_its_unit_and_after_its_step(parallel, rng):
    """Does a NaN spread forward in its own unit alone, and its gradient not at all to others?"""
    arrays, upstream = sequence_arrays(rng), normal(rng, B, T, H)
    add = np.array(arrays["add"])
    add[1, 3, 2] = np.nan
    h_clean, cache_clean = scan_forward(**arrays, parallel=parallel)
    h, cache = scan_forward(**arrays | {"add": add}, parallel=parallel)
    poisoned = np.zeros((B, T, H), dtype=bool)
    poisoned[1, 3:, 2] = True
    np.testing.assert_array_equal(np.isnan(h), poisoned)
    np.testing.assert_array_equal(h[~poisoned], h_clean[~poisoned])
    expected, grads = all_gradients(upstream, cache_clean), all_gradients(upstream, cache)
    np.testing.assert_array_equal(grads["add"], expected["add"])
    np.testing.assert_array_equal(grads["keep"][0], expected["keep"][0])


@both
def test_scan_keeps_float32(parallel, rng):
    """Do float32 arrays give float32 states and gradients?"""
    arrays = {name: array.astype(np.float32) for name, array in sequence_arrays(rng).items()}
    for h_0 in (arrays["h_0"], None):
        h, cache = scan_forward(**arrays | {"h_0": h_0}, parallel=parallel)
        results = [h, *scan_backward(h, cache), *scan_backward(h, cache, truncation=2)]
        assert {result.dtype for result in results} == {np.dtype(np.float32)}


@both
def test_scan_rounds_no_state_to_an_integer(parallel, rng):
    """Do integer keep and add leave a state with a fraction as it is?"""
    keep, add = np.ones((B, T, H), dtype=int), np.zeros((B, T, H), dtype=int)
    h, _ = scan_forward(keep, add, np.full((B, H), 0.5), parallel)
    assert (h == 0.5).all()


@pytest.mark.parametrize("run", [scan, scan_steps, scan_forward])
def test_scan_names_both_shapes(run, rng):
    """Does each wrong shape name the array at fault and the one it has to fit?"""
    keep, add, h_0 = sequence_arrays(rng).values()
    with pytest.raises(ValueError, match=r"keep has shape \(7, 5\), but scan needs \(any"):
        run(keep[0], add, h_0)
    with pytest.raises(ValueError, match=r"add has shape \(2, 1, 5\), but keep \(2, 7, 5\) needs"):
        run(keep, add[:, :1], h_0)
    with pytest.raises(ValueError, match=r"h_0 has shape \(5,\), but keep \(2, 7, 5\) needs"):
        run(keep, add, h_0[0])


def test_scan_backward_refuses_what_does_not_fit(rng):
    """Do a gradient that would broadcast, and a piece without steps, raise?"""
    _, cache = scan_forward(**sequence_arrays(rng))
    with pytest.raises(ValueError, match=r"dh has shape \(2, 1, 5\), but h \(2, 7, 5\) needs"):
        scan_backward(np.ones((B, 1, H)), cache)
    with pytest.raises(ValueError, match=r"truncation is 0; expected .* >= 1"):
        scan_backward(np.ones((B, T, H)), cache, truncation=0)
