"""The checks of the graded notebooks: do they tell right answers from wrong ones, and say why?"""

import sys
import warnings

import numpy as np
import pytest
from mistakes import all_answers
from mistakes.pad_batch import lists_of_lists, rows_filled_one_by_one
from mistakes.rnn_forward import states_in_a_list
from mistakes.rnn_step_backward import matrix_products
from mistakes.rnn_step_forward import einsum

from rnn_course import checks
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.verdict import variant_seed

ANSWERS = all_answers()
MISTAKES = [
    pytest.param(answers, mistake, id=f"{answers.task}: {mistake.name}")
    for answers in ANSWERS
    for mistake in answers.mistakes
]
RIGHTS = [
    pytest.param(answers, right, id=f"{answers.task}: {name}")
    for answers in ANSWERS
    for name, right in answers.rights.items()
]
CARRY_ON = ("state kept in a default argument",)  # how wrong they are grows from call to call
UNSEEN_FROM_AFAR = "one buffer for all calls"  # a stand-in copies every result


def stand_in(answer):
    """The answer as if it ran elsewhere: data goes out, plain data and changed inputs come back."""

    def call(*arguments):
        sent = [np.array(a) if isinstance(a, np.ndarray) else _rebuilt(a) for a in arguments]
        returned = _rebuilt(answer(*sent))
        for mine, theirs in zip(arguments, sent, strict=True):
            _write_back(mine, theirs)
        return returned

    return call


def _write_back(mine, theirs):
    if isinstance(mine, dict):
        for name in mine:
            _write_back(mine[name], theirs[name])
    elif isinstance(mine, np.ndarray | list):
        mine[:] = theirs


def _rebuilt(value):
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, dict):
        return {key: _rebuilt(item) for key, item in value.items()}
    return type(value)(map(_rebuilt, value)) if isinstance(value, list | tuple) else value


def never_written(*arguments):
    """What the released notebook holds."""
    raise NotImplementedError


@pytest.mark.parametrize(("answers", "mistake"), MISTAKES)
def test_mistake_is_rejected_and_explained(answers, mistake):
    """Does the mistake keep only its share, and does the first problem name its cause?"""
    verdict = answers.check(mistake.answer)
    assert verdict.share == pytest.approx(mistake.keeps)
    assert verdict.share < 1
    assert mistake.says in verdict.problem


@pytest.mark.parametrize(("answers", "mistake"), MISTAKES)
def test_mistake_gets_the_same_verdict_through_a_stand_in(answers, mistake):
    """Is the verdict the same when the function runs elsewhere?"""
    if mistake.name != UNSEEN_FROM_AFAR:
        verdict = answers.check(stand_in(mistake.answer))
        assert verdict.share == pytest.approx(mistake.keeps)
        assert mistake.says in verdict.problem


@pytest.mark.parametrize(("answers", "right"), RIGHTS)
def test_right_answer_gets_all_points_for_many_seeds(answers, right):
    """Does a right answer get everything, whatever the random inputs?"""
    for seed in range(10):
        verdict = answers.check(right, seed=seed)
        assert verdict.share == 1, verdict.problem
    assert answers.check(stand_in(right)).share == 1


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: answers.task)
def test_task_has_enough_answers(answers):
    """Are there ten mistakes, some of which keep a part of the points, and five right answers?"""
    assert len(answers.mistakes) >= 10
    assert len(answers.rights) >= 5
    assert any(0 < mistake.keeps < 1 for mistake in answers.mistakes)
    assert any(mistake.keeps == 0 for mistake in answers.mistakes)


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: answers.task)
def test_grade_prints_calmly_and_returns_a_plain_float(answers, capfd):
    """Is the score a Python float within bounds, and is nothing written to stderr?"""
    every = [*answers.rights.values(), *(m.answer for m in answers.mistakes), never_written]
    for answer in every:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            score = checks.grade(answers.check, answer, points=3)
        printed = capfd.readouterr()
        assert type(score) is float
        assert 0 <= score <= 3
        assert (score == 3) == (answer in answers.rights.values())
        assert " of 3 points" in printed.out.replace("\n", " ")
        assert printed.err == ""
        assert not caught


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: answers.task)
def test_grade_of_an_unwritten_function_is_zero_and_friendly(answers, capsys):
    """Does the released notebook get 0 and a sentence that says what to do?"""
    assert checks.grade(answers.check, never_written, points=4) == 0.0
    assert f"{answers.task} is not written yet" in capsys.readouterr().out


