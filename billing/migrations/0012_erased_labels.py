"""The ledger stays append only, but the name of a member who is erased can be taken out of it: that and nothing else."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION usage_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.member_label = 'erased'
     AND to_jsonb(NEW) - 'member_label' = to_jsonb(OLD) - 'member_label' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the usage ledger is append only: write a counter-entry instead';
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION usage_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the usage ledger is append only: write a counter-entry instead';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_daily_usage")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
