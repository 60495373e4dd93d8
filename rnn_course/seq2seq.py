"""Sequence to sequence: one network reads the source, a second one writes the target.

The encoder's states are the memory, and the decoder starts from where the encoder ended; if their
states differ in form, as with an encoder in both directions, a bridge lies between them
(rnn_course.bridge):

h_t = decoder(target_{t-1}, h_{t-1}),  h_{-1} from the encoder's end         (eq-seq2seq-decoder)

Without attention this end is all that the decoder knows of the source. With it, each h_t also
takes a mean o_t of the memory (eq-attention-output), and both together give the output:

u_t = tanh(W_c [o_t; h_t] + b_c)                                            (eq-seq2seq-combine)
y_t = W_hy u_t + b_y,  with h_t in place of u_t without attention            (eq-seq2seq-output)

No h_t waits for an o_t, so in training, where the true target_{t-1} is known (teacher forcing),
the decoder runs over the whole target at once, and so does the attention. Bahdanau et al. let o_t
into h_t instead, and Luong et al. let u_{t-1} into it ("input feeding"); both are left out here.

A Transformer hands no state on; its decoder knows the source by attention alone:

memory = encoder(sqrt(D) E[source])
h_t = decoder(sqrt(D) E[target_0, ..., target_{t-1}], memory)       (eq-seq2seq-transformer)
y_t = W_hy h_t + b_y

Its embeddings are drawn sqrt(D) times smaller than others, so that the factor brings them to the
size of the positions that are added to them.
"""

import math

import numpy as np

from rnn_course._seq2seq import SequenceToSequence, prefixed
from rnn_course.activations import tanh, tanh_backward
from rnn_course.bridge import bridge_backward, bridge_forward, init_bridge
from rnn_course.layers import init_linear, linear_backward, linear_forward
from rnn_course.text import mask_from_lengths


class EncoderDecoder(SequenceToSequence):
    """Two recurrent networks: the decoder starts from the encoder's end (eq-seq2seq-decoder).

    Args:
        encoder, decoder: recurrent encoders of rnn_course.encoders, of any kind, size and number
            of layers; the encoder may run in both directions. Their input sizes are the sizes of
            the embeddings.
        source_size, target_size: vocabulary sizes. With source_size None the source is vectors
            (B, S, D) and not tokens; with S = 1 that is one-to-many.
        start, end: target tokens that open and close a target sequence.
        rng: np.random.Generator for the parameters that are not the two networks'.
        attention: an object of rnn_course.memory_attention, from decoder.output_size to
            encoder.output_size, or None.

    The parameters of both networks and their embeddings begin with source_ and target_, those of
    the attention with attention_; W_s, b_s are those of the bridge, W_c, b_c, W_hy, b_y see above.

    Raises:
        ValueError: sizes do not fit, start or end lies outside the vocabulary, a network is not
            recurrent, or the decoder runs in both directions.

    Source: Sutskever, Vinyals and Le (2014), arXiv:1409.3215; with attention Bahdanau, Cho and
        Bengio (2015), arXiv:1409.0473, in the form of Luong, Pham and Manning (2015),
        arXiv:1508.04025.
    """

    def __init__(self, encoder, decoder, source_size, target_size, start, end, rng, attention=None):
        for name, network in (("encoder", encoder), ("decoder", decoder)):
            if not hasattr(network, "num_states"):
                raise ValueError(f"{name} is a {type(network).__name__}, which is not recurrent")
        if len(decoder.directions) > 1:
            raise ValueError("the decoder runs in both directions, but the future is not written")
        super().__init__(encoder, decoder, source_size, target_size, start, end, rng)
        dtype, E, H = self.params["b_y"].dtype, encoder.output_size, decoder.output_size
        self.bridge, self.attention = init_bridge(encoder, decoder, rng, dtype), attention
        self.params |= self.bridge
        if attention is not None:
            self._require_attention(attention, memory_size=E, query_size=H)
            combine = init_linear(E + H, H, rng, dtype)
            self.params |= prefixed("attention_", attention.params)
            self.params |= {"W_c": combine["W"], "b_c": combine["b"]}

    @staticmethod
    def _require_attention(attention, **sizes):
        for name, size in sizes.items():
            if getattr(attention, name) not in (None, size):
                raise ValueError(
                    f"attention.{name} is {getattr(attention, name)}, but the "
                    f"{'encoder' if name == 'memory_size' else 'decoder'} gives states of {size}"
                )

    def attention_weights(self, source, source_lengths, target, target_lengths=None):
        """Weights p (B, T, S) of the memory at each step of a given target, for pictures.

        Raises:
            ValueError: there is no attention.
        """
        if self.attention is None:
            raise ValueError("attention is None, so there are no weights")
        (*_, (p, *_)) = self.forward(source, source_lengths, target, target_lengths)[1]
        return p

    def _read_forward(self, x, lengths, rng):
        (memory, end), encoder_cache = self.encoder.forward(x, None, lengths, rng)  # (B, S, E)
        start, bridge_cache = bridge_forward(end, self.encoder, self.decoder, **self.bridge)
        prepared = prepare_cache = None
        if self.attention is not None:
            mask = mask_from_lengths(lengths, memory.shape[1])  # (B, S)
            prepared, prepare_cache = self.attention.prepare_forward(memory, mask)
        return (start, prepared), (encoder_cache, bridge_cache, prepare_cache, memory)

    def _read_backward(self, dstate, cache):
        dstart, dprepared = dstate
        encoder_cache, bridge_cache, prepare_cache, memory = cache
        dend, grads = bridge_backward(dstart, bridge_cache)
        if self.attention is None:
            dmemory, attention_grads = np.zeros_like(memory), {}  # (B, S, E)
        else:
            dmemory, attention_grads = self.attention.prepare_backward(*dprepared, prepare_cache)
        dx, _, encoder_grads = self.encoder.backward(dmemory, encoder_cache, dend)
        grads |= prefixed("attention_", attention_grads) | prefixed("source_", encoder_grads)
        return dx, grads

    def _write_forward(self, x, state, lengths, rng):
        start, prepared = state
        (h, after), decoder_cache = self.decoder.forward(x, start, lengths, rng)  # (B, T, H)
        u, p, combine_cache = h, None, None
        if self.attention is not None:
            (u, p), combine_cache = self._combine_forward(h, prepared)  # (B, T, H), (B, T, S)
        y, output_cache = linear_forward(u, self.params["W_hy"], self.params["b_y"])
        return (y, (after, prepared)), (p, decoder_cache, combine_cache, output_cache)

    def _write_backward(self, dy, cache):
        _, decoder_cache, combine_cache, output_cache = cache
        dh, output_grads = linear_backward(dy, output_cache)  # (B, T, H)
        dprepared, grads = None, {"W_hy": output_grads["W"], "b_y": output_grads["b"]}
        if self.attention is not None:
            dh, dprepared, combine_grads = self._combine_backward(dh, combine_cache)
            grads |= combine_grads
        dx, dstart, decoder_grads = self.decoder.backward(dh, decoder_cache)
        return dx, (dstart, dprepared), grads | prefixed("target_", decoder_grads)

    def _combine_forward(self, h, prepared):
        """(u (B, T, H), p (B, T, S)) of h (B, T, H) and the memory (eq-seq2seq-combine)."""
        (o, p), look_cache = self.attention.step_forward(h, prepared)  # (B, T, E)
        o_h = np.concatenate([o, h], axis=2)  # (B, T, E + H)
        a, linear_cache = linear_forward(o_h, self.params["W_c"], self.params["b_c"])
        u = tanh(a)  # (B, T, H)
        return (u, p), (u, look_cache, linear_cache)

    def _combine_backward(self, du, cache):
        """dh (B, T, H), (dkeys, dvalues) of the prepared memory, and grads."""
        u, look_cache, linear_cache = cache
        do_h, grads = linear_backward(tanh_backward(du, u), linear_cache)  # (B, T, E + H)
        do, dh = np.split(do_h, [self.encoder.output_size], axis=2)  # (B, T, E), (B, T, H)
        dquery, dkeys, dvalues, look_grads = self.attention.step_backward(do, look_cache)
        grads = {"W_c": grads["W"], "b_c": grads["b"]} | prefixed("attention_", look_grads)
        return dh + dquery, (dkeys, dvalues), grads


