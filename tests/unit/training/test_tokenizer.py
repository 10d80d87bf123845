"""The tokenizer: whole words it knows, pieces and bytes for all others."""

from pathlib import Path

from indexer.embedders.pocket.tokenizer import BYTES, Tokenizer, train

TEXTS = ["A dog runs .", "two dogs run in the snow", "The dog is running", "a man in the snow"] * 3


def test_frequent_words_are_one_id_and_unknown_ones_fall_to_bytes() -> None:
    tokenizer = train(TEXTS, size=400)
    assert len(tokenizer.encode("dog")) == 1
    assert tokenizer.encode("Dog!") == tokenizer.encode("dog")
    unknown = tokenizer.encode("Žluťoučký")
    assert 1 < len(unknown) <= len("žluťoučký ".encode())
    assert all(0 < i < len(tokenizer) for i in unknown)


def test_saved_vocabulary_reads_the_same(tmp_path: Path) -> None:
    tokenizer = train(TEXTS, size=400)
    tokenizer.save(tmp_path / "vocabulary.json")
    loaded = Tokenizer.load(tmp_path / "vocabulary.json")
    assert [loaded.encode(text) for text in TEXTS] == [tokenizer.encode(text) for text in TEXTS]


def test_same_texts_give_the_same_vocabulary() -> None:
    assert train(TEXTS, size=330).merges == train(list(reversed(TEXTS)), size=330).merges


def test_empty_text_has_an_id_and_batches_are_padded() -> None:
    tokenizer = Tokenizer([], context_length=5)
    assert len(tokenizer) == 1 + BYTES
    assert tokenizer.encode("?!") == [33]
    assert tokenizer.batch(["ab", ""]).tolist() == [[98, 99, 33], [33, 0, 0]]
    assert len(tokenizer.encode("abcdefghijkl")) == 5
