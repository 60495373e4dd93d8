# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 4: how far a gradient reaches
#
# You write the Jacobian of one step, the product of many, and the norm of the gradient at every
# step: the quantities that decide whether a vanilla RNN can learn from what lies far back. Then you
# write the two remedies that people try first: the spectral radius at the start, and clipping. At
# the end you measure on names in four languages what they change, and what they do not.
#
# **Needs:** chapters 2 to 4, NumPy, eigenvalues. **Time:** about 90 minutes.
#
# **How it works.** Each task has a cell with a gap, a cell to try your function on numbers that
# you can work out by hand, and a graded cell. Run the graded cell as often as you like: it says
# what holds, what does not, and the likely cause. There are no hidden tests. No function may change
# its inputs, and from `float32` inputs comes a `float32` result. Names and shapes are those of the
# book: `B` sequences, `T` steps, `H` hidden units, batch first. Throughout the network is
# $h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t + b_h)$, and `h` holds the states of all steps.

# %% locked="setup"
import numpy as np

from rnn_course import checks

# %% [markdown]
# ## Task 1: the Jacobian of a step
#
# A small change of $h_{t-1}$ passes through $W_{hh}$ and then through tanh, whose slope at step
# $t$ is $1 - h_t^2$. So
#
# $$
# J_t = \frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2)\, W_{hh},
# $$
#
# and the entry in row $j$ and column $k$ is the effect of unit $k$ before the step on unit $j$
# after it. Return the Jacobians of *all* steps of all sequences: `h` is `(B, T, H)`, `W_hh` is
# `(H, H)`, and the result `J` is `(B, T, H, H)`.
#
# *Common mistake:* multiplying the columns instead of the rows. $\mathrm{diag}(v)\,W$ scales row
# $j$ by $v_j$; which axis of the result must `1 - h**2` lie along?


# %% solution="state-jacobians"
def state_jacobians(h, W_hh):
    """Jacobian of every step of a vanilla RNN.

    Args:
        h: (B, T, H) state after each step. W_hh: (H, H).

    Returns:
        J: (B, T, H, H); J[:, t] = diag(1 - h_t^2) W_hh, of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    return (1 - h * h)[:, :, :, None] * W_hh  # (B, T, H, H)
    ### END SOLUTION


# %% [markdown]
# Try it. One sequence, one step, two units. The second unit is saturated, with the state 1, so
# nothing passes through it: the result should be `[[0.75, 1.5], [0, 0]]` within two brackets.

# %%
state_jacobians(np.array([[[0.5, 1.0]]]), np.array([[1.0, 2.0], [3.0, 4.0]]))

# %% graded="state-jacobians-value"
checks.grade(checks.check_state_jacobians, state_jacobians, points=4)

# %% [markdown]
# ## Task 2: from the first state to the last
#
# By the chain rule the effect of $h_0$ on $h_{T-1}$ is a product, the latest step on the left:
#
# $$
# \frac{\partial h_{T-1}}{\partial h_0} = J_{T-1}\, J_{T-2} \cdots J_1
# $$
#
# Here $h_0$ is the first state of the array, `h[:, 0]`. Return the product for every sequence: `h`
# is `(B, T, H)` and the result `P` is `(B, H, H)`. With one state there is no step between the
# first and the last, and the product is the identity matrix. You may call your `state_jacobians`,
# here and in task 3; a mistake in it does not cost points again.
#
# *Common mistake:* including $J_0$. It belongs to the step that led *to* $h_0$.


# %% solution="jacobian-product"
def jacobian_product(h, W_hh):
    """Effect of the first state on the last one, in a vanilla RNN.

    Args:
        h: (B, T, H) state after each step, T at least 1. W_hh: (H, H).

    Returns:
        P: (B, H, H), the product J_{T-1} ... J_1, of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    B, T, H = h.shape
    P = np.tile(np.eye(H, dtype=h.dtype), (B, 1, 1))  # (B, H, H)
    for t in range(1, T):
        P = (1 - h[:, t] ** 2)[:, :, None] * (W_hh @ P)  # (B, H, H)
    return P
    ### END SOLUTION


