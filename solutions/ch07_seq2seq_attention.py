# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 7: sequence to sequence, and attention
#
# You write an encoder and a decoder, two kinds of attention with masks and gradients, and two ways
# to find a sentence. At the end a small network that consists of your attention alone tells
# languages apart, and you measure what its choice of weights is worth.
#
# **Needs:** chapters 2, 3 and 7, NumPy, the product rule. **Time:** about 120 minutes; tasks 1 and
# 2, 3 to 7, and 8 and 9 can be done on three days.
#
# **How it works.** Each task has a cell with a gap, a cell to try your function on numbers that
# you can work out by hand, and a graded cell. Run the graded cell as often as you like: it says
# what holds, what does not, and the likely cause. There are no hidden tests. No function may change
# its inputs, and from `float32` inputs comes a `float32` result. Names and shapes are those of the
# book: `B` sequences, `T` steps of the target, `S` words of the source, `E` the size of a value,
# `d` that of a key, batch first.

# %% locked="setup"
import numpy as np

from rnn_course import checks

# %% [markdown]
# ## Task 1: what the decoder is fed
#
# In training the decoder is fed the *true* word of the step before and answers with the next one.
# A start symbol comes before the first word, and after the last word the answer is an end symbol.
# For the target "a b c":
#
# | step | 0 | 1 | 2 | 3 |
# | --- | --- | --- | --- | --- |
# | fed | start | a | b | c |
# | answer | a | b | c | end |
#
# `target` is `(B, T)`, row `j` has `lengths[j]` real words (0 to `T`) and is padded on the right.
# Return `inputs` and `outputs`, both `(B, T + 1)` and 0 where nothing is real, and the `mask`
# `(B, T + 1)` of bool, True at the `lengths[j] + 1` real steps of row `j`.
#
# *Common mistake:* the end symbol in the last column. It follows each row's *own* last word, and
# its step is real: else the decoder never learns to stop.


# %% solution="teacher-forcing"
def teacher_forcing(target, lengths, start, end):
    """What a decoder is fed in training, and what it should answer.

    Args:
        target: (B, T) integers, padded on the right. lengths: (B,) real words, 0 to T.
        start, end: the symbols before the first word and after the last one.

    Returns:
        inputs, outputs: (B, T + 1) integers, 0 at steps that are not real.
        mask: (B, T + 1) bool.
    """
    ### BEGIN SOLUTION
    B, T = target.shape
    steps = np.arange(T + 1)  # (T + 1,)
    mask = steps <= lengths[:, None]  # (B, T + 1)
    inputs = np.concatenate([np.full((B, 1), start), target], axis=1)
    outputs = np.concatenate([target, np.zeros((B, 1), dtype=int)], axis=1)
    outputs = np.where(steps == lengths[:, None], end, outputs)
    return inputs * mask, outputs * mask, mask
    ### END SOLUTION


# %% [markdown]
# Try it. Two rows, of two words and of one; start is 1 and end is 2. Fed: `[[1, 7, 8], [1, 9, 0]]`;
# answers: `[[7, 8, 2], [9, 2, 0]]`; of the mask only the last place is False.

# %%
teacher_forcing(np.array([[7, 8], [9, 0]]), np.array([2, 1]), start=1, end=2)

# %% graded="teacher-forcing-value"
checks.grade(checks.check_teacher_forcing, teacher_forcing, points=4)

# %% [markdown]
# ## Task 2: an encoder and a decoder
#
# The encoder, a vanilla RNN, reads the source. Where it ends, the decoder starts: a second RNN with
# parameters of its own, which is fed the `inputs` of task 1 and answers every step with logits:
#
# $$
# h_{-1} = \text{the encoder's last state}, \qquad
# h_t = \tanh(W_{hh} h_{t-1} + W_{xh} E_{\mathrm{inputs}_t} + b_h), \qquad
# y_t = W_{hy} h_t + b_y
# $$
#
# The encoder runs by the same formula for $h_t$, over the words of the source and from zeros.
# The vector of word $w$ is $E_w$, row $w$ of the embedding `E`.
#
# `source` is `(B, S)`, row `j` has `lengths[j]` real words (1 to `S`) and is padded on the right;
# `inputs` is `(B, T)`. `encoder` and `decoder` are dicts with `E` `(V, D)`, `W_xh` `(H, D)`,
# `W_hh` `(H, H)` and `b_h` `(H,)`; the two sizes `V` differ. The decoder's dict also has `W_hy`
# `(V, H)` and `b_y` `(V,)`. Return the logits `y` `(B, T, V)` of all steps, padded ones too: the
# loss leaves those out.
#
# *Common mistake:* the encoder's state at the padded end. Each source ends at its own last word,
# and nothing that stands behind it may change the state.


