"""What the audit log knows to say: each action by its dotted name, the kind of thing it is done to, and a sentence."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    SIGNED_IN = "sign_in.succeeded"
    SIGNED_IN_AGAIN = "sign_in.confirmed"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGNED_OUT = "sign_in.ended"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    PASSWORD_RESET = "password.reset"  # noqa: S105
    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    SESSION_REVOKED = "session.revoked"
    SSO_CHANGED = "sso.changed"

    PERSON_ADDED = "person.added"
    PERSON_CHANGED = "person.changed"
    PERSON_REMOVED = "person.removed"
    ROLE_CHANGED = "person.role_changed"
    PERSON_EXPORTED = "person.exported"
    PERSON_ERASED = "person.erased"
    INVITATION_SENT = "invitation.sent"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_REVOKED = "invitation.revoked"
    GROUP_ADDED = "group.added"
    GROUP_CHANGED = "group.changed"
    GROUP_REMOVED = "group.removed"
    KEY_MADE = "api_key.made"
    KEY_REVOKED = "api_key.revoked"
    KEY_USED = "api_key.first_use_of_day"
    SCIM_TOKEN_MADE = "scim_token.made"  # noqa: S105
    SCIM_TOKEN_REVOKED = "scim_token.revoked"  # noqa: S105
    SCIM_TOKEN_USED = "scim_token.first_use_of_day"  # noqa: S105
    SCIM_RULES_CHANGED = "scim_rules.changed"
    SCIM_LINKED = "scim.linked"
    JOINING_CHANGED = "joining.changed"
    JOINING_ASKED = "joining.asked"
    MEMBERSHIPS_CHANGED = "person.groups_changed"
    CONTENT_HANDED_OVER = "person.content_handed_over"

    DOCUMENTS_UPLOADED = "document.uploaded"
    DOCUMENT_DELETED = "document.deleted"
    DOCUMENT_DOWNLOADED = "document.downloaded"
    COLLECTION_ADDED = "collection.added"
    COLLECTION_CHANGED = "collection.changed"
    COLLECTION_ACCESS_CHANGED = "collection.access_changed"
    PROVIDER_KEY_SET = "provider_key.set"
    PROVIDER_KEY_REMOVED = "provider_key.removed"
    ANSWERS_CHANGED = "answer_policy.changed"
    EXPERIMENT_STARTED = "experiment.started"
    EXPERIMENT_STOPPED = "experiment.stopped"
    EXPERIMENT_ADOPTED = "experiment.adopted"

    CONVERSATION_EXPORTED = "conversation.exported"
    CONVERSATION_SHARED = "conversation.shared"
    CONVERSATION_UNSHARED = "conversation.unshared"
    CONVERSATIONS_LISTED = "conversation.listed_by_admin"
    CONVERSATION_READ = "conversation.read_by_admin"
    PRIVACY_CHANGED = "privacy.changed"
    RETENTION_APPLIED = "privacy.retention_applied"

    USAGE_EXPORTED = "usage.exported"
    USAGE_CORRECTED = "usage.corrected"
    REPORT_SCHEDULED = "report.scheduled"
    PAYMENT_REFUNDED = "payment.refunded"
    BUDGET_CHANGED = "budget.changed"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    INVOICE_CLOSED = "invoice.closed"
    INVOICE_CREDITED = "invoice.credited"
    INVOICE_PAID = "invoice.paid"
    BILLING_DETAILS_CHANGED = "billing_details.changed"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_CUT = "audit.cut"
    ADMIN_ADDED = "admin_site.added"
    ADMIN_CHANGED = "admin_site.changed"
    ADMIN_DELETED = "admin_site.deleted"
    BRANDING_CHANGED = "branding.changed"
    DOMAIN_CHANGED = "domain.changed"
    SUPPORT_ASKED = "support.asked"
    SUPPORT_GRANTED = "support.granted"
    SUPPORT_REFUSED = "support.refused"
    SUPPORT_ENTERED = "support.entered"
    SUPPORT_ACTED = "support.acted"
    SUPPORT_ENDED = "support.ended"
    ORGANISATION_SUSPENDED = "organisation.suspended"
    ORGANISATION_OPENED = "organisation.opened"
    ORGANISATION_DELETED = "organisation.deleted"

    @property
    def sentence(self) -> str:
        return SENTENCES[self]

    @property
    def target_kind(self) -> str:
        """What it is done to: the first part of the name, or what the table says instead."""
        return KINDS.get(self, self.value.partition(".")[0])


SENTENCES = {
    Action.SIGNED_IN: "Somebody signed in.",
    Action.SIGNED_IN_AGAIN: "Somebody confirmed at the identity provider who they are.",
    Action.SIGN_IN_FAILED: "Somebody tried to sign in and was refused.",
    Action.SIGNED_OUT: "Somebody signed out.",
    Action.PASSWORD_CHANGED: "A person changed their password.",
    Action.PASSWORD_RESET: "A person chose a new password by a link that was sent to them.",
    Action.SECOND_FACTOR_ADDED: "A person set up a second factor.",
    Action.SECOND_FACTOR_REMOVED: "A second factor was taken away.",
    Action.SESSION_REVOKED: "A session was ended from elsewhere.",
    Action.SSO_CHANGED: "How the organisation's people sign in was changed.",
    Action.PERSON_ADDED: "A person was added.",
    Action.PERSON_CHANGED: "A person's name, address or state was changed.",
    Action.PERSON_REMOVED: "A person was removed.",
    Action.ROLE_CHANGED: "A person was given another role.",
    Action.PERSON_EXPORTED: "Everything kept about a person was downloaded.",
    Action.PERSON_ERASED: "A person was erased.",
    Action.INVITATION_SENT: "Somebody was invited.",
    Action.INVITATION_ACCEPTED: "An invitation was accepted.",
    Action.INVITATION_REVOKED: "An invitation was taken back.",
    Action.GROUP_ADDED: "A group was made.",
    Action.GROUP_CHANGED: "A group, or who is in it, was changed.",
    Action.GROUP_REMOVED: "A group was removed.",
    Action.KEY_MADE: "An API key was made.",
    Action.KEY_REVOKED: "An API key was revoked.",
    Action.KEY_USED: "An API key was used for the first time on this day.",
    Action.SCIM_TOKEN_MADE: "A token for the organisation's directory was made.",
    Action.SCIM_TOKEN_REVOKED: "A token of the organisation's directory was revoked.",
    Action.SCIM_TOKEN_USED: "A token of the directory was used for the first time on this day.",
    Action.SCIM_RULES_CHANGED: "As what people of the directory come in was changed.",
    Action.SCIM_LINKED: "The directory manages a person or a group from now on.",
    Action.JOINING_CHANGED: "Who may join without an invitation was changed.",
    Action.JOINING_ASKED: "Somebody asked to join by their e-mail domain, and was sent a link.",
    Action.MEMBERSHIPS_CHANGED: "The groups of a person were changed.",
    Action.CONTENT_HANDED_OVER: "What a person had was handed over to somebody else.",
    Action.DOCUMENTS_UPLOADED: "Documents, or new versions of them, came in.",
    Action.DOCUMENT_DELETED: "A document was deleted.",
    Action.DOCUMENT_DOWNLOADED: "The original file of a document was opened.",
    Action.COLLECTION_ADDED: "A collection was made.",
    Action.COLLECTION_CHANGED: "A collection was changed.",
    Action.COLLECTION_ACCESS_CHANGED: "Which groups read or write a collection was changed.",
    Action.PROVIDER_KEY_SET: "A key of the organisation's own for a provider was entered.",
    Action.PROVIDER_KEY_REMOVED: "A key of the organisation's own for a provider was removed.",
    Action.ANSWERS_CHANGED: "How answers are made was changed.",
    Action.EXPERIMENT_STARTED: "An experiment was started.",
    Action.EXPERIMENT_STOPPED: "An experiment was stopped.",
    Action.EXPERIMENT_ADOPTED: "An arm of an experiment became the way answers are made.",
    Action.CONVERSATION_EXPORTED: "A person downloaded a conversation of their own.",
    Action.CONVERSATION_SHARED: "A conversation was shared with colleagues.",
    Action.CONVERSATION_UNSHARED: "A conversation is shared no more.",
    Action.CONVERSATIONS_LISTED: "An administrator looked through the titles of a member's conversations.",
    Action.CONVERSATION_READ: "An administrator read a member's conversation.",
    Action.PRIVACY_CHANGED: "The organisation's privacy settings were changed.",
    Action.RETENTION_APPLIED: "What is older than the organisation keeps was deleted.",
    Action.USAGE_EXPORTED: "A usage report was downloaded.",
    Action.USAGE_CORRECTED: "A call in the usage ledger was taken back or entered anew.",
    Action.REPORT_SCHEDULED: "A report by e-mail was added, paused, resumed or removed.",
    Action.PAYMENT_REFUNDED: "Money that was paid for an invoice was given back.",
    Action.BUDGET_CHANGED: "A budget was given, changed or switched off.",
    Action.SUBSCRIPTION_CHANGED: "The organisation's plan was changed, or is going to.",
    Action.INVOICE_CLOSED: "An invoice was issued.",
    Action.INVOICE_CREDITED: "A credit note was issued.",
    Action.INVOICE_PAID: "A payment for an invoice was entered.",
    Action.BILLING_DETAILS_CHANGED: "Whom invoices are made out to was changed.",
    Action.AUDIT_EXPORTED: "The audit log was downloaded.",
    Action.AUDIT_CUT: "Entries older than the log is kept were cut off.",
    Action.ADMIN_ADDED: "Something was added on the admin site.",
    Action.ADMIN_CHANGED: "Something was changed on the admin site.",
    Action.ADMIN_DELETED: "Something was deleted on the admin site.",
    Action.BRANDING_CHANGED: "The organisation's name, logo, colours or contact was changed.",
    Action.DOMAIN_CHANGED: "An own domain was added, shown, made the main one or removed.",
    Action.SUPPORT_ASKED: "The platform's support asked to come in.",
    Action.SUPPORT_GRANTED: "The platform's support was let in.",
    Action.SUPPORT_REFUSED: "The platform's support was refused.",
    Action.SUPPORT_ENTERED: "The platform's support came in.",
    Action.SUPPORT_ACTED: "The platform's support opened or changed something.",
    Action.SUPPORT_ENDED: "The time of the platform's support ended.",
    Action.ORGANISATION_SUSPENDED: "The organisation was suspended.",
    Action.ORGANISATION_OPENED: "The organisation was opened.",
    Action.ORGANISATION_DELETED: "The organisation was deleted from every store.",
}
KINDS = {
    Action.SIGNED_IN: "person",
    Action.SIGN_IN_FAILED: "person",
    Action.SIGNED_OUT: "person",
    Action.PASSWORD_CHANGED: "person",
    Action.PASSWORD_RESET: "person",
    Action.SECOND_FACTOR_ADDED: "person",
    Action.SECOND_FACTOR_REMOVED: "person",
    Action.CONVERSATIONS_LISTED: "person",
}
