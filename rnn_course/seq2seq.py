"""Sequence to sequence: one network reads the source, a second one writes the target."""

import numpy as np

from rnn_course.encoders import RNNEncoder
from rnn_course.layers import (
    embedding_backward,
    embedding_forward,
    init_embedding,
    last_step_backward,
    last_step_forward,
    linear_forward,
)
from rnn_course.losses import cross_entropy_backward, cross_entropy_forward
from rnn_course.models import SequenceModel
from rnn_course.text import mask_from_lengths


class EncoderDecoder:
    """One RNN reads a sequence into its last state; a second RNN writes a sequence from there.

    Source and target may have different lengths. Training feeds the decoder the true previous
    token (teacher forcing); decoding feeds it its own.

    Args:
        source_size, target_size: vocabulary sizes. With source_size None the source is vectors
            (B, S, embedding_size) and not tokens; with S = 1 that is one-to-many.
        embedding_size, hidden_size: of both RNNs.
        start, end: target tokens that open and close a target sequence.
        rng: np.random.Generator.

    Source: Sutskever, Vinyals and Le (2014), arXiv:1409.3215, with vanilla cells.
    """

    def __init__(
        self,
        source_size,
        target_size,
        embedding_size,
        hidden_size,
        start,
        end,
        rng,
        dtype=np.float64,
    ):
        self.start, self.end = start, end
        self.encoder = RNNEncoder(embedding_size, hidden_size, rng, dtype=dtype)
        decoder_cell = RNNEncoder(embedding_size, hidden_size, rng, dtype=dtype)
        self.decoder = SequenceModel(decoder_cell, target_size, rng, target_size, embedding_size)
        source = dict(self.encoder.params)
        if source_size is not None:
            source |= init_embedding(source_size, embedding_size, rng, dtype)
        self.params = {f"source_{k}": v for k, v in source.items()}
        self.params |= {f"target_{k}": v for k, v in self.decoder.params.items()}

    def encode(self, source, lengths):
        """State (B, H) after each source's own last step, for source (B, S) or (B, S, D)."""
        x, embedding_cache = source, None
        if "source_E" in self.params:
            x, embedding_cache = embedding_forward(source, self.params["source_E"])  # (B, S, D)
        (h, _), encoder_cache = self.encoder.forward(x)  # (B, S, H)
        h_last, last_cache = last_step_forward(h, lengths)  # (B, H)
        return h_last, (embedding_cache, encoder_cache, last_cache)

    def _shifted(self, target):
        start = np.full((len(target), 1), self.start, dtype=target.dtype)  # (B, 1)
        return np.concatenate([start, target[:, :-1]], axis=1)  # (B, T)

    def loss_and_grads(self, source, source_lengths, target, target_lengths):
        """Teacher-forced loss and gradients.

        Args:
            source: (B, S) tokens or (B, S, D) vectors.
            target: (B, T) tokens, each ending in ``end``, without start.
            source_lengths, target_lengths: (B,) real steps; the end token counts.

        Returns:
            loss: () nats per target token. grads: dict keyed like ``params``.
        """
        context, encode_cache = self.encode(source, source_lengths)  # (B, H)
        y, cache = self.decoder.forward(self._shifted(target), None, [(context,)])
        mask = mask_from_lengths(target_lengths, target.shape[1])  # (B, T)
        loss, loss_cache = cross_entropy_forward(y, target, mask)
        grads, ((dcontext,),) = self.decoder.backward(cross_entropy_backward(loss_cache), cache)
        embedding_cache, encoder_cache, last_cache = encode_cache
        dh = last_step_backward(dcontext, last_cache)  # (B, S, H)
        dx, _, source_grads = self.encoder.backward(dh, encoder_cache)
        if embedding_cache is not None:
            source_grads |= embedding_backward(dx, embedding_cache)
        named = {f"source_{k}": v for k, v in source_grads.items()}
        return loss, named | {f"target_{k}": v for k, v in grads.items()}

    def greedy_decode(self, source, source_lengths, max_steps):
        """Target tokens of the most probable choice at each step.

        Returns:
            list of B lists of tokens, each ended before ``end`` or cut at ``max_steps``.
        """
        h_t, _ = self.encode(source, source_lengths)  # (B, H)
        token = np.full((len(source), 1), self.start)  # (B, 1)
        written = np.empty((len(source), max_steps), dtype=np.int64)  # (B, max_steps)
        for t in range(max_steps):
            x, _ = embedding_forward(token, self.decoder.params["E"])  # (B, 1, D)
            (h, _), _ = self.decoder.encoder.forward(x, [(h_t,)])  # (B, 1, H)
            h_t = h[:, 0]  # (B, H)
            y_t, _ = linear_forward(h_t, self.decoder.params["W_hy"], self.decoder.params["b_y"])
            written[:, t] = y_t.argmax(axis=1)  # (B,)
            token = written[:, t : t + 1]
        ended = [np.flatnonzero(row == self.end) for row in written]
        return [
            row[: stop[0] if len(stop) else max_steps].tolist()
            for row, stop in zip(written, ended, strict=True)
        ]
