"""Starting values of parameters."""

import numpy as np


def uniform_parameters(shapes, size, rng, dtype):
    """Draw parameters uniformly from ±1/sqrt(size), as torch does for its layers.

    Args:
        shapes: dict from name to shape; drawn in this order. size: inputs of a linear layer, or
            hidden units of a recurrent one. rng: np.random.Generator.

    Returns:
        dict of arrays of these shapes and this dtype.
    """
    bound = 1 / np.sqrt(size)
    return {name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()}
