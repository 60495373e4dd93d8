"""How the recurrent layers run over a batch: columns, blocks of steps, sequences of any length.

Outside, a batch is (B, T, D) and padded. Inside, three choices make NumPy quick:

- Columns are sequences, so that a step is ``W @ x_t`` to the letter, and each gate is one piece of
  memory that elementwise functions pass over without a gap.
- Sequences are sorted by length, the longest first, and those that have ended are left out: at
  each step the first n columns still run, and no padding is ever computed (torch's packed
  sequences do the same).
- Time is cut into blocks of steps with the same n, small enough for the processor's cache. What
  does not wait for another step is computed for a whole block, and the gradient of a weight is
  one product over the columns of all steps.

What is kept for the way back lies in one piece of memory: the system hands out a large piece far
more quickly than many small ones.
"""

from itertools import accumulate, pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from rnn_course._validate import require_lengths, require_shape, require_truncation

BLOCK_ENTRIES = 2**18  # numbers that a block keeps: 1 MB of float32


class Block(NamedTuple):
    """Steps ``start`` to ``stop`` of the sequences ``rows``, and what the layer keeps of them."""

    start: int
    stop: int
    rows: np.ndarray
    arrays: tuple


def _cut_time(running, height):
    """Cut time where the number of running sequences changes, and where a block is full.

    running: (T,) how many sequences reach each step. height: numbers kept of a sequence and step.
    Yields (start, stop, n).
    """
    start = 0
    while start < len(running) and running[start]:
        n = running[start]
        full = min(len(running), start + max(1, BLOCK_ENTRIES // (height * n)))
        stop = next((t for t in range(start + 1, full) if running[t] != n), full)
        yield start, stop, n
        start = stop


def _allocator(size, dtype):
    """A function that hands out arrays of the shapes it is asked for, ``size`` numbers in all."""
    memory, used = np.empty(size, dtype=dtype), 0

    def new(*shape):
        nonlocal used
        start, used = used, used + prod(shape)
        return memory[start:used].reshape(shape)

    return new


def forward_in_blocks(x, states_0, lengths, height, dtype, block_forward):
    """Run one recurrent layer over a padded batch, block after block.

    Args:
        x: (B, T, D). states_0: list of (B, H) states before the first step.
        lengths: (B,) real steps, 0 to T, or None for T each.
        height: how many numbers the layer keeps of each sequence and step.
        block_forward: function (x, states, new) -> (histories, arrays) for k steps of n sequences:
            x (k, D, n), states a list of (H, n), new(*shape) an empty array, histories a list of
            (k + 1, H, n), each state from before the block on, and arrays (k, ..., n) for the way
            back.

    Returns:
        outputs: list of (B, T, H), each state after each step, zeros where padded.
        blocks: list of Block.
    """
    B, T, _ = x.shape
    H = states_0[0].shape[1]
    order, running = np.arange(B), [B] * T
    if lengths is not None:
        lengths = require_lengths("lengths", lengths, B, T)
        order = np.argsort(-lengths, kind="stable")  # (B,), longest first
        running = (lengths[:, None] > np.arange(T)).sum(axis=0).tolist()  # (T,)
    outputs = [np.zeros((B, T, H), dtype=dtype) for _ in states_0]
    states = [state[order].T for state in states_0]  # (H, B) each
    cuts = list(_cut_time(running, height))
    new = _allocator(sum((stop - start + 1) * n for start, stop, n in cuts) * height, dtype)
    blocks = []
    for start, stop, n in cuts:
        # a slice where all run in their own order: a view is quicker than a choice of rows
        rows = order[:n] if lengths is not None else slice(None)
        histories, arrays = block_forward(
            x[rows, start:stop].transpose(1, 2, 0), [state[:, :n] for state in states], new
        )
        for output, history in zip(outputs, histories, strict=True):
            output[rows, start:stop] = history[1:].transpose(2, 0, 1)
        states = [history[-1] for history in histories]
        blocks.append(Block(start, stop, rows, arrays))
    return outputs, blocks


def backward_in_blocks(d_outputs, blocks, truncation, shape, height, dtype, block_backward):
    """Carry gradients back through time, the last block first.

    Args:
        d_outputs: dict by name of (B, T, H) gradients with respect to each output, or None.
        truncation: None, or cut the gradient every so many steps. shape: (B, T, H).
        block_backward: function (d_histories, d_next, arrays) -> (da, d_prev): d_histories a list
            of (k, H, n) or None, d_next and d_prev lists of (H, n), what the next step sends to
            each state and what goes on to the step before, and da (k, ..., n), ``height``
            numbers a column, the gradient of the pre-activations.

    Returns:
        da: (height, R), one column a step and sequence, as side_by_side has them.
        d_states_0: list of (B, H).
    """
    B, _, H = shape
    require_truncation(truncation)
    for name, d_output in d_outputs.items():
        if d_output is not None:
            require_shape(name, d_output, shape, f"{name[1:]} {shape}")
    count, places = _places([block.arrays[0] for block in blocks])
    da = np.empty((height, count), dtype=dtype)  # (height, R)
    d_next = [np.zeros((H, 0), dtype=dtype) for _ in d_outputs]
    for block, place in zip(reversed(blocks), reversed(places), strict=True):
        n = block.arrays[0].shape[-1]
        da_block = da[:, place].reshape(height, -1, n)  # (height, k, n), a view
        for start, stop, cut in _pieces(block.start, block.stop, truncation):
            d_next = [_widened(d, 0 if cut else d.shape[1], n) for d in d_next]
            d_histories = [
                None if d is None else d[block.rows, start:stop].transpose(1, 2, 0).copy(order="C")
                for d in d_outputs.values()
            ]
            steps = slice(start - block.start, stop - block.start)
            da_piece, d_next = block_backward(
                d_histories, d_next, [array[steps] for array in block.arrays]
            )
            da_block[:, steps] = da_piece.reshape(-1, height, n).swapaxes(0, 1)
    d_states_0 = np.zeros((len(d_next), B, H), dtype=dtype)
    if blocks:
        for d_rows, d in zip(d_states_0, d_next, strict=True):
            d_rows[blocks[0].rows] = d.T
    return da, list(d_states_0)


def _pieces(start, stop, truncation):
    """Split a block where truncation cuts: (start, stop, whether a cut is at stop), last first."""
    every = truncation or stop
    edges = [start, *range(start - start % every + every, stop, every), stop]
    for first, last in reversed(list(pairwise(edges))):
        yield first, last, last % every == 0 and truncation is not None


def _widened(d, kept, n):
    """The first ``kept`` columns of d (H, m), then zeros for the sequences that end here."""
    if kept == n:
        return d
    wide = np.zeros((d.shape[0], n), dtype=d.dtype)  # (H, n)
    wide[:, :kept] = d[:, :kept]
    return wide


def _places(arrays):
    """How many columns arrays (k, ..., n) have side by side, and the slice that each takes."""
    edges = list(accumulate((len(array) * array.shape[-1] for array in arrays), initial=0))
    return edges[-1], [slice(*pair) for pair in pairwise(edges)]


def side_by_side(arrays, height, dtype):
    """Lay arrays (k, ..., n) side by side: (height, R), one column a step and sequence."""
    count, places = _places(arrays)
    wide = np.empty((height, count), dtype=dtype)  # (height, R)
    for array, place in zip(arrays, places, strict=True):
        rows = array.reshape(len(array), height, -1).swapaxes(0, 1)  # (height, k, n)
        wide[:, place].reshape(rows.shape)[...] = rows
    return wide


def from_columns(dx_columns, blocks, B, T):
    """Gradient (B, T, D) of the padded batch from its columns (D, R); zeros where padded."""
    dx = np.zeros((B, T, len(dx_columns)), dtype=dx_columns.dtype)  # (B, T, D)
    _, places = _places([block.arrays[0] for block in blocks])
    for (start, stop, rows, _), place in zip(blocks, places, strict=True):
        block = dx_columns[:, place].reshape(len(dx_columns), stop - start, -1)  # (D, k, n)
        dx[rows, start:stop] = block.transpose(2, 1, 0)
    return dx


def float_type(*arrays):
    """The type to compute in: float32 where all are float32, float64 for integers."""
    return np.result_type(np.float32, *[array for array in arrays if array is not None])


def zeros_if_none(state, B, H, dtype):
    """The initial state (B, H): as given, or zeros."""
    return np.zeros((B, H), dtype=dtype) if state is None else state


def with_one(W, b, dtype):
    """[W b]: the bias as the weights of an input that is always 1; zeros for None."""
    b = np.zeros(len(W)) if b is None else b
    return np.concatenate([W, b[:, None]], axis=1, dtype=dtype)


def input_state_one(x, h_prev, new):
    """Input over state over a 1 in one column, at k steps: (k + 1, D + H + 1, n).

    x: (k, D, n). h_prev: (H, n) the state before the first; later ones are to be filled in. The
    entry after the last step holds the last state only.
    """
    (k, D, n), H = x.shape, len(h_prev)
    xh1 = new(k + 1, D + H + 1, n)  # (k + 1, D + H + 1, n)
    xh1[:k, :D], xh1[k, :D], xh1[:, -1] = x, 0, 1
    xh1[0, D:-1] = h_prev
    return xh1


def split_gradient(dW, D, b_h):
    """Gradients by name from that of [W_xh W_hh b_h] (N, D + H + 1); none of an absent bias."""
    grads = {"W_xh": dW[:, :D], "W_hh": dW[:, D:-1], "b_h": dW[:, -1]}
    return {
        name: np.ascontiguousarray(grad)
        for name, grad in grads.items()
        if name != "b_h" or b_h is not None
    }
