"""The training loop: it learns, records, clips, stops at NaN, and writes to stdout only."""

from itertools import repeat

import numpy as np
import pytest
from gradients import B, D, H, K, T

from rnn_course.checkpoint import load_params, restore_params, save_params
from rnn_course.encoders import RNNEncoder
from rnn_course.models import SequenceModel
from rnn_course.optimisers import SGD, Adam, AdamW, global_norm
from rnn_course.schedules import cosine_decay
from rnn_course.text import shuffled_batches
from rnn_course.training import train


class Valley:
    """loss = |w|²; gradient 2 w; optionally not finite from some update on."""

    def __init__(self, start=(3.0, 4.0), bad_update=None, bad_loss=np.nan, bad_grad=None):
        self.params = {"w": np.array(start)}
        self.bad_update, self.bad_loss, self.bad_grad = bad_update, bad_loss, bad_grad
        self.calls = 0

    def loss_and_grads(self, *batch):
        self.calls += 1
        w = self.params["w"]
        if self.calls == self.bad_update:
            return self.bad_loss, {"w": 2 * w if self.bad_grad is None else self.bad_grad}
        return w @ w, {"w": 2 * w}


def echo_problem(seed):
    """An RNN that has to repeat its previous input, and batches for it."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(K, size=(60, T))
    targets = np.concatenate([np.zeros((60, 1), dtype=int), tokens[:, :-1]], axis=1)
    model = SequenceModel(RNNEncoder(D, 4 * H, rng), K, rng, K, D)
    return model, shuffled_batches(20, rng, tokens, targets), (tokens, targets)


def test_train_learns_what_needs_memory():
    """Does an RNN learn to repeat its previous input, far below guessing?"""
    model, batches, data = echo_problem(seed=1)
    history = train(model, batches, Adam(0.02), 150, max_norm=1.0)
    assert history.loss[0] > 1.2  # log 4 = 1.39 for guessing
    assert model.loss(*data) < 0.05


def test_train_repeats_with_the_seed():
    """Do two runs from one seed give the same losses and parameters, bit by bit?"""
    runs = []
    for _ in range(2):
        model, batches, _ = echo_problem(seed=2)
        runs.append((train(model, batches, Adam(0.02), 20, max_norm=1.0), model.params))
    assert runs[0][0] == runs[1][0]
    for name, param in runs[0][1].items():
        np.testing.assert_array_equal(runs[1][1][name], param)


def test_train_records_loss_and_norm_before_the_update():
    """Does the history hold each update's loss and gradient norm?"""
    history = train(Valley(), repeat(()), SGD(0.25), 3)  # w halves at each update
    assert history.loss == [25, 25 / 4, 25 / 16]
    assert history.grad_norm == [10, 5, 2.5]
    assert history.evaluations == []
    assert {type(number) for number in history.loss + history.grad_norm} == {float}


def test_train_clips_before_the_update():
    """Is the step as long as the bound allows, while the history keeps the true norm?"""
    model = Valley()
    history = train(model, repeat(()), SGD(1.0), 1, max_norm=2.0)
    np.testing.assert_allclose(model.params["w"], [3 - 2 * 0.6, 4 - 2 * 0.8])
    assert history.grad_norm == [10]


def test_train_leaves_short_gradients_as_they_are():
    """Does a bound above the norm change nothing?"""
    free, bound = Valley(), Valley()
    train(free, repeat(()), SGD(0.1), 5)
    train(bound, repeat(()), SGD(0.1), 5, max_norm=10.0)
    np.testing.assert_array_equal(bound.params["w"], free.params["w"])


@pytest.mark.parametrize(
    ("num_updates", "every", "expected"),
    [(5, 2, [2, 4, 5]), (4, 2, [2, 4]), (3, None, [3]), (2, 5, [2])],
)
def test_train_evaluates_when_asked_and_at_the_end(num_updates, every, expected):
    """Is the evaluation run after the right updates, on the updated parameters, once each?"""
    model = Valley()
    history = train(
        model,
        repeat(()),
        SGD(0.25),
        num_updates,
        evaluate=lambda: float(model.params["w"][0]),
        evaluate_every=every,
    )
    assert history.evaluations == [(step, 3 * 0.5**step) for step in expected]


@pytest.mark.parametrize(
    "bad",
    [
        {"bad_loss": np.nan},
        {"bad_loss": np.inf},
        {"bad_loss": 1.0, "bad_grad": np.array([np.nan, 1.0])},
        {"bad_loss": 1.0, "bad_grad": np.array([np.inf, 1.0])},
    ],
)
@pytest.mark.parametrize("max_norm", [None, 1.0])
def test_train_stops_when_a_number_is_not_finite(bad, max_norm):
    """Does NaN or infinity raise with the update's number, before it spoils the parameters?"""
    model, before = Valley(bad_update=3, **bad), Valley()
    train(before, repeat(()), SGD(0.25), 2, max_norm=max_norm)
    with pytest.raises(FloatingPointError, match=r"the loss is .* at update 3: lower the learning"):
        train(model, repeat(()), SGD(0.25), 9, max_norm=max_norm)
    np.testing.assert_array_equal(model.params["w"], before.params["w"])


