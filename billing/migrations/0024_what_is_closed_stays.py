"""Closed invoices, payments and the history of plans never change: the database refuses it. What organisations have
bought by now is written as periods and as entitlements."""

from datetime import date
from decimal import Decimal

from django.db import migrations

APPEND_ONLY = ("billing_subscriptionchange", "billing_invoicepayment", "billing_vatrate", "billing_invoicefile")
NEVER_EMPTIED = ("billing_invoice", "billing_invoiceline", "billing_invoicepayment", "billing_invoicefile")
FORWARD = """
CREATE FUNCTION billing_row_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only: write another row instead', TG_TABLE_NAME;
END $$;
CREATE FUNCTION billing_invoice_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'closed' THEN
    RAISE EXCEPTION 'invoice % is closed: issue a credit note instead', OLD.number;
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION billing_invoice_lines_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM public.billing_invoice WHERE state = 'closed' AND id IN (
    CASE WHEN TG_OP <> 'INSERT' THEN OLD.invoice_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.invoice_id END
  )) THEN
    RAISE EXCEPTION 'the lines of a closed invoice stay as they are: issue a credit note instead';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER invoice_stays BEFORE UPDATE OR DELETE ON billing_invoice
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_stays();
CREATE TRIGGER invoice_lines_stay BEFORE INSERT OR UPDATE OR DELETE ON billing_invoiceline
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_lines_stay();
"""
BACKWARD = """
DROP FUNCTION billing_row_is_append_only() CASCADE;
DROP FUNCTION billing_invoice_stays() CASCADE;
DROP FUNCTION billing_invoice_lines_stay() CASCADE;
"""
ADDED = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION billing_row_is_append_only();\n"
    for table in APPEND_ONLY
) + "".join(
    f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION usage_event_is_never_emptied();\n"
    for table in NEVER_EMPTIED
)
GONE = "".join(f"DROP TRIGGER never_emptied ON {table};\n" for table in NEVER_EMPTIED)
KEPT = ("seats", "max_file_mb", "max_pages", "max_unpacked_mb", "max_parse_seconds", "max_parts")
FEATURES = ["branding", "domains", "experiments", "schedules"]  # everybody had them


def forward(apps, schema_editor):
    model = apps.get_model("billing", "Plan")
    model.objects.update(features=FEATURES, is_usage_charged=False)  # nobody is invoiced before an operator says so
    if first := model.objects.order_by("monthly_price_gbp", "name").first():
        model.objects.filter(pk=first.pk).update(is_first=True)
    series = apps.get_model("billing", "InvoiceSeries").objects
    series.bulk_create([series.model(name="invoice"), series.model(name="credit_note")])
    apps.get_model("billing", "VatRate").objects.create(
        country="GB",
        valid_from=date(2011, 1, 4),
        percent=Decimal("20.00"),
        source="https://www.gov.uk/vat-rates",
    )
    period = apps.get_model("billing", "PlanPeriod")
    for row in apps.get_model("billing", "Subscription").objects.select_related("plan", "organisation"):
        plan = row.plan
        given = {"plan": plan.name, "documents": plan.document_limit, "features": FEATURES}
        given |= {name: getattr(plan, name) for name in KEPT if getattr(plan, name) is not None}
        organisations = apps.get_model("tenants", "Organisation").objects
        organisations.filter(pk=row.organisation_id).update(entitlements=given)
        period.objects.create(
            organisation_id=row.organisation_id,
            plan=plan,
            since=row.started_at.date(),
            monthly_price_gbp=plan.monthly_price_gbp,
            is_usage_charged=False,
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0023_plans_and_invoices"), ("tenants", "0005_entitlements")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(forward, migrations.RunPython.noop),
        migrations.RunSQL(ADDED, GONE),
    ]
