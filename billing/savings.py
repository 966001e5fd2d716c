"""What providers' own caches saved, out of the ledger."""

from __future__ import annotations

# Pounds for a number of calls at one price and rate: input that was read from a cache, less what writing it cost more.
# Nothing is rounded, so sums of sums stay exact. Negative where much was written and little read.
OF_CALLS = """
(calls.cached_input_tokens * (price.input_usd - price.cached_input_usd)
  - calls.cache_write_tokens * (coalesce(price.cache_write_usd, price.input_usd) - price.input_usd))
  * rate.gbp_per_usd * 0.000001
"""
PRICES = """
LEFT JOIN public.billing_modelprice AS price ON price.id = calls.price_id
LEFT JOIN public.billing_exchangerate AS rate ON rate.id = calls.rate_id
"""
