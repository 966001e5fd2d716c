"""Every document becomes its own first version. Its chunks are derived: it is put back in line and read again."""

from django.db import migrations


def make_versions(apps, schema_editor):
    Document = apps.get_model("knowledge", "Document")
    Version = apps.get_model("knowledge", "DocumentVersion")
    names = set()
    for document in Document.objects.order_by("created_at").iterator():
        key = f"name:{document.file_name.lower()}"
        if (document.collection_id, key) in names:  # two of one name were two documents: they stay so
            key = f"name:{document.id}:{document.file_name.lower()}"
        names.add((document.collection_id, key))
        version = Version.objects.create(
            document=document,
            number=1,
            file=document.file.name,
            file_name=document.file_name,
            media_type=document.media_type,
            size=document.size,
            sha256=document.sha256,
            created_by_id=document.uploaded_by_id,
            created_by_label=document.uploaded_by_label,
        )
        document.key, document.newest = key, version
        document.dated = document.created_at.date()
        if document.state == "ready":
            document.state = "queued"
        document.save()


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0002_versions")]
    operations = [migrations.RunPython(make_versions, migrations.RunPython.noop)]
