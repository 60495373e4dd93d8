"""How far does each rung of the ladder of models get with the same parameters, or the same time?

Names of territories and languages in ten languages, told apart by their letters. Every network has
at most the same number of parameters, and once the same number of updates, once about the
processor time that the RNN takes for these: the cost of an update is measured first, the models
taking turns. Learning rate and checkpoint are chosen on validation data, the rate with a seed of
its own; test data are looked at once.
"""

import time
from collections import Counter

import numpy as np

from rnn_course import data
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.feedforward_encoders import BagEncoder, WindowEncoder
from rnn_course.memory_attention import AdditiveAttention
from rnn_course.metrics import accuracy
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.text import Vocabulary, mask_from_lengths, pad_sequences, shuffled_batches
from rnn_course.training import train
from rnn_course.transformer import TransformerEncoder

SETTINGS = {"parameters": 12000, "updates": 600, "every": 75, "batch": 64, "kinds": None}
SETTINGS |= {"rates": [0.005, 0.01], "choosing_seeds": [10]}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "rounds": 10}
SMALL = SETTINGS | {"kinds": ["window of 5, mean", "RNN", "GRU, both directions"], "rounds": 1}
SMALL |= {"updates": 300, "rates": [0.01], "choosing_seeds": [10], "seeds": [0, 1, 2]}
EMBEDDING, LENGTHS = 16, (9, 12)  # short names have up to 8 letters, long ones 12 and more


class AttentionReadout:
    """Every step gets the same weighted mean of all states of an encoder; a constant queries it."""

    def __init__(self, encoder, rng, attention_size=16):
        self.encoder, self.input_size = encoder, encoder.input_size
        self.hidden_size = self.output_size = H = encoder.output_size
        self.attention = AdditiveAttention(1, H, attention_size, rng, np.float32)
        self.params = encoder.params | _prefixed(self.attention.params)

    def forward(self, x, state=None, lengths=None, rng=None):
        """(h, None) with h (B, T, H), and the cache."""
        (h, _), cache = self.encoder.forward(x, state, lengths, rng)  # (B, T, H)
        query = np.ones((len(x), 1, 1), h.dtype)  # (B, 1, 1)
        mask = mask_from_lengths(lengths, x.shape[1])  # (B, T)
        (o, _), attention_cache = self.attention.forward(query, h, mask)  # (B, 1, H)
        return (np.repeat(o, x.shape[1], axis=1), None), (cache, attention_cache)

    def backward(self, dh, cache, dstate=None, truncation=None):
        """dx (B, T, D), None, and grads for dh (B, T, H)."""
        _, dh, own = self.attention.backward(dh.sum(axis=1, keepdims=True), cache[1])
        dx, _, grads = self.encoder.backward(dh, cache[0])
        return dx, None, grads | _prefixed(own)


def _prefixed(arrays):
    return {f"attention_{name}": array for name, array in arrays.items()}


def _transformer(size, rng):
    return TransformerEncoder(size, 2, 2 * size, 2, rng, dtype=np.float32)


def _recurrent(make, **options):
    return lambda size, rng: make(EMBEDDING, size, rng, dtype=np.float32, **options)


def _window(width):
    return lambda size, rng: WindowEncoder(EMBEDDING, size, width, rng, dtype=np.float32)


KINDS = {  # name: (function of size and rng that makes the encoder, where the answer is read)
    "bag of letters": (_recurrent(BagEncoder), "last"),
    "window of 5, last": (_window(5), "last"),
    "window of 5, mean": (_window(5), "mean"),
    "RNN": (_recurrent(RNNEncoder), "last"),
    "LSTM": (_recurrent(LSTMEncoder), "last"),
    "GRU": (_recurrent(GRUEncoder), "last"),
    "GRU, both directions": (_recurrent(GRUEncoder, bidirectional=True), "last"),
    "GRU, mean of states": (_recurrent(GRUEncoder), "mean"),
    "GRU with attention": (
        lambda size, rng: AttentionReadout(_recurrent(GRUEncoder)(size, rng), rng),
        "last",
    ),
    "Transformer": (_transformer, "mean"),
}


