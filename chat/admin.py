"""Experiments on the organisation's admin site: set up, run, read, adopt."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, StackedInline
from unfold.widgets import UnfoldAdminNullBooleanSelectWidget

from chat.experiments.actions import arm_adopt, experiment_start, experiment_stop
from chat.experiments.models import Arm, Experiment
from chat.experiments.results import results_of
from chat.experiments.tables import differences_table, results_table
from knowledge.answering.prompts import VERSIONS
from vena_platform.admin_sites import tenant_admin
from vena_platform.errors import VenaError

AS_SET = (("unknown", "As the settings say"), ("true", "Yes"), ("false", "No"))


class AsSetSelect(UnfoldAdminNullBooleanSelectWidget):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.choices = AS_SET


class ArmForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Arm
        fields = ("name", "weight", "provider", "model", "prompt_version", "is_reranked", "is_multi_query", "passages")
        widgets = {"is_reranked": AsSetSelect, "is_multi_query": AsSetSelect}

    def clean_prompt_version(self) -> str:
        name = str(self.cleaned_data["prompt_version"])
        if name and name not in VERSIONS:
            raise forms.ValidationError(f"There is no such version. Choose one of {', '.join(VERSIONS)}.")
        return name


class ArmInline(StackedInline):
    model = Arm
    form = ArmForm
    extra = 0
    min_num = 2
    fields = (
        ("name", "weight"),
        ("provider", "model"),
        ("prompt_version", "passages"),
        ("is_reranked", "is_multi_query"),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_open(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_open(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_open(obj) and bool(super().has_delete_permission(request, obj))


@admin.register(Experiment, site=tenant_admin)
class ExperimentAdmin(ModelAdmin):
    """Arms can be changed until the experiment starts: numbers of arms that changed would mean nothing."""

    inlines = (ArmInline,)
    list_display = ("name", "state", "started_at", "stopped_at", "adopted", "numbers")
    list_filter = ("state",)
    search_fields = ("name",)
    fields = ("name", "question")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<uuid:pk>/results/", self.admin_site.admin_view(self.results), name="experiment_results"),
            *(
                path(
                    f"<uuid:pk>/{what}/",
                    self.admin_site.admin_view(require_POST(self.act)),
                    {"what": what},
                    name=f"experiment_{what}",
                )
                for what in ("start", "stop", "adopt")
            ),
            *super().get_urls(),
        ]

    @admin.display(description="Results")
    def numbers(self, experiment: Experiment) -> str:
        return format_html('<a href="{}">Open</a>', reverse("admin:experiment_results", args=[experiment.pk]))

    def response_post_save_add(self, request: HttpRequest, obj: Experiment) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:experiment_results", args=[obj.pk]))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_running = obj is not None and obj.state == Experiment.State.RUNNING
        return not is_running and bool(super().has_delete_permission(request, obj))

    def results(self, request: HttpRequest, pk: Any) -> HttpResponse:
        experiment = self.found(request, pk)
        results = results_of(experiment)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": experiment.name,
            "experiment": experiment,
            "results": results_table(results),
            "differences": differences_table(results),
            "arms": [result.arm for result, _ in results],
        }
        return TemplateResponse(request, "admin/chat/experiment/results.html", context)

    def act(self, request: HttpRequest, pk: Any, what: str) -> HttpResponse:
        experiment = self.found(request, pk)
        try:
            messages.success(request, self.done(request, experiment, what))
        except VenaError as error:
            messages.error(request, error.text)
        return HttpResponseRedirect(reverse("admin:experiment_results", args=[experiment.pk]))

    def done(self, request: HttpRequest, experiment: Experiment, what: str) -> str:
        match what:
            case "start":
                experiment_start(experiment=experiment)
                return "The experiment runs. New conversations are divided between its arms."
            case "stop":
                experiment_stop(experiment=experiment)
                return "The experiment has been stopped. Everybody is answered as your settings say."
            case "adopt":
                arm = get_object_or_404(experiment.arms, pk=request.POST.get("arm"))
                arm_adopt(arm=arm)
                return f"Everybody is answered as “{arm.name}” from now on."
        raise Http404  # there is no address for anything else

    def found(self, request: HttpRequest, pk: Any) -> Experiment:
        experiment: Experiment = get_object_or_404(Experiment.objects.prefetch_related("arms"), pk=pk)
        if not self.has_change_permission(request, experiment):
            raise PermissionDenied
        return experiment


def is_open(experiment: Any) -> bool:
    return experiment is None or experiment.state == Experiment.State.DRAFT
