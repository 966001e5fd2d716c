from __future__ import annotations

from vena_platform.errors import VenaError


class NotSignedIn(VenaError):
    code, status = "not_signed_in", 401
    message = "Sign in, or send an API key as `Authorization: Bearer <key>`."


class InvalidApiKey(VenaError):
    code, status = "invalid_api_key", 401
    message = "This API key is not valid here. It may be revoked, expired or of another organisation."


class NotAllowed(VenaError):
    code, status = "not_allowed", 403
    message = "Your role does not allow this. Ask an administrator of your organisation."


class KeyNotForThis(VenaError):
    code, status = "key_scope", 403
    message = "This API key may not do this."


class PersonNotFound(VenaError):
    code, status = "person_not_found", 404
    message = "There is no person with this e-mail address in this organisation."


class LastOwner(VenaError):
    code, status = "last_owner", 409
    message = "An organisation needs at least one active owner. Make somebody else owner first."


class OwnersOnly(VenaError):
    code, status = "owners_only", 403
    message = "Only an owner may make, change or remove an owner. Ask one of them."


class NotYourself(VenaError):
    code, status = "not_yourself", 409
    message = "You can't do this to yourself. Ask another administrator."


class PersonExists(VenaError):
    code, status = "person_exists", 409
    message = "Somebody with this e-mail address is in this organisation already."


class GroupNotFound(VenaError):
    code, status = "group_not_found", 404
    message = "There is no such group. It may have been deleted; reload the page."


class GroupExists(VenaError):
    code, status = "group_exists", 409
    message = "There is a group of this name already. Choose another name."


class InvitationNotFound(VenaError):
    code, status = "invitation_not_found", 404
    message = "There is no such invitation any more. Reload the page."


class InvitationSpent(VenaError):
    code, status = "invitation_spent", 409
    message = "This invitation was accepted or revoked. Invite the person again."


class InvitationDead(VenaError):
    """Told to whoever follows the link; why it does not work is not theirs to know."""

    code, status = "invitation_dead", 410
    message = "This invitation was used, withdrawn or replaced, or it is older than a week. Ask for another one."


class AlreadyInvited(VenaError):
    code, status = "already_invited", 409
    message = "This address has an open invitation. Send that one again, or revoke it first."


class RoleNotYours(VenaError):
    code, status = "role_not_yours", 403
    message = "You can't give this role. Ask an owner."


class ListUnreadable(VenaError):
    code, status = "list_unreadable", 400
    message = "This is not a list of people. Send CSV whose first line names the columns: email, name, role, groups."


class ListTooLong(VenaError):
    code, status = "list_too_long", 413
    message = "This list is too long. Send at most 1,000 people, in a file of at most 1 MB."


class DomainNotAllowed(VenaError):
    code, status = "domain_not_allowed", 400
    message = "Give domains of your own, such as example.org. Everybody can have a mailbox at a public provider."


class ScopeMissing(VenaError):
    code, status = "scope_missing", 400
    message = "Choose at least one thing that the key may be used for."


class KeyNotFound(VenaError):
    code, status = "key_not_found", 404
    message = "There is no such key. Reload the page."
