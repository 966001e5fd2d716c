"""Whose chat models an organisation pays for itself stands on the organisation: invoices ask there."""

from django.db import connection, migrations


def forward(apps, schema_editor):
    if connection.schema_name == "public":
        return
    providers = sorted(apps.get_model("knowledge", "ProviderKey").objects.values_list("provider", flat=True))
    if providers:
        rows = apps.get_model("tenants", "Organisation").objects.filter(schema_name=connection.schema_name)
        rows.update(own_key_providers=providers)


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0011_collection_access"), ("tenants", "0006_own_keys")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
