"""What every gradient test needs: distinct sizes, frozen arrays, torch's and numeric gradients."""

import numpy as np
import torch

from rnn_course.gradient_check import check_gradients

B, T, D, H, K = 2, 7, 3, 5, 4


def normal(rng, *shape, dtype=np.float64):
    """Standard normal array that raises on a change in place."""
    return frozen(rng.standard_normal(shape).astype(dtype))


def frozen(array):
    """A copy of an array that raises on a change in place."""
    array = np.array(array)
    array.flags.writeable = False
    return array


def torch_gradients(function, arrays, upstream):
    """Output of function(**arrays) in torch, and the gradient of sum(upstream * output)."""
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}
    output = function(**tensors)
    (output * torch.tensor(np.asarray(upstream))).sum().backward()
    return output.detach().numpy(), {name: leaf.grad.numpy() for name, leaf in tensors.items()}


def assert_gradients(grads, forward, torch_forward, arrays, upstream):
    """Fail unless output and gradients agree with torch and with finite differences.

    forward and torch_forward take ``arrays`` by name and return the output alone; upstream is the
    gradient with respect to that output; grads holds the gradient of every array.
    """
    output, expected = torch_gradients(torch_forward, arrays, upstream)
    np.testing.assert_allclose(forward(**arrays), output, rtol=1e-10, atol=1e-10)
    assert grads.keys() == arrays.keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)
    verdict = check_gradients(
        lambda changed: (forward(**changed) * upstream).sum(), arrays, grads, tolerance=1e-5
    )
    assert verdict, str(verdict)


def summed_over_steps(step_backward, step_caches, upstream, arrays):
    """Gradients of a whole sequence, put together from the backward passes of its steps.

    upstream: (B, T, H) gradient with respect to each step's state; arrays: those of the forward
    pass by name, "x" and "h_0" among them.
    """
    summed = {name: np.zeros_like(array) for name, array in arrays.items()}
    dh_t = np.zeros_like(arrays["h_0"])
    for t in reversed(range(len(step_caches))):
        summed["x"][:, t], dh_t, grads = step_backward(upstream[:, t] + dh_t, step_caches[t])
        for name, grad in grads.items():
            summed[name] += grad
    return summed | {"h_0": dh_t}


def assert_same_arrays(actual, expected, rtol=1e-10, atol=1e-10):
    """Fail unless two dicts have the same keys and, but for rounding, the same arrays."""
    assert actual.keys() == expected.keys()
    for name, array in actual.items():
        np.testing.assert_allclose(array, expected[name], rtol=rtol, atol=atol, err_msg=name)
