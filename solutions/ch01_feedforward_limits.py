# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 1: what a feedforward network can be told about a sequence
#
# A feedforward network takes one vector of a fixed size. A sentence is neither one vector nor of
# a fixed size, so something has to turn it into one. You write the two usual ways, the bag and
# the window, with the padding and the masks they need, and the loss that judges them. At the end
# you measure on sentences with "not" what each of the two can learn.
#
# **Needs:** chapter 1 and NumPy. **Time:** about 90 minutes.
#
# **How it works.** Each task has a cell with a gap, a cell to try your function on numbers that
# you can work out by hand, and a graded cell. Run the graded cell as often as you like: it says
# what holds, what does not, and the likely cause. There are no hidden tests. No function may change
# its inputs. Where a docstring says "of the dtype of x", a `float32` input gives a `float32`
# result. Add cells of your own wherever you like; the graded ones are put back as they were before
# your points are counted. Names and shapes are those of the book: `B` sequences, `T` steps, `D`
# input features, `K` classes, `V` words in the vocabulary, batch first.

# %% locked="setup"
import numpy as np

from rnn_course import checks

# %% [markdown]
# ## Task 1: from lists to one array
#
# Sentences arrive as lists of word numbers, each as long as it is. An array needs rows of equal
# length, so short rows are filled up *on the right* with a number that means nothing, the
# padding. A second array, the mask, remembers which places are real.
#
# `sequences` is a list of `B` lists. Return two arrays of shape `(B, T)`, where `T` is the length
# of the longest list: `tokens`, integers, and `mask`, `True` where the item is real and `False`
# elsewhere.
#
# *Common mistake:* making the mask from `tokens != padding`. That goes wrong as soon as a real
# item happens to equal the padding. The lengths always know.


# %% solution="pad-batch"
def pad_batch(sequences, padding=0):
    """Lay sequences of different lengths into one right-padded array.

    Args:
        sequences: list of B non-empty lists of integers.
        padding: the value of padded places.

    Returns:
        tokens: (B, T) integers with T the greatest length.
        mask: (B, T) bool, True at real items.
    """
    ### BEGIN SOLUTION
    T = max(len(sequence) for sequence in sequences)
    tokens = np.full((len(sequences), T), padding)  # (B, T)
    mask = np.zeros((len(sequences), T), dtype=bool)  # (B, T)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return tokens, mask
    ### END SOLUTION


# %% [markdown]
# Try it. The tokens should be `[[5, 6, 7], [8, 0, 0]]`, and the mask has four `True`: three in
# the first row, one in the second.

# %%
pad_batch([[5, 6, 7], [8]])

# %% graded="pad-batch-value"
checks.grade(checks.check_pad_batch, pad_batch, points=4)

# %% [markdown]
# ## Task 2: the bag
#
# The first way to a fixed size is to count: one number for each word of the vocabulary, how often
# it stands in the sentence. Whatever the length of the sentence, the result has `V` numbers. The
# order of the words is gone.
#
# $$
# \mathrm{counts}_{j,v} = \sum_{t=0}^{T-1} \mathrm{mask}_{j,t} \, [\, \mathrm{tokens}_{j,t} = v \,]
# $$
#
# The bracket is 1 where the statement in it holds, and 0 elsewhere. `tokens` and `mask` are `(B,
# T)`, the result is `(B, V)`, with `V` given as `vocabulary_size`. Padded places may hold the
# number of any word, and 0 may be the number of a word; only the mask says what counts.
#
# *Common mistake:* `counts[row, tokens[row]] += 1`. NumPy reads, adds and writes once for each
# *different* index, so a word that stands twice counts once.


# %% solution="bag-of-tokens"
def bag_of_tokens(tokens, mask, vocabulary_size):
    """Count the words of each sentence.

    Args:
        tokens: (B, T) integers in [0, vocabulary_size).
        mask: (B, T) bool, True at real items.
        vocabulary_size: V, the number of columns of the result.

    Returns:
        counts: (B, V) how often each word stands at a real place of each sentence.
    """
    ### BEGIN SOLUTION
    one_hot = np.eye(vocabulary_size)[tokens]  # (B, T, V)
    return (one_hot * mask[:, :, None]).sum(axis=1)  # (B, V)
    ### END SOLUTION