# %% solution="encoder-decoder-logits"
def encoder_decoder_logits(source, lengths, inputs, encoder, decoder):
    """Logits of a decoder that starts where an encoder ended, under teacher forcing.

    Args:
        source: (B, S) integers, padded on the right. lengths: (B,) real words, 1 to S.
        inputs: (B, T) integers, what the decoder is fed.
        encoder: dict of E (V, D), W_xh (H, D), W_hh (H, H), b_h (H,).
        decoder: dict of the same, with a V of its own, and of W_hy (V, H), b_y (V,).

    Returns:
        y: (B, T, V) logits at every step of the decoder, of the dtype of the parameters.
    """
    ### BEGIN SOLUTION
    x = encoder["E"][source]  # (B, S, D)
    h_t = np.zeros((len(source), len(encoder["b_h"])), dtype=x.dtype)  # (B, H)
    for s in range(source.shape[1]):
        a_t = x[:, s] @ encoder["W_xh"].T + h_t @ encoder["W_hh"].T + encoder["b_h"]
        h_t = np.where((s < lengths)[:, None], np.tanh(a_t), h_t)  # behind the end it stays
    x, y = decoder["E"][inputs], []  # (B, T, D)
    for t in range(inputs.shape[1]):
        a_t = x[:, t] @ decoder["W_xh"].T + h_t @ decoder["W_hh"].T + decoder["b_h"]
        h_t = np.tanh(a_t)  # (B, H)
        y.append(h_t @ decoder["W_hy"].T + decoder["b_y"])
    return np.stack(y, axis=1)
    ### END SOLUTION


# %% [markdown]
# Try it. One unit, and numbers so large that every state is 1 or $-1$. Word 1 of the source makes
# the encoder's state 1 and word 2 makes it $-1$; so the rows end with 1 and $-1$. The decoder keeps
# its state when it is fed word 1, and word 2 makes it 1. The two logits are the state, and 5 minus
# the state: `[[1, 4], [1, 4]]` and `[[-1, 6], [1, 4]]`.

# %%
encoder_decoder_logits(
    source=np.array([[1, 2], [1, 2]]),
    lengths=np.array([1, 2]),
    inputs=np.array([[1, 2], [1, 2]]),
    encoder={
        "E": np.array([[0.0], [20.0], [-20.0]]),
        "W_xh": np.array([[1.0]]),
        "W_hh": np.array([[0.0]]),
        "b_h": np.array([0.0]),
    },
    decoder={
        "E": np.array([[0.0], [0.0], [40.0]]),
        "W_xh": np.array([[1.0]]),
        "W_hh": np.array([[20.0]]),
        "b_h": np.array([0.0]),
        "W_hy": np.array([[1.0], [-1.0]]),
        "b_y": np.array([0.0, 5.0]),
    },
)

# %% graded="encoder-decoder-logits-value"
checks.grade(checks.check_encoder_decoder_logits, encoder_decoder_logits, points=6)

# %% [markdown]
# ## Task 3: weights for real words only
#
# A decoder that looks back gives every word of the source a score, and a softmax turns the scores
# of one step into weights. A padded word must get the weight 0, and the real ones share 1:
#
# $$
# p_{ts} = \frac{m_s \exp a_{ts}}{\sum_{s'} m_{s'} \exp a_{ts'}}, \qquad
# m_s = 1 \text{ where a word is real, } 0 \text{ elsewhere}
# $$
#
# `a` is `(B, T, S)`: the scores of `T` steps for `S` words. `mask` is `(B, S)` and True where a
# word is real. Scores may be large: first take the largest score that a row has at real words off
# that row, which changes no weight. A row without any real word gets zeros, not NaN. Return `p`
# `(B, T, S)`.
#
# *Common mistake:* the mask after the softmax. Then the weights of a row no longer sum to 1.


