"""The playbook reference, made from the models: every key with its type, default, meaning and an example.

``python -m authoring.reference`` writes ``docs/playbook-reference.md``; a test fails when it is out of step.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from datetime import time, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from authoring.content import KEYS
from authoring.examples import EXAMPLES
from authoring.includes import DEPTH
from authoring.templates import FILTERS
from domain.playbook.bounds import BRACKETS_DEEP, FUNCTIONS, LOOPS_DEEP, MOST_PATTERNS
from domain.playbook.checks.content import CONTENT_VARIABLES, LAYOUT_VARIABLES
from domain.playbook.conditions import COMMON, NEVER, PER_BEHAVIOUR, SCORED, SETTLED, SITUATION
from domain.playbook.models import Asset, Playbook

FILE = Path(__file__).parent.parent / "docs" / "playbook-reference.md"

_HEAD = """\
# Playbook reference

Every key of a playbook. Made from the models by `python -m authoring.reference`; do not edit it by hand.
How to write a playbook from nothing: [playbooks/README.md](../playbooks/README.md).

A duration is written `14d`, `36h`, `90m`, `2w`, `1d12h` or in ISO-8601 (`P14D`, `PT36H`). A name is written in
lower-case letters, digits and `_` (steps, rules and assets may also use `-`). YAML is read by the rules of version 1.2:
`on`, `yes` and `17:00` are text. The order of keys never changes what a playbook means; the order of lists does.

An editor completes and checks as you write when the file begins with a line that names the schema, which
`tendril playbook schema --out .tendril/playbook.schema.json` writes:

```yaml
# yaml-language-server: $schema=../../.tendril/playbook.schema.json
```
"""

_INCLUDES = f"""\
## Parts in files of their own

`include` takes over what another file holds: in a mapping its keys, as an item of a list its items (or, when it holds
keys, one item).

```yaml
sender: {{include: ../shared/sender.yaml}}
variables:
  include: [../shared/brand.yaml, product.yaml]
  site: https://www.example.com
triggers:
  - include: ../shared/triggers.yaml
  - {{id: on-reply, behaviour: reply, cool_down: 1d, alert: Replied.}}
```

- A path is seen from the file it is written in, ends in `.yaml` or `.yml`, and stays inside the directory that holds
  the playbook's own, so that playbooks can share what lies beside them.
- Keys written beside an `include` go together with the file's: mappings merge deeply; anything else that is written in
  both places is an error, whichever comes first.
- Included files may include, {DEPTH} deep. Content files (`content/*.md`) do not include, and no name in a playbook
  can be `include`.
- A playbook means, and is named, the same in one file and in several. Problems are reported in the file where the part
  is written.

"""


def models() -> dict[str, type[BaseModel]]:
    """Each model with the path it first appears at: ``scoring.fit.rules[]`` → ``FitRule``. The root is ""."""
    found: dict[str, type[BaseModel]] = {}

    def visit(path: str, model: type[BaseModel]) -> None:
        if model in found.values():
            return
        found[path] = model
        for name, field in model.model_fields.items():
            for mark, inner in inner_models(field.annotation):
                visit(f"{path}.{name}{mark}".lstrip("."), inner)

    visit("", Playbook)
    return found


def inner_models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """Models inside a type, with the mark of what holds them: ``[]`` a list, ``.NAME`` a mapping."""
    origin = get_origin(annotation)
    if origin is None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not Asset:
            yield "", annotation
        return
    mark = {tuple: "[]", dict: ".NAME"}.get(origin, "")
    for part in get_args(annotation):
        for inner_mark, model in inner_models(part):
            yield mark + inner_mark, model


def reference() -> str:
    """The whole document."""
    parts = [_HEAD, _INCLUDES]
    for path, model in models().items():
        title = f"`{path}`" if path else "`playbook.yaml`"
        parts.append(f"## {title}\n\n{_about(model)}{_keys(model.model_fields)}{_example(model)}")
    fields = {name: Asset.model_fields[name] for name in KEYS}
    parts += [f"## `content/*.md`\n\n{_CONTENT}{_keys(fields)}{_example(Asset)}", _variables(), _conditions()]
    return "\n".join(parts)


_CONTENT = """\
Front matter between two lines `---`, then the text in Markdown. The file's name without `.md` is the asset's name.
E-mail needs `subject`, `question`, `cta_label` and an https `cta_url`.

