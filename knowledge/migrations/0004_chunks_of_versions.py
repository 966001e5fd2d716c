import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('knowledge', '0003_first_versions'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='document',
            name='knowledge_d_state_4bb12f_idx',
        ),
        migrations.RemoveField(
            model_name='document',
            name='chunk_count',
        ),
        migrations.RemoveField(
            model_name='document',
            name='file',
        ),
        migrations.RemoveField(
            model_name='document',
            name='file_name',
        ),
        migrations.RemoveField(
            model_name='document',
            name='media_type',
        ),
        migrations.RemoveField(
            model_name='document',
            name='page_count',
        ),
        migrations.RemoveField(
            model_name='document',
            name='sha256',
        ),
        migrations.RemoveField(
            model_name='document',
            name='size',
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'deleting'), _negated=True), fields=('collection', 'key'), name='one_document_a_key'),
        ),
        migrations.DeleteModel(
            name='Chunk',
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('point_id', models.UUIDField(db_index=True)),
                ('position', models.PositiveIntegerField()),
                ('section', models.PositiveIntegerField(default=0)),
                ('text', models.TextField()),
                ('embedding_text', models.TextField()),
                ('context', models.TextField(blank=True)),
                ('heading_path', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), default=list, size=None)),
                ('page', models.PositiveIntegerField(null=True)),
                ('last_page', models.PositiveIntegerField(null=True)),
                ('boxes', models.JSONField(default=list)),
                ('place', models.CharField(blank=True, max_length=200)),
                ('char_start', models.PositiveIntegerField()),
                ('char_end', models.PositiveIntegerField()),
                ('content_hash', models.CharField(db_index=True, max_length=64)),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='knowledge.document')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='knowledge.documentversion')),
            ],
            options={
                'ordering': ['position'],
                'constraints': [models.UniqueConstraint(fields=('version', 'position'), name='one_chunk_a_place')],
            },
        ),
    ]
