"""REST: search without an answer."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.selectors import signed_in
from knowledge.api import library_for
from knowledge.providers.loops import run_in_loop
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.retrieval.usage import search_account
from knowledge.selectors import asker_of
from knowledge.serializers import SearchInput, SearchOutput
from knowledge.types import Passage
from vena_platform.limits import spend


class SearchApi(APIView):
    parser_classes = [JSONParser]

    @extend_schema(request=SearchInput, responses=SearchOutput)
    def post(self, request: Request) -> Response:
        spend("search", person=signed_in(request).pk)
        form = SearchInput(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        library = library_for(request)
        scope = scope_of(
            signed_in(request),
            wanted["collections"],
            document_ids=wanted["documents"],
            tags=wanted["tags"],
            since=wanted["since"],
            until=wanted["until"],
        )
        with search_account(library, asker_of(signed_in(request)), wanted["query"]) as calls:
            found = run_in_loop(retrieve(library, wanted["query"], scope, limit=wanted["limit"], calls=calls))
            calls.led_to(found)
        return Response(
            {
                "results": [hit(passage) for passage in found.passages],
                "candidates": found.candidates,
                "notices": [{"code": note.code, "detail": note.detail} for note in found.notes],
            }
        )


def hit(passage: Passage) -> dict[str, Any]:
    return {
        "n": passage.n,
        "document": str(passage.document_id),
        "version": passage.version_number,
        "title": passage.title,
        "page": passage.page,
        "place": passage.place,
        "heading": " › ".join(passage.heading_path),
        "text": passage.text,
        "section": passage.section,
        "score": round(passage.score, 4),
        "similarity": round(passage.similarity, 4),
        "url": url_of(passage),
    }


def url_of(passage: Passage) -> str:
    """Where its document opens with it marked, in the version it was found in."""
    last = passage.last_position or passage.position
    chunks = f"{passage.position}-{last}" if last > passage.position else f"{passage.position}"
    return f"/documents/{passage.document_id}/?version={passage.version_number}&chunk={chunks}"
