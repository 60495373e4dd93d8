"""Whole models: embedding, encoder and output layer, with one loss and its gradient.

A model keeps all parameters in one flat dict ``params``; the keys say where each belongs.
"""

import numpy as np

from rnn_course.activations import softmax
from rnn_course.encoders import RNNEncoder
from rnn_course.layers import (
    embedding_backward,
    embedding_forward,
    init_embedding,
    init_linear,
    last_step_backward,
    last_step_forward,
    linear_backward,
    linear_forward,
)
from rnn_course.losses import (
    cross_entropy_backward,
    cross_entropy_forward,
    squared_error_backward,
    squared_error_forward,
)
from rnn_course.text import mask_from_lengths

LOSSES = {
    "cross_entropy": (cross_entropy_forward, cross_entropy_backward),
    "squared_error": (squared_error_forward, squared_error_backward),
}


def count_parameters(model):
    """Number of trainable numbers in a model."""
    return sum(param.size for param in model.params.values())


def _output_layer(hidden_size, output_size, rng, dtype):
    params = init_linear(hidden_size, output_size, rng, dtype)
    return {"W_hy": params["W"], "b_y": params["b"]}


class SequenceModel:
    """Inputs, an encoder, and an output y = W_hy h + b_y at every step or at the last one.

    With the output at the last step it classifies or scores a whole sequence (many-to-one), at
    every step it tags or predicts the next item (many-to-many).

    Args:
        encoder: an object of rnn_course.encoders; its input size is the embedding size, or the
            feature size where there is no vocabulary.
        output_size: number of classes, or of predicted values.
        rng: np.random.Generator for the parameters that are not the encoder's.
        vocabulary_size, embedding_size: given together: inputs are tokens (B, T) and get
            embedded; both None: inputs are vectors (B, T, D).
        output_at: "last" or "every".
        loss: "cross_entropy" (targets are classes) or "squared_error" (targets are numbers).
    """

    def __init__(
        self,
        encoder,
        output_size,
        rng,
        vocabulary_size=None,
        embedding_size=None,
        output_at="every",
        loss="cross_entropy",
    ):
        if output_at not in ("last", "every"):
            raise ValueError(f'output_at is {output_at!r}; expected "last" or "every"')
        if loss not in LOSSES:
            raise ValueError(f"loss is {loss!r}; expected one of {', '.join(LOSSES)}")
        if (vocabulary_size is None) != (embedding_size is None):
            raise ValueError("give vocabulary_size and embedding_size together, or neither")
        self.encoder = encoder
        self.output_at = output_at
        self.loss_forward, self.loss_backward = LOSSES[loss]
        dtype = next(iter(encoder.params.values())).dtype
        self.params = dict(encoder.params)
        if vocabulary_size is not None:
            self.params |= init_embedding(vocabulary_size, embedding_size, rng, dtype)
        self.params |= _output_layer(encoder.hidden_size, output_size, rng, dtype)

    def forward(self, inputs, lengths=None, h_0=None):
        """Outputs for a right-padded batch.

        Args:
            inputs: (B, T) tokens, or (B, T, D) vectors. lengths: (B,) or None for T each.
            h_0: (B, H) initial state or None.

        Returns:
            y: (B, K) for output_at "last", else (B, T, K). cache: opaque.
        """
        lengths = np.full(len(inputs), inputs.shape[1]) if lengths is None else lengths
        x, embedding_cache = inputs, None
        if "E" in self.params:
            x, embedding_cache = embedding_forward(inputs, self.params["E"])  # (B, T, D)
        h, encoder_cache = self.encoder.forward(x, h_0)  # (B, T, H)
        last_cache = None
        if self.output_at == "last":
            h, last_cache = last_step_forward(h, lengths)  # (B, H)
        y, output_cache = linear_forward(h, self.params["W_hy"], self.params["b_y"])
        return y, (embedding_cache, encoder_cache, last_cache, output_cache, lengths)

    def backward(self, dy, cache, truncation=None):
        """Gradients, keyed like ``params``, for dy of the shape of y, and dh_0 (B, H)."""
        embedding_cache, encoder_cache, last_cache, output_cache, _ = cache
        dh, output_grads = linear_backward(dy, output_cache)
        if last_cache is not None:
            dh = last_step_backward(dh, last_cache)  # (B, T, H)
        dx, dh_0, grads = self.encoder.backward(dh, encoder_cache, truncation)
        grads = grads | {"W_hy": output_grads["W"], "b_y": output_grads["b"]}
        if embedding_cache is not None:
            grads |= embedding_backward(dx, embedding_cache)
        return grads, dh_0

    def loss_and_grads(self, inputs, targets, lengths=None, h_0=None, truncation=None):
        """Mean loss over real steps (output_at "every") or sequences ("last"), and its gradients.

        Args:
            targets: (B, T) or (B,) classes; (B, T, K) or (B, K) numbers for the squared error.

        Returns:
            loss: () nats or squared units. grads: dict keyed like ``params``.
        """
        y, cache = self.forward(inputs, lengths, h_0)
        loss, loss_cache = self.loss_forward(y, targets, self._mask(y, cache))
        grads, _ = self.backward(self.loss_backward(loss_cache), cache, truncation)
        return loss, grads

    def loss(self, inputs, targets, lengths=None, h_0=None):
        """The loss alone, for held-out data."""
        y, cache = self.forward(inputs, lengths, h_0)
        return self.loss_forward(y, targets, self._mask(y, cache))[0]

    def _mask(self, y, cache):
        return None if self.output_at == "last" else mask_from_lengths(cache[-1], y.shape[1])

    def predict(self, inputs, lengths=None, h_0=None):
        """Most probable class of each output: (B,) or (B, T) integers."""
        return self.forward(inputs, lengths, h_0)[0].argmax(axis=-1)


