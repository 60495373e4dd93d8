"""The Transformer: layers of attention on top of each other, as an encoder or as a decoder.

Attention alone does not see the order of its inputs, so positions are added to them first
(rnn_course.positions). The layers are those of rnn_course.transformer_layer.
"""

import numpy as np

from rnn_course._validate import require_lengths, require_shape
from rnn_course.normalisation import init_layer_norm, layer_norm_backward, layer_norm_forward
from rnn_course.positions import (
    init_positions,
    positions_backward,
    positions_forward,
    sinusoidal_positions,
)
from rnn_course.text import mask_from_lengths
from rnn_course.transformer_layer import (
    feedforward_pair,
    init_transformer_layer,
    transformer_layer_backward,
    transformer_layer_forward,
    transformer_layer_weights,
)


def _where_real(real, x):
    """x with zeros at padded steps; not a product, since 0 times NaN is NaN."""
    return x if real is None else np.where(real[..., None], x, 0)


class _Transformer:
    """Positions, layers and, with norm_first, a last norm: what encoder and decoder share."""

    looks_at_memory = False

    def __init__(
        self,
        input_size,
        num_heads,
        feedforward_size,
        num_layers,
        rng,
        causal=False,
        positions="sinusoidal",
        max_length=None,
        norm_first=True,
        dropout=0.0,
        nonlinearity="relu",
        dtype=np.float64,
    ):
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; expected at least 1")
        if input_size % num_heads:
            raise ValueError(f"input_size is {input_size}, which {num_heads} heads cannot share")
        if positions not in ("sinusoidal", "learnt", None):
            raise ValueError(f'positions is {positions!r}; expected "sinusoidal", "learnt" or None')
        if positions == "learnt" and max_length is None:
            raise ValueError("max_length is None; learnt positions need the longest sequence's T")
        feedforward_pair(nonlinearity)
        self.input_size = self.hidden_size = self.output_size = input_size
        self.num_heads, self.num_layers = num_heads, num_layers
        self.causal, self.positions = causal, positions
        self.options = {"norm_first": norm_first, "nonlinearity": nonlinearity, "dropout": dropout}
        self.params = {}
        for layer in range(num_layers):
            params = init_transformer_layer(
                input_size, feedforward_size, rng, self.looks_at_memory, dtype
            )
            self.params |= {f"{name}_l{layer}": param for name, param in params.items()}
        self._names = list(params)
        if norm_first:
            self.params |= init_layer_norm(input_size, dtype)
        if positions == "learnt":
            self.params |= init_positions(max_length, input_size, rng, dtype)

    def layer_params(self, layer):
        """Parameters of one layer under the names of init_transformer_layer."""
        return {name: self.params[f"{name}_l{layer}"] for name in self._names}

    def _require_state(self, name, state):
        if state is None:
            return [None] * self.num_layers
        if len(state) != self.num_layers:
            raise ValueError(
                f"{name} has {len(state)} entries; expected {self.num_layers}, one a layer"
            )
        arrays = 6 if self.looks_at_memory else 3
        for layer, own in enumerate(state):
            if len(own) != arrays:
                raise ValueError(f"{name}[{layer}] has {len(own)} arrays; expected {arrays}")
        return state

    def _add_positions(self, x, start):
        if self.positions == "learnt":
            return positions_forward(x, self.params["P"], start)
        if self.positions == "sinusoidal":
            x = x + sinusoidal_positions(x.shape[1], x.shape[2], start, x.dtype)  # (B, T, D)
        return x, None

    def _forward(self, x, state, lengths, rng, memory=None, memory_mask=None):
        require_shape("x", x, (None, None, self.input_size), f"{type(self).__name__} of this size")
        real = None
        if lengths is not None:
            real = mask_from_lengths(require_lengths("lengths", lengths, *x.shape[:2]), x.shape[1])
        before = self._require_state("state", state)
        start = 0 if state is None else state[0][2].sum(axis=1)  # () or (B,) real steps so far
        h, position_cache = self._add_positions(_where_real(real, x), start)  # (B, T, D)
        after, caches, norm_cache = [], [], None
        for layer in range(self.num_layers):
            (h, layer_state), cache = transformer_layer_forward(
                h,
                self.layer_params(layer),
                self.num_heads,
                real,
                self.causal,
                before[layer],
                memory,
                memory_mask,
                **self.options,
                rng=rng,
            )
            after.append(layer_state)
            caches.append(cache)
        if self.options["norm_first"]:
            h, norm_cache = layer_norm_forward(h, self.params["gamma"], self.params["beta"])
        return (_where_real(real, h), after), (h.shape, real, position_cache, caches, norm_cache)

    def _backward(self, dh, cache, dstate=None):
        shape, real, position_cache, caches, norm_cache = cache
        require_shape("dh", dh, shape, f"h {shape}")
        dstate_0, grads, dmemory = self._require_state("dstate", dstate)[:], {}, None
        dx = _where_real(real, dh)  # (B, T, D)
        if norm_cache is not None:
            dx, grads = layer_norm_backward(dx, norm_cache)
        for layer in reversed(range(self.num_layers)):
            dx, dlooked, dstate_0[layer], layer_grads = transformer_layer_backward(
                dx, caches[layer], dstate_0[layer]
            )
            dmemory = dlooked if dmemory is None else dmemory + dlooked
            grads |= {f"{name}_l{layer}": grad for name, grad in layer_grads.items()}
        if position_cache is not None:
            dx, position_grads = positions_backward(dx, position_cache)
            grads |= position_grads
        return dx, dmemory, dstate_0, grads


