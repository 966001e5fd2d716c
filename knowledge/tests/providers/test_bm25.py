from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from knowledge.providers.bm25 import Bm25Encoder

encoder = Bm25Encoder()


def test_word_forms_and_accents_meet() -> None:
    assert encoder.encode_query("Café policies") == encoder.encode_query("cafe POLICY")


def test_a_query_asks_for_each_word_once() -> None:
    assert encoder.encode_query("leave leave Leaves").values == (1.0,)


def test_more_of_a_word_weighs_more_and_length_less() -> None:
    once = encoder.encode_document("leave " + "printer " * 20)
    twice = encoder.encode_document("leave leave " + "printer " * 20)
    longer = encoder.encode_document("leave " + "printer " * 200)
    term = encoder.encode_query("leave").indices[0]
    weight = [dict(zip(each.indices, each.values, strict=True))[term] for each in (longer, once, twice)]
    assert weight[0] < weight[1] < weight[2]


def test_words_that_say_nothing_are_left_out() -> None:
    assert encoder.encode_document("the of and").indices == ()
    assert encoder.encode_query("").indices == ()


def test_threads_share_one_encoder() -> None:
    texts = [f"document {number} about leave number {number % 7}" for number in range(500)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(encoder.encode_document, texts)) == [encoder.encode_document(text) for text in texts]