# %% [markdown]
# Try it. One unit with the weight 2 and the states 0, 0 and 0.5. The two steps have the slopes 1
# and 0.75, so the product is $2 \cdot 1 \cdot 2 \cdot 0.75 = 3$.

# %%
jacobian_product(np.array([[[0.0], [0.0], [0.5]]]), np.array([[2.0]]))

# %% graded="jacobian-product-value"
checks.grade(checks.check_jacobian_product, jacobian_product, state_jacobians, points=4)

# %% [markdown]
# ## Task 3: the norm of the gradient at every step
#
# Backpropagation never forms that product. It hands a vector back, from the later state's gradient
# to the earlier one's. For one sequence, with columns,
#
# $$
# dh_{t-1} = J_t^\top dh_t = W_{hh}^\top \left( dh_t \odot (1 - h_t^2) \right),
# $$
#
# and in the arrays each sequence is a row. Here the loss depends on the last state alone, and
# `dh_last` `(B, H)` is its gradient. Return the Euclidean norms of all $dh_t$, one for each
# sequence and step: `norms` is `(B, T)`, and `norms[:, -1]` belongs to `dh_last` itself.
#
# *Common mistake:* the order. You go backwards in time; the result goes forwards.


# %% solution="gradient-norms"
def gradient_norms(h, W_hh, dh_last):
    """Norm of the gradient of every state, for a loss of the last state alone.

    Args:
        h: (B, T, H) state after each step. W_hh: (H, H).
        dh_last: (B, H) gradient of the loss with respect to the last state.

    Returns:
        norms: (B, T) Euclidean norms of dL/dh_t, of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    dh_t, norms = dh_last, []
    for t in reversed(range(h.shape[1])):
        norms.append(np.linalg.norm(dh_t, axis=-1))  # (B,)
        dh_t = (dh_t * (1 - h[:, t] ** 2)) @ W_hh  # (B, H)
    return np.stack(norms[::-1], axis=1)  # (B, T)
    ### END SOLUTION


# %% [markdown]
# Try it. Two units that exchange their values, with the factor 1/2, and states of zero, where tanh
# has the slope 1. The norm halves at every step back: `[[1.25, 2.5, 5]]`.

# %%
gradient_norms(
    h=np.zeros((1, 3, 2)),
    W_hh=np.array([[0.0, 0.5], [0.5, 0.0]]),
    dh_last=np.array([[3.0, 4.0]]),
)

# %% graded="gradient-norms-value"
checks.grade(checks.check_gradient_norms, gradient_norms, state_jacobians, points=5)

# %% [markdown]
# ## Task 4: choose the spectral radius
#
# The spectral radius $\rho(W)$ is the largest absolute value of the eigenvalues of $W$. Scale a
# matrix so that it becomes `radius`:
#
# $$
# W_{hh} \cdot \frac{\mathrm{radius}}{\rho(W_{hh})}
# $$
#
# The matrix is not symmetric, so its eigenvalues may be complex, and the absolute value of
# $a + bi$ is $\sqrt{a^2 + b^2}$. `W_hh` is `(H, H)`, and so is the result.
#
# *Common mistake:* the largest *singular* value, which `np.linalg.norm(W, 2)` gives. It says what
# one step can do at most; the spectral radius says what a long product of $W_{hh}$ alone does.


# %% solution="with-spectral-radius"
def with_spectral_radius(W_hh, radius):
    """Scale a matrix to a given spectral radius.

    Args:
        W_hh: (H, H), with an eigenvalue other than zero. radius: positive float.

    Returns:
        scaled: (H, H) of the dtype of W_hh.
    """
    ### BEGIN SOLUTION
    largest = np.abs(np.linalg.eigvals(W_hh)).max()
    return W_hh * (radius / largest)  # (H, H)
    ### END SOLUTION


# %% [markdown]
# Try it. A quarter turn has the eigenvalues $i$ and $-i$, so its spectral radius is 1. The result
# should be `[[0, -0.9], [0.9, 0]]`.

# %%
with_spectral_radius(np.array([[0.0, -1.0], [1.0, 0.0]]), 0.9)

# %% graded="with-spectral-radius-value"
checks.grade(checks.check_with_spectral_radius, with_spectral_radius, points=3)

# %% [markdown]
# ## Task 5: clipping by the global norm
#
# The global norm of all gradients together is one number:
#
# $$
# \lVert g \rVert = \sqrt{\sum_{\text{arrays}} \sum_{\text{entries}} g^2}
# $$
#
# If it is larger than `max_norm`, scale *all* gradients by the same factor, so that it becomes
# `max_norm`; the direction of the step stays. If it is not larger, the gradients stay as they are.
# `grads` is a dict of arrays. Return a dict of the same keys and shapes, and the norm *before*
# clipping.
#
# One case more: a gradient that holds NaN or infinity has no direction. Return zeros then, so that
# the update is skipped, and the norm as it is, so that a log shows it. (The package raises an
# error instead, which shows where things broke.) A gradient of zeros stays a gradient of zeros.
#
# *Common mistake:* a norm for each array. Long and short arrays are then scaled by different
# factors, and the direction turns.


# %% solution="clip-by-global-norm"
def clip_by_global_norm(grads, max_norm):
    """Scale all gradients by one factor so that their global norm is at most max_norm.

    Args:
        grads: dict of arrays; not changed. max_norm: positive float.

    Returns:
        clipped: dict of the same keys and shapes, of the same dtype; zeros if the norm is not
            finite. norm: the global norm before clipping, a float, NaN or infinite where the
            gradients are; a NumPy number of type float64 would turn float32 arrays into float64.
    """
    ### BEGIN SOLUTION
    norm = float(np.sqrt(sum(np.sum(grad * grad) for grad in grads.values())))
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    factor = max_norm / norm if norm > max_norm else 1.0
    return {name: grad * factor for name, grad in grads.items()}, norm
    ### END SOLUTION


# %% [markdown]
# Try it. The squares add up to $9 + 16 = 25$, so the norm is 5; clipped to 1, each entry is divided
# by 5. The result should be `({'W_hh': [[0.6]], 'b_h': [0.8]}, 5.0)`.

# %%
clip_by_global_norm({"W_hh": np.array([[3.0]]), "b_h": np.array([4.0])}, max_norm=1.0)

# %% graded="clip-by-global-norm-value"
checks.grade(checks.check_clip_by_global_norm, clip_by_global_norm, points=4)

# %% [markdown]
# ## Your experiment: the reach of a gradient before and after training
#
# Names of countries and languages, as they are written in four languages, are read letter by
# letter, and the state after the last letter says the language. Your functions start the network
# with the spectral radius you choose, clip its gradients, and measure how much of the gradient at
# the last letter arrives $k$ letters earlier.

# %% locked="names"
from rnn_course.data import names_by_language, split_rows
from rnn_course.encoders import RNNEncoder
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.models import SequenceModel
from rnn_course.optimisers import Adam
from rnn_course.text import Vocabulary, pad_sequences, shuffled_batches

LANGUAGES = ("de", "fi", "it", "pl")
names, labels = names_by_language(LANGUAGES)
letters = Vocabulary("".join(names))
tokens, lengths = pad_sequences([letters.encode(name) for name in names])
long_rows = np.flatnonzero(lengths >= 16)
print(len(names), "names, of which", len(long_rows), "have 16 letters or more")


# %% locked="measure"
def reach(model, rng):
    """Norm of the gradient k = 0 ... 14 letters before the end of long names, relative to k = 0."""
    last = [tokens[row, lengths[row] - 16 : lengths[row]] for row in long_rows]
    (h, _), _ = model.encoder.forward(model.params["E"][np.stack(last)])  # (B, 16, H)
    dh_last = rng.standard_normal(h[:, -1].shape).astype(h.dtype)  # (B, H)
    norms = gradient_norms(h, model.encoder.params["W_hh"], dh_last)[:, ::-1]  # (B, 16)
    return np.exp(np.log(norms[:, :15] / norms[:, :1] + 1e-30).mean(axis=0))  # (15,)


def trained(radius, max_norm, seed, num_updates=250, learning_rate=0.005):
    """Train one network; accuracy on held-out names, the baseline's, and both reaches."""
    rng = np.random.default_rng(seed)
    seen, unseen = split_rows(len(names), rng)
    encoder = RNNEncoder(16, 32, rng, dtype=np.float32)
    model = SequenceModel(encoder, len(LANGUAGES), rng, len(letters), 16, output_at="last")
    weights = model.encoder.params["W_hh"]
    weights[:] = with_spectral_radius(weights, radius)
    before, optimiser = reach(model, rng), Adam(learning_rate)
    batches = shuffled_batches(64, rng, seen)
    for _ in range(num_updates):
        (rows,) = next(batches)
        _, grads = model.loss_and_grads(tokens[rows], labels[rows], lengths[rows])
        clipped, _ = clip_by_global_norm(grads, max_norm)
        optimiser.update(model.params, clipped)
    score = accuracy(model.predict(tokens[unseen], lengths[unseen]), labels[unseen])
    return score, majority_accuracy(labels[seen], labels[unseen]), before, reach(model, rng)


