"""Whatever anybody sends to the gateway, it is never an error of ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops.adapters.memory_broker import MemoryPublisher
from tests.fuzz_gateway import fuzz, serving
from tests.requesting import MAKE

ONE_SERVER = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_good_requests_damaged_in_places_are_never_an_error_of_ours(
    tmp_path: Path, seed: int
) -> None:
    found = fuzz(seed, 600, 1_500, tmp_path)
    assert found.total() == 1_500
    assert set(found) == {"200", "202", "400", "401"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    with serving(tmp_path, MemoryPublisher()) as served:
        yield served


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(sorted(MAKE)), body=st.binary(max_size=300))
def test_any_signed_bytes_get_an_answer_below_500(
    client: FlaskClient, name: str, body: bytes
) -> None:
    sent = MAKE[name](body)
    answer = client.post(f"/{name}", data=body, headers=dict(sent.headers))
    assert answer.status_code < 500


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(sorted(MAKE)),
    headers=st.dictionaries(
        st.sampled_from(sorted({key for make in MAKE.values() for key in make().headers})),
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0")),
    ),
)
def test_any_headers_are_refused_and_get_an_answer_below_500(
    client: FlaskClient, name: str, headers: dict[str, str]
) -> None:
    answer = client.post(f"/{name}", data=b"{}", headers=headers)
    assert answer.status_code == 401
