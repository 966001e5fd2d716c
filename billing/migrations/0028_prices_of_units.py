"""What is counted in units has a price from the beginning: nothing, until an operator adds another row."""

from datetime import date

from django.db import migrations

ROWS = (
    ("local", "tesseract", "Runs on our own machines"),
    ("platform", "storage", "A megabyte for a day; in the plan's price"),
)


def forward(apps, schema_editor):
    prices = apps.get_model("billing", "ModelPrice").objects
    for provider, model, source in ROWS:
        prices.get_or_create(
            provider=provider,
            model=model,
            valid_from=date(2024, 1, 1),
            defaults={"input_usd": 0, "cached_input_usd": 0, "output_usd": 0, "unit_usd": 0, "source": source},
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0027_units")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
