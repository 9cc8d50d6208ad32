"""The choices of a field, as one tenant has them."""

from core.model.fields import Field
from core.runtime.context import Context


def choices(ctx: Context, field: Field) -> list[dict[str, str]] | None:
    """Return code and label of each choice, or None for a free value."""
    if field.dictionary:
        return [
            {"value": c.code, "label": c.label} for c in ctx.tenant.dictionary(field.dictionary)
        ]
    if field.choices:
        return [{"value": code, "label": label} for code, label in field.choices]
    return None