# %% solution="masked-softmax"
def masked_softmax(a, mask):
    """Softmax over the last axis, where the mask allows it.

    Args:
        a: (B, T, S) scores. mask: (B, S) bool, True where a word is real.

    Returns:
        p: (B, T, S) weights of the dtype of a; each row sums to 1, or to 0 where no word is real.
    """
    ### BEGIN SOLUTION
    a = np.where(mask[:, None], a, -np.inf)
    largest = a.max(axis=2, keepdims=True)  # (B, T, 1)
    e = np.exp(a - np.where(np.isfinite(largest), largest, 0))  # (B, T, S)
    total = e.sum(axis=2, keepdims=True)  # (B, T, 1)
    return e / np.where(total > 0, total, 1)
    ### END SOLUTION


# %% [markdown]
# Try it. The exponentials of the scores are 1, 2, 4 and 9, and the last word is padding: the
# weights are 1, 2, 4 and 0, divided by 7.

# %%
masked_softmax(np.log([[[1.0, 2.0, 4.0, 9.0]]]), np.array([[True, True, True, False]])) * 7

# %% graded="masked-softmax-value"
checks.grade(checks.check_masked_softmax, masked_softmax, points=4)

# %% [markdown]
# ## Task 4: attention by products
#
# Every query $q_t$ is compared with every key $k_s$ by their product, and the output is the mean of
# the values $v_s$ by weight:
#
# $$
# a_{ts} = \frac{q_t^\top k_s}{\sqrt d}, \qquad
# p_t = \text{softmax of task 3}, \qquad o_t = \sum_s p_{ts} v_s
# $$
#
# `q` is `(B, T, d)`, `k` is `(B, S, d)`, `v` is `(B, S, E)`, and `mask` `(B, S)` is True where a
# key is real. Return `o` `(B, T, E)` and `p` `(B, T, S)`.
#
# *Common mistake:* `np.sqrt(d)`. It is a `float64` number, and turns `float32` scores into
# `float64`; `d**0.5` does not.


# %% solution="dot-product-attention"
def dot_product_attention(q, k, v, mask):
    """Attention by scaled products to the real keys.

    Args:
        q: (B, T, d) queries. k: (B, S, d) keys. v: (B, S, E) values.
        mask: (B, S) bool, True where the key is real.

    Returns:
        o: (B, T, E) weighted means of the values. p: (B, T, S) weights; each row sums to 1, or
            to 0 where no key is real. Both of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    a = q @ k.swapaxes(1, 2) / q.shape[2] ** 0.5  # (B, T, S)
    p = masked_softmax(a, mask)
    return p @ v, p
    ### END SOLUTION


# %% [markdown]
# Try it. Keys 0, 1 and 2 of one entry, and the query $\ln 2$: the weights are proportional to 1, 2
# and 4. With the values 21, 0 and 42 the output is $(21 + 168) / 7 = 27$.

# %%
dot_product_attention(
    q=np.array([[[np.log(2.0)]]]),
    k=np.array([[[0.0], [1.0], [2.0]]]),
    v=np.array([[[21.0], [0.0], [42.0]]]),
    mask=np.array([[True, True, True]]),
)

# %% graded="dot-product-attention-value"
checks.grade(checks.check_dot_product_attention, dot_product_attention, masked_softmax, points=3)

# %% [markdown]
# ## Task 5: its gradient
#
# `do` `(B, T, E)` is the gradient of the loss with respect to the outputs. The output is linear in
# the values; the softmax couples the scores of one query:
#
# $$
# dv_s = \sum_t p_{ts}\, do_t, \qquad
# da_{ts} = p_{ts} \left( do_t^\top v_s - do_t^\top o_t \right)
# $$
#
# $$
# dq_t = \frac{1}{\sqrt d} \sum_s da_{ts} k_s, \qquad dk_s = \frac{1}{\sqrt d} \sum_t da_{ts} q_t
# $$
#
# Return `dq`, `dk` and `dv`, each of the shape of its thing. Call your `dot_product_attention` for
# `o` and `p`. A padded key has the weight 0, and so its gradients are 0 by themselves.
#
# *Common mistake:* leaving out $- do_t^\top o_t$. To raise one weight, the others must fall.


# %% solution="attention-backward"
def attention_backward(do, q, k, v, mask):
    """Gradients of dot_product_attention with respect to its arguments.

    Args:
        do: (B, T, E) gradient of the loss with respect to o.
        q: (B, T, d), k: (B, S, d), v: (B, S, E), mask: (B, S) as going forward.

    Returns:
        dq: (B, T, d). dk: (B, S, d). dv: (B, S, E), of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    o, p = dot_product_attention(q, k, v, mask)
    dp = do @ v.swapaxes(1, 2)  # (B, T, S)
    da = p * (dp - (do * o).sum(axis=2, keepdims=True))  # (B, T, S)
    da = da / q.shape[2] ** 0.5
    return da @ k, da.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ do
    ### END SOLUTION


