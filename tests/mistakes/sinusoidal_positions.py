"""Answers to: waves for positions."""

import math

import numpy as np

from . import Answers

answers = Answers("sinusoidal_positions")


def waves(T, E, rate=None, even=np.sin, odd=np.cos, first=0):
    rate = rate or (lambda k: 10000.0 ** (-2 * k / E))
    angle = np.arange(first, first + T)[:, None] * rate(np.arange(E // 2))
    P = np.empty((T, E))
    P[:, ::2], P[:, 1::2] = even(angle), odd(angle)
    return P


@answers.right
def slices(T, E):
    return waves(T, E)


@answers.right
def two_loops(T, E):
    P = np.zeros((T, E))
    for t in range(T):
        for k in range(E // 2):
            P[t, 2 * k] = math.sin(t / 10000 ** (2 * k / E))
            P[t, 2 * k + 1] = math.cos(t / 10000 ** (2 * k / E))
    return P


@answers.right
def stacked_and_reshaped(T, E):
    angle = np.arange(T)[:, None] / np.power(10000.0, np.arange(0, E, 2) / E)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(T, E)


@answers.right
def exponential_of_a_logarithm(T, E):
    rate = np.exp(-math.log(10000.0) * np.arange(0, E, 2) / E)
    angle = np.outer(np.arange(T), np.repeat(rate, 2))
    return np.where(np.arange(E) % 2 == 0, np.sin(angle), np.cos(angle))


@answers.right
def cosine_as_a_shifted_sine(T, E):
    column = np.arange(E)
    angle = np.arange(T)[:, None] / 10000.0 ** (2 * (column // 2) / E)
    return np.sin(angle + (column % 2) * np.pi / 2)


@answers.right
def lists(T, E):
    wave = (math.sin, math.cos)
    return [[wave[c % 2](t / 10000 ** (c // 2 * 2 / E)) for c in range(E)] for t in range(T)]


@answers.right
def real_and_imaginary_parts(T, E):
    z = np.exp(1j * np.arange(T)[:, None] / 10000.0 ** (np.arange(0, E, 2) / E))
    return np.stack([z.imag, z.real], axis=-1).reshape(T, E)


def wrong(name, says, keeps=0.0, **how):
    def run(T, E):
        rate = how.get("rate")
        given = {k: v for k, v in how.items() if k != "rate"}
        return waves(T, E, rate=(lambda k: rate(k, E)) if rate else None, **given)

    answers.mistake(name, says, keeps)(run)


wrong("sine and cosine exchanged", "sine and cosine are exchanged", even=np.cos, odd=np.sin)
wrong("sines alone", "all columns hold sines", 4 / 8, odd=np.sin)
wrong("cosines alone", "all columns hold cosines", 2 / 8, even=np.cos)
wrong("from 1 on", "start at 1", first=1)
wrong("quicker and quicker", "get quicker", 1 / 8, rate=lambda k, E: 10000.0 ** (2 * k / E))
wrong("exponent k / E", "the 2 is missing", 1 / 8, rate=lambda k, E: 10000.0 ** (-k / E))
wrong("base 1000", "1000 stands where", 1 / 8, rate=lambda k, E: 1000.0 ** (-2 * k / E))
wrong("2 pi", "2 pi", rate=lambda k, E: 2 * np.pi * 10000.0 ** (-2 * k / E))
wrong("one wavelength", "the same wavelength", 1 / 8, rate=lambda k, E: 1.0 + 0 * k)
wrong(
    "over E - 2", "divided by E - 2", 1 / 8, rate=lambda k, E: 10000.0 ** (-2 * k / max(E - 2, 1))
)
wrong("angles", "these are the angles", even=np.copy, odd=np.copy)


@answers.mistake("halves side by side", "all sines stand first")
def _(T, E):
    P = waves(T, E)
    return np.concatenate([P[:, ::2], P[:, 1::2]], axis=1)


@answers.mistake("a wave for each column", "a wave of its own", 4 / 8)
def _(T, E):
    angle = np.arange(T)[:, None] / 10000.0 ** (np.arange(E) / E)
    return np.where(np.arange(E) % 2, np.cos(angle), np.sin(angle))


@answers.mistake("twice the column", "the column stands where")
def _(T, E):
    angle = np.arange(T)[:, None] / 10000.0 ** (2 * np.arange(E) / E)
    return np.where(np.arange(E) % 2, np.cos(angle), np.sin(angle))


@answers.mistake("transposed", "the table is transposed")
def _(T, E):
    return waves(T, E).T


@answers.mistake("integers", "should be")
def _(T, E):
    return waves(T, E).astype(int)


@answers.mistake("rounded", "close but not exact")
def _(T, E):
    return waves(T, E).round(6)


@answers.mistake("integer division", "should be", 1 / 8)
def _(T, E):
    angle = np.arange(T)[:, None] // 10000.0 ** (np.arange(0, E, 2) / E)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(T, E)


@answers.mistake("no brackets", "the exponent needs brackets")
def _(T, E):
    angle = np.arange(T)[:, None] / 10000**2 * np.arange(E // 2) / E
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(T, E)


@answers.mistake("exponent rounded down", "by // or by integers", 1 / 8)
def _(T, E):
    return waves(T, E, rate=lambda k: 1 / 10000.0 ** (2 * k // E))


@answers.mistake("rows take turns", "from step to step")
def _(T, E):
    P = waves(T, E, odd=np.sin)
    P[1::2] = waves(T, E, even=np.cos)[1::2]
    return P


@answers.mistake("pairs from 1 on", "counted from 1")
def _(T, E):
    return waves(T, E, rate=lambda k: 10000.0 ** (-2 * (k + 1) / E))


@answers.mistake("degrees", "taken for degrees")
def _(T, E):
    return waves(T, E, rate=lambda k: np.deg2rad(10000.0 ** (-2 * k / E)))


@answers.mistake("cosine of the next pair", "the wavelength of the next pair", 4 / 8)
def _(T, E):
    P = np.concatenate([waves(T, E), waves(T, E, rate=lambda k: 10000.0 ** (-2 * (k + 1) / E))])
    return np.where(np.arange(E) % 2 == 0, P[:T], P[T:])
