"""Prices of Claude Sonnet 5.5, from the day it came out; reading from the cache became cheaper a few days later."""

import datetime
from decimal import Decimal

from django.db import migrations

SOURCE = "Anthropic's published price list, platform.claude.com, pricing; dates as in its release notes of 2026"
PRICES = [  # from, model, input, cached input, output (US dollars for a million tokens)
    (datetime.date(2026, 9, 28), "claude-sonnet-5-5", "2.00", "0.20", "10.00"),
    (datetime.date(2026, 10, 7), "claude-sonnet-5-5", "2.00", "0.10", "10.00"),
]


def forward(apps, schema_editor):
    for valid_from, model, fresh, cached, output in PRICES:
        apps.get_model("billing", "ModelPrice").objects.create(
            provider="anthropic",
            model=model,
            valid_from=valid_from,
            input_usd=Decimal(fresh),
            cached_input_usd=Decimal(cached),
            cache_write_usd=Decimal(fresh) * Decimal("1.25"),  # for five minutes
            output_usd=Decimal(output),
            source=SOURCE,
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_cache_writes")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
