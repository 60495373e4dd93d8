"""Answers to: the product of the Jacobians from the first state to the last."""

from functools import reduce

import numpy as np

from . import Answers

answers = Answers("jacobian_product")


def jacobians(h, W_hh):
    return (1 - h**2)[..., None] * W_hh


def identity(h):
    return np.tile(np.eye(h.shape[-1], dtype=h.dtype), (len(h), 1, 1))


@answers.right
def from_the_right(h, W_hh):
    P = identity(h)
    for t in range(1, h.shape[1]):
        P = jacobians(h, W_hh)[:, t] @ P
    return P


@answers.right
def from_the_left(h, W_hh):
    P = identity(h)
    for t in range(h.shape[1] - 1, 0, -1):
        P = P @ jacobians(h, W_hh)[:, t]
    return P


@answers.right
def rows_scaled(h, W_hh):
    P = identity(h)
    for t in range(1, h.shape[1]):
        P = (1 - h[:, t] ** 2)[:, :, None] * np.einsum("ij,bjk->bik", W_hh, P)
    return P


@answers.right
def one_sequence_at_a_time(h, W_hh):
    eye = np.eye(len(W_hh), dtype=h.dtype)
    many = [[np.diag(1 - state**2) @ W_hh for state in row[1:]] for row in h]
    return np.array([np.linalg.multi_dot([*J[::-1], eye, eye]) if J else eye for J in many])


@answers.right
def reduced(h, W_hh):
    J = jacobians(h, W_hh)
    steps = [J[:, t] for t in range(1, h.shape[1])]
    return reduce(lambda P, step: np.matmul(step, P), steps, identity(h))


@answers.right
def halves(h, W_hh):
    def product(first, last):
        if first == last:
            return identity(h)
        if last - first == 1:
            return jacobians(h, W_hh)[:, last]
        middle = (first + last) // 2
        return product(middle, last) @ product(first, middle)

    return product(0, h.shape[1] - 1)


@answers.right
def column_by_column(h, W_hh):
    columns = []
    for start in np.eye(len(W_hh), dtype=h.dtype):
        change = np.tile(start, (len(h), 1))  # (B, H)
        for t in range(1, h.shape[1]):
            change = (1 - h[:, t] ** 2) * (change @ W_hh.T)
        columns.append(change)
    return np.stack(columns, axis=2)


@answers.right
def rows_handed_back(h, W_hh):
    rows = []
    for end in np.eye(len(W_hh), dtype=h.dtype):
        gradient = np.tile(end, (len(h), 1))  # (B, H)
        for t in range(h.shape[1] - 1, 0, -1):
            gradient = (gradient - gradient * h[:, t] ** 2) @ W_hh
        rows.append(gradient)
    return np.stack(rows, axis=1)


@answers.right
def none_before_the_first_step(h, W_hh):
    P = None
    for J in np.moveaxis(jacobians(h, W_hh), 1, 0)[1:]:
        P = J if P is None else np.einsum("bij,bjk->bik", J, P)
    return identity(h) if P is None else P


def steps_changed(name, says, keeps, change):
    @answers.mistake(name, says, keeps)
    def _(h, W_hh):
        P = identity(h)
        for J in change(jacobians(h, W_hh)):
            P = J @ P
        return P


def in_time(J):
    return J.swapaxes(0, 1)


steps_changed("J_0 as well", "J_0 is in the product", 0, in_time)
steps_changed("the last step missing", "the last step", 1 / 8, lambda J: in_time(J)[1:-1])
steps_changed("the first step missing", "the first step", 1 / 8, lambda J: in_time(J)[2:])
steps_changed("one step late", "takes the state before its step", 1 / 8, lambda J: in_time(J)[:-1])


@answers.mistake("W_hh transposed", "W_hh stands transposed", keeps=2 / 8)
def _(h, W_hh):
    return from_the_right(h, W_hh.T)


@answers.mistake("the wrong order", "in the wrong order", keeps=3 / 8)
def _(h, W_hh):
    P = identity(h)
    for t in range(1, h.shape[1]):
        P = P @ jacobians(h, W_hh)[:, t]
    return P


@answers.mistake("entry by entry", "multiplied entry by entry", keeps=2 / 8)
def _(h, W_hh):
    return jacobians(h, W_hh)[:, 1:].prod(axis=1)


@answers.mistake("added", "are added", keeps=1 / 8)
def _(h, W_hh):
    return jacobians(h, W_hh)[:, 1:].sum(axis=1)


@answers.mistake("tanh left out", "a power of W_hh", keeps=1 / 8)
def _(h, W_hh):
    return np.tile(np.linalg.matrix_power(W_hh, h.shape[1] - 1), (len(h), 1, 1))


