from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import User
from billing.models import Budget

MOST = Decimal(10_000_000)
FOR_ALL, FOR_EACH = "organisation", "each"


def amount() -> forms.DecimalField:
    return forms.DecimalField(min_value=Decimal(0), max_value=MOST, max_digits=10, decimal_places=2, label="Amount")


class BudgetChangeForm(forms.Form):
    amount_gbp = amount()
    at_cap = forms.ChoiceField(choices=Budget.AtCap.choices, label="When it is used up")
    contact = forms.CharField(
        required=False, max_length=200, label="Whom to ask for more", help_text="People read this at the cap."
    )


class BudgetForm(BudgetChangeForm):
    """`member` is chosen by id among the people of the organisation whose schema is entered."""

    whose = forms.ChoiceField(label="For")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(user.pk): user for user in User.objects.filter(is_active=True)}
        named = [(pk, f"Only {user.email}") for pk, user in self.people.items()]
        self.fields["whose"].choices = [  # type: ignore[attr-defined]
            (FOR_ALL, "The whole organisation"),
            (FOR_EACH, "Each person, for itself"),
            ("One person", named),
        ]
        self.order_fields(["whose", "amount_gbp", "at_cap", "contact"])

    def scope(self) -> dict[str, Any]:
        """What `budget_give` asks for."""
        whose = self.cleaned_data["whose"]
        if whose == FOR_ALL:
            return {"scope": Budget.Scope.ORGANISATION}
        return {"scope": Budget.Scope.MEMBER, "member": self.people.get(whose)}
