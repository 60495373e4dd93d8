"""What all networks from sequence to sequence share: embeddings, loss, decoding.

A network reads the whole source, and then writes the target token by token. In training it is fed
the true tokens (teacher forcing): ``start``, then the target but for its last token.
"""

import numpy as np

from rnn_course._validate import require_lengths, require_shape, require_tokens
from rnn_course.activations import log_softmax
from rnn_course.decoding import beam_search, greedy_decode
from rnn_course.layers import embedding_backward, embedding_forward, init_embedding, init_linear
from rnn_course.losses import cross_entropy_backward, cross_entropy_forward
from rnn_course.text import mask_from_lengths


def prefixed(prefix, arrays):
    """A dict of arrays, each name with a prefix."""
    return {f"{prefix}{name}": array for name, array in arrays.items()}


class SequenceToSequence:
    """Tokens in, tokens out, loss and decoding: what the networks of this kind have in common.

    A network has two halves, each with its way back. What is known before a token is written is a
    state: arrays (B, ...) or None, in lists and tuples, so that rnn_course.decoding can choose
    among its rows.

    ``_read_forward(x, lengths, rng) -> state, cache`` for the embedded source x (B, S, D);
    ``_read_backward(dstate, cache) -> dx, grads``.
    ``_write_forward(x, state, lengths, rng) -> (y, state), cache``: logits y (B, T, V) of the next
    token after each x (B, T, D), and what is known then;
    ``_write_backward(dy, cache) -> dx, dstate, grads``.
    """

    embedding_scale = 1.0

    def __init__(self, encoder, decoder, source_size, target_size, start, end, rng):
        require_tokens("(start, end)", np.array([start, end]), target_size)
        self.encoder, self.decoder, self.start, self.end = encoder, decoder, start, end
        dtype = next(iter(decoder.params.values())).dtype
        target = decoder.params | init_embedding(target_size, decoder.input_size, rng, dtype)
        output = init_linear(decoder.output_size, target_size, rng, dtype)
        source = dict(encoder.params)
        if source_size is not None:
            source |= init_embedding(source_size, encoder.input_size, rng, dtype)
        self.params = prefixed("source_", source) | prefixed("target_", target)
        self.params |= {"W_hy": output["W"], "b_y": output["b"]}

    def forward(self, source, source_lengths, target, target_lengths=None, rng=None):
        """Logits of each target token, given the true ones before it (teacher forcing).

        Args:
            source, source_lengths, target, target_lengths, rng: see loss_and_grads.

        Returns:
            y: (B, T, V). cache: opaque.
        """
        source_lengths = self._lengths("source", source, source_lengths)
        target_lengths = self._lengths("target", target, target_lengths)
        require_shape("target", target, (len(source), None), f"source {source.shape}")
        x, source_cache = self._embed_forward("source", source, source_lengths)  # (B, S, D)
        state, read_cache = self._read_forward(x, source_lengths, rng)
        start = np.full((len(target), 1), self.start, dtype=target.dtype)  # (B, 1)
        fed = np.concatenate([start, target], axis=1)[:, :-1]  # (B, T)
        x, target_cache = self._embed_forward("target", fed, target_lengths)  # (B, T, D)
        (y, _), write_cache = self._write_forward(x, state, target_lengths, rng)  # (B, T, V)
        return y, (source_cache, read_cache, target_cache, write_cache)

    def backward(self, dy, cache):
        """Gradients, keyed like ``params``, for dy (B, T, V) and the cache of forward."""
        source_cache, read_cache, target_cache, write_cache = cache
        dx, dstate, grads = self._write_backward(dy, write_cache)
        grads |= self._embed_backward("target", dx, target_cache)
        dx, read_grads = self._read_backward(dstate, read_cache)
        return grads | read_grads | self._embed_backward("source", dx, source_cache)

    def loss_and_grads(self, source, source_lengths, target, target_lengths=None, rng=None):
        """Teacher-forced loss and gradients.

        Args:
            source: (B, S) tokens or (B, S, D) vectors. target: (B, T) tokens, each sequence
                ending in ``end``, without ``start``.
            source_lengths, target_lengths: (B,) real steps, or None for all; ``end`` counts. A
                source may have none.
            rng: np.random.Generator for dropout, or None for none.

        Returns:
            loss: () nats per target token. grads: dict keyed like ``params``.

        Raises:
            ValueError: shapes or lengths disagree, a token lies outside its vocabulary, or no
                target token is real. TypeError: tokens are not integers.
        """
        y, cache = self.forward(source, source_lengths, target, target_lengths, rng)
        loss, loss_cache = self._loss_forward(y, target, target_lengths)
        return loss, self.backward(cross_entropy_backward(loss_cache), cache)

    def loss(self, source, source_lengths, target, target_lengths=None):
        """The loss alone, for held-out data."""
        y, _ = self.forward(source, source_lengths, target, target_lengths)  # (B, T, V)
        return self._loss_forward(y, target, target_lengths)[0]

    def encode(self, source, source_lengths=None):
        """What is known before the first token of each target: a state for step."""
        lengths = self._lengths("source", source, source_lengths)
        x, _ = self._embed_forward("source", source, lengths)  # (B, S, D)
        return self._read_forward(x, lengths, None)[0]

    def step(self, tokens, state):
        """Write one token further: what rnn_course.decoding asks for.

        Args:
            tokens: (B,) the newest ones, at first ``start``. state: from encode or step.

        Returns:
            log_p: (B, V) log-probabilities of the next token. state: what is known then.
        """
        tokens = np.asarray(tokens)[:, None]  # (B, 1)
        x, _ = self._embed_forward("target", tokens, np.ones(len(tokens)))  # (B, 1, D)
        (y, state), _ = self._write_forward(x, state, None, None)  # (B, 1, V)
        return log_softmax(y[:, 0]), state

    def greedy_decode(self, source, source_lengths, max_steps):
        """The most probable token at each step: list of B lists of tokens, without ``end``.

        What did not end after ``max_steps`` is cut. See rnn_course.decoding.greedy_decode.
        """
        state = self.encode(source, source_lengths)
        return greedy_decode(self.step, state, self.start, self.end, max_steps)

    def beam_search(
        self, source, source_lengths, max_steps, beam_size, length_penalty=0.0, n_best=1
    ):
        """The n best sequences that a beam finds: list of B lists of Hypothesis, best first.

        See rnn_course.decoding.beam_search.
        """
        state, options = self.encode(source, source_lengths), (length_penalty, n_best)
        return beam_search(self.step, state, self.start, self.end, max_steps, beam_size, *options)

    def _lengths(self, side, inputs, lengths):
        """Lengths (B,) of source or target; None stands for full length."""
        vectors = f"{side}_E" not in self.params
        size = (self.encoder.input_size,) if vectors else ()
        require_shape(side, inputs, (None, None, *size), type(self).__name__)
        B, T = inputs.shape[:2]
        lengths = np.full(B, T) if lengths is None else lengths
        return require_lengths(f"{side}_lengths", lengths, B, T)

    def _embed_forward(self, side, inputs, lengths):
        """Vectors (B, T, D) of tokens (B, T), whatever stands in padded places."""
        if f"{side}_E" not in self.params:
            return inputs, None
        tokens = np.where(mask_from_lengths(lengths, inputs.shape[1]), inputs, 0)  # (B, T)
        x, cache = embedding_forward(tokens, self.params[f"{side}_E"])  # (B, T, D)
        return x * self.embedding_scale, cache

    def _embed_backward(self, side, dx, cache):
        grads = {} if cache is None else embedding_backward(dx * self.embedding_scale, cache)
        return prefixed(f"{side}_", grads)

    def _loss_forward(self, y, target, target_lengths):
        mask = None if target_lengths is None else mask_from_lengths(target_lengths, y.shape[1])
        return cross_entropy_forward(y, target, mask)
