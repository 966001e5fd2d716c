"""Conversations so far are one branch each: every question follows the answer before it, the last answer is open."""

from django.db import migrations

QUESTIONS_FOLLOW = """
UPDATE chat_message AS question SET after_id = answer.id
FROM chat_message AS answer
WHERE question.role = 'user' AND answer.id = (
    SELECT earlier.id FROM chat_message AS earlier
    WHERE earlier.conversation_id = question.conversation_id AND earlier.role = 'assistant'
      AND earlier.created_at < question.created_at
    ORDER BY earlier.created_at DESC LIMIT 1)
"""
LAST_ANSWER_IS_OPEN = """
UPDATE chat_conversation AS conversation SET leaf_id = (
    SELECT answer.id FROM chat_message AS answer
    WHERE answer.conversation_id = conversation.id AND answer.role = 'assistant'
    ORDER BY answer.created_at DESC LIMIT 1)
"""


class Migration(migrations.Migration):
    dependencies = [("chat", "0004_branches")]
    operations = [
        migrations.RunSQL(QUESTIONS_FOLLOW, migrations.RunSQL.noop),
        migrations.RunSQL(LAST_ANSWER_IS_OPEN, migrations.RunSQL.noop),
    ]
