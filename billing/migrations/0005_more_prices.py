"""Prices of the other embedding model that can be chosen, and of reranking."""

import datetime
from decimal import Decimal

from django.db import migrations

FROM = datetime.date(2024, 12, 2)
OPENAI = "OpenAI's published price list, openai.com/api/pricing"
COHERE = "Cohere's published price list, cohere.com/pricing: 2 dollars for 1,000 searches; a unit is one search"
PRICES = [  # provider, model, US dollars for a million units, source
    ("openai", "text-embedding-3-large", "0.13", OPENAI),
    ("cohere", "rerank-v3.5", "2000", COHERE),
]


def forward(apps, schema_editor):
    price = apps.get_model("billing", "ModelPrice")
    for provider, model, unit, source in PRICES:
        price.objects.create(
            provider=provider,
            model=model,
            valid_from=FROM,
            input_usd=Decimal(unit),
            cached_input_usd=Decimal(unit),
            output_usd=Decimal(0),
            source=source,
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_document_limits")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