def parts():
    """(training, validation, test) names and labels, and the vocabulary of the training part."""
    names, labels = data.names_by_language()
    rng = np.random.default_rng(1000)
    learn, rest = data.split_rows(len(names), rng, 0.3)
    validation, test = data.split_rows(len(rest), rng, 0.5)
    rows = learn, rest[validation], rest[test]
    letters = Vocabulary(letter for row in learn for letter in names[row])
    return [([names[row] for row in part], labels[part]) for part in rows], letters


def encode(part, letters):
    """Tokens (N, T), labels (N,) and lengths (N,)."""
    tokens, lengths = pad_sequences([letters.encode(name) for name in part[0]])
    return tokens, part[1], lengths


def build(kind, limit, num_letters, seed):
    """The largest model of this kind with at most ``limit`` parameters, and its generator."""
    make, output_at = KINDS[kind]
    step = 2 if kind == "Transformer" else 1  # two heads share its size

    def model(size):
        rng = np.random.default_rng(seed)
        encoder = make(size, rng)
        embedding = encoder.input_size
        return SequenceModel(encoder, 10, rng, num_letters, embedding, output_at), rng

    low, high = 1, 128  # the bag could be wider, and dearer than all the others together
    while high - low > 1:
        middle = (low + high) // 2
        fits = count_parameters(model(step * middle)[0]) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return model(step * low)


def batches(size, rng, tokens, labels, lengths):
    """Shuffled batches, each cut to its longest name: (tokens, labels, lengths)."""
    for rows_tokens, rows_labels, rows_lengths in shuffled_batches(
        size, rng, tokens, labels, lengths
    ):
        yield rows_tokens[:, : rows_lengths.max()], rows_labels, rows_lengths


def costs(settings, learn, num_letters):
    """Processor seconds of one update by kind, the models taking turns, the quickest counts."""
    quickest = dict.fromkeys(KINDS, np.inf)
    models = {k: build(k, settings["parameters"], num_letters, 0)[0] for k in KINDS}
    stream = batches(settings["batch"], np.random.default_rng(0), *learn)
    rules = {kind: Adam(0.001) for kind in KINDS}
    for _ in range(settings["rounds"]):
        some = [next(stream) for _ in range(5)]
        for kind, model in models.items():
            before = time.process_time()
            train(model, iter(some), rules[kind], len(some), max_norm=1.0)
            quickest[kind] = min(quickest[kind], (time.process_time() - before) / len(some))
    return quickest


def train_once(kind, rate, seed, updates, settings, encoded, num_letters):
    """Validation accuracy by checkpoint (n,), and test predictions of those that were the best."""
    learn, validation, test = encoded
    model, rng = build(kind, settings["parameters"], num_letters, seed)
    scores, predicted = [], {}

    def look():
        scores.append(accuracy(model.predict(validation[0], validation[2]), validation[1]))
        if test is not None and scores[-1] > max(scores[:-1], default=0):
            predicted[len(scores) - 1] = model.predict(test[0], test[2])  # (N,)

    source = batches(settings["batch"], rng, *learn)
    train(model, source, Adam(rate), updates, 1.0, look, settings["every"])
    return np.array(scores), predicted


def by_length(predicted, test):
    """Accuracy on short, middling and long names, and on all of them."""
    _, labels, lengths = test
    group = np.digitize(lengths, LENGTHS)  # (N,)
    scores = [accuracy(predicted[group == k], labels[group == k]) for k in range(3)]
    return [round(score, 4) for score in (*scores, accuracy(predicted, labels))]


def ngrams(name, order):
    """All pieces of 1 to ``order`` letters of a name with its ends marked."""
    marked = f"^{name}$"
    return [marked[k : k + n] for n in range(1, order + 1) for k in range(len(marked) - n + 1)]


def naive_bayes(learn, order, smoothing, most=None):
    """Function from names to classes: the commonest ``most`` n-grams, counted by language."""
    counts = Counter(gram for name in learn[0] for gram in ngrams(name, order))
    index = {gram: k for k, (gram, _) in enumerate(counts.most_common(most))}
    table = np.full((len(index), 10), float(smoothing))  # (grams, K)
    for name, label in zip(*learn, strict=True):
        for gram in set(ngrams(name, order)) & index.keys():
            table[index[gram], label] += 1
    log_p = np.log(table / table.sum(axis=0))  # (grams, K)
    prior = np.log(np.bincount(learn[1]) / len(learn[1]))  # (K,)

    def predict(names):
        rows = [[index[g] for g in set(ngrams(name, order)) if g in index] for name in names]
        return np.array([(prior + log_p[row].sum(axis=0)).argmax() for row in rows])

    return predict, table.size


