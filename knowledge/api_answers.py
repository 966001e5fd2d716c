"""REST: how the organisation's answers are made, and its own keys. For its owner and admins."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import actions_answers
from knowledge.models import AnswerPolicy
from knowledge.provider_states import answer_policy, provider_states
from knowledge.serializers_answers import (
    AnswerPolicyChange,
    AnswerPolicyOutput,
    ProviderKeyInput,
    ProviderKeyOutput,
)
from tenants.selectors import organisation_of


class AnswersApiView(APIView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        require(signed_in(request), Can.MANAGE_ANSWERS)


class AnswerPolicyApi(AnswersApiView):
    @extend_schema(operation_id="answer_policy_retrieve", responses=AnswerPolicyOutput)
    def get(self, request: Request) -> Response:
        """How answers are made, and how the providers are right now."""
        return shown(request, answer_policy())

    @extend_schema(operation_id="answer_policy_change", request=AnswerPolicyChange, responses=AnswerPolicyOutput)
    def patch(self, request: Request) -> Response:
        """Change what is named. The next question is answered this way."""
        form = AnswerPolicyChange(data=request.data)
        form.is_valid(raise_exception=True)
        return shown(request, actions_answers.answer_policy_change(**form.validated_data))


class ProviderKeyApi(AnswersApiView):
    @extend_schema(operation_id="provider_keys_retrieve", responses=ProviderKeyOutput)
    def get(self, request: Request, provider: str) -> Response:
        """Of `openai` or `anthropic`: the organisation's own key, without the key."""
        return Response(ProviderKeyOutput(actions_answers.provider_key_of(provider)).data)

    @extend_schema(operation_id="provider_keys_set", request=ProviderKeyInput, responses=ProviderKeyOutput)
    def put(self, request: Request, provider: str) -> Response:
        """Enter or replace the key. It is tried at the provider first; one that does not work is not stored."""
        form = ProviderKeyInput(data=request.data)
        form.is_valid(raise_exception=True)
        row = actions_answers.provider_key_set(
            tenant=organisation_of(request).key, provider=provider, entered_by=signed_in(request), **form.validated_data
        )
        return Response(ProviderKeyOutput(row).data)

    @extend_schema(operation_id="provider_keys_remove", responses={204: None})
    def delete(self, request: Request, provider: str) -> Response:
        """Remove the key. The platform's is used again, where it has one."""
        actions_answers.provider_key_remove(tenant=organisation_of(request).key, provider=provider)
        return Response(status=204)


class ProviderKeyTestApi(AnswersApiView):
    @extend_schema(operation_id="provider_keys_test", request=None, responses=ProviderKeyOutput)
    def post(self, request: Request, provider: str) -> Response:
        """Try the stored key again."""
        row = actions_answers.provider_key_test(tenant=organisation_of(request).key, provider=provider)
        return Response(ProviderKeyOutput(row).data)


def shown(request: Request, policy: AnswerPolicy) -> Response:
    policy.providers = provider_states(organisation_of(request).key)  # type: ignore[attr-defined]
    return Response(AnswerPolicyOutput(policy).data)
