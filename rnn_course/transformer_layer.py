"""A Transformer layer: attention between steps, a network at each step, and a sum around both.

A layer has two sublayers, and a third between them where it also looks at a memory, such as an
encoded source: attention of the steps with each other (rnn_course.multi_head_attention), attention
of the steps with the memory, and at each step

f(x_t) = W_2 g(W_1 x_t + b_1) + b_2,  with g = relu or gelu,            (eq-transformer-feedforward)
gelu(a) = a (1 + tanh(u)) / 2,  u = sqrt(2 / pi) (a + 0.044715 a³)            (eq-transformer-gelu)

Around each sublayer s lies a residual connection, with layer normalisation inside or outside:

y = x + s(norm(x))                                                     (eq-transformer-norm-first)
y = norm(x + s(x))                                                      (eq-transformer-norm-last)

In the first form the sum is never normalised on its way, so one more norm follows the last layer.
"""

import numpy as np

from rnn_course._validate import require_shape
from rnn_course.activations import relu, relu_backward
from rnn_course.layers import (
    dropout_backward,
    dropout_forward,
    init_linear,
    linear_backward,
    linear_forward,
)
from rnn_course.multi_head_attention import (
    init_multi_head_attention,
    multi_head_attention_backward,
    multi_head_attention_forward,
    multi_head_attention_weights,
)
from rnn_course.normalisation import init_layer_norm, layer_norm_backward, layer_norm_forward

GELU_SCALE, GELU_CUBE = np.sqrt(2 / np.pi).item(), 0.044715


def _tanh_u(a):
    """tanh(u) of eq-transformer-gelu, in one array: further ones would cost more than the sums."""
    u = a * a  # like a
    u *= GELU_CUBE
    u += 1
    u *= a
    u *= GELU_SCALE
    return np.tanh(u, out=u)


def gelu(a):
    """Gaussian error linear unit of an array of any shape, with tanh (eq-transformer-gelu).

    Within 5e-4 of a times the normal distribution function of a, and free of erf, which NumPy
    lacks. Source: Hendrycks and Gimpel (2016), arXiv:1606.08415.
    """
    h = _tanh_u(a)  # like a
    h += 1
    h *= a
    h *= 0.5
    return h


def gelu_backward(dh, a):
    """Gradient with respect to ``a`` where h = gelu(a). Shapes equal.

    With 1 - tanh² = (1 + tanh) (1 - tanh) it is dh (1 + tanh) (1 + a (1 - tanh) du/da) / 2.
    """
    tanh_u = _tanh_u(a)  # like a
    da = a * a  # like a
    da *= 3 * GELU_CUBE
    da += 1
    da *= a
    da *= GELU_SCALE  # a du/da
    da *= 1 - tanh_u
    da += 1
    tanh_u += 1
    da *= tanh_u
    da *= dh
    da *= 0.5
    return da


# relu_backward asks where h > 0, which is where a > 0
NONLINEARITIES = {"relu": (relu, relu_backward), "gelu": (gelu, gelu_backward)}


def feedforward_pair(nonlinearity):
    """The forward and backward function of "relu" or "gelu"; ValueError for another name."""
    if nonlinearity not in NONLINEARITIES:
        known = ", ".join(NONLINEARITIES)
        raise ValueError(f"nonlinearity is {nonlinearity!r}; expected one of {known}")
    return NONLINEARITIES[nonlinearity]


def feedforward_forward(x, W_1, b_1, W_2, b_2, nonlinearity="relu", dropout=0.0, rng=None):
    """The network of each step (eq-transformer-feedforward).

    Args:
        x: (B, T, D). W_1: (F, D), b_1: (F,), W_2: (D, F), b_2: (D,) parameters.
        nonlinearity: "relu" or "gelu". dropout, rng: as for dropout_forward, of the F hidden units.

    Returns:
        y: (B, T, D). cache: what feedforward_backward needs; opaque.

    Raises:
        ValueError: a size disagrees, or another nonlinearity.
    """
    activation, _ = feedforward_pair(nonlinearity)
    require_shape("x", x, (None, None, W_1.shape[1]), f"W_1 {W_1.shape}")
    require_shape("W_2", W_2, (None, len(W_1)), f"W_1 {W_1.shape}")
    x_rows = x.reshape(-1, W_1.shape[1])  # (B T, D), all steps in one product
    a, inner_cache = linear_forward(x_rows, W_1, b_1)  # (B T, F)
    h, dropout_cache = dropout_forward(activation(a), dropout, rng)  # (B T, F)
    y, outer_cache = linear_forward(h, W_2, b_2)  # (B T, D)
    cache = x.shape, a, inner_cache, dropout_cache, outer_cache, nonlinearity
    return y.reshape(*x.shape[:2], len(W_2)), cache