@answers.mistake("factor along the columns", "multiply the columns", keeps=2 / 8)
def _(h, W_hh):
    P = identity(h)
    for t in range(1, h.shape[1]):
        P = ((1 - h[:, t] ** 2)[:, None, :] * W_hh) @ P
    return P


@answers.mistake("result transposed", "the result is transposed", keeps=2 / 8)
def _(h, W_hh):
    return from_the_left(h, W_hh).swapaxes(1, 2)


@answers.mistake("only the last step", "only the last Jacobian", keeps=1 / 8)
def _(h, W_hh):
    return jacobians(h, W_hh)[:, -1]


@answers.mistake("zeros for one state", "should be 1", keeps=7 / 8)
def _(h, W_hh):
    return from_the_left(h, W_hh) if h.shape[1] > 1 else 0 * identity(h)


@answers.mistake("float64 identity", "comes out as float64", keeps=7 / 8)
def _(h, W_hh):
    P = np.tile(np.eye(h.shape[-1]), (len(h), 1, 1))
    for t in range(1, h.shape[1]):
        P = jacobians(h, W_hh)[:, t] @ P
    return P


@answers.mistake("summed over the batch", "expected (2, 4, 4)", keeps=1 / 8)
def _(h, W_hh):
    return from_the_left(h, W_hh).sum(axis=0, keepdims=True)


@answers.mistake("h overwritten", "writes into its input h", keeps=7 / 8)
def _(h, W_hh):
    P = identity(h)
    h[:] = 1 - h**2
    for t in range(1, h.shape[1]):
        P = (h[:, t, :, None] * W_hh) @ P
    return P


@answers.mistake("square forgotten", "the square is missing", keeps=1 / 8)
def _(h, W_hh):
    P = identity(h)
    for t in range(1, h.shape[1]):
        P = ((1 - h[:, t])[..., None] * W_hh) @ P
    return P


@answers.mistake("slopes and weights apart", "cannot be reordered", keeps=3 / 8)
def _(h, W_hh):
    slopes = (1 - h[:, 1:] ** 2).prod(axis=1)
    return slopes[..., None] * np.linalg.matrix_power(W_hh, h.shape[1] - 1)


@answers.mistake("every Jacobian transposed", "every Jacobian is transposed", keeps=2 / 8)
def _(h, W_hh):
    P = identity(h)
    for J in in_time(jacobians(h, W_hh))[1:]:
        P = J.swapaxes(1, 2) @ P
    return P


@answers.mistake("J_0 and the wrong order", "and the factors stand in the wrong order")
def _(h, W_hh):
    P = identity(h)
    for J in in_time(jacobians(h, W_hh)):
        P = P @ J
    return P


@answers.mistake("all products", "the products up to every step")
def _(h, W_hh):
    products = [identity(h)]
    for J in in_time(jacobians(h, W_hh))[1:]:
        products.append(J @ products[-1])
    return np.stack(products, axis=1)


@answers.mistake("ones for the identity", "all entries are 1 there", keeps=1 / 8)
def _(h, W_hh):
    P = np.ones_like(identity(h))
    for J in in_time(jacobians(h, W_hh))[1:]:
        P = J @ P
    return P


@answers.mistake("zeros for the identity", "every value is zero")
def _(h, W_hh):
    P = np.zeros_like(identity(h))
    for J in in_time(jacobians(h, W_hh))[1:]:
        P = J @ P
    return P


@answers.mistake("carried on to the next sequence", "runs on into the next one", keeps=2 / 8)
def _(h, W_hh):
    P, products = np.eye(len(W_hh), dtype=h.dtype), []
    for matrices in jacobians(h, W_hh):
        for J in matrices[1:]:
            P = J @ P
        products.append(P)
    return np.stack(products)


@answers.mistake("the first sequence for all", "the product of the first one", keeps=2 / 8)
def _(h, W_hh):
    return np.repeat(from_the_right(h[:1], W_hh), len(h), axis=0)


@answers.mistake("reduced without a start", "reduce() of empty iterable", keeps=7 / 8)
def _(h, W_hh):
    return reduce(lambda P, J: J @ P, in_time(jacobians(h, W_hh))[1:])


@answers.mistake("one identity for the batch", "has the shape (4, 4)", keeps=7 / 8)
def _(h, W_hh):
    P = np.eye(len(W_hh), dtype=h.dtype)
    for J in in_time(jacobians(h, W_hh))[1:]:
        P = J @ P
    return P


@answers.mistake("J_0 for one state", "J_0 is in the product", keeps=7 / 8)
def _(h, W_hh):
    return from_the_right(h, W_hh) if h.shape[1] > 1 else jacobians(h, W_hh)[:, 0]