def generate(model, prompt, num_tokens, rng, temperature=1.0, h_0=None, end=None):
    """Let a language model continue a prompt, one sampled token at a time.

    Each step feeds only the newest token and the state: the cost of a token does not grow.

    Args:
        model: SequenceModel with an RNNEncoder, output at every step, tokens in and out.
        prompt: (T,) tokens, at least one. num_tokens: how many to add at most.
        rng: np.random.Generator. temperature: divides the logits; 0 takes the most probable.
        h_0: (1, H) initial state or None. end: a token that ends the text, not returned.

    Returns:
        list of the added tokens.

    Raises:
        ValueError: empty prompt or negative temperature.
    """
    if len(prompt) == 0 or temperature < 0:
        raise ValueError(
            f"needs a prompt of at least one token (got {len(prompt)}) and a temperature >= 0 "
            f"(got {temperature})"
        )
    inputs, h_t, added = np.asarray(prompt)[None], h_0, []
    for _ in range(num_tokens):
        x, _ = embedding_forward(inputs, model.params["E"])  # (1, T, D)
        h, _ = model.encoder.forward(x, h_t)  # (1, T, H)
        h_t = h[:, -1]  # (1, H)
        y_t, _ = linear_forward(h_t[0], model.params["W_hy"], model.params["b_y"])  # (K,)
        if temperature == 0:
            token = int(y_t.argmax())
        else:
            token = int(rng.choice(len(y_t), p=softmax(y_t.astype(np.float64) / temperature)))
        if token == end:
            break
        added.append(token)
        inputs = np.array([[token]])  # (1, 1)
    return added


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
        h, encoder_cache = self.encoder.forward(x)  # (B, S, H)
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
        y, cache = self.decoder.forward(self._shifted(target), target_lengths, context)
        mask = mask_from_lengths(target_lengths, target.shape[1])  # (B, T)
        loss, loss_cache = cross_entropy_forward(y, target, mask)
        grads, dcontext = self.decoder.backward(cross_entropy_backward(loss_cache), cache)
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
            h_t = self.decoder.encoder.forward(x, h_t)[0][:, 0]  # (B, H)
            y_t, _ = linear_forward(h_t, self.decoder.params["W_hy"], self.decoder.params["b_y"])
            written[:, t] = y_t.argmax(axis=1)  # (B,)
            token = written[:, t : t + 1]
        ended = [np.flatnonzero(row == self.end) for row in written]
        return [
            row[: stop[0] if len(stop) else max_steps].tolist()
            for row, stop in zip(written, ended, strict=True)
        ]
