"""A document while it is written: for whom it is, and the components that its parts share."""

from typing import Any

import msgspec

from core.model.entities import Declaration
from core.records.projection import expandable, readable
from core.rest.openapi.answers import Schema, closed_object, problems, ref, shared_schemas
from core.rest.openapi.fields import example, nullable, request_schema, response_schema
from core.rest.openapi.parameters import shared_parameters
from core.runtime.tenant import Tenant


def camel(text: str) -> str:
    """Return ``customers.customer_note`` as ``CustomersCustomerNote``."""
    words = text.replace(".", "_").replace("-", "_").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


class DocumentBuilder:
    """The document of one tenant for one set of rights, in the making."""

    def __init__(self, tenant: Tenant, rights: Any) -> None:
        self.tenant = tenant
        self.rights = rights
        self.schemas: dict[str, Schema] = shared_schemas()
        self.parameters: dict[str, Schema] = shared_parameters()

    def share(self, name: str, parameter: Schema) -> Schema:
        """Return a reference to a parameter, kept once under ``name``."""
        self.parameters.setdefault(name, parameter)
        return {"$ref": f"#/components/parameters/{name}"}

    def record(self, entity: Declaration) -> Schema:
        """Return a reference to the record of ``entity`` as this principal gets it."""
        name = camel(entity.name)
        if name not in self.schemas:
            self.schemas[name] = {}
            self.schemas[name] = self._record(entity)
        return ref(name)

    def trashed(self, entity: Declaration) -> Schema:
        """Return a reference to a record in the trash: it says since when it is there."""
        field = entity.fields["deleted_at"]
        if field.name not in self.rights.visible(entity.name):
            return self.record(entity)
        name = f"{camel(entity.name)}Trashed"
        if name not in self.schemas:
            self.record(entity)
            known = self.schemas[camel(entity.name)]
            properties = {**known["properties"], field.name: response_schema(field)}
            self.schemas[name] = {**known, "properties": properties}
        return ref(name)

    def _record(self, entity: Declaration) -> Schema:
        names = readable(entity, self.rights.visible(entity.name))
        properties = {n: response_schema(entity.fields[n]) for n in names}
        for step in expandable(self.tenant, self.rights, entity):
            column = f"{step}_id" if f"{step}_id" in entity.fields else step
            key = step if step != column else f"{step}_record"
            target = self.tenant.entities[entity.fields[column].target]
            linked = nullable(self.record(target))
            properties[key] = linked | {"description": f"With `expand={step}`."}
        return closed_object(properties, ["id"]) | {"title": entity.label}

    def input(self, entity: Declaration, verb: str, action: str) -> Schema:
        """Return a reference to what a body of ``action`` may carry; ``verb`` names its form."""
        name = f"{camel(entity.name)}{verb.capitalize()}"
        if name not in self.schemas:
            self.schemas[name] = self._input(entity, action, whole=verb != "patch")
        return ref(name)

    def _input(self, entity: Declaration, action: str, *, whole: bool) -> Schema:
        fields = self.inputs(entity, action)
        required = [f.name for f in fields if f.required] if whole else []
        return closed_object({f.name: request_schema(f, self.tenant) for f in fields}, required)

    def inputs(self, entity: Declaration, action: str) -> list[Any]:
        """Return the fields that a body of ``action`` may carry, in their order."""
        writable = self.rights.writable(entity.name, action)
        return [f for f in entity.fields.values() if f.name in writable]

    def example(self, entity: Declaration, action: str) -> dict[str, Any]:
        """Return a body that the server takes, but for links, whose ids must exist."""
        found = {}
        for field in self.inputs(entity, action):
            if field.kind in ("json", "link") and not field.required:
                continue
            value = example(field, self.tenant)
            if value is not None:
                found[field.name] = value
        return found

    def struct(self, type_: Any, *, strict: bool = False) -> Schema:
        """Return the schema of a msgspec type; ``strict`` takes no unknown name, as bodies do."""
        prefix = self._owner(type_)
        template = f"#/components/schemas/{prefix}{{name}}"
        (schema,), components = msgspec.json.schema_components((type_,), ref_template=template)
        self.schemas |= {prefix + name: found for name, found in components.items()}
        if strict and "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2].removeprefix(prefix)
            return {**components[name], "additionalProperties": False}
        return dict(schema)

    def _owner(self, type_: Any) -> str:
        """Return the plugin whose type it is, for two plugins may use one name."""
        module = getattr(type_, "__module__", "")
        for name, plugin in self.tenant.registry.plugins.items():
            if name != "core" and f"{module}.".startswith(f"{plugin.package}."):
                return camel(name)
        return ""

    def problems(
        self, *statuses: int, change: bool = False, body: bool = False, once: bool = False
    ) -> Schema:
        """Return the problem responses; ``change`` is for If-Match, ``once`` for repeated POSTs."""
        found = {400, 401, 403, 404, *statuses}
        if change:
            found |= {409, 412}
            if self.tenant.config.require_if_match:
                found.add(428)
        if body:
            found |= {413, 415}
        if once:
            found |= {409, 422}
        return problems(*found)

    def match(self) -> Schema:
        """Return the If-Match header, required where the tenant demands it."""
        strict = self.tenant.config.require_if_match
        return {"$ref": f"#/components/parameters/If-Match{'-Required' if strict else ''}"}