@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: answers.task)
@pytest.mark.parametrize(
    "nonsense",
    [None, 3, "text", {}, [], (), np.nan, object()],
    ids=lambda nonsense: type(nonsense).__name__,
)
def test_nonsense_earns_nothing(answers, nonsense):
    """Does a function that returns something else get nothing, without an error?"""
    assert answers.check(lambda *arguments: nonsense).share == 0


@pytest.mark.parametrize(("answers", "mistake"), MISTAKES)
def test_mistake_is_rejected_alike_in_a_variant(answers, mistake):
    """Does the verdict stay the same with the inputs of a course of one's own?"""
    if mistake.name not in CARRY_ON:
        verdict = answers.check(mistake.answer, seed=variant_seed("own", answers.check))
        assert verdict.share == pytest.approx(mistake.keeps)
        assert mistake.says in verdict.problem


def test_variant_draws_other_inputs(capsys):
    """Do two variants show other numbers, and one variant the same twice?"""
    check = checks.check_rnn_step_forward
    texts = []
    for variant in (None, "a", "b", "b"):
        checks.grade(check, lambda x_t, h_prev, *_: h_prev, points=1, variant=variant)
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 3 and texts[2] == texts[3]


def test_grade_mentions_warnings_and_output_of_the_answer(capfd):
    """Are the learner's warning, print and error output named, and kept off the streams?"""

    def noisy(*arguments):
        print("loud")
        print("louder", file=sys.stderr)
        np.log(np.zeros(1))
        return einsum(*arguments)

    assert checks.grade(checks.check_rnn_step_forward, noisy, points=1) == 1.0
    printed = capfd.readouterr()
    assert "divide by zero" in printed.out
    assert "your code prints" in printed.out
    assert "error output" in printed.out
    assert "loud" not in printed.out
    assert printed.err == ""


def test_view_into_an_input_is_remarked_upon():
    """Is a right result that shares memory with an input noticed, and a copy not?"""
    task = Task(
        "first_step",
        ("x_0",),
        lambda x: x[:, 0],
        (Aspect("value", 1, ({"x": np.eye(3)[None]},)),),
        {},
    )
    assert "a view into the input x" in examine(task, lambda x: x[:, 0]).notes[0]
    assert examine(task, lambda x: x[:, 0].copy()).notes == ()


def test_list_in_place_of_an_array_is_remarked_upon():
    """Is each result that is a list or a tuple named, at no cost, and an array not?"""
    verdict = checks.check_pad_batch(lists_of_lists)
    assert verdict.share == 1
    assert [note.split(";")[0] for note in verdict.notes] == ["tokens is a list", "mask is a list"]
    assert "By the way" in checks.report(verdict, points=4)
    assert checks.check_pad_batch(rows_filled_one_by_one).notes == ()


def test_tuple_of_rows_is_right_and_a_cache_beside_the_result_is_not():
    """Is a tuple that makes the right array accepted with a remark, and another one refused?"""
    verdict = checks.check_rnn_step_forward(lambda *arguments: tuple(einsum(*arguments)))
    assert verdict.share == 1
    assert "h_t is a tuple" in verdict.notes[0]
    verdict = checks.check_rnn_step_forward(lambda *arguments: (einsum(*arguments), "cache"))
    assert "expected h_t alone" in verdict.problem


def test_cause_is_found_where_an_aspect_looks():
    """Is a mistake in one half named although the other half is wrong in its own way?"""
    rows = np.arange(3)[:, None]
    task = Task(
        "halves",
        ("y",),
        lambda x: x,
        (Aspect("upper rows", 1, ({"x": np.eye(3) + 1},), where=lambda given: rows < 2),),
        {"y": {"everything is doubled.": lambda x: 2 * x, "nothing is wrong.": lambda x: x}},
    )
    verdict = examine(task, lambda x: np.where(rows < 2, 2 * x, 7.5))
    assert "everything is doubled" in verdict.problem


def first_entries(layers):
    """One number a layer, of parameters in a list of dicts."""
    return np.stack([layer["W"][0, 0] + layer["b"][0] for layer in layers])


LAYERS = [{"W": np.eye(3)[:, :2], "b": np.arange(3.0)}, {"W": np.eye(3), "b": np.arange(3.0)}]
LAYER_TASK = Task(
    "first_entries",
    ("entries",),
    first_entries,
    (Aspect("value", 1, ({"layers": LAYERS},)),),
    {},
)


