"""Data sets that need no download: sentences from small grammars, and real text from packages.

Generated sentences are this course's own. Real text comes from installed packages; each function
states the source and its licence.
"""

import numpy as np

POSITIVE = ("good", "funny", "moving", "clever", "bright")
NEGATIVE = ("bad", "dull", "boring", "clumsy", "gloomy")
THINGS = ("film", "book", "play", "song", "story")
FILLERS = ("really", "honestly", "frankly", "clearly", "truly", "indeed", "quite", "perhaps")
AMBIGUOUS = ("saw", "can", "fish", "watch", "book")

_BITERS = ("dog", "cat", "horse", "snake", "man", "child")
_BITES = ("bites", "chases", "hears", "follows")
_PRONOUNS = ("i", "we", "they", "you")
_RIVER = ("boat", "ferry", "swan", "otter")
_MONEY = ("clerk", "cheque", "loan", "vault")

_HABITS = {
    "cat": (("sat", "slept", "purred"), ("mat", "sofa", "windowsill")),
    "bird": (("perched", "sang", "landed"), ("branch", "fence", "roof")),
    "fish": (("swam", "hid", "fed"), ("pond", "reef", "river")),
    "horse": (("grazed", "ran", "stood"), ("meadow", "track", "hill")),
}
_PREPOSITION = {"cat": "on", "bird": "on", "fish": "in", "horse": "on"}


def _choose(rng, options):
    return options[rng.integers(len(options))]


def love_sentences(num_sentences, rng):
    """One-clause negation: "i love this film" (1), "i don't love this film" (0), and with "hate".

    The words alone decide, though no single word does: the label is the exclusive or of
    "don't" and "hate".

    Returns:
        sentences: list of token lists. labels: (num_sentences,) 1 if the speaker approves.
    """
    sentences, labels = [], []
    for _ in range(num_sentences):
        negated, hates = rng.integers(2, size=2)
        negation = ["don't"] if negated else []
        rest = [_choose(rng, ("this", "that", "the", "my")), _choose(rng, THINGS)]
        verb = "hate" if hates else "love"
        sentences.append([_choose(rng, _PRONOUNS), *negation, verb, *rest])
        labels.append(int(negated == hates))
    return sentences, np.array(labels)


def contrast_sentences(num_sentences, rng):
    """Two-clause negation: "the film was not dull but clever" (1), "... dull but not clever" (0).

    Each sentence praises and blames, and "not" cancels one of the two. The same words in another
    order give the other label, so a bag of words can do no better than guess. There are 500
    different sentences, four to a bag.

    Returns:
        sentences: list of token lists. labels: (num_sentences,) 1 if what remains is praise.
    """
    sentences, labels = [], []
    for _ in range(num_sentences):
        adjectives = [(_choose(rng, POSITIVE), 1), (_choose(rng, NEGATIVE), 0)]
        first, second = (adjectives[k] for k in rng.permutation(2))
        cancels_first = rng.integers(2)
        clauses = [[first[0]], [second[0]]]
        clauses[0 if cancels_first else 1].insert(0, "not")
        sentences.append(["the", _choose(rng, THINGS), "was", *clauses[0], "but", *clauses[1]])
        labels.append(second[1] if cancels_first else first[1])
    return sentences, np.array(labels)


def negation_sentences(num_sentences, rng, distance=1, before=0, after=0):
    """A word that decides from afar: "the film was never really clever" (0), "... always ..." (1).

    The label is praise or blame of the adjective, turned round by "never". Every other word is
    drawn independently of it.

    Args:
        num_sentences: how many. rng: np.random.Generator.
        distance: how many words after "never" or "always" the adjective comes, at least 1.
        before, after: number of filler words that open and close the sentence.

    Returns:
        sentences: lists of 4 + distance + before + after tokens; the adjective is at
            3 + distance + before. labels: (num_sentences,) 1 if the sentence praises.

    Raises:
        ValueError: distance is below 1.
    """
    if distance < 1:
        raise ValueError(f"distance is {distance}; expected at least 1")
    sentences, labels = [], []
    for _ in range(num_sentences):
        negated, blames = rng.integers(2, size=2)
        fillers = [_choose(rng, FILLERS) for _ in range(before + distance - 1 + after)]
        end = before + distance - 1
        subject = ["the", _choose(rng, THINGS), "was"]
        decider = "never" if negated else "always"
        adjective = _choose(rng, NEGATIVE if blames else POSITIVE)
        opening, between, closing = fillers[:before], fillers[before:end], fillers[end:]
        sentences.append([*opening, *subject, decider, *between, adjective, *closing])
        labels.append(int(negated == blames))
    return sentences, np.array(labels)