class TransformerEncoderDecoder(SequenceToSequence):
    """Transformer layers read the source, others write the target (eq-seq2seq-transformer).

    Args:
        encoder: a TransformerEncoder, not causal. decoder: a TransformerDecoder of its size D.
        source_size, target_size: vocabulary sizes. With source_size None the source is vectors
            (B, S, D) and not tokens.
        start, end: target tokens that open and close a target sequence.
        rng: np.random.Generator for embeddings and output layer.

    The parameters of both stacks and their embeddings begin with source_ and target_.

    Raises:
        ValueError: the two sizes differ, or start or end lies outside the vocabulary.

    Source: Vaswani et al. (2017), arXiv:1706.03762.
    """

    def __init__(self, encoder, decoder, source_size, target_size, start, end, rng):
        D = decoder.input_size
        if encoder.output_size != D:
            raise ValueError(
                f"encoder gives states of {encoder.output_size}, but decoder needs {D}"
            )
        super().__init__(encoder, decoder, source_size, target_size, start, end, rng)
        self.embedding_scale = math.sqrt(D)
        for name in {"source_E", "target_E"} & self.params.keys():
            self.params[name] /= self.embedding_scale

    def attention_weights(self, source, source_lengths, target, target_lengths=None):
        """What each layer's heads look at, at each step of a given target, for pictures.

        Returns:
            list of (B, heads, T, S), one a layer of the decoder.
        """
        (*_, (decoder_cache, _)) = self.forward(source, source_lengths, target, target_lengths)[1]
        return [of_memory for _, of_memory in self.decoder.attention_weights(decoder_cache)]

    def _read_forward(self, x, lengths, rng):
        (memory, _), cache = self.encoder.forward(x, None, lengths, rng)  # (B, S, D)
        return (memory, mask_from_lengths(lengths, x.shape[1]), None), cache

    def _read_backward(self, dmemory, cache):
        dx, _, grads = self.encoder.backward(dmemory, cache)
        return dx, prefixed("source_", grads)

    def _write_forward(self, x, state, lengths, rng):
        # the decoder's own state holds the memory's keys, so the memory is given only once
        (h, after), decoder_cache = self.decoder.forward(x, *state, lengths, rng)  # (B, T, D)
        y, output_cache = linear_forward(h, self.params["W_hy"], self.params["b_y"])
        return (y, (None, None, after)), (decoder_cache, output_cache)

    def _write_backward(self, dy, cache):
        decoder_cache, output_cache = cache
        dh, output_grads = linear_backward(dy, output_cache)  # (B, T, D)
        dx, dmemory, decoder_grads = self.decoder.backward(dh, decoder_cache)
        grads = {"W_hy": output_grads["W"], "b_y": output_grads["b"]}
        return dx, dmemory, grads | prefixed("target_", decoder_grads)
