"""Services are named by the environment. Nothing falls back to an embedded part: what is missing stops the start."""

from __future__ import annotations

from pathlib import Path

from vena_platform import env
from vena_platform.secrets import checked_keys
from vena_platform.settings.base import *
from vena_platform.settings.base import SENTRY_DSN, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET

SECRET_KEY = env.required("SECRET_KEY", "a random string of 50 or more characters, kept secret")
QDRANT_URL = env.required("QDRANT_URL", "the address of Qdrant Cloud or of a Qdrant server")
VENA_BASE_DOMAIN = env.required("VENA_BASE_DOMAIN", "the domain of the public site, for instance vena.example")
env.required(
    "VENA_ENCRYPTION_KEYS",
    "what organisations' secrets are encrypted with, newest first, with commas between; make one with "
    "`python -m vena_platform.secrets`",
)
VENA_ENCRYPTION_KEYS = checked_keys(env.words("VENA_ENCRYPTION_KEYS"))
VENA_PUBLIC_PORT = env.text("VENA_PUBLIC_PORT")
VENA_SCHEME = "https"
VENA_OPERATOR_SECOND_FACTOR = env.flag("VENA_OPERATOR_SECOND_FACTOR", default=True)
MEDIA_ROOT = Path(env.required("VENA_MEDIA_ROOT", "a folder that web and worker processes share, for files"))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.required("EMAIL_HOST", "the SMTP server that sends invitations and password resets")
EMAIL_PORT = env.integer("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
DEFAULT_FROM_EMAIL = env.required("DEFAULT_FROM_EMAIL", "the sender of the platform's e-mails")

if STRIPE_SECRET_KEY or STRIPE_WEBHOOK_SECRET:  # one alone would charge without ever hearing what became of it
    env.required("STRIPE_SECRET_KEY", "Stripe's secret key, since STRIPE_WEBHOOK_SECRET is set; or set neither")
    env.required("STRIPE_WEBHOOK_SECRET", "the secret of the webhook, since STRIPE_SECRET_KEY is set; or set neither")

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-vena-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-vena-csrf"

if SENTRY_DSN:
    import sentry_sdk

    from vena_platform.log_secrets import hidden_in_event

    sentry_sdk.init(
        dsn=SENTRY_DSN,
        send_default_pii=False,
        traces_sample_rate=0.0,
        include_local_variables=False,
        before_send=hidden_in_event,
    )
