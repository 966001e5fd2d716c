import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import knowledge.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '__first__'),
        ('knowledge', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DocumentVersion',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('reason', models.CharField(choices=[('upload', 'Upload'), ('reindex', 'Reindex')], default='upload', max_length=16)),
                ('file', models.FileField(max_length=255, upload_to=knowledge.models.storage_path)),
                ('file_name', models.CharField(max_length=255)),
                ('media_type', models.CharField(blank=True, max_length=120)),
                ('size', models.PositiveBigIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('created_by_label', models.CharField(blank=True, max_length=254)),
                ('page_count', models.PositiveIntegerField(blank=True, null=True)),
                ('chunk_count', models.PositiveIntegerField(default=0)),
                ('part_count', models.PositiveIntegerField(default=0)),
                ('recipe', models.CharField(blank=True, max_length=120)),
                ('chunked_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ready_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='EvaluationResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=2000)),
                ('first_rank', models.PositiveIntegerField(null=True)),
                ('recall_at_5', models.FloatField()),
                ('recall_at_10', models.FloatField()),
                ('mrr_at_10', models.FloatField()),
                ('ndcg_at_10', models.FloatField()),
                ('expected', models.JSONField(default=list)),
                ('found', models.JSONField(default=list)),
            ],
            options={
                'ordering': ['ndcg_at_10', 'id'],
            },
        ),
        migrations.CreateModel(
            name='EvaluationRun',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='queued', max_length=16)),
                ('label', models.CharField(blank=True, max_length=120)),
                ('started_by_label', models.CharField(blank=True, max_length=254)),
                ('embedding_provider', models.CharField(max_length=32)),
                ('embedding_version', models.CharField(max_length=64)),
                ('setup', models.JSONField(default=dict)),
                ('question_count', models.PositiveIntegerField(default=0)),
                ('done_count', models.PositiveIntegerField(default=0)),
                ('recall_at_5', models.FloatField(null=True)),
                ('recall_at_10', models.FloatField(null=True)),
                ('mrr_at_10', models.FloatField(null=True)),
                ('ndcg_at_10', models.FloatField(null=True)),
                ('failure_code', models.CharField(blank=True, max_length=64)),
                ('failure_message', models.CharField(blank=True, max_length=400)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='GoldenQuestion',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('text', models.CharField(max_length=2000)),
                ('source', models.CharField(choices=[('typed', 'Typed'), ('csv', 'Csv'), ('rated', 'Rated')], default='typed', max_length=8)),
                ('created_by_label', models.CharField(blank=True, max_length=254)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='GoldenTarget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quote', models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name='IngestionAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('ready', 'Ready'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('interrupted', 'Interrupted'), ('put_back', 'Put Back'), ('yielded', 'Yielded')], max_length=16)),
                ('failure_code', models.CharField(blank=True, max_length=64)),
                ('stages', models.JSONField(default=dict)),
                ('embedded', models.PositiveIntegerField(default=0)),
                ('reused', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['-started_at'],
            },
        ),
        migrations.CreateModel(
            name='LibraryState',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('index_version', models.PositiveBigIntegerField(default=1)),
                ('is_reranked', models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name='ReconcileReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('counted', models.JSONField(default=dict)),
                ('found', models.JSONField(default=dict)),
                ('repaired', models.JSONField(default=dict)),
                ('examples', models.JSONField(default=dict)),
            ],
            options={
                'ordering': ['-started_at'],
            },
        ),
        migrations.CreateModel(
            name='Reembedding',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('source_provider', models.CharField(max_length=32)),
                ('source_version', models.CharField(max_length=64)),
                ('target_provider', models.CharField(max_length=32)),
                ('target_version', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('building', 'Building'), ('built', 'Built'), ('switched', 'Switched'), ('closed', 'Closed'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='building', max_length=16)),
                ('done', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(default=0)),
                ('token_estimate', models.PositiveBigIntegerField(default=0)),
                ('cost_estimate_gbp', models.DecimalField(decimal_places=8, default=0, max_digits=16)),
                ('failure_code', models.CharField(blank=True, max_length=64)),
                ('failure_message', models.CharField(blank=True, max_length=400)),
                ('failure_detail', models.TextField(blank=True)),
                ('started_by_label', models.CharField(blank=True, max_length=254)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='TextVectors',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('embedding_version', models.CharField(max_length=64)),
                ('content_hash', models.CharField(max_length=64)),
                ('dense', models.BinaryField()),
                ('tokens', models.BinaryField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AddField(
            model_name='collection',
            name='is_contextual',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='collection',
            name='language',
            field=models.CharField(default='english', max_length=16),
        ),
        migrations.AddField(
            model_name='document',
            name='dated',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='external_id',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='document',
            name='failed_stage',
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.AddField(
            model_name='document',
            name='interruptions',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='document',
            name='key',
            field=models.CharField(default='', max_length=600),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='document',
            name='not_before',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='parent',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='knowledge.document'),
        ),
        migrations.AddField(
            model_name='document',
            name='progressed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='queued_at',
            field=models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='document',
            name='source_url',
            field=models.URLField(blank=True, max_length=2000),
        ),
        migrations.AddField(
            model_name='document',
            name='tags',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='document',
            name='work_started_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='document',
            name='failure_message',
            field=models.CharField(blank=True, max_length=400),
        ),
        migrations.AddField(
            model_name='documentversion',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='documentversion',
            name='document',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='knowledge.document'),
        ),
        migrations.AddField(
            model_name='document',
            name='current',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='knowledge.documentversion'),
        ),
        migrations.AddField(
            model_name='document',
            name='newest',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='knowledge.documentversion'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['state', 'queued_at'], name='knowledge_d_state_615a1f_idx'),
        ),
        migrations.AddField(
            model_name='evaluationresult',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='knowledge.evaluationrun'),
        ),
        migrations.AddConstraint(
            model_name='goldenquestion',
            constraint=models.UniqueConstraint(fields=('text',), name='one_golden_question_a_text'),
        ),
        migrations.AddField(
            model_name='evaluationresult',
            name='question',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='knowledge.goldenquestion'),
        ),
        migrations.AddField(
            model_name='goldentarget',
            name='document',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='golden_targets', to='knowledge.document'),
        ),
        migrations.AddField(
            model_name='goldentarget',
            name='question',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='knowledge.goldenquestion'),
        ),
        migrations.AddField(
            model_name='ingestionattempt',
            name='document',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ingestion_attempts', to='knowledge.document'),
        ),
        migrations.AddField(
            model_name='ingestionattempt',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ingestion_attempts', to='knowledge.documentversion'),
        ),
        migrations.AddField(
            model_name='reembedding',
            name='after',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='knowledge.evaluationrun'),
        ),
        migrations.AddField(
            model_name='reembedding',
            name='before',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='knowledge.evaluationrun'),
        ),
        migrations.AddConstraint(
            model_name='textvectors',
            constraint=models.UniqueConstraint(fields=('content_hash', 'embedding_version'), name='one_vector_a_text'),
        ),
        migrations.AddConstraint(
            model_name='documentversion',
            constraint=models.UniqueConstraint(fields=('document', 'number'), name='one_version_a_number'),
        ),
        migrations.AddConstraint(
            model_name='reembedding',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'building')), fields=('state',), name='one_building_at_a_time'),
        ),
    ]
