"""The ledger can't be emptied either. Tests say so when they must: `SET vena.may_empty_ledger = 'yes'`."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION usage_event_is_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('vena.may_empty_ledger', true) = 'yes' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the usage ledger is append only: it is never emptied';
END $$;
DO $$
DECLARE part regclass;
BEGIN
  FOR part IN SELECT relid FROM pg_partition_tree('billing_usageevent') LOOP
    EXECUTE format('CREATE TRIGGER usage_event_never_emptied BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION usage_event_is_never_emptied()', part);
  END LOOP;
END $$;
"""
BACKWARD = "DROP FUNCTION usage_event_is_never_emptied() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_counter_entries")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
