"""Parameters in torch's form and back, and GRUs and LSTMs of other conventions in ours.

A layer here and its namesake in torch.nn compute the same; their parameters differ in form only:

- RNN and LSTM: torch adds two biases where one, b_h, does the same. On the way out they are
  (b_h, 0), on the way in b_h is their sum: the function comes back, how it was split does not.
- GRU: torch's biases are b_xh and b_hh, since r stands between the two. reset="before" has no
  counterpart in torch, which resets after the product with W_hn.
- Attention: torch stacks the rows of W_q, W_k and W_v in one matrix.

Every array is copied: training one side leaves the other as it was. The type, float32 or float64,
is kept. A name that is missing or unknown raises, so that no parameter is lost on the way. torch is
imported where it is used, so that the package does without.
"""

import re

import numpy as np

from rnn_course._torch_modules import (
    recurrent_module,
    recurrent_options,
    transformer_module,
    transformer_options,
)
from rnn_course._torch_names import (
    RECURRENT,
    as_arrays,
    name_pairs,
    require_gates,
    require_names,
    rows_of,
)
from rnn_course._validate import require_shape
from rnn_course.checkpoint import restore_params
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.transformer import TransformerDecoder, TransformerEncoder

# By the name of the class in torch.nn
ENCODERS = {
    "RNN": RNNEncoder,
    "LSTM": LSTMEncoder,
    "GRU": GRUEncoder,
    "TransformerEncoder": TransformerEncoder,
    "TransformerDecoder": TransformerDecoder,
}


def params_to_state_dict(params, kind):
    """Our parameters as a state dict, which module.load_state_dict takes.

    Args:
        params: dict of arrays under our names; a GRU's are those for reset="after".
        kind: name of the module's class in torch.nn: "RNN", "LSTM" or "GRU" of any number of layers
            and directions; "TransformerEncoder" or "TransformerDecoder", without positions; one
            layer of these, "TransformerEncoderLayer" or "TransformerDecoderLayer";
            "MultiheadAttention", "Linear", "Embedding" or "LayerNorm".

    Returns:
        dict of new tensors under torch's names; bias_hh of RNN and LSTM is zero.

    Raises:
        ValueError: an unknown kind, another type, or names that are missing or unknown, each
            listed; matrices that cannot be stacked, or a W_hh of another number of gates.
    """
    import torch

    pairs = name_pairs(kind, params)
    require_names(f"params of {kind}", params, [name for ours, _ in pairs for name in ours])
    params = as_arrays("params", params)
    require_gates(kind, params)
    state_dict = {}
    for ours, theirs in pairs:
        shape = params[ours[0]].shape
        for name in ours[1:]:
            require_shape(name, params[name], shape, f"{ours[0]} {shape}, which it is stacked on,")
        stacked = torch.from_numpy(np.concatenate([params[name] for name in ours]))
        state_dict[theirs[0]] = stacked
        state_dict |= {name: torch.zeros_like(stacked) for name in theirs[1:]}
    return state_dict


def params_from_state_dict(state_dict, kind):
    """Parameters under our names from a state dict of torch.

    Only parameters are in a state dict: not whether an RNN's nonlinearity is tanh, nor how many
    heads share a matrix, nor an embedding's padding_idx. from_torch looks at the module itself.

    Args:
        state_dict: dict of tensors or arrays under torch's names, without a prefix.
        kind: name of the module's class in torch.nn, as for params_to_state_dict.

    Returns:
        dict of new arrays; b_h of RNN and LSTM is the sum of torch's two biases.

    Raises:
        ValueError: an unknown kind, another type, or names that are missing or unknown, each
            listed; rows that cannot be shared, or a weight_hh of another number of gates.
    """
    pairs = name_pairs(kind, state_dict)
    expected = [name for _, theirs in pairs for name in theirs]
    require_names(f"state_dict of {kind}", state_dict, expected)
    tensors = as_arrays("state_dict", state_dict)
    params = {}
    for ours, theirs in pairs:
        total, shape = tensors[theirs[0]], tensors[theirs[0]].shape
        for name in theirs[1:]:
            require_shape(name, tensors[name], shape, f"{theirs[0]} {shape}, which it is added to,")
            total = total + tensors[name]
        rows = rows_of(theirs[0], total, ours)
        params |= {name: part.copy() for name, part in rows.items()}
    require_gates(kind, params)
    return params


def to_torch(encoder, without_positions=False):
    """A new module of torch.nn, batch first, that computes what the encoder does.

    It is in training mode, as torch makes every module: where there is dropout, call eval() for
    what our forward gives without rng. Dropout falls on the same places as ours, so attention's
    weights have none. torch's own generator is left as it was.

    A recurrent module's h_n and c_n are the arrays of our state, stacked in their order; for
    lengths torch has pack_padded_sequence. A Transformer there takes its masks as arguments: with
    causal, or in a decoder, one of the later steps, for lengths one of the padding. At padded steps
    ours gives zeros, torch's does not.

    Args:
        encoder: RNNEncoder, LSTMEncoder, GRUEncoder, TransformerEncoder or TransformerDecoder.
        without_positions: whether to leave out the positions of a Transformer, which torch's does
            not add. The caller then adds to x sinusoidal_positions(T, D), which has no parameters,
            or encoder.params["P"][:T] where they are learnt.

    Returns:
        torch.nn.RNN, LSTM, GRU, TransformerEncoder or TransformerDecoder.

    Raises:
        TypeError: torch.nn has no such layer; it has no minGRU and no minLSTM.
        ValueError: a GRU with reset="before", another nonlinearity than torch's, or positions that
            are not to be left out.
    """
    import torch

    kind = next((kind for kind, ours in ENCODERS.items() if type(encoder) is ours), None)
    if kind is None:
        known = ", ".join(ours.__name__ for ours in ENCODERS.values())
        raise TypeError(
            f"torch.nn has no layer for a {type(encoder).__name__}; it has those for {known}"
        )
    params = dict(encoder.params)
    if kind not in RECURRENT and encoder.positions is not None:
        if not without_positions:
            raise ValueError(
                f"the encoder adds positions, {encoder.positions}, and torch's module does not; "
                "give without_positions=True and add them to x yourself"
            )
        params.pop("P", None)
    state_dict = params_to_state_dict(params, kind)
    dtype = next(iter(state_dict.values())).dtype
    with torch.random.fork_rng(devices=[]):  # what a new module draws is replaced at once
        make = recurrent_module if kind in RECURRENT else transformer_module
        module = make(encoder, kind, dtype)
    module.load_state_dict(state_dict)
    return module


