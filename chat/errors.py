from __future__ import annotations

from vena_platform.errors import VenaError


class ConversationNotFound(VenaError):
    code, status = "conversation_not_found", 404
    message = "There is no such conversation, or it is not yours."


class AnswerNotFound(VenaError):
    code, status = "answer_not_found", 404
    message = "There is no such answer, or it is not yours."


class QuestionTooLong(VenaError):
    code, status = "question_too_long", 413
    message = "This question is too long. Shorten it, or put the text into a document and ask about that."


class AnswerCrashed(VenaError):
    code, status, retryable = "answer_failed", 500, True
    message = "Something went wrong on our side while answering. Ask again; we have been told about it."
