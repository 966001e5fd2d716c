from __future__ import annotations

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Invoices hear of their payments."""
        from billing.invoicing import collecting
        from billing.payments import outcomes

        outcomes.on_settled.append(collecting.on_settled)
        outcomes.on_failed.append(collecting.on_failed)
        outcomes.on_needs_action.append(collecting.on_failed)
        outcomes.on_refunded.append(collecting.on_refunded)