# %% [markdown]
# Try it with a vocabulary of four words. The first sentence says word 2 twice and word 1 once;
# the second says word 3 once and is padded. The result should be `[[0, 1, 2, 0], [0, 0, 0, 1]]`.

# %%
bag_of_tokens(
    np.array([[2, 1, 2], [3, 0, 0]]),
    np.array([[True, True, True], [True, False, False]]),
    vocabulary_size=4,
)

# %% graded="bag-of-tokens-value"
checks.grade(checks.check_bag_of_tokens, bag_of_tokens, points=4)

# %% [markdown]
# ## Task 3: the window
#
# The second way keeps the order, for a while: at every step show the network the last `window`
# items, laid side by side, oldest first.
#
# $$
# v_t = [\, x_{t-w+1};\ \dots;\ x_{t-1};\ x_t \,], \qquad w = \mathtt{window}
# $$
#
# Items before the start of the sequence are vectors of zeros. `x` is `(B, T, D)` and the result
# is `(B, T, window * D)`: every step gets its window, the first ones too, and the window may be
# longer than the sequence.
#
# *Common mistake:* `np.roll`. It brings the end of the sequence round to its start, so that the
# first steps see the future. And a trap of NumPy: `np.zeros` makes `float64` unless you give it a
# `dtype`, and `float64` beside `float32` gives `float64`.


# %% solution="window-features"
def window_features(x, window):
    """Lay the last items side by side, for every step.

    Args:
        x: (B, T, D) items.
        window: how many items, the present one included; at least 1.

    Returns:
        features: (B, T, window * D), of the dtype of x, oldest item first; zeros before the start.
    """
    ### BEGIN SOLUTION
    B, T, D = x.shape
    before = np.zeros((B, window - 1, D), dtype=x.dtype)
    padded = np.concatenate([before, x], axis=1)  # (B, window - 1 + T, D)
    return np.concatenate([padded[:, k : k + T] for k in range(window)], axis=2)
    ### END SOLUTION


# %% [markdown]
# Try it with one sequence 1, 2, 3 and a window of two. The rows should be `[0, 1]`, `[1, 2]`,
# `[2, 3]`.

# %%
window_features(np.array([[[1.0], [2.0], [3.0]]]), window=2)

# %% graded="window-features-value"
checks.grade(checks.check_window_features, window_features, points=4)

# %% [markdown]
# ## Task 4: log-probabilities
#
# The network's output is a row of $K$ logits $y_1, \dots, y_K$, one for each class. The softmax
# turns them into probabilities, and the loss needs the logarithm of those:
#
# $$
# \log p_k = \log \frac{e^{y_k}}{\sum_j e^{y_j}}
# $$
#
# Typed as it stands, the formula breaks. A logit of 1000 overflows in the exponential, and a
# probability too small for a float becomes 0, whose logarithm is minus infinity. Both go away on
# paper: write the logarithm of the fraction as a difference, and use that the probabilities stay
# the same when one number is subtracted from all logits of a row.
#
# `y` has any number of axes; the classes are on the *last* one. The result has the same shape.
#
# *Common mistake:* `y.max()` without an axis. It shifts all rows by one number, and in a row far
# below it every exponential becomes 0.


# %% solution="log-softmax"
def log_softmax(y):
    """Logarithm of the softmax over the last axis, finite for any finite logits.

    Args:
        y: (..., K) logits.

    Returns:
        log_p: (..., K) natural logarithms of the probabilities (nats), of the dtype of y.
    """
    ### BEGIN SOLUTION
    shifted = y - y.max(axis=-1, keepdims=True)  # (..., K), the largest is 0
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    ### END SOLUTION