# %% [markdown]
# Try it. The numbers of task 4 with $do = 1$: `dv` is $(1, 2, 4) / 7$, `dq` is
# $(-54 + 120) / 7 = 66 / 7$, about 9.43, and `dk` is $\ln 2$ times $(-6, -54, 60) / 7$.

# %%
attention_backward(
    do=np.array([[[1.0]]]),
    q=np.array([[[np.log(2.0)]]]),
    k=np.array([[[0.0], [1.0], [2.0]]]),
    v=np.array([[[21.0], [0.0], [42.0]]]),
    mask=np.array([[True, True, True]]),
)

# %% graded="attention-backward-value"
checks.grade(checks.check_attention_backward, attention_backward, dot_product_attention, points=6)

# %% [markdown]
# ## Task 6: additive attention
#
# The score may also come from a small network of `A` hidden units. Each query meets each key:
#
# $$
# g_{ts} = \tanh(W_q q_t + W_k k_s), \qquad a_{ts} = w^\top g_{ts}
# $$
#
# Weights and output follow as before, and nothing is divided by a root. Queries and keys may now
# differ in size: `q` is `(B, T, Hq)`, `k` is `(B, S, Hk)`, `W_q` is `(A, Hq)`, `W_k` is `(A, Hk)`
# and `w`, which the chapter calls $v$, is `(A,)`. Return `o` `(B, T, E)`, `p` `(B, T, S)` and the
# hidden units `g` `(B, T, S, A)` of all keys, padded ones too: the way back needs them.
#
# *Common mistake:* a sum of $(B, T, A)$ and $(B, S, A)$. Give each an axis of size 1 for the other:
# $(B, T, 1, A)$ and $(B, 1, S, A)$.