class TransformerEncoder(_Transformer):
    """Transformer layers on top of each other, with the interface of rnn_course.encoders.

    With ``causal`` no step sees a later one: a decoder-only language model, whose state is the
    cache of keys and values. Else each step sees the whole sequence. Vaswani et al. multiply
    embeddings by sqrt(D) before positions are added; that is left to the model around.

    Args:
        input_size: D, also the size of the outputs: the sums around sublayers keep it.
        num_heads: divides D. feedforward_size: F. num_layers: at least 1.
        rng: np.random.Generator for the parameters. causal: as above.
        positions: "sinusoidal", "learnt" or None, see rnn_course.positions. max_length: rows of
            the learnt table; steps beyond it raise.
        norm_first, dropout, nonlinearity: see transformer_layer_forward.
        dtype: of the parameters.

    The parameters of layer 0 end in _l0, and so on; gamma and beta are those of the last norm,
    which norm_first brings; P are learnt positions.
    """

    def forward(self, x, state=None, lengths=None, rng=None):
        """Encode each step.

        Args:
            x: (B, T, D). lengths: (B,) real steps, 0 to T, or None for T each; nothing looks at a
                padded step. rng: np.random.Generator for dropout, or None for none.
            state: what an earlier call returned, to go on where each sequence ended there.

        Returns:
            (h, state): h (B, T, D), zeros at padded steps; with causal, a list with (keys, values,
                real) for each layer: (B, heads, S, d), the same, and (B, S), True where a step
                was, of all S steps so far; else None.
            cache: opaque.

        Raises:
            ValueError: a size disagrees, a learnt position is missing, or a state comes where not
                causal.
        """
        if state is not None and not self.causal:
            raise ValueError(
                "state must be None without causal: a new step would change all earlier ones, "
                "so a sequence has to be encoded whole"
            )
        (h, state), cache = self._forward(x, state, lengths, rng)
        return (h, state if self.causal else None), cache

    def backward(self, dh, cache, dstate=None, truncation=None):
        """Gradients of forward.

        Args:
            dh: (B, T, D), not looked at where padded. dstate: like state, None in place of real;
                or None for zeros. truncation: None; there is no chain of steps to be cut.

        Returns:
            dx: (B, T, D). dstate_0: like dstate, with respect to the given state; None without
                causal. grads: keyed like ``params``.

        Raises:
            ValueError: dh or dstate does not fit, or truncation is not None.
        """
        if truncation is not None:
            raise ValueError(
                f"truncation is {truncation}; expected None: attention leads back to every step "
                "directly, so there is no chain of steps to cut"
            )
        if dstate is not None and not self.causal:
            raise ValueError("dstate must be None without causal, where no state is returned")
        dx, _, dstate_0, grads = self._backward(dh, cache, dstate)
        return dx, dstate_0 if self.causal else None, grads

    def attention_weights(self, cache):
        """What each layer's heads looked at: list of (B, heads, T, S), one a layer."""
        return [transformer_layer_weights(layer_cache)[0] for layer_cache in cache[3]]


class TransformerDecoder(_Transformer):
    """Causal Transformer layers that also look at a memory, such as an encoded source.

    Args:
        as for TransformerEncoder, without causal; the memory has size D too.

    Source: Vaswani et al. (2017), arXiv:1706.03762.
    """

    looks_at_memory = True

    def __init__(self, input_size, num_heads, feedforward_size, num_layers, rng, **options):
        super().__init__(
            input_size, num_heads, feedforward_size, num_layers, rng, causal=True, **options
        )

    def forward(self, x, memory, memory_mask=None, state=None, lengths=None, rng=None):
        """Decode each step from the steps before it and the memory.

        Args:
            x: (B, T, D) steps so far, the true ones in training. lengths, rng: as for
                TransformerEncoder.
            memory: (B, S, D), looked at from every step; None with a state, which holds its keys.
            memory_mask: (B, S) True where the memory is real; None means all.
            state: what an earlier call returned, to go on from there: a token at a time costs no
                more than its own step and one look back.

        Returns:
            (h, state): h (B, T, D), zeros at padded steps; a list with (keys, values, real) of the
                steps and the same three of the memory, for each layer.
            cache: opaque.

        Raises:
            ValueError: a size disagrees, or not just one of memory and state is given.
        """
        if (memory is None) == (state is None) or (memory is None and memory_mask is not None):
            raise ValueError("give a memory and its mask, or later the state, which holds both")
        if memory is None:
            memory = np.zeros((len(x), 0, self.input_size), dtype=x.dtype)  # (B, 0, D), adds none
        require_shape("memory", memory, (len(x), None, self.input_size), f"x {x.shape}")
        if memory_mask is not None:
            require_shape("memory_mask", memory_mask, memory.shape[:2], f"memory {memory.shape}")
            memory = _where_real(memory_mask, memory)  # (B, S, D)
        (h, after), cache = self._forward(x, state, lengths, rng, memory, memory_mask)
        return (h, after), (state is None, cache)

    def backward(self, dh, cache):
        """Gradients of forward.

        Args:
            dh: (B, T, D), not looked at where padded.

        Returns:
            dx: (B, T, D). dmemory: (B, S, D), zeros where masked. grads: keyed like ``params``.

        Raises:
            ValueError: dh does not fit, or forward was given a state.
        """
        whole, cache = cache
        if not whole:
            raise ValueError("forward was given a state, which is for writing; train on whole x")
        dx, dmemory, _, grads = self._backward(dh, cache)
        return dx, dmemory, grads

    def attention_weights(self, cache):
        """What each layer's heads looked at: list of [on the steps, on the memory], one a layer."""
        return [transformer_layer_weights(layer_cache) for layer_cache in cache[1][3]]
