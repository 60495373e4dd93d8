"""Save and load parameters without pickle: a file from a stranger cannot run code."""

import json
import os
from pathlib import Path

import numpy as np

from rnn_course._validate import require_shape


def save_params(path, params, config=None):
    """Write a dict of arrays, and settings that JSON can hold, to one .npz file.

    The file appears only once it is complete, so an interrupted call never leaves half of one.

    Args:
        path: where to; the name is used as given. params: dict of arrays.
        config: JSON-compatible settings, such as sizes; returned by load_params.

    Raises:
        TypeError: an array holds Python objects, or config is not JSON-compatible.
    """
    path = Path(path)
    for name, param in params.items():
        if param.dtype.hasobject:
            raise TypeError(f"{name} holds Python objects; only numeric arrays can be saved")
    text = json.dumps(config if config is not None else {})
    arrays = {f"param:{name}": param for name, param in params.items()}
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, config=np.array(text), **arrays)
    os.replace(unfinished, path)


def load_params(path):
    """Read what save_params wrote.

    Returns:
        params: dict of arrays. config: the settings.

    Raises:
        FileNotFoundError: no such file. ValueError: not a file of save_params.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            config = json.loads(str(archive["config"]))
            names = [name for name in archive.files if name.startswith("param:")]
            return {name.removeprefix("param:"): archive[name] for name in names}, config
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is not a parameter file written by save_params: {error}"
        ) from error


def restore_params(model, params):
    """Copy loaded parameters into a model's own arrays.

    Raises:
        ValueError: the names or a shape differ from the model's; nothing has been copied then.
    """
    if set(params) != set(model.params):
        different = ", ".join(sorted(set(params) ^ set(model.params)))
        raise ValueError(f"the file and the model do not have the same parameters: {different}")
    for name, param in params.items():
        shape = model.params[name].shape
        require_shape(f"the saved {name}", param, shape, f"the model's {name} {shape}")
    for name, param in params.items():
        model.params[name][...] = param
