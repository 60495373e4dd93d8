"""Optimisers that update a dict of parameters in place, and clipping by global norm.

Each update rule follows torch.optim's definition, so that a learning rate means the same here.
"""

import numpy as np

from rnn_course._validate import require_shape


def global_norm(grads):
    """Euclidean norm of all gradients laid end to end: sqrt of the sum of all squares.

    Summed in float64; infinite where the squares overflow.
    """
    with np.errstate(over="ignore"):
        squares = [(grad.astype(np.float64) ** 2).sum() for grad in grads.values()]
        return float(np.sqrt(sum(squares)))


def clip_by_global_norm(grads, max_norm):
    """Scale all gradients by one factor so that their global norm is at most ``max_norm``.

    The direction is kept, and gradients already within the bound come back unscaled
    (eq-clipping).

    Args:
        grads: dict of arrays; not changed. max_norm: positive float.

    Returns:
        clipped: dict of the same keys and shapes. norm: the global norm before clipping.

    Raises:
        ValueError: max_norm is not positive.
        FloatingPointError: the norm is NaN or infinite; clipping cannot repair that.

    Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, algorithm 1.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}; expected a positive number")
    norm = global_norm(grads)
    if not np.isfinite(norm):
        bad = [name for name, grad in grads.items() if not np.isfinite(grad).all()]
        raise FloatingPointError(
            f"the global norm is {norm}: {', '.join(bad) or 'a square of finite entries'} is not "
            "finite. Lower the learning rate, or look for the step where the state overflows"
        )
    scale = float(max_norm / norm) if norm > max_norm else 1.0  # a Python float keeps the dtype
    return {name: grad * scale for name, grad in grads.items()}, norm


class Optimiser:
    """Base of the update rules: checks the gradients, then updates each parameter in place.

    Args:
        learning_rate: positive step size.
    """

    def __init__(self, learning_rate):
        if not learning_rate > 0:
            raise ValueError(f"learning_rate is {learning_rate}; expected a positive number")
        self.learning_rate = learning_rate
        self.num_updates = 0
        self.state = {}

    def update(self, params, grads):
        """Change each array of ``params`` in place, given ``grads`` with the same keys and shapes.

        Raises:
            KeyError: a parameter has no gradient. ValueError: their shapes differ. Nothing has
                changed then.
        """
        missing = sorted(set(params) - set(grads))
        if missing:
            raise KeyError(f"no gradient for {', '.join(missing)}")
        for name, param in params.items():
            require_shape(
                f"the gradient of {name}", grads[name], param.shape, f"{name} {param.shape}"
            )
        self.num_updates += 1
        for name, param in params.items():
            slots = self.state.setdefault(name, {})
            param -= self.learning_rate * self._direction(grads[name], slots)

    def _direction(self, grad, slots):
        raise NotImplementedError


class SGD(Optimiser):
    """Stochastic gradient descent: v = momentum v + g; param -= learning_rate v."""

    def __init__(self, learning_rate, momentum=0.0):
        super().__init__(learning_rate)
        self.momentum = momentum

    def _direction(self, grad, slots):
        slots["velocity"] = self.momentum * slots.get("velocity", 0) + grad
        return slots["velocity"]


class RMSprop(Optimiser):
    """Divide each gradient by a running root mean square of itself.

    s = decay s + (1 - decay) g²; param -= learning_rate g / (sqrt(s) + epsilon).

    Source: Tieleman and Hinton (2012), lecture 6.5 of Neural Networks for Machine Learning.
    """

    def __init__(self, learning_rate=0.01, decay=0.99, epsilon=1e-8):
        super().__init__(learning_rate)
        self.decay, self.epsilon = decay, epsilon

    def _direction(self, grad, slots):
        slots["square"] = self.decay * slots.get("square", 0) + (1 - self.decay) * grad**2
        return grad / (np.sqrt(slots["square"]) + self.epsilon)


class Adam(Optimiser):
    """Running means of the gradient and of its square, both corrected for starting at zero.

    m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g²; with k updates done,
    param -= learning_rate (m / (1 - beta_1^k)) / (sqrt(v / (1 - beta_2^k)) + epsilon).

    Source: Kingma and Ba (2015), arXiv:1412.6980.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _direction(self, grad, slots):
        slots["mean"] = self.beta_1 * slots.get("mean", 0) + (1 - self.beta_1) * grad
        slots["square"] = self.beta_2 * slots.get("square", 0) + (1 - self.beta_2) * grad**2
        mean = slots["mean"] / (1 - self.beta_1**self.num_updates)
        square = slots["square"] / (1 - self.beta_2**self.num_updates)
        return mean / (np.sqrt(square) + self.epsilon)
