# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 3: backpropagation through time
#
# You write the gradient of a whole sequence, the same gradient cut into pieces, the finite
# differences that tell whether it is right, and the update that uses it. At the end your functions
# train a network that reads English letter by letter, and you measure what the cuts cost.
#
# **Needs:** chapters 2 and 3, NumPy, the chain rule. **Time:** about 110 minutes.
#
# **How it works.** Each task has a cell with a gap, a cell to try your function on numbers that
# you can work out by hand, and a graded cell. Run the graded cell as often as you like: it says
# what holds, what does not, and the likely cause. There are no hidden tests. No function may
# change its inputs, and from `float32` inputs comes a `float32` result. Names and shapes are those
# of the book: `B` sequences, `T` steps, `D` input features, `H` hidden units, batch first.
#
# The functions are those of the package `rnn_course`, with one simplification: there is no cache.
# What the way back needs is passed by name.

# %% locked="setup"
import numpy as np

from rnn_course import checks
from rnn_course.rnn import rnn_forward

# %% [markdown]
# ## Task 1: the gradient of a whole sequence
#
# The states $h_0, \dots, h_{T-1}$ have been computed from $h_{-1}$, here the argument `h_0`. At
# each step the loss looks at the state, and `dh[:, t]` is what *that step's own output* adds to the
# gradient of $h_t$; chapter 3 writes $W_{hy}^\top dy_t$ for it. The rest comes back from step
# $t + 1$. Go from the last step to the first:
#
# $$
# da_t = \left( \mathtt{dh}_t + W_{hh}^\top da_{t+1} \right) \odot (1 - h_t^2), \qquad
# da_T = 0
# $$
#
# The weights serve all steps, so their gradients are sums over steps (and over the batch):
#
# $$
# dW_{xh} = \sum_t da_t\, x_t^\top, \quad dW_{hh} = \sum_t da_t\, h_{t-1}^\top, \quad
# db_h = \sum_t da_t,
# $$
#
# while each input has its own, $dx_t = W_{xh}^\top da_t$, and what leaves the first step reaches
# the initial state: $dh_{-1} = W_{hh}^\top da_0$, returned as `dh_0`.
#
# `dh` and `h` are `(B, T, H)`, `x` is `(B, T, D)`, `h_0` is `(B, H)`. In the equations a sequence
# is a column, in the arrays a row.
#
# *Common mistake:* `=` where `+=` belongs. Every step adds its part to the gradient of the weights.


