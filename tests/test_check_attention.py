"""The checks of attention: is a mistake in one function charged to that function alone?"""

import numpy as np
import pytest
from mistakes import masked_softmax
from mistakes.additive_attention import answers as additive
from mistakes.additive_attention import as_in_the_book
from mistakes.dot_product_attention import answers as products
from mistakes.masked_softmax import answers as softmaxes

from rnn_course import checks

# Mistakes over which nothing right can be built: they stop, or lack what comes next
BROKEN = {
    "equal weights",
    "softmax missing",
    "index by the mask",
    "real keys alone, padding left out",
    "-infinity and softmax over the queries",
    "mask along the queries",
    "mask without an axis for the queries",
    "sum without keepdims",
    "maximum without keepdims",
    "both without keepdims",
    "results exchanged",
    "output alone",
    "two results",
    "keys averaged",
    "keys left out",  # all scores alike: what comes back is rounding errors
    "key of its own place",
    "matrices not transposed",
    "matrices exchanged",
    "queries and keys exchanged",
    "transposed by .T",
    "order of the equation",
    "axes of queries and keys",
    "product of the hidden vectors",
    "keys first",
    "scores in the place of g",
}
IN_PLACE = {"padding in v cleared in place", "padding in k cleared in place"}


def products_over(weigh):
    """A right dot_product_attention over any softmax."""

    def answer(q, k, v, mask):
        p = weigh(q @ k.swapaxes(1, 2) / q.shape[2] ** 0.5, mask)
        return p @ v, p

    return answer


def additive_over(weigh):
    """A right additive_attention over any softmax."""

    def answer(q, k, v, mask, W_q, W_k, w):
        g = np.tanh((q @ W_q.T)[:, :, None] + (k @ W_k.T)[:, None])
        p = weigh(g @ w, mask)
        return p @ v, p, g

    return answer


def back_over(attention):
    """A right attention_backward over any attention."""

    def answer(do, q, k, v, mask):
        o, p = attention(q, k, v, mask)
        da = p * (do @ v.swapaxes(1, 2) - (do * o).sum(axis=2, keepdims=True))
        da = da / q.shape[2] ** 0.5
        return da @ k, da.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ do

    return answer


def additive_back_over(attention):
    """A right additive_attention_backward over any attention."""

    def answer(do, q, k, v, mask, W_q, W_k, w):
        o, p, g = attention(q, k, v, mask, W_q, W_k, w)
        da = p * (do @ v.swapaxes(1, 2) - (do * o).sum(axis=2, keepdims=True))
        d = da[..., None] * w * (1 - g * g)
        grads = {
            "W_q": np.einsum("btsa,bth->ah", d, q),
            "W_k": np.einsum("btsa,bsh->ah", d, k),
            "w": np.einsum("bts,btsa->a", da, g),
        }
        return d.sum(axis=2) @ W_q, d.sum(axis=1) @ W_k, p.swapaxes(1, 2) @ do, grads

    return answer


CHAINS = [
    (softmaxes, checks.check_dot_product_attention, products_over),
    (softmaxes, checks.check_additive_attention, additive_over),
    (products, checks.check_attention_backward, back_over),
    (additive, checks.check_additive_attention_backward, additive_back_over),
]
PAIRS = [
    pytest.param(check, over, mistake, id=f"{answers.task}: {mistake.name}, {over.__name__}")
    for answers, check, over in CHAINS
    for mistake in answers.mistakes
    if mistake.name not in BROKEN
]


@pytest.mark.parametrize(("check", "over", "mistake"), PAIRS)
def test_mistake_in_an_earlier_function_costs_once(check, over, mistake):
    """Does a right function over a wrong one get its points, but for inputs that both change?"""
    verdict = check(over(mistake.answer), mistake.answer)
    if mistake.name in IN_PLACE:
        assert verdict.share > 0.85
    else:
        assert verdict.share == 1


@pytest.mark.parametrize(("check", "over", "mistake"), PAIRS)
def test_right_function_beside_a_wrong_one_gets_all_points(check, over, mistake):
    """Does an earlier function that is not called change nothing?"""
    right = {
        products_over: products_over(masked_softmax.minus_infinity),
        additive_over: additive_over(masked_softmax.minus_infinity),
        back_over: back_over(products_over(masked_softmax.minus_infinity)),
        additive_back_over: additive_back_over(as_in_the_book),
    }
    assert check(right[over], mistake.answer).share == 1


def scaled_twice(q, k, v, mask):
    """A wrong attention that can be followed."""
    return products_over(masked_softmax.minus_infinity)(q / q.shape[2] ** 0.5, k, v, mask)


def test_wrong_way_back_over_a_wrong_attention_stays_wrong():
    """Is a gradient that is itself wrong still rejected, with its own cause?"""

    def answer(do, q, k, v, mask):
        dq, dk, dv = back_over(scaled_twice)(do, q, k, v, mask)
        return dq * q.shape[2] ** 0.5, dk * q.shape[2] ** 0.5, dv

    verdict = checks.check_attention_backward(answer, scaled_twice)
    assert verdict.share < 0.5
    assert "root of d is left out on the way back" in verdict.problem


@pytest.mark.parametrize(
    "nothing", [lambda a, mask: 0 * a, lambda a, mask: a, lambda a, mask: None]
)
def test_a_softmax_that_does_nothing_earns_nothing_for_attention(nothing):
    """Can a trivial softmax make a trivial attention right?"""

    def answer(q, k, v, mask):
        return 0 * q @ k.swapaxes(1, 2) @ v, 0 * q @ k.swapaxes(1, 2)

    assert checks.check_dot_product_attention(answer, nothing).share == 0
