"""REST: another embedding model is built beside the one that answers, switched to, and back."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import actions, reembedding, selectors
from knowledge.api import library_for, schema_of
from knowledge.models import Reembedding
from knowledge.serializers import (
    ReembeddingEstimateOutput,
    ReembeddingInput,
    ReembeddingOutput,
)


class ReembeddingsApi(APIView):
    @extend_schema(operation_id="reembeddings_list", responses=ReembeddingOutput(many=True))
    def get(self, request: Request) -> Response:
        require(signed_in(request), Can.MANAGE_ANSWERS)
        return Response(ReembeddingOutput(Reembedding.objects.all()[:50], many=True).data)

    @extend_schema(request=ReembeddingInput, responses={200: ReembeddingEstimateOutput, 202: ReembeddingOutput})
    def post(self, request: Request) -> Response:
        """Build another embedding model's vectors beside the ones that answer. `dry_run` tells the cost."""
        require(signed_in(request), Can.MANAGE_ANSWERS)
        form = ReembeddingInput(data=request.data)
        form.is_valid(raise_exception=True)
        library = library_for(request)
        provider = form.validated_data["provider"]
        if form.validated_data["dry_run"]:
            return Response(ReembeddingEstimateOutput(reembedding.estimate(library, provider)).data)
        row = actions.reembedding_start(
            schema_name=schema_of(request), library=library, provider=provider, started_by=signed_in(request)
        )
        return Response(ReembeddingOutput(row).data, status=202)


class ReembeddingApi(APIView):
    @extend_schema(operation_id="reembeddings_retrieve", responses=ReembeddingOutput)
    def get(self, request: Request, reembedding_id: UUID) -> Response:
        return Response(ReembeddingOutput(selectors.reembedding_editable_by(signed_in(request), reembedding_id)).data)


class ReembeddingActionApi(APIView):
    change: Callable[..., None]

    @extend_schema(request=None, responses={202: ReembeddingOutput})
    def post(self, request: Request, reembedding_id: UUID) -> Response:
        row = selectors.reembedding_editable_by(signed_in(request), reembedding_id)
        type(self).change(schema_name=schema_of(request), row=row)
        row.refresh_from_db()
        return Response(ReembeddingOutput(row).data, status=202)


class ReembeddingSwitchApi(ReembeddingActionApi):
    """The other model answers: switched to when it is built, switched back when it answers."""

    change = staticmethod(actions.reembedding_switch)


class ReembeddingCloseApi(ReembeddingActionApi):
    """Removes the model that does not answer, or stops a build."""

    change = staticmethod(actions.reembedding_close)