# %% solution="rnn-backward"
def rnn_backward(dh, x, h, h_0, W_xh, W_hh):
    """Backpropagation through time for the vanilla RNN.

    Args:
        dh: (B, T, H) gradient of the loss with respect to each state, from that step's own output.
        x: (B, T, D) inputs. h: (B, T, H) states. h_0: (B, H) state before the first step.
        W_xh: (H, D), W_hh: (H, H) parameters.

    Returns:
        dx: (B, T, D). dh_0: (B, H).
        grads: {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,)}, summed over steps and batch.
        All of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    da, dh_next = np.zeros_like(h), np.zeros_like(h_0)  # (B, T, H), (B, H)
    for t in reversed(range(h.shape[1])):
        da[:, t] = (dh[:, t] + dh_next) * (1 - h[:, t] ** 2)
        dh_next = da[:, t] @ W_hh  # (B, H)
    h_before = np.concatenate([h_0[:, None], h[:, :-1]], axis=1)  # (B, T, H)
    grads = {
        "W_xh": np.einsum("bth,btd->hd", da, x),
        "W_hh": np.einsum("bth,btk->hk", da, h_before),
        "b_h": da.sum(axis=(0, 1)),
    }
    return da @ W_xh, dh_next, grads
    ### END SOLUTION


# %% [markdown]
# Try it. One unit with $W_{hh} = 2$ and $W_{xh} = 3$, two steps, states of 0, where tanh has the
# slope 1. The loss looks at the last state alone, with the gradient 1. Then $da_1 = 1$ and
# $da_0 = 2$, so `dx` is `[[[6], [3]]]`, `dh_0` is `[[4]]`, and with the inputs 1 and 10 the
# gradient of `W_xh` is $2 \cdot 1 + 1 \cdot 10 = 12$.

# %%
rnn_backward(
    dh=np.array([[[0.0], [1.0]]]),
    x=np.array([[[1.0], [10.0]]]),
    h=np.zeros((1, 2, 1)),
    h_0=np.zeros((1, 1)),
    W_xh=np.array([[3.0]]),
    W_hh=np.array([[2.0]]),
)

# %% graded="rnn-backward-value"
checks.grade(checks.check_rnn_backward, rnn_backward, points=8)

# %% [markdown]
# ## Task 2: the same, cut into pieces
#
# A long sequence is cut into pieces of `window` steps: 0 to `window - 1`, `window` to
# `2 window - 1`, and so on; the last piece may be shorter. The states have flowed from piece to
# piece as before. The *gradient* stops at each cut: no step of a piece hands anything to the piece
# before. `dh_0` is what the first piece gives. You may call your `rnn_backward` for each piece; a
# mistake in it does not cost points again.
#
# *Common mistake:* a cut one step off. The first step of a piece, whose number is a multiple of
# `window`, receives a gradient from its own piece; it is the one that hands nothing on.


# %% solution="truncated-rnn-backward"
def truncated_rnn_backward(dh, x, h, h_0, W_xh, W_hh, window):
    """Backpropagation through time within pieces of a fixed number of steps.

    Args:
        dh, x, h, h_0, W_xh, W_hh: as for rnn_backward.
        window: number of steps of a piece, at least 1.

    Returns:
        dx, dh_0, grads: as rnn_backward.
    """
    ### BEGIN SOLUTION
    grads = {"W_xh": np.zeros_like(W_xh), "W_hh": np.zeros_like(W_hh)}
    grads["b_h"] = np.zeros_like(W_hh[0])
    dx, dh_next = np.zeros_like(x), np.zeros_like(h_0)
    for t in reversed(range(h.shape[1])):
        da_t = (dh[:, t] + dh_next) * (1 - h[:, t] ** 2)  # (B, H)
        h_prev = h[:, t - 1] if t > 0 else h_0
        dx[:, t] = da_t @ W_xh
        grads["W_xh"] += da_t.T @ x[:, t]
        grads["W_hh"] += da_t.T @ h_prev
        grads["b_h"] += da_t.sum(axis=0)
        cut = t > 0 and t % window == 0
        dh_next = np.zeros_like(h_0) if cut else da_t @ W_hh  # (B, H)
    return dx, dh_next, grads
    ### END SOLUTION


# %% [markdown]
# Try it. The numbers of task 1 with pieces of one step: now $da_0 = 0$, so `dx` is
# `[[[0], [3]]]`, `dh_0` is `[[0]]`, and the gradient of `W_xh` is 10.

# %%
truncated_rnn_backward(
    dh=np.array([[[0.0], [1.0]]]),
    x=np.array([[[1.0], [10.0]]]),
    h=np.zeros((1, 2, 1)),
    h_0=np.zeros((1, 1)),
    W_xh=np.array([[3.0]]),
    W_hh=np.array([[2.0]]),
    window=1,
)

# %% graded="truncated-rnn-backward-value"
checks.grade(checks.check_truncated_rnn_backward, truncated_rnn_backward, rnn_backward, points=4)

# %% [markdown]
# ## Task 3: is it right?
#
# Finite differences know nothing of the chain rule. Move one entry of $W_{hh}$ up by $\epsilon$ and
# down by $\epsilon$, run the network each time, and divide:
#
# $$
# \frac{\partial \mathcal{L}}{\partial w} \approx
# \frac{\mathcal{L}(w + \epsilon) - \mathcal{L}(w - \epsilon)}{2 \epsilon}
# $$
#
# Here the loss is $\mathcal{L} = \sum \mathrm{upstream} \odot h$ over all sequences, steps and
# units, so that `upstream` `(B, T, H)` is just the `dh` of task 1. Return the quotients for all
# entries of `W_hh`, an `(H, H)` array. `rnn_forward(x, h_0, W_xh, W_hh, b_h)` of the package
# returns the states and a cache; you need the states. This task is in `float64` alone: in
# `float32` two losses that differ so little are equal but for rounding.
#
# *Common mistake:* moving an entry of `W_hh` itself and not putting it back. Work on a copy.


# %% solution="numerical-gradient"
def numerical_gradient(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    """Gradient of sum(upstream * h) with respect to W_hh, by central differences.

    Args:
        x: (B, T, D) inputs. h_0: (B, H) state before the first step.
        W_xh: (H, D), W_hh: (H, H), b_h: (H,) parameters.
        upstream: (B, T, H). epsilon: positive float.

    Returns:
        dW_hh: (H, H).
    """
    ### BEGIN SOLUTION
    dW_hh = np.zeros_like(W_hh)
    for index in np.ndindex(W_hh.shape):
        losses = []
        for change in (epsilon, -epsilon):
            moved = W_hh.copy()
            moved[index] += change
            h, _ = rnn_forward(x, h_0, W_xh, moved, b_h)  # (B, T, H)
            losses.append((upstream * h).sum())
        dW_hh[index] = (losses[0] - losses[1]) / (2 * epsilon)
    return dW_hh
    ### END SOLUTION


# %% [markdown]
# Try it, on your own work: the two numbers should agree in nine digits or more. If they do not, one
# of tasks 1 and 3 is wrong.

# %%
rng = np.random.default_rng(0)
x, h_0, upstream = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 1)), rng.normal(size=(2, 6, 1))
W_xh, W_hh, b_h = rng.normal(size=(1, 3)), np.array([[0.8]]), np.zeros(1)
h, _ = rnn_forward(x, h_0, W_xh, W_hh, b_h)
print(rnn_backward(upstream, x, h, h_0, W_xh, W_hh)[2]["W_hh"])
print(numerical_gradient(x, h_0, W_xh, W_hh, b_h, upstream, 1e-5))

# %% graded="numerical-gradient-value"
checks.grade(checks.check_numerical_gradient, numerical_gradient, points=4)

# %% [markdown]
# ## Task 4: one update by Adam
#
# Adam keeps two running means of each parameter's gradient $g$: of the gradient itself, $m$, and of
# its square, $v$. Both start at zero and are too small at first, which the division corrects. In
# the $k$-th update, $k = 1, 2, \dots$:
#
# $$
# m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad
# v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2
# $$
#
# $$
# \mathrm{param} \leftarrow \mathrm{param} - \mathrm{learning\_rate} \cdot
# \frac{m / (1 - \beta_1^k)}{\sqrt{v / (1 - \beta_2^k)} + \epsilon}
# $$
#
# Return the new parameter and the new $m$ and $v$, *uncorrected*, since the next update needs them.
#
# *Common mistake:* changing `m` in place with `*=`. Make new arrays.


# %% solution="adam-step"
def adam_step(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    """One update of one parameter by Adam.

    Args:
        param, grad, m, v: arrays of one shape: parameter, gradient, and the running means of the
            gradient and of its square before this update.
        k: number of this update, from 1. learning_rate, beta_1, beta_2, epsilon: floats.

    Returns:
        param, m, v: after the update; new arrays of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    mean, square = m / (1 - beta_1**k), v / (1 - beta_2**k)
    return param - learning_rate * mean / (np.sqrt(square) + epsilon), m, v
    ### END SOLUTION