def from_torch(module, causal=False, positions=None):
    """A new encoder that computes what a module of torch.nn does.

    It reads (B, T, D), whether the module has batch_first or not. For modules without an encoder,
    such as torch.nn.Linear, there is params_from_state_dict.

    Args:
        module: torch.nn.RNN, LSTM, GRU, TransformerEncoder or TransformerDecoder itself.
        causal: whether a TransformerEncoder's steps see no later ones, which in torch a mask says.
        positions: what the caller adds to the x of torch's Transformer and ours is to add itself:
            None, "sinusoidal", or the learnt rows (M, D), an array or tensor.

    Returns:
        RNNEncoder, LSTMEncoder, GRUEncoder, TransformerEncoder or TransformerDecoder.

    Raises:
        TypeError: another class; a subclass too, since it may compute something else.
        ValueError: an option that ours has not: proj_size, gelu with erf, dropout of attention's
            weights, another epsilon; layers unlike each other; causal or positions where these say
            nothing; what params_from_state_dict raises.
    """
    import torch

    kind = type(module).__name__
    if kind not in ENCODERS or type(module) is not getattr(torch.nn, kind):
        raise TypeError(f"module is a {type(module)}; expected torch.nn's {', '.join(ENCODERS)}")
    if (causal and kind != "TransformerEncoder") or (positions is not None and kind in RECURRENT):
        raise ValueError(f"causal {causal} with positions {positions} says nothing to {kind}")
    options = recurrent_options(module) if kind in RECURRENT else transformer_options(module, kind)
    params = params_from_state_dict(module.state_dict(), kind)
    if positions is not None:
        positions_options, rows = _positions(positions, options["input_size"])
        options |= positions_options
        params = as_arrays("parameters with positions", params | rows)
    elif kind not in RECURRENT:
        options["positions"] = None
    if kind == "TransformerEncoder":
        options["causal"] = causal
    unused = np.random.default_rng(0)  # what is drawn is replaced at once
    encoder = ENCODERS[kind](**options, rng=unused, dtype=next(iter(params.values())).dtype)
    restore_params(encoder, params)
    return encoder


def _positions(positions, D):
    """The options and the parameters of a Transformer's positions."""
    if isinstance(positions, str):
        if positions != "sinusoidal":
            raise ValueError(f'positions is {positions!r}; expected "sinusoidal", rows, or None')
        return {"positions": positions}, {}
    require_shape("positions", positions, (None, D), f"a Transformer of size {D}")
    return {"positions": "learnt", "max_length": len(positions)}, {"P": positions}


def flip_update_gate(params, order="rzn"):
    """Weights of a GRU whose z is the share of the old state that is replaced, made ours; or back.

    Where a text has h_t = z n + (1 - z) h_{t-1}, ours is h_t = (1 - z) n + z h_{t-1}
    (eq-gru-hidden). Since 1 - sigmoid(a) = sigmoid(-a), the rows and biases of z change their sign,
    and nothing else does. No such exchange leads from reset="after" to "before".

    Args:
        params: dict of arrays of a GRU or, with order "zn", of a minGRU; any layers, directions.
        order: one letter for each gate, in the order of the rows.

    Returns:
        dict of new arrays.

    Raises:
        ValueError: a name of another layer, or rows that the gates cannot share.
    """
    _require_recurrent(params)
    return {
        name: np.concatenate(
            [-rows if gate == "z" else rows for gate, rows in rows_of(name, param, order).items()]
        )
        for name, param in params.items()
    }


def reorder_gates(params, order, wanted):
    """Weights whose gates' rows are stacked in one order, stacked in another.

    Ours are "rzn" and, of an LSTM, "ifgo". Keras has "zrn" and "ifgo", and matrices (in, out),
    which have to be transposed first; ONNX has "zrn" and "iofg".

    Args:
        params: dict of arrays of a recurrent layer, under our names; any layers, directions.
        order: one letter for each gate, in the order of the rows. wanted: the order to come.

    Returns:
        dict of new arrays.

    Raises:
        ValueError: not the same letters, a name of another layer, or rows that the gates cannot
            share.
    """
    _require_recurrent(params)
    if sorted(order) != sorted(wanted) or len(set(order)) < len(order):
        raise ValueError(f"wanted is {wanted!r}; expected each letter of {order!r} once")
    return {
        name: np.concatenate([rows_of(name, param, order)[gate] for gate in wanted])
        for name, param in params.items()
    }


def _require_recurrent(params):
    """Else an embedding, whose rows are no gates, would be changed too."""
    other = [name for name in params if not re.match(r"(W_xh|W_hh|b_h|b_xh|b_hh)(_|$)", name)]
    if other:
        raise ValueError(f"params holds {', '.join(other)}, which no recurrent layer has")