def test_parameters_in_a_list_of_dicts_come_in_both_precisions():
    """Does float32 reach the arrays inside, and is an answer in float64 noticed?"""
    seen = []

    def answer(layers):
        seen.append(layers[0]["W"].dtype)
        return first_entries(layers)

    assert examine(LAYER_TASK, answer).share == 1
    assert set(seen) == {np.dtype(np.float32), np.dtype(np.float64)}
    verdict = examine(LAYER_TASK, lambda layers: first_entries(layers).astype(float))
    assert "comes out as float64" in verdict.problem


def test_parameters_in_a_list_of_dicts_must_stay_as_they_are():
    """Is a layer that is changed in place noticed, and one array for all calls?"""

    def in_place(layers):
        layers[1]["b"] += 1
        return first_entries(layers) - np.array([0, 1], layers[0]["b"].dtype)

    kept = {}

    def one_buffer(layers):
        entries = first_entries(layers)
        buffer = kept.setdefault(entries.dtype, np.zeros_like(entries))
        buffer[:] = entries
        return buffer

    assert "writes into its input layers" in examine(LAYER_TASK, in_place).problem
    assert "both write into one array" in examine(LAYER_TASK, one_buffer).problem


def test_shapes_in_a_list_of_dicts_are_named():
    """Does an error's report name the shapes of every layer, and not their numbers?"""
    problem = examine(LAYER_TASK, lambda layers: layers[2]).problem
    assert "layers [0 {W (3, 2), b (3,)}, 1 {W (3, 3), b (3,)}]" in problem


@pytest.mark.parametrize("kind", [list, tuple])
def test_list_inside_a_dict_is_remarked_upon(kind):
    """Is one entry that is no array named as the report names it?"""

    def answer(*arguments):
        dx_t, dh_prev, grads = matrix_products(*arguments)
        return dx_t, dh_prev, grads | {"b_h": kind(grads["b_h"])}

    verdict = checks.check_rnn_step_backward(answer)
    assert verdict.share == 1
    assert [n.split(";")[0] for n in verdict.notes] == [f'grads["b_h"] is a {kind.__name__}']


def test_report_names_the_error_and_the_line_of_the_answer():
    """Does the report show the learner's own line that failed?"""

    def answer(x_t, h_prev, W_xh, W_hh, b_h):
        return x_t @ undefined_name  # noqa: F821 - that is the mistake

    problem = checks.check_rnn_step_forward(answer).problem
    assert "NameError" in problem
    assert "x_t @ undefined_name" in problem


def test_check_lets_an_interrupt_through():
    """Does KeyboardInterrupt, with which a time limit arrives, end the check?"""

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checks.check_rnn_step_forward(interrupted)


def test_check_stops_calling_after_a_time_limit():
    """Is a function that ran out of time called only once?"""
    calls = []

    def slow(*arguments):
        calls.append(1)
        raise TimeoutError("no answer within 5 seconds")

    assert checks.check_rnn_forward(slow).share == 0
    assert len(calls) == 1


def step_without_bias(x_t, h_prev, W_xh, W_hh, b_h):
    """A step with a mistake."""
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T)


def loop_over_that_step(x, h_0, *weights):
    """A right loop over the wrong step."""
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        h_t = step_without_bias(x[:, t], h_t, *weights)
        states.append(h_t)
    return np.stack(states, axis=1)


def test_right_loop_over_a_wrong_step_is_not_punished_twice():
    """Does the sequence get its points although the step it uses is wrong?"""
    assert checks.check_rnn_forward(loop_over_that_step).share == 0
    verdict = checks.check_rnn_forward(loop_over_that_step, step_without_bias)
    assert verdict.share == 1
    assert "judged by itself" in verdict.notes[-1]


def test_wrong_loop_over_a_wrong_step_stays_wrong():
    """Is a loop that is itself wrong still rejected?"""

    def reversed_loop(x, h_0, *weights):
        return loop_over_that_step(x[:, ::-1], h_0, *weights)

    assert checks.check_rnn_forward(reversed_loop, step_without_bias).share < 0.5


@pytest.mark.parametrize(
    "step", [lambda x_t, h_prev, *_: 0 * h_prev, lambda x_t, h_prev, *_: h_prev, never_written]
)
def test_a_step_that_does_nothing_earns_nothing_for_the_loop(step):
    """Can a trivial step make a trivial loop right?"""

    def loop(x, h_0, *weights):
        return np.repeat(0 * h_0[:, None], x.shape[1], axis=1)

    assert checks.check_rnn_forward(loop, step).share == 0


