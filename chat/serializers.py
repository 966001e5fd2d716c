"""The wire shapes of conversations, answers, opinions and gaps."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from chat.models import Feedback, KnowledgeGap, Message
from chat.protocol import MAX_COLLECTIONS


class ConversationOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    is_pinned = serializers.BooleanField()
    is_archived = serializers.BooleanField()
    is_shared = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    snippet = serializers.CharField(
        required=False, help_text="With `q` only: the surroundings of the match, which stands within «»"
    )


class SourceOutput(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="Its number in the answer's text")
    document = serializers.UUIDField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    snippet = serializers.CharField()
    url = serializers.CharField(help_text="Opens the passage in the version that was cited")
    cited = serializers.BooleanField()


class AnswerUsageOutput(serializers.Serializer[Any]):
    model = serializers.CharField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_gbp = serializers.CharField(allow_null=True)
    cached = serializers.BooleanField()


class CodedOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class FeedbackOutput(serializers.Serializer[Any]):
    rating = serializers.ChoiceField(choices=Feedback.Rating.choices)
    reason = serializers.CharField()
    comment = serializers.CharField()


class MessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Message.Role.choices)
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=Message.Status.choices)
    created_at = serializers.DateTimeField()
    siblings = serializers.ListField(
        child=serializers.UUIDField(), help_text="All that stand in its place, itself among them, in order"
    )
    notices = CodedOutput(many=True)
    suggestions = serializers.ListField(child=serializers.CharField())
    sources = SourceOutput(many=True)
    usage = AnswerUsageOutput(allow_null=True)
    error = CodedOutput(allow_null=True)
    feedback = FeedbackOutput(allow_null=True)
    gap_reported = serializers.BooleanField(help_text="Whether the person said that the documents do not tell it")


class AnswerOutput(MessageOutput):
    conversation = serializers.UUIDField()
    question = serializers.UUIDField(allow_null=True)


class ConversationDetailOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    is_pinned = serializers.BooleanField()
    is_archived = serializers.BooleanField()
    is_shared = serializers.BooleanField()
    share_url = serializers.URLField(allow_null=True, help_text="For colleagues, while it is shared")
    messages = MessageOutput(many=True, help_text="The open branch, oldest first")


class MessagesOutput(serializers.Serializer[Any]):
    messages = MessageOutput(many=True, help_text="Oldest first")
    has_more = serializers.BooleanField(help_text="There are older ones")


class ConversationChange(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=120, required=False)
    is_pinned = serializers.BooleanField(required=False)
    is_archived = serializers.BooleanField(required=False)
    is_shared = serializers.BooleanField(required=False)
    leaf = serializers.UUIDField(
        required=False, help_text="A message: the branch of the newest one beneath it is opened"
    )


class QuestionInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=settings.VENA_MAX_QUESTION)
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_null=True, default=None, max_length=MAX_COLLECTIONS
    )
    client_id = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Your own id of the question: it is asked once"
    )


class FeedbackInput(serializers.Serializer[Any]):
    rating = serializers.ChoiceField(choices=Feedback.Rating.choices)
    reason = serializers.ChoiceField(choices=Feedback.Reason.choices, required=False, allow_blank=True, default="")
    comment = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class RatedDocumentOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)


class RatedOutput(serializers.Serializer[Any]):
    answer = serializers.UUIDField()
    question = serializers.CharField()
    documents = RatedDocumentOutput(many=True)
    is_golden = serializers.BooleanField(help_text="The question is a golden one already")


class FollowUpsOutput(serializers.Serializer[Any]):
    suggestions = serializers.ListField(child=serializers.CharField())
    title = serializers.CharField(help_text="Of the conversation")


class GapInput(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ReportedOutput(serializers.Serializer[Any]):
    reported = serializers.BooleanField()


class NearestOutput(serializers.Serializer[Any]):
    document = serializers.UUIDField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    similarity = serializers.FloatField()
    url = serializers.CharField(allow_null=True)


class GapQuestionOutput(serializers.Serializer[Any]):
    text = serializers.CharField()
    is_reported = serializers.BooleanField()
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()


class GapOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    topic = serializers.CharField()
    status = serializers.ChoiceField(choices=KnowledgeGap.Status.choices)
    note = serializers.CharField()
    people = serializers.IntegerField(help_text="How many asked; who they are is not told")
    asked = serializers.IntegerField()
    first_asked_at = serializers.DateTimeField(allow_null=True)
    last_asked_at = serializers.DateTimeField(allow_null=True)
    may_be_filled_at = serializers.DateTimeField(
        allow_null=True, help_text="Since then there are documents that may answer it"
    )
    nearest = NearestOutput(many=True)
    questions = GapQuestionOutput(many=True)


class GapChange(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=KnowledgeGap.Status.choices, required=False)
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class FilledGapOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    topic = serializers.CharField()
    note = serializers.CharField()
    question = serializers.CharField()
    conversation = serializers.UUIDField()
