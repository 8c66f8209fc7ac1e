"""The packed record: what is kept, what changed, and whether it is still the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from functions.detect.record import HEADER, ends, kind_of, record_dtype, seal, unpack, words


class Tiny:
    dtype = np.dtype([("a", "<f8"), ("b", "<i4")])
    alarm_line = 1.0
    min_history = 0


LAYOUT = record_dtype(Tiny())
KIND = kind_of("tiny", LAYOUT)


def sealed(**fields: float) -> bytes:
    array, _ = unpack([None], LAYOUT, KIND)
    for name, value in fields.items():
        part = "state" if name in {"a", "b"} else "header"
        array[part][name] = value
    seal(array)
    return array.tobytes()


def test_a_record_is_whole_words_and_begins_with_its_nonce() -> None:
    assert LAYOUT.itemsize % 8 == 0
    assert LAYOUT.fields["header"][1] == 0
    assert HEADER.fields["nonce"][1] == 0


def test_an_absent_record_is_a_series_never_seen() -> None:
    array, _ = unpack([None], LAYOUT, KIND)
    assert array["header"]["kind"] == KIND
    assert array["header"]["last"] == 0
    assert array["state"]["a"] == 0


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_records_with_different_content_have_different_nonces(a: float, b: float) -> None:
    same = np.float64(a).tobytes() == np.float64(b).tobytes()
    assert (sealed(a=a)[:8] == sealed(a=b)[:8]) is same


@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=40, unique=True))
def test_small_whole_numbers_do_not_collide(counts: list[int]) -> None:
    nonces = {sealed(a=float(n), count=n)[:8] for n in counts}
    nonces |= {sealed(raw=float(n), count=n)[:8] for n in counts}
    assert len(nonces) == 2 * len(counts) - (0 in counts)


def test_a_record_comes_back_as_it_was() -> None:
    packed = sealed(a=3.5, b=7, last=99, count=3)
    array, _ = unpack([packed], LAYOUT, KIND)
    assert (array["state"]["a"], array["state"]["b"]) == (3.5, 7)
    seal(array)
    assert array.tobytes() == packed


def test_a_record_of_another_detector_starts_anew_but_accepts_nothing_twice() -> None:
    packed = sealed(a=3.5, last=99, count=3, over_since=50)
    header = unpack([packed], LAYOUT, KIND + 1)[0]["header"]
    assert (header["last"], header["count"], header["over_since"]) == (99, 0, 0)
    shorter, _ = unpack([packed[: HEADER.itemsize + 8]], LAYOUT, KIND + 1)
    assert (shorter["header"]["last"], shorter["state"]["a"]) == (99, 0)


@given(st.lists(st.integers(0, LAYOUT.itemsize // 8 - 1), max_size=6))
def test_a_span_covers_every_byte_that_changed(places: list[int]) -> None:
    old = words(unpack([sealed(a=1.0)], LAYOUT, KIND)[0])
    new = old.copy()
    new[0, places] ^= np.uint64(0xFF)
    (end,) = ends(old, new)
    assert new.tobytes()[:end] + old.tobytes()[end:] == new.tobytes()
    assert end == 8 * max([0, *places]) + 8


def test_only_a_record_of_its_own_kind_and_length_is_patched() -> None:
    packed = sealed(a=3.5, b=7, last=99)
    records = [packed, packed[:-8], None, packed]
    assert unpack(records, LAYOUT, KIND)[1].tolist() == [True, False, False, True]
    assert not unpack(records, LAYOUT, KIND + 1)[1].any()


def test_as_many_records_of_round_numbers_have_as_many_nonces() -> None:
    many = 50_000
    records = np.repeat(unpack([None], LAYOUT, KIND)[0], 2 * many)
    number = np.arange(1, many + 1)
    records["header"]["count"] = np.tile(number, 2)
    records["state"]["a"][:many] = number
    records["header"]["raw"][many:] = number
    seal(records)
    assert len(np.unique(records["header"]["nonce"])) == 2 * many
