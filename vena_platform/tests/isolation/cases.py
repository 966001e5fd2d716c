"""What the addresses of an organisation's host name, and what a request to them must say to be understood.

A new address that names a row of a known kind needs nothing here. Otherwise the suite says what is missing.
"""

from __future__ import annotations

from typing import Any

from vena_platform.tests.isolation.rows import World

# The parameter of an address → the row that it names. `path parameter` where one name means two things.
ROWS_NAMED = {
    "anomaly_id": "billing.SpendAnomaly",
    "answer_id": "chat.Message",
    "budget_id": "billing.Budget",
    "claim_id": "tenants.DomainClaim",
    "collection_id": "knowledge.Collection",
    "conversation_id": "chat.Conversation",
    "document_id": "knowledge.Document",
    "gap_id": "chat.KnowledgeGap",
    "grant_id": "tenants.SupportGrant",
    "group_id": "accounts.Group",
    "invoice_id": "billing.Invoice",
    "invitation_id": "accounts.Invitation",
    "key_id": "accounts.ApiKey",
    "person_id": "accounts.User",
    "provider_id": "accounts.IdentityProvider",
    "question_id": "knowledge.GoldenQuestion",
    "receipt_id": "accounts.ErasureReceipt",
    "reembedding_id": "knowledge.Reembedding",
    "token_id": "accounts.ScimToken",
    "schedule_id": "billing.ReportSchedule",
    "run_id": "knowledge.EvaluationRun",
}
# Parameters that name nothing by an id that is unique among organisations, and why.
NAMES_NO_ROW = {
    "app_label": "a name",
    "content_type_id": "the same for all organisations",
    "key": "a secret; its signature holds the organisation's own person",
    "kind": "a format",
    "model_name": "a name",
    "name": "a model's name",
    "number": "counts the versions of the document before it",
    "organization_slug": "an identity provider's own name, looked up among the organisation's",
    "pk": "a number from 1 on in each organisation",
    "provider": "a vendor's name",
    "rest": "any other address",
    "section": "counts the sections of the document before it",
    "slug": "a plan's name; plans are the platform's",
    "token": "a secret",
    "uidb36": "goes with a secret",
    "url": "any other address of the admin site",
}
PLAIN = {"number": "1", "section": "1"}  # what such a parameter is set to
OIDC = "/accounts/oidc/{provider_id}/"  # there the parameter is a name

SCIM = "urn:ietf:params:scim:schemas:core:2.0"
SCIM_CHANGE = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "value": {"externalId": "another"}}],
}
# Bodies without which a request is refused before its row is looked for. Lists are tried one after the other.
BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/scim/v2/Users/{person_id}"): {"schemas": [f"{SCIM}:User"], "userName": "another@example.org"},
    ("PATCH", "/scim/v2/Users/{person_id}"): SCIM_CHANGE,
    ("PUT", "/scim/v2/Groups/{group_id}"): {"schemas": [f"{SCIM}:Group"], "displayName": "Another"},
    ("PATCH", "/scim/v2/Groups/{group_id}"): SCIM_CHANGE,
    ("POST", "/usage/budgets/{budget_id}/"): {"act": "off"},
    ("POST", "/usage/schedules/{schedule_id}/"): {"act": "remove"},
    ("POST", "/privacy/people/{person_id}/erase/"): {"confirm": "{marker}@example.org"},
    ("POST", "/privacy/conversations/{conversation_id}/"): {"reason": "a complaint"},
    ("PUT", "/api/v1/answers/{answer_id}/feedback/"): {"rating": 1},
    ("POST", "/api/v1/people/{person_id}/hand-over/"): {"to": "{owner}"},
    ("POST", "/api/v1/conversations/{conversation_id}/messages/"): {"text": "How many days of leave?"},
}


def body_for(method: str, path: str, world: World) -> Any:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [filled(one) for one in value]
        return value.format(marker=world.marker, owner=world.owner.pk) if isinstance(value, str) else value

    return filled(BODIES.get((method, path), {}))
