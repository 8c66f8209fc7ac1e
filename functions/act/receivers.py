"""Systems that run something when they are called: Argo Workflows, Rundeck, AWX and the like.

What is asked of them is written down once, by whoever runs this; a run only puts names into it.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from aiops.errors import Misconfigured
from functions.act.channel import address
from functions.act.channels.webhook import decoded
from functions.act.kubernetes.resource import NAMESPACE

SETTING = "RUNBOOK_WEBHOOKS"
_PLACEHOLDER = re.compile(r"\{\{ ?(incident|runbook|key|parameters\.([a-z][a-z0-9_]{0,63})) ?\}\}")
_OWN = re.compile(
    r"host|content-length|content-type|connection|transfer-encoding|webhook-.*", re.IGNORECASE
)

Name = Annotated[str, Field(pattern=NAMESPACE)]
Header = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,99}$")]
Printable = Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,4096}$")]


class Receiver(BaseModel):
    """One of them.

    Attributes:
        url: Where it is called.
        secret: Signs the request; `whsec_` and base64.
        headers: What else it asks for, such as `Authorization`.
        body: What it is sent. `{{ parameters.NAME }}` in a text stands for what a runbook gives,
            `{{ incident }}`, `{{ runbook }}` and `{{ key }}` for those of the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    url: str = Field(repr=False)
    secret: str = Field(repr=False)
    headers: dict[Header, Printable] = Field(default_factory=dict, repr=False, max_length=20)
    body: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def parameters(self) -> frozenset[str]:
        """Names of all that a runbook has to give."""
        found = (
            match[2]
            for text in _texts(self.body)
            for match in _PLACEHOLDER.finditer(text)
            if match[2]
        )
        return frozenset(found)


def read_receivers(text: str) -> Mapping[str, Receiver]:
    """Return the receivers of a YAML text by their names.

    Raises:
        Misconfigured: one is wrong; the message names the field, never a value.
    """
    import yaml

    try:
        found = TypeAdapter(dict[Name, Receiver]).validate_python(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in (SETTING, *first["loc"]))
        raise Misconfigured(f"{where}: {first['msg']}") from None
    except yaml.YAMLError:
        raise Misconfigured(f"{SETTING}: cannot be read as YAML") from None
    for name, one in found.items():
        where = f"{SETTING}.{name}"
        address({f"{where}.url": one.url}, f"{where}.url", plain=True)
        decoded(one.secret, f"{where}.secret")
        for header in one.headers:
            if _OWN.fullmatch(header):
                raise Misconfigured(f"{where}.headers.{header}: is not to be set")
        for part in _texts(one.body):
            if "{{" in _PLACEHOLDER.sub("", part):
                raise Misconfigured(f"{where}.body: a placeholder is not understood")
    return found


def filled(body: JsonValue, names: Mapping[str, str]) -> JsonValue:
    """Return a body with all placeholders in its texts replaced, in one pass."""
    if isinstance(body, str):
        return _PLACEHOLDER.sub(lambda match: names[match[1]], body)
    if isinstance(body, list):
        return [filled(each, names) for each in body]
    if isinstance(body, dict):
        return {name: filled(each, names) for name, each in body.items()}
    return body


def _texts(body: JsonValue) -> list[str]:
    if isinstance(body, str):
        return [body]
    if isinstance(body, dict):
        return [text for each in body.values() for text in _texts(each)]
    return [text for each in body for text in _texts(each)] if isinstance(body, list) else []