def test_train_takes_no_more_batches_than_updates():
    """Is the next batch still there for whoever goes on?"""
    batches = iter([(1,), (2,), (3,)])
    train(Valley(), batches, SGD(0.1), 2)
    assert next(batches) == (3,)


def test_train_refuses_too_few_batches_and_a_lonely_interval():
    """Do batches that end early, and an interval with nothing to evaluate, raise?"""
    with pytest.raises(ValueError, match="batches ended after 2 of 3 updates"):
        train(Valley(), [(), ()], SGD(0.1), 3)
    with pytest.raises(ValueError, match="evaluate_every is given without evaluate"):
        train(Valley(), repeat(()), SGD(0.1), 3, evaluate_every=1)


def test_train_progress_goes_to_standard_output_only(capfd):
    """Does the bar with its loss stay away from stderr, where a graded notebook counts it?"""
    train(Valley(), repeat(()), SGD(0.25), 4, progress=True)
    written = capfd.readouterr()
    assert written.err == ""
    assert "4/4" in written.out
    assert f"loss={np.mean([25, 25 / 4, 25 / 16, 25 / 64]):.4f}" in written.out


@pytest.mark.parametrize("progress", [False, True])
def test_train_writes_nothing_to_stderr_when_it_fails(progress, capfd):
    """Is stderr empty also when the loop ends in an error, and all silent without a bar?"""
    with pytest.raises(FloatingPointError):
        train(Valley(bad_update=2), repeat(()), SGD(0.25), 4, progress=progress)
    written = capfd.readouterr()
    assert written.err == ""
    assert bool(written.out) == progress


def test_train_is_silent_unless_asked(capfd):
    """Is nothing written when no bar is asked for?"""
    train(Valley(), repeat(()), SGD(0.25), 2)
    assert capfd.readouterr() == ("", "")


def test_train_passes_every_argument_of_a_batch(rng):
    """Do lengths and further columns reach the model's loss?"""
    model = SequenceModel(RNNEncoder(D, H, rng), K, rng, K, D)
    batch = rng.integers(K, size=(B, T)), rng.integers(K, size=(B, T)), np.array([3, 5])
    loss, grads = model.loss_and_grads(*batch)
    history = train(model, [batch], SGD(0.1), 1)
    assert history.loss == [loss]
    assert history.grad_norm == [global_norm(grads)]


class Shaken(Valley):
    """A valley whose gradient gets noise, and which needs an rng for it, as dropout does."""

    def loss_and_grads(self, *batch, rng):
        loss, grads = super().loss_and_grads(*batch)
        return loss, {"w": grads["w"] + rng.standard_normal(2)}


def test_train_passes_the_rng_to_the_model_and_draws_nothing_itself():
    """Does the model draw from the given generator, and nobody else?"""
    model, rng, twin = Shaken(), np.random.default_rng(5), np.random.default_rng(5)
    train(model, repeat(()), SGD(0.25), 3, rng=rng)
    w = Valley().params["w"]
    for _ in range(3):
        w = w - 0.25 * (2 * w + twin.standard_normal(2))
    np.testing.assert_allclose(model.params["w"], w)
    assert rng.bit_generator.state == twin.bit_generator.state


def test_train_passes_no_rng_unless_given():
    """Does a model that knows nothing of randomness train as before, and one that does, ask?"""
    train(Valley(), repeat(()), SGD(0.25), 1)
    with pytest.raises(TypeError, match="rng"):
        train(Shaken(), repeat(()), SGD(0.25), 1)


def test_train_follows_a_schedule_over_several_calls():
    """Does a second call go on where the schedule was, not at its start?"""
    once, twice = Valley(), Valley()
    train(once, repeat(()), SGD(cosine_decay(0.4, 10, warm_up=3)), 10)
    optimiser = SGD(cosine_decay(0.4, 10, warm_up=3))
    for num_updates in (2, 8):
        train(twice, repeat(()), optimiser, num_updates)
    np.testing.assert_array_equal(twice.params["w"], once.params["w"])