def best_naive_bayes(all_parts, most):
    """By length on test data, and parameters, of the order and smoothing best on validation."""
    learn, validation, _ = all_parts
    tried = {}
    for order in (1, 2, 3, 4, 5):
        for smoothing in (0.01, 0.1, 1.0):
            predict, size = naive_bayes(learn, order, smoothing, most)
            score = accuracy(predict(validation[0]), validation[1])
            tried[score, -order, smoothing] = predict, size
    (_, order, smoothing), (predict, size) = max(tried.items())
    return predict, {"parameters": size, "order": -order, "smoothing": smoothing}


def budgets(settings, cost):
    """Checkpoints allowed by kind: for equal updates, and for the RNN's processor time."""
    most = settings["updates"] // settings["every"]
    share = {kind: cost["RNN"] / seconds for kind, seconds in cost.items()}
    timed = {kind: max(round(most * part), 1) for kind, part in share.items()}
    return {kind: {"updates": most, "time": timed[kind]} for kind in KINDS}


def rung(kind, checkpoints, settings, encoded, num_letters):
    """Rate, and by seed the test accuracy by length, within each of the two budgets."""
    updates = max(checkpoints.values()) * settings["every"]
    common = updates, settings, (*encoded[:2], None), num_letters
    tried = {  # (seeds, n) a rate
        rate: np.array([train_once(kind, rate, s, *common)[0] for s in settings["choosing_seeds"]])
        for rate in settings["rates"]
    }
    rows, runs = {}, {}
    for budget, most in checkpoints.items():
        score = {rate: scores[:, :most].max(axis=1).mean() for rate, scores in tried.items()}
        rate = max(score, key=score.get)
        for seed in settings["seeds"]:
            if (rate, seed) not in runs:
                runs[rate, seed] = train_once(
                    kind, rate, seed, updates, settings, encoded, num_letters
                )
        chosen = [runs[rate, seed] for seed in settings["seeds"]]
        best = [int(scores[:most].argmax()) for scores, _ in chosen]
        rows[budget] = {
            "rate": rate,
            "updates": most * settings["every"],
            "test": [
                by_length(predicted[k], encoded[2])
                for k, (_, predicted) in zip(best, chosen, strict=True)
            ],
        }
    return rows


def counted(all_parts, test, limit):
    """The rungs without a network: majority, and counts of letter pieces with naive Bayes."""
    learn = all_parts[0]
    commonest = np.bincount(learn[1]).argmax()
    rows = {
        "majority": {"parameters": 1, "test": by_length(np.full(len(test[1]), commonest), test)}
    }
    for name, most in (("counted pieces", limit // 10), ("counted pieces, all", None)):
        predict, row = best_naive_bayes(all_parts, most)
        rows[name] = row | {"test": by_length(predict(all_parts[2][0]), test)}
    return rows


def run(settings, progress):
    """Return, by rung, its parameters, the cost of an update, and test accuracy by seed."""
    all_parts, letters = parts()
    encoded = [encode(part, letters) for part in all_parts]
    test, limit = encoded[2], settings["parameters"]
    cost = costs(settings, encoded[0], len(letters))
    allowed = budgets(settings, cost)
    sizes = np.bincount(np.digitize(test[2], LENGTHS), minlength=3)
    results = {"names": [len(part[0]) for part in all_parts], "test_lengths": sizes.tolist()}
    results |= {"counted": counted(all_parts, test, limit), "networks": {}}
    for kind in progress(settings["kinds"] or list(KINDS)):
        model, _ = build(kind, limit, len(letters), 0)
        results["networks"][kind] = {
            "parameters": count_parameters(model),
            "hidden": model.encoder.hidden_size,
            "cost": round(cost[kind] / cost["RNN"], 2),
            **rung(kind, allowed[kind], settings, encoded, len(letters)),
        }
    return results
