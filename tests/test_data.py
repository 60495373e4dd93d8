"""Are the generated sentences what their docstrings say, by rules written a second time?"""

from collections import defaultdict

import numpy as np
import pytest

from rnn_course import data
from rnn_course.text import tokenise

GENERATORS = {
    "love": data.love_sentences,
    "contrast": data.contrast_sentences,
    "negation": lambda n, rng: data.negation_sentences(n, rng, distance=5, before=2, after=3),
    "bite": data.bite_sentences,
    "bank": lambda n, rng: data.bank_sentences(n, rng, distance=7),
    "later bank": lambda n, rng: data.bank_sentences(n, rng, distance=7, later=True),
    "ambiguous": data.ambiguous_sentences,
    "animal": data.animal_sentences,
}
TWO_CLASSES = ("love", "contrast", "negation", "bank", "later bank")


def generate(name, seed=0, num_sentences=2000):
    return GENERATORS[name](num_sentences, np.random.default_rng(seed))


def different(sentences, labels):
    """Each different sentence with its label; a sentence with two labels is a mistake."""
    label_of = {}
    for sentence, label in zip(sentences, labels, strict=True):
        assert label_of.setdefault(tuple(sentence), int(label)) == label
    return label_of


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_is_deterministic_for_a_seed_and_varies_with_it(name):
    """Does the generator alone decide, and does it decide anything?"""
    first, again, other = (generate(name, seed)[0] for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert len(first) == 2000


@pytest.mark.parametrize("name", GENERATORS)
def test_generated_words_are_single_tokens(name):
    """Would tokenising the written sentence give the same tokens?"""
    for sentence in generate(name)[0][:200]:
        assert tokenise(" ".join(sentence)) == sentence


@pytest.mark.parametrize("name", TWO_CLASSES)
def test_two_classes_are_about_equally_frequent(name):
    """Is the majority baseline near one half?"""
    sentences, labels = generate(name)
    assert set(labels) == {0, 1}
    assert abs(np.mean(labels) - 0.5) < 0.05  # more than four standard deviations
    assert len(different(sentences, labels)) > 100


def test_love_label_needs_two_words_together():
    """Is the label the exclusive or, so that neither word alone says anything?"""
    label_of = different(*generate("love", num_sentences=6000))
    assert len(label_of) == 4 * 4 * 4 * 5
    for sentence, label in label_of.items():
        assert label == (("don't" in sentence) == ("hate" in sentence))
    for word in ("don't", "hate"):
        assert np.mean([label_of[s] for s in label_of if word in s]) == 0.5


def test_contrast_label_is_the_adjective_that_is_not_cancelled():
    """Does the adjective without "not" before it carry the label?"""
    for sentence, label in different(*generate("contrast")).items():
        adjectives = set(data.POSITIVE + data.NEGATIVE)
        valid = [w for k, w in enumerate(sentence) if w in adjectives and sentence[k - 1] != "not"]
        assert len(valid) == 1
        assert label == (valid[0] in data.POSITIVE)


@pytest.mark.parametrize("name", ["contrast", "bite"])
def test_every_bag_of_words_has_several_labels_equally_often(name):
    """Is a bag of words, however trained, left to guess?"""
    sentences, labels = generate(name, num_sentences=10_000)[:2]
    labels_of_bag = defaultdict(list)
    for sentence, label in different(sentences, labels).items():
        labels_of_bag[tuple(sorted(sentence))].append(label)
    assert sum(map(len, labels_of_bag.values())) == {"contrast": 500, "bite": 120}[name]
    for found in labels_of_bag.values():
        counts = np.unique(found, return_counts=True)[1]
        assert len(counts) == 2 and counts[0] == counts[1]


@pytest.mark.parametrize("distance, before, after", [(1, 0, 0), (1, 3, 2), (6, 0, 4), (9, 2, 0)])
def test_negation_word_and_adjective_stand_where_promised(distance, before, after):
    """Is the deciding word `distance` before the adjective, and does it turn the label round?"""
    sentences, labels = data.negation_sentences(
        500, np.random.default_rng(0), distance, before, after
    )
    for sentence, label in different(sentences, labels).items():
        assert len(sentence) == 4 + distance + before + after
        place = 3 + distance + before
        assert sentence[place] in data.POSITIVE + data.NEGATIVE
        praise = sentence[place] in data.POSITIVE
        decider = sentence[place - distance]
        assert decider in ("never", "always")
        assert label == (praise if decider == "always" else not praise)


def test_bite_label_is_the_first_noun():
    """Is the one who bites the label, and never the one bitten?"""
    sentences, labels, biters = generate("bite")
    assert set(labels) == set(range(len(biters)))
    for sentence, label in zip(sentences, labels, strict=True):
        assert sentence[1] == biters[label] != sentence[4]


@pytest.mark.parametrize("distance", [4, 9])
def test_bank_sense_is_decided_by_one_noun_at_the_distance(distance):
    """Does the opening noun alone fix the sense, `distance` words before "bank"?"""
    sentences, labels = data.bank_sentences(500, np.random.default_rng(0), distance)
    nouns = [set(), set()]
    for sentence, label in different(sentences, labels).items():
        assert sentence[-1] == "bank" and sentence.count("bank") == 1
        nouns[label].add(sentence[-1 - distance])
    assert len(nouns[0]) == len(nouns[1]) == 4
    assert not nouns[0] & nouns[1]


def test_ambiguous_tags_follow_from_the_word_before():
    """Is an ambiguous word a noun after an article, and a verb anywhere else?"""
    sentences, tags = generate("ambiguous")
    both = defaultdict(set)
    for sentence, row in zip(sentences, tags, strict=True):
        for k, (word, tag) in enumerate(zip(sentence, row, strict=True)):
            if word in data.AMBIGUOUS:
                after_article = k > 0 and sentence[k - 1] in ("the", "a", "my")
                assert tag == (2 if after_article else 1)
                both[word].add(tag)
            else:
                assert tag == 0
    assert all(both[word] == {1, 2} for word in data.AMBIGUOUS)


def test_animal_place_fits_the_animal():
    """Does the last noun belong to the animal, and to no other?"""
    sentences, places = generate("animal")
    all_places = [place for fitting in places.values() for place in fitting]
    assert len(all_places) == len(set(all_places))
    for sentence in sentences:
        (animal,) = set(sentence) & set(places)
        assert sentence[-2] in places[animal]


@pytest.mark.parametrize("make", [data.negation_sentences, data.bank_sentences])
def test_too_small_a_distance_is_refused(make):
    """Does the message name the argument and its value?"""
    with pytest.raises(ValueError, match="distance is 0; expected at least"):
        make(3, np.random.default_rng(0), distance=0)


def test_split_rows_is_a_partition():
    """Is every row on exactly one side, in the promised proportion?"""
    train, test = data.split_rows(50, np.random.default_rng(0), held_out=0.3)
    assert sorted([*train, *test]) == list(range(50))
    assert len(test) == 15
    assert not np.array_equal(train, np.sort(train))


def test_split_groups_keeps_equal_keys_together():
    """Are all rows of a key on one side, so that held-out data has only unseen keys?"""
    keys = [tuple(key) for key in np.random.default_rng(1).integers(10, size=(300, 1)).tolist()]
    train, test = data.split_groups(iter(keys), np.random.default_rng(0), held_out=0.3)
    assert sorted([*train, *test]) == list(range(300))
    test_keys = {keys[row] for row in test}
    assert len(test_keys) == 3
    assert not test_keys & {keys[row] for row in train}


def test_python_help_text_is_long_english_in_a_fixed_order():
    """Is there enough text to learn from, in the same order each time?"""
    topics = data.python_help_text()
    assert list(topics) == sorted(topics)
    assert sum(map(len, topics.values())) > 300_000
    assert "the" in tokenise(topics["while"])


def test_names_by_language_are_unambiguous():
    """Does each name stand once, with labels for every language asked for?"""
    pytest.importorskip("babel")
    names, labels = data.names_by_language(("de", "fr", "pl"))
    assert len(names) == len(set(names)) == len(labels)
    assert set(labels) == {0, 1, 2}
    assert labels[names.index("frankreich")] == 0
    assert "sudan" not in names  # the same in German and Polish


def test_spelled_numbers_pair_each_number_with_its_name():
    """Are number and name a pair, in English and in French?"""
    pytest.importorskip("num2words")
    assert data.spelled_numbers(stop=3) == [(0, "zero"), (1, "one"), (2, "two")]
    assert data.spelled_numbers("fr", stop=22)[21] == (21, "vingt et un")


def test_later_bank_sentences_are_the_others_with_the_nouns_exchanged():
    """Does the same draw give the same words, and the word that decides the other place?"""
    (before, labels), (later, same) = generate("bank"), generate("later bank")
    np.testing.assert_array_equal(labels, same)
    for first, second in zip(before, later, strict=True):
        assert (first[-1], second[1]) == ("bank", "bank")
        assert [second[0], second[-1], *second[2:-1], second[1]] == first


def read_aloud(number):
    """The words of a number, put together from its digits and their readings."""
    ones = ["", *tokenise("one two three four five six seven eight nine")]
    teens = tokenise("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen")
    teens.append("nineteen")
    tens = ["", "", *tokenise("twenty thirty forty fifty sixty seventy eighty ninety")]
    digits, words = str(number), []
    for t, reading in enumerate(data.digit_readings(number)):
        digit = int(digits[t])
        words += {
            0: [],
            1: [ones[digit]],
            2: [tens[digit]],
            3: [ones[digit], "hundred"],
            4: [],
            5: [teens[digit]],
        }[reading]
        if len(digits) - t == 4:
            words.append("thousand")
    return words


def test_digit_readings_spell_the_number():
    """Do digits and readings together give the words that num2words has?"""
    from num2words import num2words

    rng = np.random.default_rng(0)
    for number in (*range(1, 1200), 10_000, 17_013, *rng.integers(1, 1_000_000, 3000)):
        spelled = tokenise(num2words(number, lang="en").replace("-", " "))
        words = [word for word in spelled if word not in (",", "and")]
        assert read_aloud(int(number)) == words


@pytest.mark.parametrize("number", [0, -3, 1_000_000])
def test_digit_readings_refuse_other_numbers(number):
    """Is a number that the readings cannot spell named?"""
    with pytest.raises(ValueError, match=f"number is {number}; expected 1 to 999,999"):
        data.digit_readings(number)


def test_translated_numbers_are_different_and_of_equal_value():
    """Is each pair one number in two languages, none twice, the same for the same draw?"""
    from num2words import num2words

    english, french = data.translated_numbers(300, np.random.default_rng(0))
    again, german = data.translated_numbers(300, np.random.default_rng(0), languages=("en", "de"))
    assert english == again
    assert len({tuple(source) for source in english}) == len(french) == len(german) == 300
    name = lambda number: num2words(number, lang="fr").replace("-", " ").split()  # noqa: E731
    below = {" ".join(num2words(n).replace("-", " ").split()): name(n) for n in range(1000)}
    pairs = [(s, t) for s, t in zip(english, french, strict=True) if " ".join(s) in below]
    assert len(pairs) > 20
    assert all(below[" ".join(source)] == target for source, target in pairs)


def test_translated_numbers_stay_within_their_groups():
    """Does one group stay below a thousand, and do four reach the billions?"""
    short, _ = data.translated_numbers(200, np.random.default_rng(0), groups=1)
    assert not any("thousand" in source for source in short)
    long, _ = data.translated_numbers(200, np.random.default_rng(0))
    assert any("billion" in source for source in long)


@pytest.mark.parametrize(("groups", "num_pairs"), [(0, 1), (5, 1), (1, 901)])
def test_translated_numbers_refuse_what_cannot_be(groups, num_pairs):
    """Are numbers beyond the billions, or more than there are, refused?"""
    with pytest.raises(ValueError, match=f"groups is {groups} and num_pairs {num_pairs}"):
        data.translated_numbers(num_pairs, np.random.default_rng(0), groups)