def test_train_resumed_from_files_equals_training_without_a_break(tmp_path):
    """Are parameters and losses the same, bit by bit, when a fresh process could take over?"""

    def optimiser():
        return AdamW(cosine_decay(0.02, 12, warm_up=3), weight_decay=0.1)

    whole, whole_batches, _ = echo_problem(seed=3)
    expected = train(whole, whole_batches, optimiser(), 12, max_norm=1.0)
    model, batches, _ = echo_problem(seed=3)
    first_optimiser = optimiser()
    first = train(model, batches, first_optimiser, 5, max_norm=1.0)
    save_params(tmp_path / "model.npz", model.params)
    save_params(tmp_path / "optimiser.npz", first_optimiser.state_dict())
    resumed, _, _ = echo_problem(seed=4)  # other parameters, all of which the file replaces
    restore_params(resumed, load_params(tmp_path / "model.npz")[0])
    second_optimiser = optimiser()
    saved, _ = load_params(tmp_path / "optimiser.npz")
    second_optimiser.load_state_dict(saved, resumed.params)
    second = train(resumed, batches, second_optimiser, 7, max_norm=1.0)
    assert first.loss + second.loss == expected.loss
    for name, param in whole.params.items():
        np.testing.assert_array_equal(resumed.params[name], param)


def train_with_scores(scores, **settings):
    """Train a valley whose evaluations are given; the share of w that is left, and the history."""
    model, waiting = Valley(), iter(scores)
    w, settings = model.params["w"], {"evaluate_every": 1} | settings
    history = train(
        model, repeat(()), SGD(0.25), len(scores), evaluate=lambda: next(waiting), **settings
    )
    assert model.params["w"] is w
    return w[0] / 3, history


@pytest.mark.parametrize(
    ("keep_best", "scores", "best"),
    [
        ("highest", [1.0, 3.0, 2.0], 2),
        ("lowest", [1.0, 3.0, 2.0], 1),
        ("lowest", [-1.0, -3.0, -2.0], 2),
        ("highest", [1.0, 2.0, 2.0], 2),  # the first of equals
        ("highest", [np.nan, 1.0, np.nan], 2),
        ("lowest", [np.nan, 1.0, np.nan], 2),
        ("highest", [1.0, 2.0, 3.0], 3),
        ("lowest", [np.nan, np.nan], 2),  # no best: the last
        (None, [1.0, 3.0, 2.0], 3),
    ],
)
def test_train_keeps_the_best_parameters(keep_best, scores, best):
    """Does the model's own array hold the best evaluation's parameters, with a full history?"""
    left, history = train_with_scores(scores, keep_best=keep_best)
    assert left == 0.5**best  # w halves at each update
    assert len(history.loss) == len(scores)
    np.testing.assert_equal(history.evaluations, list(enumerate(scores, start=1)))


@pytest.mark.parametrize(
    ("patience", "scores", "updates", "best"),
    [
        (1, [1.0, 2.0, 1.5, 9.0], 3, 2),
        (2, [1.0, 2.0, 1.5, 3.0, 2.9, 3.0, 9.0], 6, 4),
        (3, [5.0, 4.0, 3.0, 6.0, 5.0], 5, 4),
        (2, [np.nan, np.nan, 9.0], 2, 2),
    ],
)
def test_train_ends_early_when_patience_runs_out(patience, scores, updates, best):
    """Do as many evaluations without a new best end the training, counted from the best one?"""
    left, history = train_with_scores(scores, keep_best="highest", patience=patience)
    assert len(history.loss) == len(history.grad_norm) == len(history.evaluations) == updates
    assert left == 0.5**best


def test_train_counts_patience_in_evaluations_not_updates():
    """Are updates between two evaluations free?"""
    model, scores = Valley(), iter([2.0, 1.0, 0.0])
    history = train(
        model,
        repeat(()),
        SGD(0.25),
        99,
        evaluate=lambda: next(scores),
        evaluate_every=3,
        keep_best="highest",
        patience=2,
    )
    assert history.evaluations == [(3, 2.0), (6, 1.0), (9, 0.0)]
    assert len(history.loss) == 9
    assert model.params["w"][0] == 3 * 0.5**3


def test_train_ending_early_closes_the_bar(capfd):
    """Is the bar's last line written, and stderr empty, when patience runs out?"""
    train_with_scores([2.0, 1.0, 0.0, 0.0], keep_best="highest", patience=1, progress=True)
    written = capfd.readouterr()
    assert written.err == ""
    assert "2/4" in written.out
    assert written.out.endswith("\n")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"keep_best": "most"}, 'keep_best is \'most\'; expected None, "highest" or "lowest"'),
        ({"keep_best": "lowest"}, "keep_best is given without evaluate"),
        ({"patience": 2, "evaluate": int}, "patience is 2 and keep_best None; expected at least 1"),
        ({"patience": 0, "keep_best": "lowest", "evaluate": int}, "patience is 0 and keep_best"),
    ],
)
def test_train_refuses_settings_that_do_not_fit_together(settings, match):
    """Does a best of nothing, an unknown direction or patience for nothing raise at once?"""
    model = Valley()
    with pytest.raises(ValueError, match=match):
        train(model, repeat(()), SGD(0.1), 3, **settings)
    assert model.calls == 0
