"""Is a GRU as good as an LSTM on real text, at the same width and at the same number of parameters?

Three tasks: the language of a name by its letters, the next word of Python's help texts, and
numbers below 10,000 from words to digits. Each seed splits the data anew into training,
validation and held-out parts. All networks get the same updates of Adam, at the learning rate that
has the better validation score with another seed; the parameters of the best validation score are
kept. The rivals need no network: letter pairs and word pairs and triples, counted, and the
commonest digit at each place.
"""

from collections import Counter
from functools import lru_cache

import numpy as np

from rnn_course import data
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.metrics import accuracy, majority_accuracy, perplexity
from rnn_course.models import SequenceModel
from rnn_course.optimisers import Adam
from rnn_course.seq2seq import EncoderDecoder
from rnn_course.text import (
    END,
    START,
    Vocabulary,
    pad_sequences,
    shuffled_batches,
    stream_batches,
    tokenise,
)
from rnn_course.training import train

SETTINGS = {
    "networks": ["RNN", "LSTM", "GRU", "GRU, wider"],
    "hidden_size": 64,
    "seeds": [0, 1, 2, 3, 4],
    "updates": {"names": 300, "words": 300, "numbers": 400},
    "every": 100,
    "rates": [0.003, 0.01],
    "choosing_seed": 100,
}
SMALL = SETTINGS | {"networks": ["LSTM", "GRU"], "seeds": [0]}
SMALL |= {"updates": {"numbers": 300}, "rates": [0.01]}
WORDS = 1000  # the commonest; all others are unknown
STRENGTHS = (10, 20, 40, 80, 160)


def wider(D, H):
    """The width at which a GRU has about as many parameters as an LSTM of width H."""
    lstm = 4 * H * (D + H + 1)
    return min(range(H, 2 * H), key=lambda width: abs(3 * width * (D + width + 2) - lstm))


def encoder(name, D, H, rng):
    """LSTMs start with a forget bias of 1, GRUs and RNNs as they are drawn."""
    if name == "LSTM":
        return LSTMEncoder(D, H, rng, forget_bias=1.0, dtype=np.float32)
    if name == "RNN":
        return RNNEncoder(D, H, rng, dtype=np.float32)
    return GRUEncoder(D, wider(D, H) if name == "GRU, wider" else H, rng, dtype=np.float32)


def three_parts(number, rng):
    """Rows of the training (70 %), validation (10 %) and held-out (20 %) parts."""
    known, test = data.split_rows(number, rng)
    learn, validation = data.split_rows(len(known), rng, 1 / 8)
    return known[learn], known[validation], test


@lru_cache
def _names():
    names, language = data.names_by_language()
    tokens, lengths = pad_sequences([Vocabulary("".join(names)).encode(n) for n in names])
    return names, tokens, lengths, language


def names_task(seed):
    """(make, batches, score, which score is best), and a function that gives baselines by name."""
    names, tokens, lengths, language = _names()
    learn, validation, test = three_parts(len(names), np.random.default_rng(seed))

    def make(name, H, rng):
        made = encoder(name, 16, H, rng)
        return SequenceModel(made, 10, rng, tokens.max() + 1, 16, output_at="last")

    def batches(rng):
        for inputs, target, length in shuffled_batches(
            64, rng, *(column[learn] for column in (tokens, language, lengths))
        ):
            yield inputs[:, : length.max()], target, length

    def score(model, part):
        rows = validation if part == "validation" else test
        return accuracy(model.predict(tokens[rows], lengths[rows]), language[rows])

    def baselines():
        return {
            "majority": majority_accuracy(language[learn], language[test]),
            "letter pairs": _letter_pairs([*learn, *validation], test),
        }

    return make, batches, score, "highest", baselines


def _letter_pairs(learn, test):
    """Accuracy of naive Bayes on pairs of neighbouring letters, counts raised by 0.1."""
    names, _, _, language = _names()
    pairs = lambda name: [*zip("^" + name, name + "$", strict=True)]  # noqa: E731
    counts = [Counter() for _ in range(10)]
    for row in learn:
        counts[language[row]].update(pairs(names[row]))
    size, totals = len(set().union(*counts)), np.array([count.total() for count in counts])
    right = []
    for row in test:
        seen = np.array([[count[pair] for pair in pairs(names[row])] for count in counts])
        p = (seen + 0.1) / (totals[:, None] + 0.1 * size)  # (10, pairs)
        right.append(np.log(p).sum(axis=1).argmax() == language[row])
    return float(np.mean(right))


@lru_cache
def _topics():
    """The help texts, each paragraph once, under the first topic that has it."""
    topics, seen = [], set()
    for text in data.python_help_text().values():
        lines = [line if any(map(str.isalpha, line)) else "" for line in text.splitlines()]
        blocks = [" ".join(block.split()) for block in "\n".join(lines).split("\n\n")]
        topics.append("\n".join(b for b in dict.fromkeys(blocks) if b and b not in seen))
        seen.update(blocks)
    return topics


def words_data(seed):
    """The vocabulary, and the training, validation and held-out words, (N,) each."""
    topics = _topics()
    parts = three_parts(len(topics), np.random.default_rng(seed))
    texts = [tokenise("\n".join(topics[row] for row in part)) for part in parts]
    vocabulary = Vocabulary(texts[0], max_size=WORDS)
    return vocabulary, *(vocabulary.encode(text) for text in texts)


