# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 2: the vanilla RNN
#
# You write a recurrent network from its equation up: one step, a whole sequence, the state at which each sequence of a
# padded batch really ends, the gradient of the loss, and the gradient of a step. At the end a small network that runs
# on your functions tells languages apart by the letters of a name.
#
# **Needs:** chapter 2, NumPy, the chain rule. **Time:** about 90 minutes.
#
# **How it works.** Each task has a cell with a gap, a cell to try your function on numbers that you can work out by
# hand, and a graded cell. Run the graded cell as often as you like: it says what holds, what does not, and the likely
# cause. Names and shapes are those of the book: `B` sequences, `T` steps, `D` input features, `H` hidden units, `K`
# classes, batch first. Weights are stored as in the equation, one row for each output.
#
# The functions are those of the package `rnn_course`, with one simplification: they return no cache. What the
# backward step needs is passed to it by name.

# %% locked="setup"
import numpy as np

from rnn_course import checks

# %% [markdown]
# ## Task 1: one step
#
# $$
# h_t = \tanh(W_{hh}\, h_{t-1} + W_{xh}\, x_t + b_h)
# $$
#
# The equation is written for one sequence, with $x_t$ and $h_{t-1}$ as columns. In the arrays every sequence is a
# *row*: `x_t` is `(B, D)` and `h_prev`, which is $h_{t-1}$, is `(B, H)`. The weights keep their shapes, `W_xh` `(H, D)`,
# `W_hh` `(H, H)`, `b_h` `(H,)`. The result `h_t` is `(B, H)`.
#
# *Common mistake:* a product that runs although it is wrong. `W_hh` is square, so its transpose fits as well. Before you
# multiply, write the two shapes side by side and say which axes meet.

# %% solution="rnn-step-forward"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    """Advance a vanilla RNN by one time step.

    Args:
        x_t: (B, D) input at time t.
        h_prev: (B, H) hidden state at time t - 1.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) parameters.

    Returns:
        h_t: (B, H) hidden state, of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    a_t = h_prev @ W_hh.T + x_t @ W_xh.T + b_h  # (B, H)
    return np.tanh(a_t)
    ### END SOLUTION


# %% [markdown]
# Try it. One sequence, one feature, two units. The input is zero and the state is `[1, 0]`, so only the first column of
# `W_hh` counts: the pre-activation is `[0, 1]`. The result should be `[[tanh 0, tanh 1]]`, about `[[0, 0.7616]]`. With
# `W_hh` transposed, it would be `[[0, 0]]`.

# %%
rnn_step_forward(
    x_t=np.array([[0.0]]),
    h_prev=np.array([[1.0, 0.0]]),
    W_xh=np.array([[1.0], [1.0]]),
    W_hh=np.array([[0.0, 0.0], [1.0, 0.0]]),
    b_h=np.zeros(2),
)

# %% graded="rnn-step-forward-value"
checks.grade(checks.check_rnn_step_forward, rnn_step_forward, points=4)

# %% [markdown]
# ## Task 2: a whole sequence
#
# Run the step over `x`, which is `(B, T, D)`. Step 0 starts from `h_0`, and every later step from the state before it:
#
# $$
# h_t = \mathrm{step}(x_t, h_{t-1}), \qquad t = 0, \dots, T - 1, \quad h_{-1} = \texttt{h\_0}
# $$
#
# Return the states after *all* steps, `(B, T, H)`, so that `h[:, t]` is the state after step `t`. The same weights serve
# every step. You may call your `rnn_step_forward`.
#
# *Common mistake:* collecting the states in a list and stacking them along axis 0, which gives `(T, B, H)`.

# %% solution="rnn-forward"
def rnn_forward(x, h_0, W_xh, W_hh, b_h):
    """Run a vanilla RNN over whole sequences.

    Args:
        x: (B, T, D) inputs.
        h_0: (B, H) state before the first step.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) parameters.

    Returns:
        h: (B, T, H) the state after each step, of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        h_t = rnn_step_forward(x[:, t], h_t, W_xh, W_hh, b_h)  # (B, H)
        states.append(h_t)
    return np.stack(states, axis=1)  # (B, T, H)
    ### END SOLUTION


# %% [markdown]
# Try it. One unit that feeds back to itself with weight 1, and no input after the first step. The states are
# `tanh(1)`, `tanh(tanh(1))` and so on: about `0.7616, 0.6420, 0.5663`. The memory of the first input fades.

# %%
one = np.ones((1, 1))
rnn_forward(np.array([[[1.0], [0.0], [0.0]]]), np.zeros((1, 1)), one, one, np.zeros(1))[0, :, 0]

# %% graded="rnn-forward-value"
checks.grade(checks.check_rnn_forward, rnn_forward, points=4)

# %% [markdown]
# ## Task 3: the state at each sequence's own end
#
# Sequences of different lengths are padded on the right to make one array. The network runs on over the padding, so
# `h[:, -1]` is for most rows a state that has read padding. To classify a sequence you want the state after its last
# *real* step. `lengths[j]` says how many steps of row `j` are real, from 1 to `T`.
#
# `h` is `(B, T, H)`, `lengths` is `(B,)`, and the result is `(B, H)`.
#
# *Common mistake:* counting from 1. The real steps of row `j` have the indices `0` to `lengths[j] - 1`.

# %% solution="last-hidden"
def last_hidden(h, lengths):
    """Pick the state at each sequence's own last real step, not at the padded end.

    Args:
        h: (B, T, H) states.
        lengths: (B,) number of real steps, 1 to T.

    Returns:
        h_last: (B, H), a row for each sequence.
    """
    ### BEGIN SOLUTION
    return h[np.arange(len(lengths)), lengths - 1]  # (B, H)
    ### END SOLUTION


# %% [markdown]
# Try it. Two sequences, three steps, one unit; the second sequence has one real step. The result should be
# `[[3], [10]]`.

# %%
last_hidden(np.array([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]]), np.array([3, 1]))

# %% graded="last-hidden-value"
checks.grade(checks.check_last_hidden, last_hidden, points=3)
