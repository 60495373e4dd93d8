"""Whole models: embedding, encoder and output layer, with one loss and its gradient.

A model keeps all parameters in one flat dict ``params``; the keys say where each belongs.
"""

import numpy as np

from rnn_course.activations import softmax
from rnn_course.layers import (
    embedding_backward,
    embedding_forward,
    init_embedding,
    init_linear,
    last_step_backward,
    last_step_forward,
    linear_backward,
    linear_forward,
    mean_step_backward,
    mean_step_forward,
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


def _end_of_reading_forward(h, lengths, reverse_from):
    """The state (B, ·) with which each sequence has been read to its end.

    Features from ``reverse_from`` on, if any, belong to a reverse direction, which ends at the
    first step.
    """
    h_last, cache = last_step_forward(h, lengths)  # (B, ·)
    h_last[:, reverse_from:] = h[:, 0, reverse_from:]
    return h_last, (cache, reverse_from)


def _end_of_reading_backward(dh_last, cache):
    cache, reverse_from = cache
    dh = last_step_backward(dh_last, cache)  # (B, T, ·)
    dh[:, :, reverse_from:] = 0
    dh[:, 0, reverse_from:] = dh_last[:, reverse_from:]
    return dh


class SequenceModel:
    """Inputs, an encoder, and an output y = W_hy h + b_y at every step or one for the sequence.

    With one output it classifies or scores a whole sequence (many-to-one), with one at every step
    it tags or predicts the next item (many-to-many).

    Args:
        encoder: an object with the interface of rnn_course.encoders; its input size is the
            embedding size, or the feature size where there is no vocabulary.
        output_size: number of classes, or of predicted values.
        rng: np.random.Generator for the parameters that are not the encoder's.
        vocabulary_size, embedding_size: given together: inputs are tokens (B, T) and get
            embedded; both None: inputs are vectors (B, T, D).
        output_at: "every" step; "last", from the state at the end of reading, which is the first
            step for a reverse direction; or "mean", from the mean of all states.
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
        if output_at not in ("every", "last", "mean"):
            raise ValueError(f'output_at is {output_at!r}; expected "every", "last" or "mean"')
        if loss not in LOSSES:
            raise ValueError(f"loss is {loss!r}; expected one of {', '.join(LOSSES)}")
        if (vocabulary_size is None) != (embedding_size is None):
            raise ValueError("give vocabulary_size and embedding_size together, or neither")
        if embedding_size not in (None, encoder.input_size):
            raise ValueError(
                f"embedding_size is {embedding_size}, but the encoder reads {encoder.input_size}"
            )
        self.encoder = encoder
        self.output_at = output_at
        self.loss_forward, self.loss_backward = LOSSES[loss]
        dtype = next(iter(encoder.params.values())).dtype
        self.params = dict(encoder.params)
        if vocabulary_size is not None:
            self.params |= init_embedding(vocabulary_size, embedding_size, rng, dtype)
        self.params |= _output_layer(encoder.output_size, output_size, rng, dtype)

    def forward(self, inputs, lengths=None, state=None, rng=None):
        """Outputs for a right-padded batch.

        Args:
            inputs: (B, T) tokens, or (B, T, D) vectors. lengths: (B,) or None for T each.
            state: where the encoder starts from, or None. rng: for dropout, or None for none.

        Returns:
            y: (B, T, K) for output_at "every", else (B, K). cache: opaque.
        """
        x, embedding_cache, summary_cache = inputs, None, None
        if "E" in self.params:
            x, embedding_cache = embedding_forward(inputs, self.params["E"])  # (B, T, D)
        (h, _), encoder_cache = self.encoder.forward(x, state, lengths, rng)  # (B, T, H)
        lengths = np.full(len(x), x.shape[1]) if lengths is None else lengths
        if self.output_at == "last":
            h, summary_cache = _end_of_reading_forward(h, lengths, self.encoder.hidden_size)
        elif self.output_at == "mean":
            h, summary_cache = mean_step_forward(h, lengths)  # (B, H)
        y, output_cache = linear_forward(h, self.params["W_hy"], self.params["b_y"])
        return y, (embedding_cache, encoder_cache, summary_cache, output_cache, lengths)

    def backward(self, dy, cache, truncation=None):
        """Gradients, keyed like ``params``, for dy of the shape of y, and that of the state."""
        embedding_cache, encoder_cache, summary_cache, output_cache, _ = cache
        dh, output_grads = linear_backward(dy, output_cache)
        if self.output_at == "last":
            dh = _end_of_reading_backward(dh, summary_cache)  # (B, T, H)
        elif self.output_at == "mean":
            dh = mean_step_backward(dh, summary_cache)  # (B, T, H)
        dx, dstate_0, grads = self.encoder.backward(dh, encoder_cache, truncation=truncation)
        grads = grads | {"W_hy": output_grads["W"], "b_y": output_grads["b"]}
        if embedding_cache is not None:
            grads |= embedding_backward(dx, embedding_cache)
        return grads, dstate_0

    def loss_and_grads(self, inputs, targets, lengths=None, state=None, truncation=None, rng=None):
        """Mean loss over real steps (output_at "every") or over sequences, and its gradients.

        Args:
            targets: (B, T) or (B,) classes; (B, T, K) or (B, K) numbers for the squared error.
            truncation: see the encoder's backward. rng: for dropout, or None for none.

        Returns:
            loss: () nats or squared units. grads: dict keyed like ``params``.
        """
        y, cache = self.forward(inputs, lengths, state, rng)
        loss, loss_cache = self.loss_forward(y, targets, self._mask(y, cache))
        grads, _ = self.backward(self.loss_backward(loss_cache), cache, truncation)
        return loss, grads

    def loss(self, inputs, targets, lengths=None, state=None):
        """The loss alone, for held-out data."""
        y, cache = self.forward(inputs, lengths, state)
        return self.loss_forward(y, targets, self._mask(y, cache))[0]

    def _mask(self, y, cache):
        return mask_from_lengths(cache[-1], y.shape[1]) if self.output_at == "every" else None

    def predict(self, inputs, lengths=None, state=None):
        """Most probable class of each output: (B,) or (B, T) integers."""
        return self.forward(inputs, lengths, state)[0].argmax(axis=-1)


def generate(model, prompt, num_tokens, rng, temperature=1.0, state=None, end=None):
    """Let a language model continue a prompt, one sampled token at a time.

    Each step feeds only the newest token and the encoder's state.

    Args:
        model: SequenceModel with output at every step, tokens in and out, and an encoder that
            reads in one direction.
        prompt: (T,) tokens, at least one. num_tokens: how many to add at most.
        rng: np.random.Generator. temperature: divides the logits; 0 takes the most probable.
        state: of the encoder before the prompt, or None. end: a token that ends the text, not
            returned.

    Returns:
        list of the added tokens.

    Raises:
        ValueError: empty prompt, negative temperature, inputs that are no tokens, or an encoder
            that reads in both directions.
    """
    if len(prompt) == 0 or temperature < 0:
        raise ValueError(
            f"needs a prompt of at least one token (got {len(prompt)}) and a temperature >= 0 "
            f"(got {temperature})"
        )
    if "E" not in model.params or model.encoder.output_size != model.encoder.hidden_size:
        raise ValueError("a text goes on from tokens, read by an encoder in one direction only")
    inputs, added = np.asarray(prompt)[None], []
    for _ in range(num_tokens):
        x, _ = embedding_forward(inputs, model.params["E"])  # (1, T, D)
        (h, state), _ = model.encoder.forward(x, state)  # (1, T, H)
        y_t, _ = linear_forward(h[0, -1], model.params["W_hy"], model.params["b_y"])  # (K,)
        if temperature == 0:
            token = int(y_t.argmax())
        else:
            token = int(rng.choice(len(y_t), p=softmax(y_t.astype(np.float64) / temperature)))
        if token == end:
            break
        added.append(token)
        inputs = np.array([[token]])  # (1, 1)
    return added