# %% solution="additive-attention"
def additive_attention(q, k, v, mask, W_q, W_k, w):
    """Attention to the real keys, with scores from a small network.

    Args:
        q: (B, T, Hq) queries. k: (B, S, Hk) keys. v: (B, S, E) values.
        mask: (B, S) bool, True where the key is real.
        W_q: (A, Hq), W_k: (A, Hk), w: (A,) parameters.

    Returns:
        o: (B, T, E) weighted means of the values. p: (B, T, S) weights, as in task 4.
        g: (B, T, S, A) hidden units. All of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    g = np.tanh((q @ W_q.T)[:, :, None] + (k @ W_k.T)[:, None])  # (B, T, S, A)
    p = masked_softmax(g @ w, mask)  # (B, T, S)
    return p @ v, p, g
    ### END SOLUTION


# %% [markdown]
# Try it. One hidden unit; $W_q$ and $W_k$ are 1. The sums are 0, $\ln 2$ and $\ln 3$, whose tanh is
# 0, 0.6 and 0.8. With $w = 5 \ln 2$ the exponentials of the scores are 1, 8 and 16, so the weights
# are 0.04, 0.32 and 0.64, and the output is $25 \cdot 0.04 + 50 \cdot 0.64 = 33$.

# %%
one_unit = {"W_q": np.array([[1.0]]), "W_k": np.array([[1.0]]), "w": np.array([5 * np.log(2.0)])}
three_words = {
    "q": np.array([[[np.log(2.0)]]]),
    "k": np.log([[[0.5], [1.0], [1.5]]]),
    "v": np.array([[[25.0], [0.0], [50.0]]]),
    "mask": np.array([[True, True, True]]),
}
additive_attention(**three_words, **one_unit)

# %% graded="additive-attention-value"
checks.grade(checks.check_additive_attention, additive_attention, masked_softmax, points=4)

# %% [markdown]
# ## Task 7: the gradient of additive attention
#
# Up to the scores nothing is new: $dv_s$ and $da_{ts}$ are those of task 5. From there the gradient
# goes through the small network, and $d_{ts}$ `(A,)` is that of the sum inside tanh:
#
# $$
# dw = \sum_{ts} da_{ts}\, g_{ts}, \qquad
# d_{ts} = da_{ts}\, w \odot (1 - g_{ts} \odot g_{ts})
# $$
#
# $$
# dq_t = W_q^\top \sum_s d_{ts}, \quad dk_s = W_k^\top \sum_t d_{ts}, \quad
# dW_q = \sum_{ts} d_{ts} q_t^\top, \quad dW_k = \sum_{ts} d_{ts} k_s^\top
# $$
#
# The parameters serve the whole batch: their gradients are sums over it as well. Return `dq`, `dk`,
# `dv` and the dict `grads` of `W_q`, `W_k` and `w`, each of the shape of its thing.
#
# *Common mistake:* the sum over the wrong axis. A query meets all keys, so `dq` sums over `S`, and
# a key meets all queries, so `dk` sums over `T`.


# %% solution="additive-attention-backward"
def additive_attention_backward(do, q, k, v, mask, W_q, W_k, w):
    """Gradients of additive_attention with respect to its arguments.

    Args:
        do: (B, T, E) gradient of the loss with respect to o.
        q: (B, T, Hq), k: (B, S, Hk), v: (B, S, E), mask: (B, S), W_q: (A, Hq), W_k: (A, Hk),
            w: (A,) as going forward.

    Returns:
        dq: (B, T, Hq). dk: (B, S, Hk). dv: (B, S, E).
        grads: {"W_q": (A, Hq), "W_k": (A, Hk), "w": (A,)}, all of the dtype of the inputs.
    """
    ### BEGIN SOLUTION
    o, p, g = additive_attention(q, k, v, mask, W_q, W_k, w)
    dp = do @ v.swapaxes(1, 2)  # (B, T, S)
    da = p * (dp - (do * o).sum(axis=2, keepdims=True))  # (B, T, S)
    d = da[..., None] * w * (1 - g * g)  # (B, T, S, A)
    d_q, d_k = d.sum(axis=2), d.sum(axis=1)  # (B, T, A), (B, S, A)
    grads = {
        "W_q": np.einsum("bta,bth->ah", d_q, q),
        "W_k": np.einsum("bsa,bsh->ah", d_k, k),
        "w": np.einsum("bts,btsa->a", da, g),
    }
    return d_q @ W_q, d_k @ W_k, p.swapaxes(1, 2) @ do, grads
    ### END SOLUTION


# %% [markdown]
# Try it. The numbers of task 6 with $do = 1$: $da$ is $(-8, -264, 272) / 25$, so `w` gets
# $(-158.4 + 217.6) / 25 = 2.368$, and `dk` is $\ln 2$ times $(-1.6, -33.792, 19.584)$. All of it
# goes to `dq` as well: $-15.808 \ln 2$, about $-10.957$.

# %%
additive_attention_backward(np.array([[[1.0]]]), **three_words, **one_unit)

# %% graded="additive-attention-backward-value"
check = checks.check_additive_attention_backward
checks.grade(check, additive_attention_backward, additive_attention, points=6)

# %% [markdown]
# ## Task 8: greedy decoding
#
# When it translates, nobody knows the true words, and the decoder is fed its own. It starts from
# the state `h_0` `(B, H)` in which the encoder ended, and is fed the start symbol. At each step it
# writes the word with the largest logit, and that word is fed at the next step.
#
# A row stops at its *own* end symbol, and after `max_steps` words at the latest. `decoder` is the
# dict of task 2. Return the `tokens` `(B, max_steps)` that each row writes, the end symbol included
# and 0 behind it, and the `lengths` `(B,)`, how many words these are, the end symbol included.
#
# *Common mistake:* to stop all rows with the first that ends, or to keep what a row would say after
# its end. The rows of a batch know nothing of each other.


# %% solution="greedy-decode"
def greedy_decode(h_0, decoder, start, end, max_steps):
    """Sentences of a decoder that is fed its own most probable words.

    Args:
        h_0: (B, H) state before the first step.
        decoder: dict of E (V, D), W_xh (H, D), W_hh (H, H), b_h (H,), W_hy (V, H), b_y (V,).
        start: the symbol that is fed first. end: the symbol that ends a sentence.
        max_steps: words of a sentence at most, the end symbol included.

    Returns:
        tokens: (B, max_steps) integers, without the start symbol, 0 behind the end symbol.
        lengths: (B,) integers, words of each row with the end symbol; max_steps without one.
    """
    ### BEGIN SOLUTION
    h_t, words = h_0, np.full(len(h_0), start)  # (B, H), (B,)
    running = np.ones(len(h_0), dtype=bool)  # (B,)
    tokens = np.zeros((len(h_0), max_steps), dtype=int)
    lengths = np.zeros(len(h_0), dtype=int)
    for t in range(max_steps):
        x_t = decoder["E"][words]  # (B, D)
        h_t = np.tanh(x_t @ decoder["W_xh"].T + h_t @ decoder["W_hh"].T + decoder["b_h"])
        words = (h_t @ decoder["W_hy"].T + decoder["b_y"]).argmax(axis=1)
        tokens[:, t] = np.where(running, words, 0)
        lengths += running
        running = running & (words != end)
    return tokens, lengths
    ### END SOLUTION


# %% [markdown]
# Try it. A decoder that never says a word twice: unit $w$ of the state becomes 1 when word $w$ is
# fed, and stays 1, and that takes 10 off the logit of the word. Before, the logits are 3, 2 and 1
# for the words 3, 4 and the end symbol 2. So the first row writes `[3, 4, 2, 0]`. The second one
# starts as if word 3 had been said, and writes `[4, 2, 0, 0]`. The lengths are 3 and 2.

# %%
greedy_decode(
    h_0=np.array([[0.0, 0, 0, 0, 0], [0, 0, 0, 1, 0]]),
    decoder={
        "E": np.eye(5),
        "W_xh": 20 * np.eye(5),
        "W_hh": 20 * np.eye(5),
        "b_h": np.zeros(5),
        "W_hy": -10 * np.eye(5),
        "b_y": np.array([-99.0, -99.0, 1.0, 3.0, 2.0]),
    },
    start=1,
    end=2,
    max_steps=4,
)

# %% graded="greedy-decode-value"
checks.grade(checks.check_greedy_decode, greedy_decode, points=5)

# %% [markdown]
# ## Task 9: beam search
#
# Greedy decoding takes no word back, and the most probable word at each step need not begin the
# most probable sentence. So beam search keeps several beginnings. Here the decoder is a table:
# `log_p[t, i, j]` is the log-probability that word `j` follows word `i` at step `t`.
#
# 1. The only beginning is the start symbol, with the sum 0.
# 2. At each step extend every unfinished beginning by every word, adding the log-probabilities.
#    Of all these candidates, those that end among them, keep the `beam` ones with the largest sums.
# 3. Kept candidates that end in the end symbol are finished and put aside; the others are the
#    beginnings of the next step. Stop when none is left, or after the last step of the table;
#    beginnings that have not ended by then count as they are.
# 4. Of all finished ones and those the best has the largest sum divided by $n^\alpha$, where $n$ is
#    the number of words after the start symbol, the end symbol included.
#
# Return the words of the best one, without the start symbol, and its score.
#
# *Common mistake:* stopping at the first finished sentence. A longer one may have the better mean.


# %% solution="beam-search"
def beam_search(log_p, start, end, beam, alpha):
    """The best sentence that a beam finds.

    Args:
        log_p: (T, V, V) log-probability at each step of the next word (column) by the last (row).
        start, end: word numbers. beam: beginnings kept at each step, at least 1.
        alpha: exponent of the length.

    Returns:
        words: (n,) integers, without the start symbol. score: float, sum / n**alpha.
    """
    ### BEGIN SOLUTION
    running, finished = [(0.0, [start])], []
    for table in log_p:
        candidates = [
            (total + table[words[-1], new], [*words, new])
            for total, words in running
            for new in range(len(table))
        ]
        kept = sorted(candidates, reverse=True)[:beam]
        finished += [one for one in kept if one[1][-1] == end]
        running = [one for one in kept if one[1][-1] != end]
    scored = [(total / (len(w) - 1) ** alpha, w) for total, w in finished + running]
    score, words = max(scored)
    return np.array(words[1:]), score
    ### END SOLUTION


# %% [markdown]
# Try it. Word 0 starts and word 3 ends. Word 1 is likelier at first (0.6), but all that follows it
# ends with 0.4, while word 2 (0.4) always ends. Greedy search, a beam of one, finds `[1, 3]` with
# probability 0.24, and a beam of two `[2, 3]` with 0.4.

# %%
with np.errstate(divide="ignore"):
    table = np.log([[0, 0.6, 0.4, 0], [0, 0.3, 0.3, 0.4], [0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25]])
for beam in (1, 2):
    words, score = beam_search(np.stack([table, table]), start=0, end=3, beam=beam, alpha=0.0)
    print(words, np.exp(score))

# %% graded="beam-search-value"
checks.grade(checks.check_beam_search, beam_search, points=5)

# %% [markdown]
# ## Your experiment: which letters give a language away?
#
# Names of countries and languages, as they are written in four languages. The smallest network with
# attention reads one: each letter has a key, which also depends on its place counted from the end,
# and a value; *one* query, the same for every name, asks for evidence; and the answer is a linear
# function of what attention returns. It runs on your attention and trains with your gradient.

# %% locked="names"
from rnn_course.data import names_by_language, split_rows
from rnn_course.layers import linear_backward, linear_forward
from rnn_course.losses import cross_entropy_backward, cross_entropy_forward
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.optimisers import Adam
from rnn_course.text import Vocabulary, mask_from_lengths, pad_sequences, shuffled_batches

LANGUAGES = ("de", "fi", "it", "pl")
names, labels = names_by_language(LANGUAGES)
letters = Vocabulary("".join(names))
tokens, lengths = pad_sequences([letters.encode(name) for name in names])
# Place of each letter counted from the end of its name: 0 is the last letter
places = np.maximum(lengths[:, None] - 1 - np.arange(tokens.shape[1]), 0)
print(len(names), "names of up to", tokens.shape[1], "letters")


# %% locked="network"
def start(rng, d=8, size=16):
    """Parameters of the network, drawn at random."""
    shapes = {
        "query": (1, d),
        "letter_keys": (len(letters), d),
        "place_keys": (places.max() + 1, d),
    }
    shapes |= {"values": (len(letters), size), "W": (len(LANGUAGES), size), "b": (len(LANGUAGES),)}
    return {name: rng.normal(0, 0.3, shape) for name, shape in shapes.items()}


def read(params, rows, choose=True):
    """Logits (B, K), weights (B, S) and what the gradient needs; equal weights if not choose."""
    q = np.repeat(params["query"][None], len(rows), axis=0) * choose  # (B, 1, d)
    k = params["letter_keys"][tokens[rows]] + params["place_keys"][places[rows]]  # (B, S, d)
    v, mask = params["values"][tokens[rows]], mask_from_lengths(lengths[rows], tokens.shape[1])
    o, p = dot_product_attention(q, k, v, mask)
    y, linear_cache = linear_forward(o[:, 0], params["W"], params["b"])
    return y, p[:, 0], ((q, k, v, mask), linear_cache)


# %% locked="gradients"
def gradients(params, rows, choose=True):
    """Gradients of the mean cross-entropy, keyed like params."""
    y, _, (inputs, linear_cache) = read(params, rows, choose)
    dy = cross_entropy_backward(cross_entropy_forward(y, labels[rows])[1])
    do, linear_grads = linear_backward(dy, linear_cache)
    dq, dk, dv = attention_backward(do[:, None], *inputs)
    grads = {name: np.zeros_like(param) for name, param in params.items()} | linear_grads
    grads["query"] = dq.sum(axis=0) * choose
    np.add.at(grads["letter_keys"], tokens[rows], dk)
    np.add.at(grads["place_keys"], places[rows], dk)
    np.add.at(grads["values"], tokens[rows], dv)
    return grads


# %% locked="training"
def trained(seed, choose=True, num_updates=400):
    """Held-out accuracy, the baseline's, and the mean weight of the places 0 ... 9 from the end."""
    rng = np.random.default_rng(seed)
    seen, unseen = split_rows(len(names), rng)
    params, optimiser = start(rng), Adam(0.02)
    batches = shuffled_batches(64, rng, seen)
    for _ in range(num_updates):
        (rows,) = next(batches)
        optimiser.update(params, gradients(params, rows, choose))
    y, p, _ = read(params, unseen, choose)
    score = accuracy(y.argmax(axis=1), labels[unseen])
    real = mask_from_lengths(lengths[unseen], tokens.shape[1])
    here = [p[real & (places[unseen] == place)] for place in range(10)]
    at_place = [weights.mean() if weights.size else 0.0 for weights in here]
    return score, majority_accuracy(labels[seen], labels[unseen]), np.array(at_place)


