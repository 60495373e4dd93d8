"""One thread for linear algebra, so that results repeat and workers do not crowd each other."""

import os

# Read once, when NumPy and torch are first imported
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("course", derandomize=True, deadline=None, database=None)
settings.load_profile("course")


@pytest.fixture
def rng():
    """A generator with the same seed in every test."""
    return np.random.default_rng(2024)
