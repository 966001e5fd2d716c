"""Fixtures that every app's tests share: one migrated database for the run, two organisations in each test's reach."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import redis
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.core.cache import cache
from django.db import connection as django_connection
from django.test import Client

from accounts.actions import api_key_issue
from accounts.models import User
from accounts.permissions import Role
from billing.budgets import forget_budgets
from billing.limits import forget_limits
from billing.prices import forget_quotes
from knowledge.models import Collection
from knowledge.own_keys import forget_all_keys
from knowledge.providers.breaker import forget_remembered
from knowledge.providers.loops import run_in_loop
from knowledge.providers.model_files import prepare_local_model
from knowledge.providers.registry import embedder, vector_index
from knowledge.selectors import library_of
from tenants.context import entered, orm_threads
from tenants.models import Branding, Domain, DomainClaim, Organisation, SupportGrant
from tenants.schemas import migrate_everything, schema_create
from tenants.selectors import forget as forget_hosts

connection: Any = django_connection
BASE = "vena_test_base"
KEPT = ("django_migrations", "django_content_type", "auth_permission")
LEDGER = (
    *("usageevent", "usagekey", "budget", "dailyusage", "rolledday", "usagedifference"),
    *("openanswer", "spendanomaly", "providerimport", "providerday"),
    *("dailycollection", "usagename", "reportschedule"),
    *("invoice", "planperiod", "subscription", "subscriptionchange", "seller", "billingdetails"),
    *("payment", "paymentaccount", "paymentrefund", "gatewayevent"),
)
PASSWORD = "correct horse battery"


def admin_connection() -> psycopg.Connection[Any]:
    options = settings.DATABASES["default"]
    return psycopg.connect(
        host=options["HOST"],
        port=options["PORT"] or None,
        user=options["USER"],
        password=options["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    )


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Migrate once for all workers, with two organisations inside; each worker gets a copy of that database."""
    worker = f"vena_test_{settings.WORKER}"
    with (settings.VENA_HOME.parent / "database.lock").open("w") as lock, django_db_blocker.unblock():
        fcntl.flock(lock, fcntl.LOCK_EX)
        with admin_connection() as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [BASE]).fetchone():
                admin.execute(f"CREATE DATABASE {BASE}")
                use_database(BASE)
                migrate_everything()
                for name in ("acme", "globex"):
                    make_organisation(name)
                connection.close()
            admin.execute(f"DROP DATABASE IF EXISTS {worker} (FORCE)")
            admin.execute(f"CREATE DATABASE {worker} TEMPLATE {BASE}")
    use_database(worker)
    yield
    orm_threads().shutdown()
    with django_db_blocker.unblock():
        connection.close()