"""


def _about(model: type[BaseModel]) -> str:
    text = model.__doc__ if model.__doc__ and model.__doc__ != BaseModel.__doc__ else ""
    return f"{' '.join(text.split())}\n\n" if text and model is not Playbook else ""


def _keys(fields: Mapping[str, FieldInfo]) -> str:
    rows = [f"| `{name}` | {_type(field)} | {_default(field)} | {field.description} |" for name, field in fields.items()
            if name != "assets"]  # fmt: skip
    return "| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _example(model: type[BaseModel]) -> str:
    language = "markdown" if model is Asset else "yaml"
    return f"\n```{language}\n{EXAMPLES[model.__name__].strip()}\n```\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    return (
        "–" if value in (None, "", (), {}, PydanticUndefined) or isinstance(value, BaseModel) else f"`{_value(value)}`"
    )


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case time():
            return f"{value:%H:%M}"
        case tuple():
            return f"[{', '.join(map(str, value))}]"
    return str(value)


def _type(field: FieldInfo) -> str:
    text = _words(field.annotation)
    limits = {name: getattr(part, name) for part in field.metadata for name in ("ge", "le") if hasattr(part, name)}
    return text + (f", {limits['ge']} to {limits['le']}" if {"ge", "le"} <= limits.keys() else "")


_PLAIN: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    time: "time",
    timedelta: "duration",
}


def _words(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return " or ".join(_words(part) for part in parts if part is not type(None))
    if origin in _OF:
        return _OF[origin](parts)
    if issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return _PLAIN.get(annotation) or _link(annotation)


_OF: dict[Any, Callable[[tuple[Any, ...]], str]] = {
    Annotated: lambda parts: _words(parts[0]),
    Literal: lambda parts: ", ".join(f"`{part}`" for part in parts),
    tuple: lambda parts: f"list of: {_words(parts[0])}",
    dict: lambda parts: f"mapping: {_words(parts[0])} → {_words(parts[1])}",
}


def _link(model: type[BaseModel]) -> str:
    path = next(path for path, known in models().items() if known is model)
    return f"[{path}](#{path.lower().replace('.', '').replace('[]', '')})"


def _variables() -> str:
    own = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in CONTENT_VARIABLES.items())
    layout = "\n".join(f"| `{name}` | {meaning} | {default} |" for name, (default, meaning) in LAYOUT_VARIABLES.items())
    return f"""\
## Variables in content

Content prints `{{{{ name }}}}`, passes it through a filter (`{{{{ lead.first_name | default("there") }}}}`) and
chooses with `{{% if … %}} … {{% else %}} … {{% endif %}}`. It can't loop or call. Besides the playbook's own
`variables` there are:

| variable | meaning |
|---|---|
{own}

Filters: {", ".join(f"`{name}`" for name in sorted(FILTERS))}.

The mail's layout uses these of the playbook's `variables`, where they are declared:

| variable | meaning | default |
|---|---|---|
{layout}
"""


def _conditions() -> str:
    def table(rows: Mapping[str, tuple[str, str]]) -> str:
        lines = [f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in rows.items()]
        return "| variable | type | meaning |\n|---|---|---|\n" + "\n".join(lines)

    behaviours = {f"behaviour.NAME{suffix}": ("int", meaning) for suffix, meaning in PER_BEHAVIOUR.items()}
    functions = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in FUNCTIONS.items())
    return f"""\
## Conditions

A condition (`when`) is a [CEL](https://cel.dev) expression that is true or false: `==`, `!=`, `<`, `>=`, `&&`, `||`,
`!`, `in`, `? :`, `+`, `-`, brackets, text in quotes, lists (`["cfo", "coo"]`), and the functions below. A comment
begins with `//`. Conditions are checked against the variables that the playbook declares and their types.

Every variable always has a value: of an unknown field it is `""`, `0`, `false` or `[]`, and `"role" in known` asks
whether it is known. A declared field is `lead.NAME`.

### What exists where

Some variables follow from others, so a condition can ask only about what is settled before it:

| conditions of | may ask about |
|---|---|
| `scoring.fit.rules`, `scoring.intent.entry` | lead, account, sales, behaviours and patterns |
| `segments`, `lengths`, `situations` | these, and scores, stage, segment, touches and days |
| everything else: triage, tracks, triggers, handoff, … | all of these, and `length` and `situation.NAME` |

Always:

{table(COMMON)}

For each behaviour and each pattern of the playbook, by its name (never is {NEVER} days ago):

{table(behaviours)}

Everywhere but in `scoring`, where they are still being computed:

{table(SCORED)}

Everywhere but in `scoring`, `segments`, `lengths` and `situations`:

{table({"situation.NAME": SITUATION, **SETTLED})}

```yaml
when: lead.country == "US" && score.fit >= 50              # fields and scores
when: behaviour.serious_look >= 1                          # a pattern is asked about like a behaviour
when: behaviour.pricing_visit.days_ago <= 7                # never is {NEVER} days ago
when: situation.needs_approval && length != "smb"          # what the buyer's situation is
when: '!("no_budget" in sales.rejections)'                 # quotes, as YAML reads a first ! as something else
```

### Functions in conditions

| function | meaning |
|---|---|
{functions}

Others can't be called: a condition is asked at every decision, so it may not make texts or lists grow.
`exists`, `all` and `filter` go at most {LOOPS_DEEP} deep, brackets {BRACKETS_DEEP}; a condition has at most
{MOST_PATTERNS} regular expressions and 2,000 characters.
"""


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