# %% [markdown]
# Try it. Two equal logits give the probability one half each, and the logarithm of one half is
# about `-0.693`. In the second row the classes are 1000 apart: the result should be `[0, -1000]`.

# %%
log_softmax(np.array([[3.0, 3.0], [1000.0, 0.0]]))

# %% graded="log-softmax-value"
checks.grade(checks.check_log_softmax, log_softmax, points=4)

# %% [markdown]
# ## Task 5: the loss, without the padding
#
# The cross-entropy of one step is minus the log-probability of the class that is right. The loss
# of a batch is the mean over all *real* steps of all sequences:
#
# $$
# \mathcal{L} = -\frac{1}{N} \sum_{(j,t)\ \text{real}} \log p_{j,t,\,\mathrm{target}_{j,t}}
# $$
#
# where $N$ is the number of real steps.
#
# `log_p` is `(B, T, K)`, `target` and `mask` are `(B, T)`, and the result is one number. The
# function takes log-probabilities, so it does not depend on your Task 4. (The one of the package
# takes logits and does both.) At padded places `log_p` may hold anything, minus infinity
# included.
#
# *Common mistake:* averaging over all `B T` places. A batch with much padding then seems to have
# a small loss.


# %% solution="masked-cross-entropy"
def masked_cross_entropy(log_p, target, mask):
    """Mean cross-entropy over the real steps.

    Args:
        log_p: (B, T, K) log-probabilities.
        target: (B, T) integer class of each step.
        mask: (B, T) bool, True where the step is real; at least one is.

    Returns:
        loss: one number, in nats per real step.
    """
    ### BEGIN SOLUTION
    picked = np.take_along_axis(log_p, target[:, :, None], axis=2)[:, :, 0]  # (B, T)
    return -picked[mask].mean()
    ### END SOLUTION


# %% [markdown]
# Try it. The real step gives its target the probability 1/2, the padded one 1/4. The loss should
# be `log 2`, about `0.693`; with the padded step in the mean it would be `(log 2 + log 4) / 2`,
# about `1.04`.

# %%
masked_cross_entropy(
    np.log(np.array([[[0.5, 0.5], [0.25, 0.75]]])),
    target=np.array([[0, 0]]),
    mask=np.array([[True, False]]),
)

# %% graded="masked-cross-entropy-value"
checks.grade(checks.check_masked_cross_entropy, masked_cross_entropy, points=4)

# %% [markdown]
# ## Your experiment: how far must a window reach?
#
# "The film was not dull but clever" is praise, "the film was dull but not clever" is blame, and
# both have the same words. The cell below makes 800 such sentences, each followed by the first
# `tail` words of "at least in my own view", which say nothing.

# %% locked="sentences"
from rnn_course.data import contrast_sentences
from rnn_course.text import Vocabulary

ENDING = ("at", "least", "in", "my", "own", "view")


def sentences_with_ending(tail, seed):
    """Tokens, mask, labels (1 for praise) and the size of the vocabulary."""
    sentences, labels = contrast_sentences(800, np.random.default_rng(seed))
    sentences = [[*sentence, *ENDING[:tail]] for sentence in sentences]
    vocabulary = Vocabulary(word for sentence in sentences for word in sentence)
    tokens, mask = pad_batch([vocabulary.encode(sentence).tolist() for sentence in sentences])
    return tokens, mask, labels, len(vocabulary)


# %% [markdown]
# `held_out_scores` trains a network with one hidden layer on vectors, one row for each sentence,
# and measures it on the fifth of the sentences that it has not seen. Guessing scores about 0.5 and
# has a loss of `log 2`.

# %% locked="network"
from rnn_course.data import split_rows
from rnn_course.feedforward_encoders import WindowEncoder
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.text import shuffled_batches
from rnn_course.training import train


