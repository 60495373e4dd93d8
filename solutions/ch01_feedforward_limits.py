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
# you measure on real names how much each of the two can tell from their letters.
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
    counts = np.zeros((len(tokens), vocabulary_size))  # (B, V)
    sentences, _ = np.nonzero(mask)  # of each real word, in the order of tokens[mask]
    np.add.at(counts, (sentences, tokens[mask]), 1)
    return counts
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
# ## Your experiment: how much does the order of letters tell?
#
# Ireland is "Irlande" in French and "Ierland" in Dutch: the same seven letters. How would you tell
# which is which? From here on a name stands for a sentence, and its letters for the words. The cell
# below reads names of countries and languages in four languages and prints such twins.

# %% locked="names"
from rnn_course.data import names_by_language, split_rows
from rnn_course.text import Vocabulary

LANGUAGES = ("de", "fr", "it", "nl")
names, labels = names_by_language(LANGUAGES)
letters = Vocabulary("".join(names))
one_hot = np.eye(len(letters), dtype=np.float32)  # (V, V), half as large as in float64


def letter_batch(chosen):
    """Tokens and mask, (N, T) each, of a list of N names, by your pad_batch."""
    return pad_batch([letters.encode(name).tolist() for name in chosen])


owners = {}
for name, label in zip(names, labels, strict=True):
    owners.setdefault("".join(sorted(name)), {})[LANGUAGES[label]] = name
twins = [same for same in owners.values() if len(same) > 1]
print(len(names), "names;", len(twins), "groups of twins, such as", twins[:3])

# %% [markdown]
# `held_out_scores` trains a network with one hidden layer on vectors, one row for each name, and
# measures it on the fifth of the names that it has not seen. The hidden layer gets as many units
# as fit into about 4,000 weights, so that longer vectors do not come with a larger network.

# %% locked="network"
from rnn_course.feedforward_encoders import WindowEncoder
from rnn_course.metrics import majority_accuracy
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.text import shuffled_batches
from rnn_course.training import train


def held_out_scores(vectors, seed, num_weights=4000):
    """Accuracy, loss in nats, the commonest language's accuracy, weights; vectors is (N, F)."""
    rng = np.random.default_rng(seed)
    seen, unseen = split_rows(len(labels), rng)
    (_, F), K = vectors.shape, len(LANGUAGES)
    H = max(1, round((num_weights - K) / (F + 1 + K)))
    network = SequenceModel(WindowEncoder(F, H, window=1, rng=rng), K, rng, output_at="last")
    x = np.asarray(vectors, dtype=float)[:, None]  # (N, 1, F), a sequence of one step
    train(network, shuffled_batches(64, rng, x[seen], labels[seen]), Adam(0.01), 300)
    y, _ = network.forward(x[unseen])  # (M, K)
    target, real = labels[unseen][:, None], np.ones((len(unseen), 1), dtype=bool)
    loss = float(masked_cross_entropy(log_softmax(y[:, None]), target, real))
    accuracy = float(np.mean(y.argmax(axis=1) == labels[unseen]))
    baseline = majority_accuracy(labels[seen], labels[unseen])
    return accuracy, loss, baseline, count_parameters(network)


# %% [markdown]
# **Your turn.** Write down first how many letters at the end of a name *you* would need, and how
# well you would do if they came in alphabetical order. Then cut every name to its last `w` letters
# (`name[-w:]`), for `w` of 1, 2, 4, 8 and 16, and measure
#
# - the bag of these letters, with `bag_of_tokens`, and that of whole names as well;
# - the letters side by side: `window_features` of the one-hot vectors `one_hot[tokens]`, with a
#   window of `w`, at each name's last *real* letter (names of fewer than `w` letters are padded).
#
# A bag and a window of one letter are the same vector, so they must score alike. Use at least three
# seeds. Print the lowest and the highest accuracy and loss, the number of weights, and the accuracy
# of always answering the commonest language.
#
# Ask one question of your own as well, with one change at a time: the first letters instead of the
# last, a bag of *pairs* of neighbouring letters, a quarter of the weights. This cell is not graded
# by itself; your answer below rests on it.


# %% solution="experiment"
### BEGIN SOLUTION
def last_window(chosen, window):
    """The window (N, window * V) at the last real letter of each name."""
    tokens, mask = letter_batch(chosen)
    features = window_features(one_hot[tokens], window)  # (N, T, window * V)
    return features[np.arange(len(tokens)), mask.sum(axis=1) - 1]


def pair_bag(chosen):
    """How often each pair of neighbouring letters stands in each name."""
    pairs = [[name[t : t + 2] for t in range(len(name) - 1)] for name in chosen]
    numbers = Vocabulary(pair for name in pairs for pair in name)
    tokens, mask = pad_batch([numbers.encode(name).tolist() for name in pairs])
    return bag_of_tokens(tokens, mask, len(numbers))


def show(what, vectors, seeds=(0, 1, 2)):
    """Print lowest and highest accuracy and loss, the baseline and the number of weights."""
    found = [held_out_scores(vectors, seed) for seed in seeds]
    accuracy, loss, baseline, weights = zip(*found, strict=True)
    print(
        f"{what:13} accuracy {min(accuracy):.2f} to {max(accuracy):.2f}, loss {min(loss):.2f} to "
        f"{max(loss):.2f}, {weights[0]} weights (commonest: {max(baseline):.2f})"
    )


for w in (1, 2, 4, 8, 16):
    ends = [name[-w:] for name in names]
    show(f"bag, last {w}", bag_of_tokens(*letter_batch(ends), len(letters)))
    show(f"window of {w}", last_window(ends, w))
show("bag, all", bag_of_tokens(*letter_batch(names), len(letters)))
show("pairs, all", pair_bag(names))
### END SOLUTION


# %% [markdown]
# **Question** (4 points, given by a person). In at most ten sentences: How much does the order of
# the last letters tell beside the letters themselves, and what does the bag gain from a second,
# fourth and eighth one? How far must a window reach, and what does the loss say of wider ones?
# What did you ask besides, and what is the answer? Give each number with its spread and with the
# baseline beside it.

# %% [markdown] written="what-order-tells" points=4
# *Model answer.* The table above is the evidence; always answering the commonest language is right
# for three names in ten. The last letter alone is enough for more than half of them, in a bag or in
# a window, which are then the same; the last two side by side are enough for nearly two thirds, and
# the ranges are far apart. In a bag two, four or eight letters are worth no more than the one,
# within the spread: it learns of one more letter, and no longer which was the last. Whole names
# take it close to the window of two. Hardly any of them has a twin, so a whole bag could tell
# nearly all names apart, unlike the reviews in the chapter; what two thousand names teach about it
# is not enough.
#
# A window of four is right a little more often than one of two, by one to three hundredths. Wider
# ones bring nothing more, and their loss is higher: by and large they give the right language less
# probability. So a window has to reach two letters here, four at most.
#
# The own question of this version is whether the order of neighbours is enough, wherever they
# stand: the bag of whole names is made of pairs instead of letters, with updates, seeds and split
# as they were, and the weights as nearly as whole units allow. It is right for more than seven
# names in ten, with ranges clear of the bag of letters and of every window; other words than such
# names may give another answer.
#
# *Points:* 1 for both at all five widths, with spread and baseline; 1 for what order adds, judged
# against the spread, and for the bag's small gain; 1 for the reach of the window, by accuracy and
# by loss; 1 for an own question with one change at a time and an answer that the numbers carry. A
# statement without a measured number earns half.