def words_task(seed):
    """As names_task; the score is the perplexity of the next word."""
    _, learn, validation, test = words_data(seed)
    held = {"validation": validation, "test": test}

    def make(name, H, rng):
        return SequenceModel(encoder(name, 48, H, rng), WORDS, rng, WORDS, 48)

    def batches(rng):
        while True:
            place = rng.integers(len(learn) - 32, size=(16, 1)) + np.arange(32)  # (B, T)
            yield learn[place], learn[place + 1]

    def score(model, part):
        text = held[part]
        (batch,) = stream_batches(text, 8, (len(text) - 1) // 8)
        return perplexity(model.loss(*batch))

    return make, batches, score, "lowest", lambda: counted(learn, validation, test)


def count_model(learn, test, strengths):
    """Perplexity of counted runs of N words, each mixed with the shorter runs."""
    runs = lambda text, n: zip(*(text[k:].tolist() for k in range(n)), strict=False)  # noqa: E731
    N = len(strengths) + 1
    counts = Counter(run for n in range(1, N + 1) for run in runs(learn, n))

    def probability(run):
        if len(run) == 1:
            return (counts[run] + 1) / (len(learn) + WORDS)
        c = strengths[len(run) - 2]
        return (counts[run] + c * probability(run[1:])) / (counts[run[:-1]] + c)

    return perplexity(-np.mean([np.log(probability(run)) for run in runs(test, N)]))


def counted(learn, validation, test):
    """Perplexities of single words, pairs and triples; strengths chosen on validation text."""
    best = []
    for _ in ("pairs", "triples"):
        best.append(min(STRENGTHS, key=lambda c: count_model(learn, validation, [*best, c])))
    names = ("single words", "pairs", "triples")
    return {name: count_model(learn, test, best[:n]) for n, name in enumerate(names)}


@lru_cache
def _numbers():
    spelled = [tokenise(name) for _, name in data.spelled_numbers("en", 10_000)]
    return spelled, [list(str(number)) for number in range(10_000)]


def numbers_task(seed, known=2000, held_out=1000):
    """As names_task; the score is the share of numbers with every digit right."""
    spelled, digits = _numbers()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(10_000)
    learn, test = rows[:known], rows[known : known + held_out]
    validation = rows[known + held_out : known + held_out + 250]
    words = Vocabulary(word for name in spelled for word in name)
    out = Vocabulary("0123456789", specials=(START, END))
    source, source_lengths = pad_sequences([words.encode(name) for name in spelled])
    target, target_lengths = pad_sequences([out.encode([*number, END]) for number in digits])

    def make(name, H, rng):
        reader, writer = (encoder(name, 16, H, rng) for _ in range(2))
        ends = out.index[START], out.index[END]
        return EncoderDecoder(reader, writer, len(words), len(out), *ends, rng)

    def batches(rng):
        columns = source, source_lengths, target, target_lengths
        return shuffled_batches(32, rng, *(column[learn] for column in columns))

    def score(model, part):
        rows = validation if part == "validation" else test
        answers = model.greedy_decode(source[rows], source_lengths[rows], max_steps=6)
        right = [out.decode(a) == digits[n] for a, n in zip(answers, rows, strict=True)]
        return float(np.mean(right))

    def baselines():
        places = zip(*(f"{number:04d}" for number in learn), strict=True)
        guess = "".join(Counter(place).most_common(1)[0][0] for place in places)
        return {"commonest digits": float(np.mean([f"{number:04d}" == guess for number in test]))}

    return make, batches, score, "highest", baselines


TASKS = {"names": names_task, "words": words_task, "numbers": numbers_task}


def train_once(task, name, rate, seed, settings, updates):
    """Held-out score, parameters of the whole model, and the best validation score on the way."""
    make, batches, score, best, _ = task
    rng = np.random.default_rng(seed)
    model = make(name, settings["hidden_size"], rng)
    evaluate = lambda: score(model, "validation")  # noqa: E731
    every, optimiser = settings["every"], Adam(rate)
    history = train(model, batches(rng), optimiser, updates, 1.0, evaluate, every, keep_best=best)
    validation = [value for _, value in history.evaluations]
    return {
        "score": float(f"{score(model, 'test'):.4g}"),
        "parameters": sum(p.size for p in model.params.values()),
        "validation": float(f"{(max if best == 'highest' else min)(validation):.4g}"),
    }


def _choose_rate(task, name, settings, updates):
    """The rate with the best validation score."""

    def score(rate):
        run = train_once(task, name, rate, settings["choosing_seed"], settings, updates)
        return run["validation"] * (1 if task[3] == "highest" else -1)

    rates = settings["rates"]
    return max(rates, key=score) if len(rates) > 1 else rates[0]


def _gather(many):
    return {name: [one[name] for one in many] for name in many[0]}


def run(settings, progress):
    """Return, by task, the baselines by seed, and by network its rate and its runs' scores."""
    results = {}
    for name, updates in settings["updates"].items():
        choosing = TASKS[name](settings["choosing_seed"])
        tasks = [TASKS[name](seed) for seed in settings["seeds"]]
        results[name] = {"baselines": _gather([task[-1]() for task in tasks])}
        for network in progress(settings["networks"]):
            rate = _choose_rate(choosing, network, settings, updates)
            runs = [
                train_once(task, network, rate, seed, settings, updates)
                for task, seed in zip(tasks, settings["seeds"], strict=True)
            ]
            results[name][network] = {"rate": rate} | _gather(runs)
    return results
