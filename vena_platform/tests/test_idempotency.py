"""`Idempotency-Key`: one effect for one person, organisation, address and key."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from accounts.models import User
from knowledge.models import Collection
from tenants.context import entered
from tenants.models import Organisation
from vena_platform.idempotency import IdempotencyConflict, once

PATH = "/api/v1/collections/"


def create(host: Any, name: str, key: str = "k-1", **headers: str) -> Any:
    return host.post(PATH, {"name": name}, "application/json", headers={"idempotency-key": key, **headers})


def names(organisation: Organisation) -> list[str]:
    with entered(organisation.schema_name):
        return list(Collection.objects.values_list("name", flat=True))


def request_of(user: Any, key: str = "k-1", path: str = PATH) -> Request:
    request = Request(APIRequestFactory().post(path, headers={"idempotency-key": key}))
    request.user = user
    return request


def test_a_repeat_gets_the_first_answer_and_has_no_effect(acme: Organisation, owner: Any) -> None:
    first, second = create(owner, "Contracts"), create(owner, "Another name")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second["Idempotency-Replayed"] == "true"
    assert names(acme) == ["Contracts"]


def test_without_a_key_every_request_counts(acme: Organisation, owner: Any) -> None:
    for name in ("One", "Two"):
        assert owner.post(PATH, {"name": name}, "application/json").status_code == 201
    assert names(acme) == ["One", "Two"]


def test_another_key_is_another_request(acme: Organisation, owner: Any) -> None:
    create(owner, "One", "k-1")
    create(owner, "Two", "k-2")
    assert names(acme) == ["One", "Two"]


def test_another_persons_key_is_another_request(
    acme: Organisation, owner: Any, make_person: Any, make_key: Any, on_host: Any
) -> None:
    create(owner, "One")
    key = make_key(acme, make_person(acme, "other@acme.example", "admin"))
    answer = create(on_host(acme), "Two", authorization=f"Bearer {key}")
    assert (answer.status_code, answer.json()["name"]) == (201, "Two")
    assert names(acme) == ["One", "Two"]


def test_another_organisations_key_is_another_request(
    acme: Organisation, globex: Organisation, owner: Any, make_person: Any, on_host: Any
) -> None:
    # given the same person, id and all, in both
    with entered(acme.schema_name):
        twin = User.objects.get()
    with entered(globex.schema_name):
        twin.save(force_insert=True)
    elsewhere = on_host(globex)
    elsewhere.sign_in("owner@acme.example")
    # when
    create(owner, "One")
    answer = create(elsewhere, "Two")
    # then
    assert (answer.status_code, answer.json()["name"]) == (201, "Two")
    assert (names(acme), names(globex)) == (["One"], ["Two"])


def test_what_was_refused_may_be_tried_again(acme: Organisation, owner: Any) -> None:
    assert create(owner, "").status_code == 400
    assert create(owner, "Better").status_code == 201
    assert names(acme) == ["Better"]


def test_a_second_request_while_the_first_runs_is_a_conflict(acme: Organisation, make_person: Any) -> None:
    # given
    user, ran = make_person(acme), []

    def inner() -> Response:
        ran.append("inner")
        return Response()

    def work() -> Response:
        ran.append("outer")
        with pytest.raises(IdempotencyConflict) as refused:
            once(request_of(user), inner)
        assert (refused.value.status, refused.value.retryable) == (409, True)
        return Response({"done": True}, status=201)

    # when
    answer = once(request_of(user), work)
    # then
    assert (answer.status_code, ran) == (201, ["outer"])
    assert once(request_of(user), work).data == {"done": True}
    assert ran == ["outer"]


def test_a_crash_does_not_block_the_key(acme: Organisation, make_person: Any) -> None:
    user = make_person(acme)

    def crash() -> Response:
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        once(request_of(user), crash)
    assert once(request_of(user), lambda: Response({"done": True})).data == {"done": True}


def test_another_address_is_another_request(acme: Organisation, make_person: Any) -> None:
    user = make_person(acme)
    assert once(request_of(user, path="/a/"), lambda: Response("a")).data == "a"
    assert once(request_of(user, path="/b/"), lambda: Response("b")).data == "b"


def test_a_key_has_a_longest_length(acme: Organisation, owner: Any) -> None:
    assert create(owner, "Fits", "k" * 200).status_code == 201
    refused = create(owner, "Does not", "k" * 201)
    assert (refused.status_code, refused.json()) == (
        400,
        {"code": "invalid", "detail": "An Idempotency-Key has at most 200 characters."},
    )
    assert names(acme) == ["Fits"]
