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


def _require_fraction(name, value):
    if not 0 <= value < 1:
        raise ValueError(f"{name} is {value}; expected at least 0 and less than 1")


class Optimiser:
    """Base of the update rules: checks the gradients, then updates each parameter in place.

    Args:
        learning_rate: positive step size; or a function, such as those of rnn_course.schedules,
            that gives a step size of at least 0 for the number of updates done so far.
    """

    slots = ()  # names of the arrays that a rule carries from update to update, one a parameter

    def __init__(self, learning_rate):
        if not callable(learning_rate) and not learning_rate > 0:
            raise ValueError(f"learning_rate is {learning_rate}; expected a positive number")
        self.learning_rate = learning_rate
        self.num_updates = 0
        self.state = {}

    def update(self, params, grads):
        """Change each array of ``params`` in place, given ``grads`` with the same keys and shapes.

        Raises:
            KeyError: a parameter has no gradient. ValueError: their shapes differ, or the
                schedule gives a negative step size. Nothing has changed then.
        """
        missing = sorted(set(params) - set(grads))
        if missing:
            raise KeyError(f"no gradient for {', '.join(missing)}")
        for name, param in params.items():
            require_shape(
                f"the gradient of {name}", grads[name], param.shape, f"{name} {param.shape}"
            )
        step_size = self._step_size()
        self.num_updates += 1
        for name, param in params.items():
            if name not in self.state:
                self.state[name] = {slot: np.zeros_like(param) for slot in self.slots}
            param -= step_size * self._direction(param, grads[name], self.state[name])

    def _step_size(self):
        """The learning rate of the next update, as a Python float, which keeps float32."""
        if not callable(self.learning_rate):
            return float(self.learning_rate)
        step_size = float(self.learning_rate(self.num_updates))
        if not 0 <= step_size < np.inf:
            raise ValueError(
                f"the schedule gives {step_size} after {self.num_updates} updates; expected a "
                "finite number of at least 0"
            )
        return step_size

    def _direction(self, param, grad, slots):
        raise NotImplementedError

    def state_dict(self):
        """What has to be saved to go on later: {"num_updates": (), "mean.W_xh": (H, D), ...}.

        A flat dict of arrays, as checkpoint.save_params takes it. Settings such as the learning
        rate are not in it.
        """
        arrays = {
            f"{slot}.{name}": array
            for name, slots in self.state.items()
            for slot, array in slots.items()
        }
        return {"num_updates": np.array(self.num_updates)} | arrays

    def load_state_dict(self, saved, params):
        """Go on from where state_dict was taken, as if there had been no break.

        Args:
            saved: what state_dict gave. params: the parameters that will be updated.

        Raises:
            ValueError: saved comes from another update rule or belongs to other parameters;
                nothing has changed then.
        """
        names = params if saved.get("num_updates", 0) > 0 else ()  # none before the first update
        shapes = {f"{slot}.{name}": params[name].shape for name in names for slot in self.slots}
        different = saved.keys() ^ {"num_updates", *shapes}
        if different:
            raise ValueError(
                "the saved state and this optimiser do not have the same arrays: "
                + ", ".join(sorted(different))
            )
        for key, shape in shapes.items():
            require_shape(f"the saved {key}", saved[key], shape, f"the parameter {shape}")
        self.num_updates = int(saved["num_updates"])
        self.state = {
            name: {slot: np.array(saved[f"{slot}.{name}"]) for slot in self.slots} for name in names
        }


class SGD(Optimiser):
    """Stochastic gradient descent: v = momentum v + g; param -= learning_rate v.

    With nesterov the step looks one update ahead: param -= learning_rate (momentum v + g).

    Source: Sutskever et al. (2013), On the importance of initialization and momentum in deep
    learning; in torch's form.
    """

    slots = ("velocity",)

    def __init__(self, learning_rate, momentum=0.0, nesterov=False):
        super().__init__(learning_rate)
        _require_fraction("momentum", momentum)
        self.momentum, self.nesterov = momentum, nesterov

    def _direction(self, param, grad, slots):
        velocity = slots["velocity"] = self.momentum * slots["velocity"] + grad
        return self.momentum * velocity + grad if self.nesterov else velocity


class RMSprop(Optimiser):
    """Divide each gradient by a running root mean square of itself.

    s = decay s + (1 - decay) g²; param -= learning_rate g / (sqrt(s) + epsilon).

    Source: Tieleman and Hinton (2012), lecture 6.5 of Neural Networks for Machine Learning.
    """

    slots = ("square",)

    def __init__(self, learning_rate=0.01, decay=0.99, epsilon=1e-8):
        super().__init__(learning_rate)
        _require_fraction("decay", decay)
        self.decay, self.epsilon = decay, epsilon

    def _direction(self, param, grad, slots):
        slots["square"] = self.decay * slots["square"] + (1 - self.decay) * grad**2
        return grad / (np.sqrt(slots["square"]) + self.epsilon)


class Adam(Optimiser):
    """Running means of the gradient and of its square, both corrected for starting at zero.

    m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g²; with k updates done,
    param -= learning_rate (m / (1 - beta_1^k)) / (sqrt(v / (1 - beta_2^k)) + epsilon).

    Source: Kingma and Ba (2015), arXiv:1412.6980.
    """

    slots = ("mean", "square")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        _require_fraction("beta_1", beta_1)
        _require_fraction("beta_2", beta_2)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _direction(self, param, grad, slots):
        slots["mean"] = self.beta_1 * slots["mean"] + (1 - self.beta_1) * grad
        slots["square"] = self.beta_2 * slots["square"] + (1 - self.beta_2) * grad**2
        mean = slots["mean"] / (1 - self.beta_1**self.num_updates)
        square = slots["square"] / (1 - self.beta_2**self.num_updates)
        return mean / (np.sqrt(square) + self.epsilon)


class AdamW(Adam):
    """Adam, and each update also shrinks the parameters by a fixed share of themselves.

    param -= learning_rate (Adam's direction + weight_decay param) (eq-adamw). The decay does not
    go through the running means; added to the gradient instead, it would be divided by them.

    Args:
        learning_rate, beta_1, beta_2, epsilon: as in Adam.
        weight_decay: share of a parameter taken off by an update, per unit of learning rate.
        decay_vectors: False spares parameters with one axis or none: biases and gains.

    Raises:
        ValueError: learning_rate is not positive, or weight_decay is negative.

    Source: Loshchilov and Hutter (2019), arXiv:1711.05101, algorithm 2; like torch, with the
    decay multiplied by the learning rate.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_decay=0.01,
        decay_vectors=True,
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon)
        if not weight_decay >= 0:
            raise ValueError(f"weight_decay is {weight_decay}; expected a number of at least 0")
        self.weight_decay, self.decay_vectors = weight_decay, decay_vectors

    def _direction(self, param, grad, slots):
        direction = super()._direction(param, grad, slots)
        if param.ndim < 2 and not self.decay_vectors:
            return direction
        return direction + self.weight_decay * param
