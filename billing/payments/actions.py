"""What others do with payments. Everything else in this package is how."""

from __future__ import annotations

from billing.payments.accounts import account_forget as account_forget
from billing.payments.accounts import accounts_known as accounts_known
from billing.payments.accounts import checkout_start as checkout_start
from billing.payments.accounts import method_refresh as method_refresh
from billing.payments.accounts import portal_open as portal_open
from billing.payments.charging import invoice_charge as invoice_charge
from billing.payments.events import event_receive as event_receive
from billing.payments.reconciling import payments_reconcile as payments_reconcile
from billing.payments.refunding import payment_refund as payment_refund
