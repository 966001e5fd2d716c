"""The ledger is cut by month: a month is written once and read as one. The key of a call moves to a table of its own,
because the database keeps nothing unique over several partitions but what the cut is made by."""

import django.utils.timezone
import uuid
from django.db import migrations, models

FORWARD = """
ALTER TABLE billing_usageevent RENAME TO billing_usageevent_whole;
CREATE SEQUENCE billing_usageevent_number;
SELECT setval('billing_usageevent_number', coalesce((SELECT max(id) FROM billing_usageevent_whole), 0) + 1, false);
CREATE TABLE billing_usageevent (LIKE billing_usageevent_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
  PARTITION BY RANGE (created_at);
ALTER TABLE billing_usageevent ALTER COLUMN id SET DEFAULT nextval('billing_usageevent_number');
ALTER SEQUENCE billing_usageevent_number OWNED BY billing_usageevent.id;
CREATE TABLE billing_usageevent_other PARTITION OF billing_usageevent DEFAULT;
DO $$
DECLARE
  month date := date_trunc('month', coalesce((SELECT min(created_at) FROM billing_usageevent_whole), now()));
BEGIN
  WHILE month < now() + interval '13 months' LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF billing_usageevent FOR VALUES FROM (%L) TO (%L)',
                   'billing_usageevent_' || to_char(month, 'YYYY_MM'), month::timestamp at time zone 'UTC',
                   (month + interval '1 month')::timestamp at time zone 'UTC');
    month := month + interval '1 month';
  END LOOP;
END $$;
INSERT INTO billing_usagekey (key) SELECT idempotency_key FROM billing_usageevent_whole;
INSERT INTO billing_usageevent SELECT * FROM billing_usageevent_whole;
DROP TABLE billing_usageevent_whole;
ALTER TABLE billing_usageevent ADD PRIMARY KEY (id, created_at);
CREATE INDEX usage_by_organisation ON billing_usageevent (organisation_id, created_at);
CREATE INDEX usage_by_subject ON billing_usageevent (subject);
ALTER TABLE billing_usageevent
  ADD FOREIGN KEY (price_id) REFERENCES billing_modelprice (id),
  ADD FOREIGN KEY (rate_id) REFERENCES billing_exchangerate (id);
CREATE TRIGGER usage_event_append_only BEFORE UPDATE OR DELETE ON billing_usageevent
  FOR EACH ROW EXECUTE FUNCTION usage_event_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_newer_models")]
    operations = [
        migrations.CreateModel(
            name='UsageKey',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)],
            [
                migrations.AlterField(
                    model_name='usageevent',
                    name='created_at',
                    field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                migrations.AlterField(
                    model_name='usageevent',
                    name='idempotency_key',
                    field=models.UUIDField(default=uuid.uuid4),
                ),
                migrations.AddIndex(
                    model_name='usageevent',
                    index=models.Index(fields=['subject'], name='usage_by_subject'),
                ),
            ],
        ),
    ]
