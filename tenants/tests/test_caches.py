"""Cache keys carry the organisation, so the same name means two values in two organisations."""

from __future__ import annotations

import redis
from django.conf import settings
from django.core.cache import cache

from tenants.context import entered
from tenants.models import Organisation


def test_what_one_organisation_caches_another_does_not_see(acme: Organisation, globex: Organisation) -> None:
    with entered(acme.schema_name):
        cache.set("answer", "the merger is secret")
    with entered(globex.schema_name):
        assert cache.get("answer") is None
        assert cache.add("answer", "other")
        cache.delete("answer")
    assert cache.get("answer") is None
    with entered(acme.schema_name):
        assert cache.get("answer") == "the merger is secret"


def test_the_organisation_is_in_the_stored_key(acme: Organisation) -> None:
    with entered(acme.schema_name):
        cache.set("answer", 1)
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    keys = list(client.scan_iter())
    client.close()
    assert keys == ["org_acme:vena:1:answer"]
