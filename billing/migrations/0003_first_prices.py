"""A first price list, rate and plan. Operators add newer rows; these stay for old reports."""

import datetime
from decimal import Decimal

from django.db import migrations

FROM = datetime.date(2024, 8, 6)
OPENAI = "OpenAI's published price list, openai.com/api/pricing"
ANTHROPIC = "Anthropic's published price list, docs.anthropic.com, pricing page"
LOCAL = "runs on this machine"
PRICES = [  # provider, model, input, cached input, output (US dollars for a million tokens), source
    ("openai", "gpt-4o", "2.50", "1.25", "10.00", OPENAI),
    ("openai", "gpt-4o-mini", "0.15", "0.075", "0.60", OPENAI),
    ("openai", "text-embedding-3-small", "0.02", "0.02", "0", OPENAI),
    ("anthropic", "claude-sonnet-4-6", "3.00", "0.30", "15.00", ANTHROPIC),
    ("anthropic", "claude-haiku-4-5", "1.00", "0.10", "5.00", ANTHROPIC),
    ("local", "all-MiniLM-L6-v2", "0", "0", "0", LOCAL),
    ("local", "extractive", "0", "0", "0", LOCAL),
]


def forward(apps, schema_editor):
    price = apps.get_model("billing", "ModelPrice")
    for provider, model, fresh, cached, output, source in PRICES:
        price.objects.create(
            provider=provider,
            model=model,
            valid_from=FROM,
            input_usd=Decimal(fresh),
            cached_input_usd=Decimal(cached),
            output_usd=Decimal(output),
            source=source,
        )
    apps.get_model("billing", "ExchangeRate").objects.create(
        valid_from=FROM, gbp_per_usd=Decimal("0.79"), source="starting value; enter your bank's rate"
    )
    apps.get_model("billing", "Plan").objects.create(slug="team", name="Team", seats=25, document_limit=10_000)


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_append_only")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
