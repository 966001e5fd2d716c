from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from accounts.selectors import signed_in
from chat.gaps.selectors import gaps_counted, gaps_shown, gaps_visible_to
from chat.models import KnowledgeGap

A_PAGE = 30
NAMES = {
    KnowledgeGap.Status.OPEN: "Open",
    KnowledgeGap.Status.PLANNED: "Planned",
    KnowledgeGap.Status.FILLED: "Filled",
    KnowledgeGap.Status.DISMISSED: "Dismissed",
}


@login_required
@never_cache
def gaps(request: HttpRequest) -> HttpResponse:
    """What people could not find out, for those who can do something about it."""
    user = signed_in(request)
    counted = gaps_counted(user)
    wanted = request.GET.get("status", "")
    status = wanted if wanted in NAMES else KnowledgeGap.Status.OPEN.value
    page = Paginator(gaps_visible_to(user, status), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "gaps": gaps_shown(user, list(page.object_list)),
        "status": status,
        "tabs": [(value.value, name, counted[value]) for value, name in NAMES.items()],
        "choices": [(value.value, name) for value, name in NAMES.items()],
        "is_any": any(counted.values()),
        "config": {"api": "/api/v1/"},
    }
    return render(request, "chat/gaps.html", context)
