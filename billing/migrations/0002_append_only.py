"""The ledger is append only: the database refuses what the code must never do."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION usage_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the usage ledger is append only: write a counter-entry instead';
END $$;
CREATE TRIGGER usage_event_append_only BEFORE UPDATE OR DELETE ON billing_usageevent
  FOR EACH ROW EXECUTE FUNCTION usage_event_is_append_only();
"""
BACKWARD = """
DROP TRIGGER usage_event_append_only ON billing_usageevent;
DROP FUNCTION usage_event_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
