from __future__ import annotations

from celery import shared_task
from django.core.mail import EmailMultiAlternatives

from tenants.context import entered


@shared_task(acks_late=True, expires=900, autoretry_for=(OSError,), retry_backoff=True, max_retries=5)
def send_mail(*, schema_name: str, subject: str, body: str, sender: str, to: list[str], html: str = "") -> None:
    """A letter about signing in. Behind the response, so that its time does not tell who has an account."""
    with entered(schema_name):
        letter = EmailMultiAlternatives(subject, body, sender, to)
        if html:
            letter.attach_alternative(html, "text/html")
        letter.send()
