from __future__ import annotations

from vena_platform.errors import VenaError


class ConversationNotFound(VenaError):
    code, status = "conversation_not_found", 404
    message = "There is no such conversation, or it is not yours."


class AnswerNotFound(VenaError):
    code, status = "answer_not_found", 404
    message = "There is no such answer, or it is not yours."


class MessageNotFound(VenaError):
    code, status = "message_not_found", 404
    message = "There is no such message, or it is not yours."


class QuestionTooLong(VenaError):
    code, status = "question_too_long", 413
    message = "This question is too long. Shorten it, or put the text into a document and ask about that."


class AnswerCrashed(VenaError):
    code, status, retryable = "answer_failed", 500, True
    message = "Something went wrong on our side while answering. Ask again; we have been told about it."


class ServerRestarting(VenaError):
    code, status, retryable = "server_restarting", 503, True
    message = "Vena is being restarted. Ask again in a few seconds."


class ServerBusy(VenaError):
    code, status, retryable = "server_busy", 503, True
    message = "Too many questions are being answered at this moment. Ask again in a few seconds."


class StopNotHeard(VenaError):
    code, status, retryable = "stop_not_heard", 503, True
    message = "The answer could not be stopped just now. Try again in a few seconds."


class AnswerLost(VenaError):
    code, status, retryable = "answer_lost", 503, True
    message = "The server that was writing this answer went away. What it had is kept; ask again for the rest."


class AnswerRunning(VenaError):
    code, status = "answer_running", 409
    message = "This answer is still being written. Wait for its end, then rate it."


class NotGolden(VenaError):
    code, status = "not_golden", 422
    message = "This answer cites no document that is still there, so it cannot be measured with. Type the question in."


class GapNotFound(VenaError):
    code, status = "gap_not_found", 404
    message = "There is no such gap, or you may not see it."


class InvalidLeaf(VenaError):
    code, status = "invalid", 400
    message = "There is no such message in this conversation."


class TooManyQuestions(VenaError):
    code, status, retryable = "too_many_questions", 429, True

    def __init__(self, *, seconds: int) -> None:
        self.retry_after = float(seconds)
        super().__init__(f"Too many questions in one minute. Ask again in {seconds} seconds.")


class QuestionsUsedUp(VenaError):
    code, status = "questions_used_up", 402

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Your organisation's plan has {most:,} questions a month, and all are used. "
            "Earlier answers stay readable. Ask an owner for a larger plan."
        )


class BadHeir(VenaError):
    code, status = "bad_heir", 400
    message = "Choose another person, who may sign in, to get what is handed over."