def bite_sentences(num_sentences, rng):
    """Who does it to whom: "the dog bites the man", labelled with the dog.

    Returns:
        sentences: list of 5-token lists. labels: (num_sentences,) 0 to 5, the index of the one
            who bites (chases, hears, follows) in the list biters. biters: the six nouns.
    """
    sentences, labels = [], []
    for _ in range(num_sentences):
        biter, bitten = rng.choice(len(_BITERS), size=2, replace=False)
        verb = _choose(rng, _BITES)
        sentences.append(["the", _BITERS[biter], verb, "the", _BITERS[bitten]])
        labels.append(biter)
    return sentences, np.array(labels), _BITERS


def bank_sentences(num_sentences, rng, distance=4, later=False):
    """A noun with two senses: "the boat was quite frankly near the bank" (0), "the loan ..." (1).

    Args:
        num_sentences: how many. rng: np.random.Generator.
        distance: how many words lie between the deciding noun and "bank", plus one; at least 4.
        later: whether the two nouns change places, as in "the bank was near the boat", so that
            what follows decides.

    Returns:
        sentences: lists of distance + 2 tokens; "bank" is the last, or with later the second.
        labels: (num_sentences,) 0 for the river's bank, 1 for the one that lends money.

    Raises:
        ValueError: distance is below 4.
    """
    if distance < 4:
        raise ValueError(f"distance is {distance}; expected at least 4")
    sentences, labels = [], []
    for _ in range(num_sentences):
        money = rng.integers(2)
        fillers = [_choose(rng, FILLERS) for _ in range(distance - 4)]
        noun = _choose(rng, _MONEY if money else _RIVER)
        first, last = ("bank", noun) if later else (noun, "bank")
        sentences.append(["the", first, "was", *fillers, "near", "the", last])
        labels.append(int(money))
    return sentences, np.array(labels)


def ambiguous_sentences(num_sentences, rng):
    """Sentences such as "i saw the saw", in which one word is a verb or a noun by its place.

    Returns:
        sentences: list of token lists. tags: list of equally long lists of integers;
            0 other, 1 verb, 2 noun.
    """
    sentences, tags = [], []
    for _ in range(num_sentences):
        subject = [_choose(rng, _PRONOUNS)] if rng.integers(2) else ["the", _choose(rng, AMBIGUOUS)]
        adverb = ["often"] if rng.integers(2) else []
        article = _choose(rng, ("the", "a", "my"))
        verb, noun = _choose(rng, AMBIGUOUS), _choose(rng, AMBIGUOUS)
        sentences.append([*subject, *adverb, verb, article, noun])
        subject_tags = [0] if len(subject) == 1 else [0, 2]
        tags.append([*subject_tags, *[0] * len(adverb), 1, 0, 2])
    return sentences, tags


def animal_sentences(num_sentences, rng):
    """Sentences such as "the old cat sat on the mat .", whose last noun fits the animal.

    Returns:
        sentences: list of token lists. places: dict from each animal to the nouns that fit it.
    """
    sentences = []
    animals = sorted(_HABITS)
    for _ in range(num_sentences):
        animal = _choose(rng, animals)
        verbs, places = _HABITS[animal]
        adjective = ["old"] if rng.integers(2) else []
        verb, place = _choose(rng, verbs), _choose(rng, places)
        sentence = ["the", *adjective, animal, verb, _PREPOSITION[animal], "the", place, "."]
        sentences.append(sentence)
    return sentences, {animal: places for animal, (_, places) in _HABITS.items()}


def python_help_text():
    """The help texts of the running Python, about half a million characters of technical English.

    Returns:
        dict from topic to text, in alphabetical order.

    Source: pydoc_data.topics in the standard library, Python Software Foundation licence 2.
    """
    from pydoc_data.topics import topics

    return dict(sorted(topics.items()))


