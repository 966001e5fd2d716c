"""Failures of `knowledge` that we expect: code for programs, sentence for the person, detail for us."""

from __future__ import annotations

from vena_platform.errors import VenaError


class ProviderUnavailable(VenaError):
    code, status, retryable = "provider_unavailable", 503, True
    message = "The AI provider is not answering right now. Try again in a minute."


class ProviderRefused(VenaError):
    code, status = "provider_refused", 502
    message = "The AI provider refused the request. Ask your administrator to check the model and its key."


class IndexUnavailable(VenaError):
    code, status, retryable = "index_unavailable", 503, True
    message = "The search index is not answering right now. Try again in a minute."


class CollectionNotFound(VenaError):
    code, status = "collection_not_found", 404
    message = "There is no such collection, or you may not read it."


class DocumentNotFound(VenaError):
    code, status = "document_not_found", 404
    message = "There is no such document, or you may not read it."


class IngestionError(VenaError):
    """A document that can't be taken in. The sentence is shown beside it."""

    code, status = "ingestion_failed", 422
    message = "This file could not be read. Check that it opens on your computer, then upload it again."


class UnsupportedFormat(IngestionError):
    code = "unsupported_format"
    message = (
        "This kind of file is not supported. Upload a PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx), "
        "OpenDocument, CSV, HTML, Markdown, text, e-mail (.eml, .msg), EPUB, RTF, source code or ZIP file."
    )


class EmptyDocument(IngestionError):
    code = "empty_document"
    message = "No text was found in this file. Upload a version that contains text."


class ScannedDocument(IngestionError):
    code = "scanned_document"
    message = "This PDF holds pictures of pages and no text. Run text recognition (OCR) on it, then upload it again."


class EncryptedDocument(IngestionError):
    code = "encrypted_document"
    message = "This file is protected by a password. Upload a copy without the password."


class DamagedDocument(IngestionError):
    code = "damaged_document"
    message = "This file is damaged or incomplete. Check that it opens on your computer, then upload it again."


class MislabelledDocument(IngestionError):
    code = "mislabelled_document"
    message = "The content of this file does not match its name. Give it the right extension, then upload it again."


class DocumentTooLarge(IngestionError):
    code, status = "document_too_large", 413
    message = "This file is too large. Split it into smaller files, or ask your administrator to raise the limit."


class DocumentTooComplex(IngestionError):
    """Reading took more time or memory than one document may have, whatever the reason."""

    code = "document_too_complex"
    message = (
        "This file took too long or too much memory to read. Split it into smaller files, or export it to PDF again, "
        "then upload it again."
    )