# %% [markdown]
# **Your turn.** Write down first what you expect: with a spectral radius of 0.5, 1 and 2 at the
# start, what share of the gradient arrives 10 letters earlier, before training and after it, and
# which network reads names best? Then measure it with `trained`, with at least three seeds, and
# print the lowest and the highest value of each number beside the baseline. A seed also chooses
# which names are held out, so compare accuracies seed by seed as well.
#
# Ask one question of your own as well, with one change at a time: no clipping (`max_norm=1e9`) or
# hard clipping (`max_norm=0.01`), a larger learning rate, more updates. Does clipping change how
# far the gradient reaches? This cell is not graded by itself; your answer below rests on it.


# %% solution="experiment"
### BEGIN SOLUTION
def table_row(radius, max_norm, seeds=(0, 1, 2)):
    """Accuracy of every seed, and the share of the gradient 10 letters back, lowest and highest."""
    runs = [trained(radius, max_norm, seed) for seed in seeds]
    scores, baselines, before, after = zip(*runs, strict=True)
    shares = [[b[10] for b in before], [a[10] for a in after]]
    reaches = [f"{min(share):.1e} to {max(share):.1e}" for share in shares]
    return (
        f"radius {radius:3g}, clipped at {max_norm:5g}: accuracy "
        f"{', '.join(f'{score:.2f}' for score in scores)} (commonest {max(baselines):.2f}); "
        f"10 back: {reaches[0]} before, {reaches[1]} after"
    )