def names_by_language(languages=("de", "es", "fi", "fr", "hu", "it", "nl", "pl", "pt", "tr")):
    """Names of territories and languages in several languages, for telling them apart by letters.

    A name that two languages share is left out: nobody could label it.

    Returns:
        names: list of lower-case strings in a fixed order. labels: (N,) index into languages.

    Source: Unicode CLDR as packaged in Babel; Unicode licence v3.
    """
    from babel import Locale

    owners = {}
    for label, language in enumerate(languages):
        locale = Locale(language)
        for name in (*locale.territories.values(), *locale.languages.values()):
            owners.setdefault(name.lower(), set()).add(label)
    unique = sorted((name, min(labels)) for name, labels in owners.items() if len(labels) == 1)
    names, labels = zip(*unique, strict=True)
    return list(names), np.array(labels)


def spelled_numbers(language="en", stop=1000):
    """Numbers and their names: (0, "zero") ... (stop - 1, "nine hundred and ninety-nine").

    Returns:
        list of (int, str) pairs.

    Source: generated by the package num2words (LGPL 2.1), which is used, not copied.
    """
    from num2words import num2words

    return [(number, num2words(number, lang=language)) for number in range(stop)]


def digit_readings(number):
    """How each digit of a number is read: in 4,017 the 4 is plain, the 1 joins the 7, a "-teen".

    What decides is how many digits follow, and for the last of three whether a 1 stands before.

    Args:
        number: integer from 1 to 999,999.

    Returns:
        list of integers, one a digit: 0 silent, 1 plain ("four"), 2 "-ty" ("forty"), 3 "hundred",
        4 joins the next, 5 "-teen" (with 0 it is "ten").

    Raises:
        ValueError: the number is out of range.
    """
    if not 1 <= number < 1_000_000:
        raise ValueError(f"number is {number}; expected 1 to 999,999")
    digits, readings = str(number), []
    for t, digit in enumerate(digits):
        place = (len(digits) - 1 - t) % 3  # 0 ones, 1 tens, 2 hundreds
        if place == 0 and readings and readings[-1] == 4:
            readings.append(5)
        elif digit == "0":
            readings.append(0)
        elif place == 1 and digit == "1":
            readings.append(4)
        else:
            readings.append(place + 1)
    return readings


def translated_numbers(num_pairs, rng, groups=4, languages=("en", "fr")):
    """Different numbers in words, each in two languages: "six thousand and one", "six mille un".

    A number has one to ``groups`` groups of one to three digits; each group after the first is
    left empty with probability 1/4. Commas and hyphens are left out of the words.

    Args:
        num_pairs: how many. rng: np.random.Generator. groups: 1 to 4; 4 reaches the billions.
        languages: two that num2words knows.

    Returns:
        sources, targets: lists of token lists, in the order drawn, no number twice.

    Raises:
        ValueError: groups is not from 1 to 4, or there are not so many different numbers.

    Source: generated by the package num2words (LGPL 2.1), which is used, not copied.
    """
    from num2words import num2words

    if not 1 <= groups <= 4 or num_pairs > 900 * 10 ** (2 * groups - 2):
        raise ValueError(f"groups is {groups} and num_pairs {num_pairs}; see the docstring")
    numbers = {}  # a dict keeps the order drawn
    while len(numbers) < num_pairs:
        number = 0
        for group in range(rng.integers(1, groups + 1)):
            empty = group > 0 and rng.random() < 0.25
            digits = rng.integers(1, 4)
            number = 1000 * number + (0 if empty else rng.integers(1, 10**digits))
        numbers[int(number)] = None

    def words(number, language):
        return num2words(number, lang=language).replace(",", " ").replace("-", " ").split()

    return tuple([words(number, language) for number in numbers] for language in languages)


def split_rows(num_rows, rng, held_out=0.2):
    """Random disjoint row numbers for training and held-out data.

    Returns:
        train: ((1 - held_out) num_rows,) and test: the rest, both integer arrays.
    """
    order = rng.permutation(num_rows)
    cut = round(num_rows * (1 - held_out))
    return order[:cut], order[cut:]


def split_groups(keys, rng, held_out=0.2):
    """As split_rows, with all rows of one key on the same side.

    Args:
        keys: iterable of one hashable a row, such as tuple(sentence), or frozenset(sentence) to
            keep sentences made of the same words together.

    Returns:
        train, test: integer arrays of row numbers; about ``held_out`` of the different keys are
            in test.
    """
    keys = list(keys)
    number = {key: count for count, key in enumerate(dict.fromkeys(keys))}
    groups = np.array([number[key] for key in keys])  # (N,)
    _, test_groups = split_rows(len(number), rng, held_out)
    is_test = np.isin(groups, test_groups)  # (N,)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)
