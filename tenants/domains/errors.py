from __future__ import annotations

from vena_platform.errors import VenaError


class DomainNotPossible(VenaError):
    code, status = "domain_not_possible", 422
    message = "This can't be an own domain. Write a host name like chat.example.com."


class DomainOurs(DomainNotPossible):
    code = "domain_is_ours"
    message = "This is an address of Vena's own. Write one that belongs to your organisation."


class TooManyDomains(VenaError):
    code, status = "too_many_domains", 409
    message = "There are ten already. Remove one first."


class DomainClaimed(VenaError):
    code, status = "domain_claimed", 409
    message = "This domain is in the list already."


class DomainTaken(VenaError):
    code, status = "domain_taken", 409
    message = "Another organisation uses this domain. Whoever runs it must remove it there first."


class DomainNotFound(VenaError):
    code, status = "domain_not_found", 404
    message = "This domain is not in the list. Open the page again."


class DomainNotProved(VenaError):
    code, status = "domain_not_proved", 409
    message = "This domain is not in use yet. Set its DNS record and check it first."


class RecordMissing(VenaError):
    code, status, retryable = "dns_record_missing", 409, True
    message = "The record is not in the DNS yet. A new one may take some minutes, sometimes an hour, to be seen."


class RecordWrong(VenaError):
    code, status = "dns_record_wrong", 409
    message = "There is a record of that name with another value. Paste the value as it stands here."


class DnsUnreachable(VenaError):
    code, status, retryable = "dns_unreachable", 503, True
    message = "The DNS did not answer. Try again in a minute."


class EdgeUnavailable(VenaError):
    code, status, retryable = "edge_unavailable", 503, True
    message = "The certificate could not be asked for. It is tried again by itself."
