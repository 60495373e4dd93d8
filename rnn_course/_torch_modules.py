"""Modules of torch.nn with an encoder's options, and an encoder's options from such modules."""

from functools import partial

EPSILON = 1e-5  # of every layer normalisation here, and where torch starts too


def recurrent_module(encoder, kind, dtype):
    """A new torch.nn.RNN, LSTM or GRU of the encoder's sizes and options.

    Raises:
        ValueError: a GRU with reset="before", or a nonlinearity that torch.nn.RNN has not.
    """
    import torch

    options = dict(encoder._forward_options)
    if options.pop("reset", "after") == "before":
        raise ValueError(
            'reset is "before", but torch.nn.GRU resets after the product with W_hn: r weighs '
            "there what each unit hears and not what it says, which no other weights make up for"
        )
    if options.get("nonlinearity", "tanh") not in ("tanh", "relu"):
        raise ValueError(
            f"nonlinearity is {options['nonlinearity']!r}, but torch.nn.RNN has tanh and relu alone"
        )
    return getattr(torch.nn, kind)(
        encoder.input_size,
        encoder.hidden_size,
        encoder.num_layers,
        bias=any(name.startswith("b_") for name in encoder.params),
        batch_first=True,
        dropout=encoder.dropout if encoder.num_layers > 1 else 0.0,  # one layer drops nothing
        bidirectional=len(encoder.directions) == 2,
        dtype=dtype,
        **options,
    )


def recurrent_options(module):
    """What our encoder is to be made with to compute as a torch.nn.RNN, LSTM or GRU does.

    Raises:
        ValueError: proj_size is not 0.
    """
    if module.proj_size:
        raise ValueError(f"proj_size is {module.proj_size}; expected 0, no projection of the state")
    names = ["input_size", "hidden_size", "num_layers", "bidirectional", "dropout", "bias"]
    if module.mode.startswith("RNN"):
        names.append("nonlinearity")
    return {name: getattr(module, name) for name in names}


def transformer_module(encoder, kind, dtype):
    """A new torch.nn.TransformerEncoder or TransformerDecoder of the sizes and options given."""
    import torch

    # Not torch.nn.GELU("tanh"), which in eval mode torch takes for the one with erf
    gelu = partial(torch.nn.functional.gelu, approximate="tanh")
    D, options = encoder.input_size, dict(encoder.options)
    layer = getattr(torch.nn, f"{kind}Layer")(
        D,
        encoder.num_heads,
        len(encoder.params["feedforward_W_1_l0"]),
        activation={"relu": torch.nn.functional.relu, "gelu": gelu}[options.pop("nonlinearity")],
        layer_norm_eps=EPSILON,
        batch_first=True,
        dtype=dtype,
        **options,
    )
    for part in layer.modules():
        if isinstance(part, torch.nn.MultiheadAttention):
            part.dropout = 0.0
    norm = torch.nn.LayerNorm(D, EPSILON, dtype=dtype) if options["norm_first"] else None
    # Nested tensors would cut off steps that are padded in every sequence
    nested = {"enable_nested_tensor": False} if kind == "TransformerEncoder" else {}
    return getattr(torch.nn, kind)(layer, encoder.num_layers, norm=norm, **nested)


def transformer_options(module, kind):
    """What our encoder is to be made with to compute as torch's Transformer does.

    Raises:
        TypeError: layers of another class. ValueError: an option that ours has not, or layers that
            differ in one.
    """
    import torch

    layer_class = getattr(torch.nn, f"{kind}Layer")
    if any(type(layer) is not layer_class for layer in module.layers):
        raise TypeError(f"module.layers must each be torch.nn.{kind}Layer itself")
    norms, attentions, layers = torch.nn.LayerNorm, torch.nn.MultiheadAttention, layer_class
    _require_one("eps of LayerNorm", EPSILON, {norm.eps for norm in _all(module, norms)})
    dropped = {attention.dropout for attention in _all(module, attentions)}
    _require_one("dropout of MultiheadAttention, which ours has not,", 0, dropped)
    norm_first = _the_one("norm_first", {layer.norm_first for layer in _all(module, layers)})
    if norm_first != (module.norm is not None):
        raise ValueError(
            f"norm_first is {norm_first} and norm is {module.norm}; expected a last norm where "
            "norm_first is True, and None where it is not"
        )
    names = {_nonlinearity(layer.activation) for layer in _all(module, layers)}
    return {
        "input_size": module.layers[0].self_attn.embed_dim,
        "num_heads": _the_one("num_heads", {part.num_heads for part in _all(module, attentions)}),
        "feedforward_size": module.layers[0].linear1.out_features,
        "num_layers": len(module.layers),
        "norm_first": norm_first,
        "nonlinearity": _the_one("activation", names),
        "dropout": _the_one("dropout", {part.p for part in _all(module, torch.nn.Dropout)}),
    }


def _all(module, owner):
    return [part for part in module.modules() if isinstance(part, owner)]


def _the_one(name, values):
    if len(values) > 1:
        raise ValueError(f"{name} differs between layers: {sorted(values)}; expected one for all")
    return values.pop()


def _require_one(name, expected, values):
    if values - {expected}:
        raise ValueError(f"{name} is {', '.join(map(str, sorted(values)))}; expected {expected}")


def _nonlinearity(activation):
    """Our name of the activation of torch's Transformer layer."""
    import torch

    functional, Gelu = torch.nn.functional, torch.nn.GELU
    if activation in (functional.relu, torch.relu) or isinstance(activation, torch.nn.ReLU):
        return "relu"
    if isinstance(activation, Gelu) and activation.approximate == "tanh":
        return "gelu"
    if isinstance(activation, partial) and (
        activation.func is functional.gelu and activation.keywords == {"approximate": "tanh"}
    ):
        return "gelu"
    raise ValueError(
        f'activation is {activation}; expected relu, or gelu with approximate="tanh", from which '
        "gelu with erf is up to 5e-4 off"
    )