def feedforward_backward(dy, cache):
    """Gradients of feedforward_forward.

    Args:
        dy: (B, T, D) gradient of the loss with respect to y.

    Returns:
        dx: (B, T, D). grads: {"W_1": (F, D), "b_1": (F,), "W_2": (D, F), "b_2": (D,)}.

    Raises:
        ValueError: dy does not have the shape of y.
    """
    shape, a, inner_cache, dropout_cache, outer_cache, nonlinearity = cache
    _, activation_backward = feedforward_pair(nonlinearity)
    require_shape("dy", dy, (*shape[:2], None), f"x {shape}")
    dh, outer = linear_backward(dy.reshape(-1, dy.shape[2]), outer_cache)  # (B T, F)
    da = activation_backward(dropout_backward(dh, dropout_cache), a)  # (B T, F)
    dx, inner = linear_backward(da, inner_cache)  # (B T, D)
    grads = {"W_1": inner["W"], "b_1": inner["b"], "W_2": outer["W"], "b_2": outer["b"]}
    return dx.reshape(shape), grads


def init_transformer_layer(size, feedforward_size, rng, memory=False, dtype=np.float64):
    """Parameters of one layer, drawn as torch.nn.TransformerEncoderLayer draws them.

    The keys begin with their sublayer: attention_ and, with ``memory``, memory_ go on with W_q,
    W_k, W_v, W_o (D, D) and b_q, b_k, b_v, b_o (D,); feedforward_ with W_1 (F, D), b_1 (F,),
    W_2 (D, F), b_2 (D,); each of them with gamma and beta (D,) of its norm.
    """
    inner = init_linear(size, feedforward_size, rng, dtype)
    outer = init_linear(feedforward_size, size, rng, dtype)
    sublayers = {
        "attention": init_multi_head_attention(size, rng, dtype=dtype),
        "memory": init_multi_head_attention(size, rng, dtype=dtype) if memory else {},
        "feedforward": {"W_1": inner["W"], "b_1": inner["b"], "W_2": outer["W"], "b_2": outer["b"]},
    }
    return {
        f"{name}_{key}": param
        for name, params in sublayers.items()
        if params
        for key, param in (params | init_layer_norm(size, dtype)).items()
    }


def _residual_forward(x, name, sublayer, params, norm_first, dropout, rng):
    """The sum around sublayer(x, **its params) -> ((y, state), cache), and its norm."""
    own = {
        key.removeprefix(f"{name}_"): params[key] for key in params if key.startswith(f"{name}_")
    }
    norm = own.pop("gamma"), own.pop("beta")
    if norm_first:  # eq-transformer-norm-first
        x_norm, norm_cache = layer_norm_forward(x, *norm)  # (B, T, D)
        (y, state), sublayer_cache = sublayer(x_norm, **own)
        y, dropout_cache = dropout_forward(y, dropout, rng)
        y = x + y  # (B, T, D)
    else:  # eq-transformer-norm-last
        (y, state), sublayer_cache = sublayer(x, **own)
        y, dropout_cache = dropout_forward(y, dropout, rng)
        y, norm_cache = layer_norm_forward(x + y, *norm)  # (B, T, D)
    return (y, state), (name, norm_first, norm_cache, sublayer_cache, dropout_cache)


def _residual_backward(dy, cache, sublayer_backward, *more):
    """dx, whatever sublayer_backward(dy, cache, *more) -> (dx, ..., grads) returns, and grads."""
    name, norm_first, norm_cache, sublayer_cache, dropout_cache = cache
    dsum, norm_grads = (dy, {}) if norm_first else layer_norm_backward(dy, norm_cache)
    dy = dropout_backward(dsum, dropout_cache)  # (B, T, D)
    dx, *others, grads = sublayer_backward(dy, sublayer_cache, *more)
    if norm_first:
        dx, norm_grads = layer_norm_backward(dx, norm_cache)  # (B, T, D)
    grads = {f"{name}_{key}": grad for key, grad in (grads | norm_grads).items()}
    return dsum + dx, *others, grads


