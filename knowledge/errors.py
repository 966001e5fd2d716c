"""Failures of `knowledge` that we expect: code for programs, sentence for the person, detail for us."""

from __future__ import annotations

from vena_platform.errors import VenaError


class ProviderUnavailable(VenaError):
    code, status, retryable = "provider_unavailable", 503, True
    message = "The AI provider is not answering right now. Try again in a minute."
    retry_after: float | None = None  # seconds, where the provider said so
    http_status: int | None = None
    is_free = False  # the provider had not begun, so it takes nothing


class ProviderRefused(VenaError):
    code, status = "provider_refused", 502
    message = "The AI provider refused the request. Ask your administrator to check the model and its key."
    http_status: int | None = None
    is_free = False
    is_content_filter = False


class KeyRefused(VenaError):
    code, status = "key_refused", 422
    message = "The provider does not accept this key, so it was not stored. Copy it again from the provider's own page."


class KeyNotTested(VenaError):
    code, status, retryable = "key_not_tested", 503, True
    message = "The provider did not answer, so the key could not be tested and was not stored. Try again in a minute."


class KeyNotFound(VenaError):
    code, status = "key_not_found", 404
    message = "Your organisation has no key of its own for this provider."


class UnknownProvider(VenaError):
    code, status = "unknown_provider", 404
    message = "There is no such provider. Choose openai or anthropic."


class ProviderAddressNotAllowed(VenaError):
    code, status = "provider_address_not_allowed", 422
    message = (
        "This address can't be used. It must begin with https:// and lead to a server on the public web; ask whoever "
        "runs Vena to allow another network."
    )


class ChoiceNotPossible(VenaError):
    code, status = "choice_not_possible", 422
    message = "Nobody has set up this provider yet. Enter a key for it first."


class IndexUnavailable(VenaError):
    code, status, retryable = "index_unavailable", 503, True
    message = "The search index is not answering right now. Try again in a minute."


class CollectionNotFound(VenaError):
    code, status = "collection_not_found", 404
    message = "There is no such collection, or you may not read it."


class CollectionReadOnly(VenaError):
    code, status = "collection_read_only", 403
    message = "You may read this collection, but not change it. Ask an administrator to add you to one of its groups."


class DocumentNotFound(VenaError):
    code, status = "document_not_found", 404
    message = "There is no such document, or you may not read it."


class VersionNotFound(VenaError):
    code, status = "version_not_found", 404
    message = "This document has no such version."


class UploadConflict(VenaError):
    code, status, retryable = "upload_conflict", 409, True
    message = "Somebody else is adding a file of this name right now. Try again in a moment."


class SectionNotFound(VenaError):
    code, status = "section_not_found", 404
    message = "This version of the document has no such section."


class ReembeddingNotFound(VenaError):
    code, status = "reembedding_not_found", 404
    message = "There is no such change of the embedding model."


class UnknownLanguage(VenaError):
    code, status = "unknown_language", 422
    message = "Keyword search does not know this language. Choose one from the list, or none."


class ReembeddingOpen(VenaError):
    code, status = "reembedding_open", 409
    message = "Another embedding model is being built or kept already. Close that one first."


class ReembeddingChanged(VenaError):
    code, status = "reembedding_changed", 409
    message = "This can't be done with the embedding model as it stands now. Reload the page to see what changed."


class ContextImpossible(VenaError):
    code, status = "context_impossible", 422
    message = (
        "No model that writes is set up, so there is nobody to write the sentences. Ask your administrator for a "
        "provider key."
    )


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


class TooManyDocuments(IngestionError):
    code, status = "too_many_documents", 409
    message = "Your plan has no room for another document. Delete some, or ask your administrator for a larger plan."


class StorageFull(IngestionError):
    code, status = "storage_full", 409
    message = (
        "Your plan's storage is full. Delete documents or old versions, or ask your administrator for a larger plan."
    )


class DocumentTooComplex(IngestionError):
    """Reading took more time or memory than one document may have, whatever the reason."""

    code, status = "document_too_complex", 422
    message = (
        "This file takes too much time or memory to read. Split it, or save it again from the program that made it, "
        "then upload it again."
    )


class FileMissing(IngestionError):
    code = "file_missing"
    message = "The stored file is missing. Upload it again."


class IngestionCancelled(IngestionError):
    code = "cancelled"
    message = "You stopped this. Retry goes on where it was."


class IngestionCrashed(IngestionError):
    code, status = "ingestion_crashed", 500
    message = "Something went wrong on our side while reading this file. Retry it; we have been told about it."


class IngestionInterrupted(IngestionError):
    code, status = "ingestion_interrupted", 500
    message = (
        "Reading this file ended our worker several times. Split it, or save it again from the program that made it, "
        "then upload it again."
    )


class IngestionStalled(IngestionError):
    code, status = "ingestion_stalled", 500
    message = "This file got no further for ten minutes. Retry it; if it stops again, split it."


class UrlNotAllowed(IngestionError):
    """An address that leads, or may lead, somewhere other than the public web."""

    code, status = "url_not_allowed", 422
    message = "Only public web pages can be added. Check the address, or save the page and upload it as a file."


class UrlUnreachable(IngestionError):
    code, status = "url_unreachable", 422
    message = "This page could not be fetched. Check that it opens in your browser without signing in, then try again."


class UrlNotFound(IngestionError):
    code = "url_not_found"
    message = "There is no page at this address any more. Check the address, or delete this document."


class UrlNeedsSignIn(IngestionError):
    code = "url_needs_sign_in"
    message = "This page is only shown to people who are signed in there. Save it and upload it as a file."


class UrlForbiddenByRobots(IngestionError):
    """The site's robots.txt names this path."""

    code = "url_forbidden_by_robots"
    message = "This site asks programs not to read this page (robots.txt). Save the page and upload it as a file."


class UrlTooLarge(IngestionError):
    code, status = "url_too_large", 413
    message = "This page is too large to be fetched. Save it, split it, and upload the pieces as files."


class UrlTooSlow(IngestionError):
    code = "url_too_slow"
    message = "This site took too long to send the page. Try again later, or save the page and upload it as a file."


class UrlNotSecure(IngestionError):
    code = "url_not_secure"
    message = "The certificate of this site can't be trusted. Check the address, or tell the people who run the site."


class UrlTypeUnsupported(IngestionError):
    code = "url_type_unsupported"
    message = "There is nothing to read at this address: it is no page, text, PDF or office file. Link to one of these."


class UrlRateLimited(IngestionError):
    """The site asked for patience; fetching is tried again by itself for a while."""

    code, status, retryable = "url_rate_limited", 503, True
    message = "This site asks us to come back later. Try again in an hour."
    retry_after: float | None = None  # seconds, where the site said so


class SitemapUnreadable(IngestionError):
    code = "sitemap_unreadable"
    message = "There is no sitemap at this address. Give the address of the sitemap itself, often /sitemap.xml."


class SitemapEmpty(IngestionError):
    code = "sitemap_empty"
    message = "This sitemap names no page of its own site. Add the pages you need by their own addresses."


class NotFromWeb(VenaError):
    code, status = "not_from_web", 422
    message = "This document was uploaded as a file, so there is no page to fetch. Upload the new file instead."