# %% [markdown]
# **Your turn.** Write down first what you expect: does the network read better when it chooses its
# weights than with equal ones (`choose=False`), and which letters get the most weight? Then
# measure the held-out accuracy of both with `trained`, with at least three seeds, print the lowest
# and the highest value beside that of always answering the commonest language, and look at the
# weights by place.
#
# Ask one question of your own as well, with one change at a time: one key for all places
# (`places[:] = 0`), more updates, names cut to their first letters, another language in the place
# of one (there are also es, fr, hu, nl, pt and tr). This cell is not graded by itself; your answer
# below rests on it.


# %% solution="experiment"
### BEGIN SOLUTION
def spread(values):
    """Lowest and highest, in words."""
    return f"{min(values):.2f} to {max(values):.2f}"


for choose in (False, True):
    scores, baselines, at_place = zip(*(trained(seed, choose) for seed in range(3)), strict=True)
    print(f"choose={choose}: {spread(scores)} (commonest: {max(baselines):.2f})")
    print("  weight by place from the end:", np.mean(at_place, axis=0).round(2))
full_places = places.copy()
places[:] = 0  # one key for all places
scores, _, _ = zip(*(trained(seed) for seed in range(3)), strict=True)
print(f"no key for the place: {spread(scores)}")
places[:] = full_places
### END SOLUTION