def transformer_layer_forward(
    x,
    params,
    num_heads,
    mask=None,
    causal=False,
    state=None,
    memory=None,
    memory_mask=None,
    norm_first=True,
    nonlinearity="relu",
    dropout=0.0,
    rng=None,
):
    """One layer: attention, attention to the memory if there is one, feedforward network.

    Args:
        x: (B, T, D) inputs. params: as from init_transformer_layer. num_heads: divides D.
        mask: (B, T) True where a step is real, or None. causal: no step sees a later one.
        state: (keys, values, real) from an earlier call, see multi_head_attention_forward, and
            with a memory three more for it; or None.
        memory: (B, S, D) what a decoder layer looks at, or None in an encoder layer. With S = 0
            it looks at what the state holds. memory_mask: (B, S) True where real, or None.
        norm_first: eq-transformer-norm-first, or else eq-transformer-norm-last.
        nonlinearity: "relu" or "gelu". dropout: share of the hidden units of the feedforward
            network, and of what each sublayer adds, set to zero (torch also drops attention
            weights); rng: np.random.Generator, or None for none.

    Returns:
        y: (B, T, D). state: like the argument, for a later call. cache: opaque.

    Raises:
        ValueError: a size disagrees, or another nonlinearity.

    Source: Vaswani et al. (2017), arXiv:1706.03762; norm first: Xiong et al. (2020),
        arXiv:2002.04745.
    """
    own, of_memory = (None, None) if state is None else (state[:3], state[3:])

    def attend(x, **weights):
        return multi_head_attention_forward(
            x, None, **weights, num_heads=num_heads, mask=mask, causal=causal, state=own
        )

    def look(x, **weights):
        return multi_head_attention_forward(
            x, memory, **weights, num_heads=num_heads, mask=memory_mask, state=of_memory
        )

    def feed(x, **weights):
        y, cache = feedforward_forward(
            x, **weights, nonlinearity=nonlinearity, dropout=dropout, rng=rng
        )
        return (y, ()), cache

    sublayers = {"attention": attend, "memory": look, "feedforward": feed}
    if memory is None:
        del sublayers["memory"]
    state, caches = (), []
    for name, sublayer in sublayers.items():
        (x, after), cache = _residual_forward(x, name, sublayer, params, norm_first, dropout, rng)
        state += after
        caches.append(cache)
    return (x, state), caches


def transformer_layer_backward(dy, cache, dstate=None):
    """Gradients of transformer_layer_forward.

    Args:
        dy: (B, T, D) gradient of the loss with respect to y. cache: from the forward pass.
        dstate: gradients like the returned state, None for each mask; or None for zeros.

    Returns:
        dx: (B, T, D). dmemory: (B, S, D), or None without memory.
        dstate_0: like dstate, with respect to the given state. grads: keyed like ``params``.

    Raises:
        ValueError: dy or dstate does not have the shape of what it is the gradient of.
    """
    attention, *memory, feedforward = cache
    own, of_memory = (None, None) if dstate is None else (dstate[:3], dstate[3:])
    dx, grads = _residual_backward(dy, feedforward, feedforward_backward)
    dmemory, dmemory_state = None, ()
    if memory:
        dx, dmemory, dmemory_state, memory_grads = _residual_backward(
            dx, memory[0], multi_head_attention_backward, of_memory
        )
        grads |= memory_grads
    dx, _, dstate_0, attention_grads = _residual_backward(
        dx, attention, multi_head_attention_backward, own
    )
    return dx, dmemory, dstate_0 + dmemory_state, grads | attention_grads


def transformer_layer_weights(cache):
    """Attention weights of the forward pass that gave ``cache``: (B, heads, T, S) each.

    Returns:
        list with the weights of the steps on each other and, with a memory, those on the memory.
    """
    return [multi_head_attention_weights(sublayer[3]) for sublayer in cache[:-1]]
