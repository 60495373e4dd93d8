"""Saving and loading: round trips, no pickle, no half-written file."""

import numpy as np
import pytest
from gradients import B, D, H, K, T, normal

from rnn_course import checkpoint
from rnn_course.checkpoint import load_params, restore_params, save_params
from rnn_course.encoders import RNNEncoder
from rnn_course.models import SequenceModel


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def make_model(rng, hidden_size=H, dtype=np.float64):
    return SequenceModel(RNNEncoder(D, hidden_size, rng, dtype=dtype), K, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_checkpoint_round_trip(dtype, path, rng):
    """Does a restored model compute bit by bit what the saved one did?"""
    saved, config = make_model(rng, dtype=dtype), {"sizes": [D, H, K], "name": "été", "note": None}
    save_params(path, saved.params, config)
    params, loaded_config = load_params(path)
    assert loaded_config == config
    assert {param.dtype for param in params.values()} == {np.dtype(dtype)}
    other, x = make_model(rng, dtype=dtype), normal(rng, B, T, D, dtype=dtype)
    assert (other.forward(x)[0] != saved.forward(x)[0]).any()
    restore_params(other, params)
    np.testing.assert_array_equal(other.forward(x)[0], saved.forward(x)[0])


def test_checkpoint_keeps_any_name_shape_and_path(tmp_path):
    """Do scalars, empty arrays, odd names and a name without suffix survive?"""
    path = tmp_path / "no suffix"
    arrays = {"config": np.float64(3), "a/b": np.zeros((0, 2)), "file": np.arange(3)}
    save_params(str(path), arrays)
    params, config = load_params(str(path))
    assert config == {}
    assert params.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(params[name], array)
    assert [file.name for file in tmp_path.iterdir()] == ["no suffix"]


def test_checkpoint_refuses_to_save_objects(path):
    """Do arrays that would need pickle raise, naming the parameter, before a file appears?"""
    with pytest.raises(TypeError, match="W holds Python objects"):
        save_params(path, {"b": np.zeros(2), "W": np.array([{}, None])})
    with pytest.raises(TypeError, match="W holds Python objects"):
        save_params(path, {"W": np.zeros(1, dtype=[("a", object)])})
    assert not path.exists()


def test_checkpoint_refuses_to_save_what_json_cannot_hold(path):
    """Does a setting that JSON has no form for raise before a file appears?"""
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_params(path, {"W": np.zeros(2)}, {"rng": np.random.default_rng(0)})
    assert not path.exists()


class Trap:
    """Fails the test when a pickle of it is opened."""

    def __reduce__(self):
        return pytest.fail, ("code from the file was run",)


def test_checkpoint_refuses_to_load_a_pickle(path):
    """Does a file with a pickled array raise without running what it holds?"""
    np.savez(path, config=np.array("{}"), **{"param:W": np.array([Trap()], dtype=object)})
    with pytest.raises(ValueError, match="is not a parameter file written by save_params"):
        load_params(path)


def test_checkpoint_interrupted_write_leaves_the_old_file(path, monkeypatch):
    """Is the last complete file still there after a write that failed half-way?"""
    save_params(path, {"W": np.ones(2)}, {"version": 1})

    def fail_half_way(file, **arrays):
        file.write(b"half of a file")
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.np, "savez", fail_half_way)
        with pytest.raises(OSError, match="no space left"):
            save_params(path, {"W": np.zeros(2)}, {"version": 2})
    params, config = load_params(path)
    assert config == {"version": 1}
    np.testing.assert_array_equal(params["W"], [1, 1])
    save_params(path, {"W": np.zeros(2)}, {"version": 3})
    assert load_params(path)[1] == {"version": 3}


def write_text(path):
    path.write_text("these are no parameters")


def write_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def write_other_archive(path):
    np.savez(path, W=np.zeros(3))


def write_cut_file(path):
    save_params(path, {"W": np.zeros(300)})
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("write", [write_text, write_array, write_other_archive, write_cut_file])
def test_checkpoint_refuses_other_files(write, path):
    """Does a file that is something else, or cut short, raise an error that names it?"""
    write(path)
    with pytest.raises(ValueError, match=r"model\.npz is not a parameter file written by"):
        load_params(path)


def test_checkpoint_missing_file(path):
    """Does a file that is not there raise as such?"""
    with pytest.raises(FileNotFoundError):
        load_params(path)


def test_restore_params_refuses_another_model_before_any_change(rng):
    """Do other names and other shapes raise, with the model left as it was?"""
    model = make_model(rng)
    before = {name: param.copy() for name, param in model.params.items()}
    others = dict(make_model(rng).params)
    match = "not have the same parameters: W_hy, b_extra"
    renamed = {("b_extra" if name == "W_hy" else name): p for name, p in others.items()}
    with pytest.raises(ValueError, match=match):
        restore_params(model, renamed)
    match = r"the saved b_y has shape \(1,\), but the model's b_y \(4,\) needs \(4\)"
    with pytest.raises(ValueError, match=match):
        restore_params(model, others | {"b_y": np.zeros(1)})
    for name, param in model.params.items():
        np.testing.assert_array_equal(param, before[name])