def test_loop_over_an_unwritten_step_is_told_where_to_begin(capsys):
    """Does a loop that stops in the unwritten step hear of it, and one over a written step not?"""

    def loop(x, h_0, *weights):
        return never_written(x[:, 0], h_0, *weights)

    checks.grade(checks.check_rnn_forward, loop, never_written, points=4)
    assert "rnn_step_forward is not written either" in capsys.readouterr().out
    checks.grade(checks.check_rnn_forward, never_written, einsum, points=4)
    assert "either" not in capsys.readouterr().out


def test_step_given_beside_a_right_loop_changes_nothing():
    """Does a right loop with its own formula get all points beside a wrong step?"""
    assert checks.check_rnn_forward(states_in_a_list, step_without_bias).share == 1


def heads_over(attention):
    """Heads that stand beside the batch, over an attention that may be wrong."""

    def multi_head_attention(q, k, v, num_heads):
        B, T, E = q.shape
        parts = (a.reshape(B, T, num_heads, -1).swapaxes(1, 2) for a in (q, k, v))
        o, _ = attention(*(a.reshape(B * num_heads, T, -1) for a in parts))
        return o.reshape(B, num_heads, T, -1).swapaxes(1, 2).reshape(B, T, E)

    return multi_head_attention


def step_over(attention):
    """A step with a cache that asks for a whole pass, over an attention that may be wrong."""

    def cached_step(q_t, k_t, v_t, keys, values):
        keys = np.concatenate([keys, k_t[:, None]], axis=1)
        values = np.concatenate([values, v_t[:, None]], axis=1)
        o, _ = attention(np.repeat(q_t[:, None], keys.shape[1], axis=1), keys, values)
        return o[:, -1], keys, values

    return cached_step


def round_over(combine):
    """A round of a scan over an operation that may be wrong."""

    def doubling_round(keep, add, reach):
        longer = combine(keep[:, :-reach], add[:, :-reach], keep[:, reach:], add[:, reach:])
        first = keep[:, :reach], add[:, :reach]
        return tuple(np.concatenate(pair, axis=1) for pair in zip(first, longer, strict=True))

    return doubling_round


def product_over(jacobians):
    """The product of Jacobians that may be wrong, multiplied from the left."""

    def jacobian_product(h, W_hh):
        J, P = jacobians(h, W_hh), np.tile(np.eye(len(W_hh), dtype=h.dtype), (len(h), 1, 1))
        for t in range(h.shape[1] - 1, 0, -1):
            P = P @ J[:, t]
        return P

    return jacobian_product


def norms_over(jacobians):
    """Norms of what Jacobians that may be wrong hand back."""

    def gradient_norms(h, W_hh, dh_last):
        J, dh = jacobians(h, W_hh), [dh_last]
        for t in range(h.shape[1] - 1, 0, -1):
            dh.append(np.einsum("bj,bjk->bk", dh[-1], J[:, t]))
        return np.linalg.norm(np.stack(dh[::-1], axis=1), axis=-1)

    return gradient_norms


def pieces_over(whole):
    """Pieces one after the other, by a gradient of a whole sequence that may be wrong."""

    def truncated_rnn_backward(dh, x, h, h_0, W_xh, W_hh, window):
        dx, dh_0, grads, start = [], [], {"W_xh": 0, "W_hh": 0, "b_h": 0}, h_0
        for first in range(0, x.shape[1], window):
            here = slice(first, first + window)
            results = whole(dh[:, here], x[:, here], h[:, here], start, W_xh, W_hh)
            dx.append(results[0])
            dh_0.append(results[1])
            grads = {name: grads[name] + results[2][name] for name in grads}
            start = h[:, here][:, -1]
        return np.concatenate(dx, axis=1), dh_0[0], grads

    return truncated_rnn_backward