def use_database(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def make_organisation(slug: str) -> Organisation:
    prepare_local_model(settings.VENA_MODEL_FOLDER)
    organisation: Organisation = Organisation.objects.create(
        name=slug.title(),
        slug=slug,
        schema_name=f"org_{slug}",
        state=Organisation.State.ACTIVE,
        embedding_provider="local",
        embedding_version=embedder("local").version,
    )
    Domain.objects.create(domain=f"{slug}.localhost", tenant=organisation)
    schema_create(organisation.schema_name)
    return organisation


def organisation(slug: str) -> Organisation:
    row: Organisation = Organisation.objects.get(slug=slug)
    return row


@pytest.fixture
def acme(db: None) -> Organisation:
    return organisation("acme")


@pytest.fixture
def globex(db: None) -> Organisation:
    return organisation("globex")


@pytest.fixture
def live(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For code that runs on threads of its own: rows are committed, and wiped after the test."""
    with django_db_blocker.unblock():
        yield
        wipe()


@pytest.fixture(scope="module")
def acme_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[Organisation]:
    """For many small tests of one module that only add to the ledger: rows are committed, and wiped at the end."""
    with django_db_blocker.unblock():
        yield organisation("acme")
        wipe()


@pytest.fixture
def live_acme(live: None) -> Organisation:
    return organisation("acme")


@pytest.fixture
def live_globex(live: None) -> Organisation:
    return organisation("globex")


def wipe() -> None:
    """Empty what a committed test may have written. The ledger refuses deletes, so it is truncated."""
    connection.set_schema_to_public()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname IN ('org_acme', 'org_globex') AND tablename <> ALL(%s)",
            [list(KEPT)],
        )
        tables = [row[0] for row in cursor.fetchall()]
        billing = ", ".join(f"public.billing_{name}" for name in LEDGER)
        billing += ", public.accounts_auditevent, public.accounts_auditmark"
        cursor.execute("SET vena.may_empty_ledger = 'yes'")
        cursor.execute(f"TRUNCATE {', '.join(tables)}, {billing} RESTART IDENTITY CASCADE")
        cursor.execute("RESET vena.may_empty_ledger")
    for slug in ("acme", "globex"):
        Organisation.objects.filter(slug=slug).update(name=slug.title())
    Organisation.objects.update(
        state=Organisation.State.ACTIVE,
        suspension_reason="",
        entitlements={},
        own_key_providers=[],
        vector_placement="dedicated",
        embedding_provider="local",
        embedding_version=embedder("local").version,
    )
    Organisation.objects.exclude(slug__in=["acme", "globex"]).delete()
    Branding.objects.all().delete()
    DomainClaim.objects.all().delete()
    SupportGrant.objects.all().delete()
    Domain.objects.exclude(domain__in=["acme.localhost", "globex.localhost"]).delete()
    forget_hosts()
    forget_quotes()
    forget_limits()
    forget_budgets()


@pytest.fixture(autouse=True)
def _clean_stores(request: pytest.FixtureRequest) -> Iterator[None]:
    """Caches, counters and vectors of one test are not seen by the next."""
    yield
    if "django_db_setup" not in request.fixturenames:
        return
    forget_all_keys()
    forget_remembered()
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    client.close()
    if vector_index.has_made:
        for slug in ("acme", "globex"):
            run_in_loop(vector_index().drop(key_of(slug)))
    cache.close()


_keys: dict[str, Any] = {}


def key_of(slug: str) -> Any:
    """The two organisations' keys, remembered: the database may be blocked when stores are cleaned."""
    return _keys[slug]


@pytest.fixture(scope="session", autouse=True)
def _remember_keys(request: pytest.FixtureRequest) -> None:
    items: list[Any] = request.session.items
    if any({"db", "django_db_setup"} & set(item.fixturenames) for item in items):
        request.getfixturevalue("django_db_setup")
        blocker = request.getfixturevalue("django_db_blocker")
        with blocker.unblock():
            _keys.update({row.slug: row.key for row in Organisation.objects.filter(slug__in=["acme", "globex"])})
            connection.close()


@pytest.fixture
def make_person() -> Callable[..., User]:
    def make(organisation: Organisation, email: str = "ada@example.org", role: Role = Role.MEMBER) -> User:
        with entered(organisation.schema_name):
            return User.objects.create_user(email, PASSWORD, name=email.split("@")[0].title(), role=role)

    return make


@pytest.fixture
def make_key() -> Callable[[Organisation, User], str]:
    def make(organisation: Organisation, user: User) -> str:
        with entered(organisation.schema_name):
            return api_key_issue(user=user, name="test")

    return make


@pytest.fixture
def make_collection() -> Callable[..., Collection]:
    def make(organisation: Organisation, name: str = "Documents") -> Collection:
        with entered(organisation.schema_name):
            return Collection.objects.create(name=name)

    return make


class Host(Client):
    """Django's test client on one organisation's host."""

    def __init__(self, organisation: Organisation | None, **extra: Any) -> None:
        name = f"{organisation.slug}.localhost" if organisation else "localhost"
        super().__init__(headers={"host": f"{name}:8000"}, **extra)

    def force_login(self, user: Any, backend: str | None = None) -> None:
        """As somebody who has signed in a moment ago, so that nothing asks again who it is."""
        super().force_login(user, backend)
        session = self.session
        request = SimpleNamespace(session=session)
        record_authentication(request, user, "password", reauthenticated=True)
        session.save()

    def sign_in(self, email: str, password: str = PASSWORD) -> Any:
        return self.post("/accounts/login/", {"login": email, "password": password})


@pytest.fixture
def on_host() -> Callable[..., Host]:
    return Host


@pytest.fixture
def ready_index() -> Callable[[Organisation], None]:
    """Make the organisation's vector collection, as provisioning does."""

    def make(organisation: Organisation) -> None:
        run_in_loop(vector_index().prepare(library_of(organisation).space))

    return make