# %% [markdown]
# Try it. In the first update both corrections undo the shares: the step is the learning rate times
# $g / |g|$, whatever the size of the gradient. The new parameters should be `0.9` and `-0.9`.

# %%
adam_step(
    param=np.array([1.0, -1.0]),
    grad=np.array([0.001, -1000.0]),
    m=np.zeros(2),
    v=np.zeros(2),
    k=1,
    learning_rate=0.1,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=0.0,
)

# %% graded="adam-step-value"
checks.grade(checks.check_adam_step, adam_step, points=4)

# %% [markdown]
# ## Your experiment: what does a cut cost?
#
# The network below reads the help texts of Python letter by letter and says the next letter. It
# trains with your gradient and your update. `held_out_loss(window)` is its loss on text that it has
# not seen, in nats a letter, when the gradient is cut into pieces of `window` steps.

# %% locked="text"
from rnn_course.data import python_help_text
from rnn_course.layers import init_linear
from rnn_course.losses import cross_entropy_backward, cross_entropy_forward
from rnn_course.rnn import init_rnn
from rnn_course.text import Vocabulary

text = "\n".join(python_help_text().values())[:60_000]
letters = Vocabulary(text)
codes = letters.encode(text)
seen, unseen = codes[:50_000], codes[50_000:]
counts = np.bincount(seen, minlength=len(letters)) + 1
pairs = np.ones((len(letters), len(letters)))
np.add.at(pairs, (seen[:-1], seen[1:]), 1)
BASELINES = {
    "letters by frequency": -np.log(counts / counts.sum())[unseen[1:]].mean(),
    "by the letter before": -np.log(pairs / pairs.sum(axis=1, keepdims=True))[
        unseen[:-1], unseen[1:]
    ].mean(),
}
print({name: round(float(loss), 2) for name, loss in BASELINES.items()}, "nats a letter")


# %% locked="network"
def rows(text, T, count, rng):
    """One-hot letters x (count, T, V) and the letters that follow, (count, T)."""
    starts = rng.integers(len(text) - T - 1, size=count)
    taken = np.stack([text[start : start + T + 1] for start in starts])
    return np.eye(len(letters), dtype=np.float32)[taken[:, :-1]], taken[:, 1:]