for radius in (0.5, 1, 2):
    print(table_row(radius, 1.0))
for max_norm in (0.01, 1e9):
    print(table_row(1, max_norm))
### END SOLUTION


# %% [markdown]
# **Question** (4 points, given by a person). In at most ten sentences: How does the reach of the
# gradient depend on the spectral radius before training, and what has training made of it? Is the
# network with the longest reach the best reader of names? What did you ask besides, and what is
# the answer? Give each number with its spread and with the baseline beside it.

# %% [markdown] written="what-reaches-back" points=4
# *Model answer.* Before training the share that arrives ten letters earlier follows the spectral
# radius: about one part in ten thousand at 0.5, about a twentieth at 1, and at 2 it is larger than
# at the end of the name, in every seed. The ranges do not overlap. Training moves all of them
# towards each other: the short reach grows a few hundred times, and the long one shrinks below 1.
#
# The longest reach reads worst: with the radius 2 every seed scores lower than with 0.5 and with
# 1, by 3 to 11 points, although the ranges touch. Those of 0.5 and 1 overlap, and all are far
# above the commonest language. In a short name the last letters say most, so a long reach is
# no advantage here, and a state that mixes everything strongly is harder to train. How much harder
# depends on the last digit: on another machine the accuracies at 2 differ by some points, those at
# 0.5 and 1 do not.
#
# The own question of this version: does clipping change the reach? At 0.01, at 1 and without a
# bound the accuracies and the shares after training overlap. Adam divides by the size of the
# gradient, so scaling all of them alike changes little; clipping bounds the step, and bounds
# nothing that the gradient loses on its way. It was asked with the radius 1 only, where nothing
# explodes.
#
# *Points:* 1 for the reach before training with all three radii and spread; 1 for after training
# and what has changed; 1 for comparing accuracy against the spread and the baseline; 1 for an own
# question with one change at a time and an answer that the numbers carry. A statement without a
# measured number earns half.
