"""As much of JSON Schema (draft 2020-12) as docs/report.schema.json uses."""
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KEYWORDS = {"$schema", "$defs", "$ref", "title", "description", "type", "required", "properties",
            "additionalProperties", "items", "const", "enum", "minimum", "maximum", "pattern"}


def is_of(value, name):
    if name in ("number", "integer"):
        return (isinstance(value, int) or (name == "number" and isinstance(value, float))) \
            and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def resolved(schema, root):
    while "$ref" in schema:
        part = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        schema = part
    return schema


def faults_of(value, schema, root=None, path="$"):
    """What is wrong with a value, a line for each fault."""
    root = schema if root is None else root
    schema = resolved(schema, root)
    assert set(schema) <= KEYWORDS, set(schema) - KEYWORDS
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_of(value, kind) for kind in kinds):
        yield f"{path} is no {' or '.join(kinds)}: {value!r}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path} is not {schema['const']!r}: {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is none of {schema['enum']}: {value!r}"
    if is_of(value, "number"):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{path} is out of range: {value!r}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{path} does not match {schema['pattern']}: {value!r}"
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from faults_of(element, schema.get("items", {}), root, f"{path}[{index}]")
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{path}.{name} is missing"
        for name, member in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            yield from faults_of(member, inner, root, f"{path}.{name}")


def undescribed_in(value, schema, root=None, path="$"):
    """The members of objects that the schema does not know."""
    root = schema if root is None else root
    schema = resolved(schema, root)
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from undescribed_in(element, schema.get("items", {}), root, f"{path}[{index}]")
    if isinstance(value, dict) and schema:
        for name, member in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if inner is None:
                yield f"{path}.{name}"
            else:
                yield from undescribed_in(member, inner, root, f"{path}.{name}")