def held_out_scores(vectors, labels, seed):
    """Loss in nats, accuracy, and number of weights; vectors is (N, F), labels is (N,)."""
    rng = np.random.default_rng(seed)
    seen, unseen = split_rows(len(labels), rng)
    network = SequenceModel(
        WindowEncoder(vectors.shape[1], 16, window=1, rng=rng), 2, rng, output_at="last"
    )
    x = vectors[:, None]  # (N, 1, F), a sequence of one step
    train(network, shuffled_batches(32, rng, x[seen], labels[seen]), Adam(0.02), 300)
    y, _ = network.forward(x[unseen])  # (M, 2)
    target, real = labels[unseen][:, None], np.ones((len(unseen), 1), dtype=bool)
    loss = masked_cross_entropy(log_softmax(y[:, None]), target, real)
    return (
        float(loss),
        float(np.mean(y.argmax(axis=1) == labels[unseen])),
        count_parameters(network),
    )


# %% [markdown]
# **Your turn.** Write down first what you expect. Then measure the held-out accuracy
#
# - of the bag, with `bag_of_tokens`;
# - of windows of 1 to 6 words at the end of the sentence: `window_features` of the one-hot
#   vectors `np.eye(V)[tokens]`, taken at the last step (these sentences are all equally long);
# - for endings of 0, 2 and 4 words, and with at least three seeds each.
#
# Print or plot what you find as a table of window by ending, with the lowest and the highest
# value over the seeds, and the number of weights beside it. This cell is not graded by itself;
# your answer below rests on it.


# %% solution="experiment"
### BEGIN SOLUTION
def accuracies(vectors_of, tail, seeds=(0, 1, 2)):
    """Lowest and highest held-out accuracy over the seeds, and the number of weights."""
    found = []
    for seed in seeds:
        tokens, mask, labels, V = sentences_with_ending(tail, seed)
        found.append(held_out_scores(vectors_of(tokens, mask, V), labels, seed))
    _, accuracy, weights = zip(*found, strict=True)
    return f"{min(accuracy):.2f} to {max(accuracy):.2f} ({weights[0]:5d} weights)"


def last_window(window):
    """A function that takes the window at the last step of sentences without padding."""
    return lambda tokens, mask, V: window_features(np.eye(V)[tokens], window)[:, -1]


_, _, labels, _ = sentences_with_ending(0, seed=0)
print(f"commonest label: {max(np.mean(labels), 1 - np.mean(labels)):.2f}")
print("bag, no ending:", accuracies(bag_of_tokens, tail=0))
for tail in (0, 2, 4):
    for window in range(1, 7):
        print(f"{tail} words after, window {window}:", accuracies(last_window(window), tail))
### END SOLUTION


# %% [markdown]
# **Question** (4 points, given by a person). In at most ten sentences: How does the bag score, and
# why could no amount of training change that? How wide must the window be for each ending, and
# which word has to be in it? What would you have to pay for sentences with an ending of 100 words,
# and would the network then understand an ending of 101? Support each statement with your numbers,
# with the score of guessing beside them.

# %% [markdown] written="what-the-window-needs" points=4
# *Model answer.* The bag stays at the score of guessing, within the spread of the seeds. A
# sentence of praise and one of blame have the same words, so they have the same bag; one vector
# cannot get two labels, however long the training.
#
# A window sees whether "not" stands before the last adjective, which is enough to know which of
# the two adjectives is cancelled. The word that decides is therefore the one *before the last
# adjective*: the window has to hold the ending, the last adjective and the word before it, two
# more than the ending has words. Narrower windows score like guessing, wider ones are right on
# nearly every sentence; the step between them moves by one with every word of the ending.
#
# The first layer has weights for each place in the window and each word, so the number of weights
# grows in proportion to the window; for an ending of 100 words the window is 102 wide and nearly
# all of its weights look at words that say nothing. An ending of one more word pushes the
# deciding word out of the window, and the score falls back to guessing.
#
# *Points:* 1 for the bag with its reason and the guessing score beside it; 1 for the width found
# for each ending with its numbers and spread; 1 for naming the deciding word; 1 for the growth of
# the weights and the fall at one word more. A statement without a measured number earns half.
