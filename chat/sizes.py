"""How much of its plan an organisation uses: asked where all apps are known."""

from __future__ import annotations

from accounts.people.seats import seats_taken
from billing.plans.sizes import Sizes
from chat.limits import questions_this_month
from knowledge.ingestion.uploads import stored_bytes
from knowledge.models import Document
from tenants.context import entered
from tenants.models import Organisation


def sizes_of(organisation: Organisation) -> Sizes:
    with entered(organisation.schema_name):
        return Sizes(
            seats=seats_taken(),
            documents=Document.objects.exclude(state=Document.State.DELETING).count(),
            stored_bytes=stored_bytes(),
            questions=questions_this_month(organisation.schema_name),
        )