def loss_and_states(params, x, target):
    """The loss, its cache, the states (B, T, H) and the state before the first step."""
    h_0 = np.zeros((len(x), len(params["b_h"])), dtype=np.float32)
    h, _ = rnn_forward(x, h_0, params["W_xh"], params["W_hh"], params["b_h"])
    loss, cache = cross_entropy_forward(h @ params["W"].T + params["b"], target)
    return loss, cache, h, h_0


# %% locked="training"
def held_out_loss(window, seed, T=40, hidden_size=32, num_updates=200, learning_rate=0.01):
    """Train with pieces of `window` steps; nats a letter on text that was not seen."""
    rng = np.random.default_rng(seed)
    params = init_rnn(len(letters), hidden_size, rng, np.float32)
    params |= init_linear(hidden_size, len(letters), rng, np.float32)
    means = {name: (0 * param, 0 * param) for name, param in params.items()}
    for k in range(1, num_updates + 1):
        x, target = rows(seen, T, 32, rng)
        _, cache, h, h_0 = loss_and_states(params, x, target)
        dy = cross_entropy_backward(cache)  # (B, T, V)
        weights = params["W_xh"], params["W_hh"]
        _, _, grads = truncated_rnn_backward(dy @ params["W"], x, h, h_0, *weights, window)
        grads |= {"W": np.einsum("btv,bth->vh", dy, h), "b": dy.sum(axis=(0, 1))}
        for name, grad in grads.items():
            given = params[name], grad, *means[name], k, learning_rate, 0.9, 0.999, 1e-8
            params[name], *means[name] = adam_step(*given)
    return float(loss_and_states(params, *rows(unseen, T, 200, np.random.default_rng(0)))[0])


# %% [markdown]
# **Your turn.** Write down first what you expect: how much does the network lose when its gradient
# goes back 1, 2, 5 or 10 steps instead of all 40? Then measure it with at least three seeds, and
# print the lowest and the highest value beside both baselines. With pieces of one step no gradient
# passes through `W_hh` at all from a later letter; is the network then as good as the letter
# before?
#
# Ask one question of your own as well, with one change at a time: more updates, more units, longer
# rows, another learning rate. This cell is not graded by itself; your answer below rests on it.


# %% solution="experiment"
### BEGIN SOLUTION
def spread(window, seeds=(0, 1, 2), **changed):
    """Lowest and highest loss over the seeds."""
    losses = [held_out_loss(window, seed, **changed) for seed in seeds]
    return f"{min(losses):.3f} to {max(losses):.3f}"


for window in (1, 2, 5, 10, 40):
    print(f"pieces of {window:2d} steps: {spread(window)} nats a letter")
for window in (1, 40):
    print(f"twice the updates, pieces of {window:2d}: {spread(window, num_updates=400)}")
### END SOLUTION


# %% [markdown]
# **Question** (4 points, given by a person). In at most ten sentences: What do the cuts cost, and
# from which length of the pieces on is the cost within the spread over your seeds? How can a
# network whose gradient never crosses a step be better, or worse, than the letter before alone?
# What did you ask besides, and what is the answer? Give each number with its spread and with the
# baselines beside it.

# %% [markdown] written="what-a-cut-costs" points=4
# *Model answer.* The cuts cost nothing that these runs can show. With pieces of 1, 2, 5, 10 and 40
# steps the ranges over three seeds overlap, all lie between about 2.4 and 2.6 nats, below the
# letter before (about 2.6) and far below the letters by frequency (above 3.2). So the cost is
# within the spread from one step on, which I did not expect.
#
# A gradient that never crosses a step does not train the state to keep anything; the state still
# keeps something, because it flows through all steps of the forward pass, and the output layer
# learns to read what is there. That is why pieces of one step are not bound to the letter before.
# After 200 updates the network has hardly begun to use what lies further back, so there is little
# to lose.
#
# The own question of this version: does the picture change with twice the updates? Both losses
# fall to about 2.3, by more than the spread, and the full gradient is now lower in the mean, yet
# the two ranges still overlap. A longer training or more seeds would be needed to say that the cut
# costs anything, and for text with longer dependencies the answer may differ.
#
# *Points:* 1 for all five lengths with spread and both baselines; 1 for judging the differences
# against the spread instead of by their order; 1 for explaining what a network can do without a
# gradient through time; 1 for an own question with one change at a time and an answer that the
# numbers carry. A statement without a measured number earns half.