NOT_FOLLOWED = {  # an argument of it does not matter, or it gives no numbers or another shape
    "causal_attention": {
        "uniform weights",
        "keys averaged",
        "a row of hidden steps gives NaN",
        "0 times infinity",
        "keepdims left out",
        "keepdims left out of the sum",
        "k.T",
        "k as it is",
    },
    "state_jacobians": {
        "diag without W_hh",
        "product with the vector",
        "the last step only",
        "without the first step",
        "the first sequence",
        "steps in front of the batch",
    },
    "rnn_backward": {
        "dx through W_hh",
        "db_h not summed over the batch",
        "grads in a tuple",
        "steps in front of the batch",
        "keys of the gradients",
    },
    "combine_segments": {"one after the other", "over time", "matrix products"},
}
# What is called may change what calls it
IN_PLACE = {
    "queries scaled in place",
    "in place",
    "h overwritten",
    "dh changed in place",
    "added into dh itself",
}
SPARED = ("results exchanged", "the output alone", "add alone")  # a caller would not run over them
FOLLOWERS = [
    pytest.param(check, over, answers.task, mistake, id=f"{check.__name__}: {mistake.name}")
    for check, over, task in (
        (checks.check_multi_head_attention, heads_over, "causal_attention"),
        (checks.check_cached_step, step_over, "causal_attention"),
        (checks.check_doubling_round, round_over, "combine_segments"),
        (checks.check_jacobian_product, product_over, "state_jacobians"),
        (checks.check_gradient_norms, norms_over, "state_jacobians"),
        (checks.check_truncated_rnn_backward, pieces_over, "rnn_backward"),
    )
    for answers in ANSWERS
    for mistake in answers.mistakes
    if answers.task == task and mistake.name not in SPARED
]


@pytest.mark.parametrize(("check", "over", "task", "mistake"), FOLLOWERS)
def test_right_function_over_any_known_mistake_is_judged_by_itself(check, over, task, mistake):
    """Do wrong numbers of an earlier function cost no points in the one that calls it?"""
    alone, followed = check(over(mistake.answer)), check(over(mistake.answer), mistake.answer)
    if mistake.name in NOT_FOLLOWED[task]:
        assert followed.share == alone.share < 0.6
    elif mistake.name in IN_PLACE:
        assert followed.share > 0.85
    else:
        assert followed.share == 1


@pytest.mark.parametrize(
    ("task", "earlier", "name"),
    [
        ("multi_head_attention", "causal_attention", "not normalised"),
        ("cached_step", "causal_attention", "not normalised"),
        ("doubling_round", "combine_segments", "minus"),
        ("jacobian_product", "state_jacobians", "sign"),
        ("gradient_norms", "state_jacobians", "sign"),
        ("truncated_rnn_backward", "rnn_backward", "square forgotten"),
    ],
)
def test_wrong_function_stays_wrong_beside_a_wrong_earlier_one(task, earlier, name):
    """Is a function with a mistake of its own rejected where the earlier one has another?"""
    of_task = {answers.task: answers for answers in ANSWERS}
    wrong = next(m.answer for m in of_task[earlier].mistakes if m.name == name)
    for mistake in of_task[task].mistakes:
        assert of_task[task].check(mistake.answer, wrong).share < 1, mistake.name


@pytest.mark.parametrize(
    "attention",
    [lambda q, k, v: (v, 0 * q @ k.swapaxes(1, 2)), lambda q, k, v: q + k + v, never_written],
)
def test_an_attention_that_does_nothing_earns_nothing_for_the_heads(attention):
    """Can a trivial attention make trivial heads right?"""
    trivial = checks.check_multi_head_attention(lambda q, k, v, num_heads: v, attention)
    summed = checks.check_multi_head_attention(lambda q, k, v, num_heads: q + k + v, attention)
    assert trivial.share == checks.check_multi_head_attention(lambda *given: given[2]).share
    assert summed.share == 0


def test_jacobians_that_ignore_the_weights_earn_nothing_for_what_calls_them():
    """Can Jacobians that are always the identity make a product right that is always that?"""

    def identities(h, W_hh):
        return np.tile(np.eye(len(W_hh), dtype=h.dtype), (*h.shape[:2], 1, 1))

    product, norms = product_over(identities), norms_over(identities)
    alone = checks.check_jacobian_product(product), checks.check_gradient_norms(norms)
    beside = checks.check_jacobian_product(product, identities).share
    assert (beside, checks.check_gradient_norms(norms, identities).share) == tuple(
        verdict.share for verdict in alone
    )
    assert max(verdict.share for verdict in alone) < 0.5


@pytest.mark.parametrize("combine", [lambda *given: given[:2], lambda *given: given[2:]])
def test_an_operation_that_does_nothing_earns_nothing_for_the_round(combine):
    """Can an operation that picks a stretch make a round right that does nothing?"""

    def nothing(keep, add, reach):
        return keep.copy(), add.copy()

    alone = checks.check_doubling_round(nothing)
    assert checks.check_doubling_round(nothing, combine).share == alone.share < 0.5
