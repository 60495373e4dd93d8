"""Recurrent neural networks in NumPy, with hand-written backward passes.

Importing this package needs NumPy alone.
"""

__version__ = "0.1.0"
