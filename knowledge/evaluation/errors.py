"""Failures of measuring that we expect."""

from __future__ import annotations

from vena_platform.errors import VenaError


class NoGoldenQuestions(VenaError):
    code, status = "no_golden_questions", 409
    message = "There is no question with a document to measure with. Add a few golden questions first."


class GoldenQuestionNotFound(VenaError):
    code, status = "golden_question_not_found", 404
    message = "There is no such golden question. Somebody may have deleted it."


class GoldenQuestionExists(VenaError):
    code, status = "golden_question_exists", 409
    message = "This question is among the golden questions already. Edit that one instead."


class EvaluationNotFound(VenaError):
    code, status = "evaluation_not_found", 404
    message = "There is no such measurement."


class MeaningNotSearched(VenaError):
    """Figures of a search by keywords alone would look like a fall in quality."""

    code, status, retryable = "meaning_not_searched", 503, True
    message = "The embedding model did not answer, so the figures would mislead. Measure again in a few minutes."


class EvaluationAbandoned(VenaError):
    code, status = "evaluation_abandoned", 503
    message = "This measurement was interrupted for too long. Measure again."


class CsvUnreadable(VenaError):
    code, status = "csv_unreadable", 422
    message = "This file has no line that names the columns. Its first line must be: question, document, quote."


class CsvTooLarge(VenaError):
    code, status = "csv_too_large", 413
    message = "This file is larger than 5 MB. Split it into smaller files."