# %% [markdown]
# **Question** (4 points, given by a person). In at most ten sentences: How much does choosing the
# weights bring, judged against the spread over your seeds? Which places get the weight, and does
# that show that they matter? What did you ask besides, and what is the answer? Give each number
# with its spread and with the baseline beside it.

# %% [markdown] written="which-letters" points=4
# *Model answer.* Choosing the weights brings little here: about 0.73 to 0.78 over three seeds,
# against 0.70 to 0.76 with equal weights. The ranges overlap, so three seeds cannot show a gain;
# both are far above the commonest language (0.29). A bag of letters alone already says much about
# a name.
#
# The weights are another matter. With equal weights every letter gets its share, about a tenth.
# With chosen ones the last letter gets about three tenths and the one before it nearly two, in the
# mean of the three seeds. That fits languages that mark the endings of words. But a weight shows
# where the network looks, and not that it must: the score hardly changed when it could not choose,
# so the endings are useful evidence and the rest of the name holds nearly as much.
#
# The own question of this version: is it the place or the letter? With one key for all places the
# accuracy falls back to the range of equal weights, 0.69 to 0.76. So what little choosing brings
# comes from the place, as far as three seeds can tell.
#
# *Points:* 1 for both networks with spread and baseline; 1 for judging the gain against the
# spread; 1 for telling weight and importance apart; 1 for an own question with one change at a
# time and an answer that the numbers carry. A statement without a measured number earns half.
