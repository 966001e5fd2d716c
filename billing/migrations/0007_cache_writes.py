"""What a provider takes for putting input into its own cache."""

import datetime
from decimal import Decimal

from django.db import migrations, models


FROM = datetime.date(2026, 11, 1)  # no earlier release asked a provider to keep anything
SOURCE = "Anthropic's published price list, platform.claude.com, prompt caching: 1.25 times the input, for five minutes"
PRICES = [  # model, input, cached input, written to the cache, output (US dollars for a million tokens)
    ("claude-sonnet-4-6", "3.00", "0.30", "3.75", "15.00"),
    ("claude-haiku-4-5", "1.00", "0.10", "1.25", "5.00"),
]


def forward(apps, schema_editor):
    """A newer row beside the old ones, which stay for old reports."""
    price = apps.get_model("billing", "ModelPrice")
    for model, fresh, cached, written, output in PRICES:
        latest = price.objects.filter(provider="anthropic", model=model).order_by("-valid_from").first()
        if latest is None or latest.input_usd != Decimal(fresh):
            continue  # the operators have entered a price of their own
        price.objects.create(
            provider="anthropic",
            model=model,
            valid_from=FROM,
            input_usd=Decimal(fresh),
            cached_input_usd=Decimal(cached),
            cache_write_usd=Decimal(written),
            output_usd=Decimal(output),
            source=SOURCE,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0006_call_kinds'),
    ]

    operations = [
        migrations.AddField(
            model_name='modelprice',
            name='cache_write_usd',
            field=models.DecimalField(blank=True, decimal_places=8, max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name='usageevent',
            name='cache_write_tokens',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name='modelprice',
            constraint=models.CheckConstraint(condition=models.Q(('cache_write_usd__isnull', True), ('cache_write_usd__gte', 0), _connector='OR'), name='cache_write_not_negative'),
        ),
        migrations.AddConstraint(
            model_name="usageevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("cache_write_tokens", 0))
                | models.Q(("cache_write_tokens__lte", models.F("input_tokens") - models.F("cached_input_tokens"))),
                name="cache_write_within_input",
            ),
        ),
        migrations.RunPython(forward, migrations.RunPython.noop),
    ]
