"""The config file: YAML in, a `Config` out, or everything that is wrong with it, with line and column.

`${env:NAME}` and `${file:PATH}` stand for secrets and settings from outside; nothing else overrides the file.
Relative paths start at the file's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from tocsin import document, secrets
from tocsin import load as components
from tocsin.document import Document, Steps
from tocsin.errors import ConfigError
from tocsin.hints import did_you_mean, printable
from tocsin.options import ModelChoice, Options
from tocsin.secrets import Redactor
from tocsin.settings import Config, Part
from tocsin.validate import validate

__all__ = ["Config", "ConfigErrors", "load"]

_UNUSABLE = Part.model_construct(name="unusable", type="unusable", options=Options())


class ConfigErrors(ConfigError):
    """Everything that is wrong with a config, in the order of the file, one line each."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.line or 0, error.column or 0)))
        super().__init__("\n".join(map(str, self.errors)), file=self.errors[0].file)

    def __str__(self) -> str:
        return self.message


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The config in a file. Raises ConfigErrors that say everything that is wrong with it, with line and column."""
    return _Reading(document.read(path), path.absolute().parent, environ).config()


class _Reading:
    """One file on its way to a `Config`; what is wrong gathers in the document's errors."""

    def __init__(self, document: Document, base_dir: Path, environ: Mapping[str, str]) -> None:
        self._document = document
        self._base_dir = base_dir
        self._environ = environ
        self._references: dict[Steps, str] = {}
        self._redactor = Redactor()

    def config(self) -> Config:
        document = self._document
        values = self._resolved(document.value, ())
        unresolved = {(error.line, error.column): error for error in document.errors}
        if not isinstance(values, dict):
            found = "is empty" if values is None else "is not a block of 'key: value' lines"
            self._error((), found, hint="`tocsin init` writes a config to begin with")
            raise ConfigErrors(document.errors)
        self._cross_check(values)
        self._make_parts(values)
        config = validate(Config, values, document)
        if config is None or document.errors:
            said = [error for error in document.errors if unresolved.get((error.line, error.column), error) is error]
            raise ConfigErrors([self._without_secrets(error) for error in said])
        config = config.model_copy(update={"data_dir": self._base_dir / config.data_dir})
        config._base_dir = self._base_dir
        config._references = self._references
        config._redactor = self._redactor
        config._warnings = tuple(self._warn(config))
        config._at = self._document.error
        return config

    def _without_secrets(self, error: ConfigError) -> ConfigError:
        message = self._redactor.mask(error.message)
        return ConfigError(message, file=error.file, line=error.line, column=error.column, hint=error.hint)

    def _error(self, steps: Steps, message: str, *, hint: str | None = None, key: bool = False) -> None:
        self._document.errors.append(self._document.error(steps, message, hint=hint, key=key))

    def _resolved(self, value: Any, steps: Steps) -> Any:
        """The values with every `${env:...}` and `${file:...}` replaced by what it stands for."""
        if isinstance(value, dict):
            return {key: self._resolved(item, (*steps, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item, (*steps, number)) for number, item in enumerate(value)]
        if steps[-1:] == ("match",) and isinstance(value, str) and (cut := self._document.spots[steps].cut):
            said = f"YAML takes '{printable(cut.strip())}' for a comment"
            self._document.errors.append(
                self._document.error(steps, said, hint="put the rule in quotes", character=len(value) + 2)
            )
            return value + cut
        if not isinstance(value, str) or "${" not in value:
            return value
        try:
            resolved = secrets.resolve(value, self._environ, self._base_dir, self._redactor.add)
        except ConfigError as error:
            self._error(steps, error.message, hint=error.hint)
            return value
        self._references[steps] = value
        return resolved

    def _cross_check(self, values: dict[str, Any]) -> None:
        """What concerns several blocks, on the plain values, so that it is said along with all else."""
        alerts = values.get("alerts")
        self._unique(values, ("watches",))
        self._unique(values, ("categories",))
        self._unique(alerts, ("alerts", "policies"))
        self._unique(alerts, ("alerts", "destinations"))
        sources = values.get("sources")
        known = sources if isinstance(sources, dict) else {}
        self._known_in_delivery(alerts, values)
        for number, watch in _entries(values, "watches"):
            names = watch.get("sources")
            for place, name in enumerate(names if isinstance(names, list) else []):
                if isinstance(name, str) and name not in known:
                    steps = ("watches", number, "sources", place)
                    self._error(steps, f"no source is named '{printable(name)}'", hint=did_you_mean(name, known))

    def _known_in_delivery(self, alerts: Any, values: dict[str, Any]) -> None:
        """Whether `delivery:` names destinations, policies and watches that there are."""
        delivery = alerts.get("delivery") if isinstance(alerts, dict) else None
        known = {
            "destination": _names(alerts, "destinations") or ["log"],
            "policy": [*(_names(alerts, "policies") or ["volume"]), "coverage"],
            "watch": _names(values, "watches") or ["all"],
        }
        for name, block in delivery.items() if isinstance(delivery, dict) else ():
            self._known("destination", name, known, ("alerts", "delivery", name), key=True)
            for key, kind in (("policies", "policy"), ("watches", "watch")):
                wanted = block.get(key) if isinstance(block, dict) else None
                for place, one in enumerate(wanted if isinstance(wanted, list) else []):
                    self._known(kind, one, known, ("alerts", "delivery", name, key, place))

    def _known(self, kind: str, name: Any, known: Mapping[str, list[str]], steps: Steps, *, key: bool = False) -> None:
        if isinstance(name, str) and name not in known[kind]:
            hint = did_you_mean(name, known[kind])
            self._error(steps, f"no {kind} is named '{printable(name)}'", hint=hint, key=key)

    def _unique(self, block: Any, steps: Steps) -> None:
        seen: dict[str, int] = {}
        for number, entry in _entries(block, steps[-1]):
            name = entry.get("name", entry.get("type"))
            if isinstance(name, str) and seen.setdefault(name, number) != number:
                first = self._document.spots[(*steps, seen[name])].line
                where = (*steps, number, "name") if "name" in entry else (*steps, number)
                self._error(where, f"the name '{printable(name)}' is taken", hint=f"first in line {first}")

    def _make_parts(self, values: dict[str, Any]) -> None:
        """Turn the blocks of components into `Part`s, in place; what is no block is left for `validate` to refuse."""
        sources, alerts, enrich = values.get("sources"), values.get("alerts") or {}, values.get("enrich")
        if isinstance(sources, dict):
            for name, block in _blocks(sources):
                sources[name] = self._part("sources", ("sources", name), block, name)
        for stage, key in (("queues", "queue"), ("lakes", "lake")):
            if isinstance(values.get(key), dict):
                values[key] = self._part(stage, (key,), values[key])
        for number, block in _entries(alerts, "destinations"):
            steps = ("alerts", "destinations", number)
            alerts["destinations"][number] = self._part("notifiers", steps, block, block.pop("name", None))
        if isinstance(enrich, dict):
            for name, block in _blocks(enrich):
                enrich[name] = self._enricher(name, block)

    def _part(self, stage: str, steps: Steps, block: dict[str, Any], name: Any = None) -> Part:
        if "type" not in block:
            one_of = ", ".join(components.names(stage))
            self._error(steps, "the key 'type' is missing", hint=f"one of {one_of}")
            return _UNUSABLE
        type_name = str(block["type"])
        try:
            model = components.component(stage, type_name).config_class
        except ConfigError as error:
            self._error((*steps, "type"), error.message, hint=error.hint)
            return _UNUSABLE
        for key in model.takes.intersection(block):
            self._error((*steps, key), f"unknown key '{key}'", hint=f"it belongs at the top: {key}:", key=True)
        options = validate(model, {key: block[key] for key in block if key != "type"}, self._document, steps)
        return self._named(type_name if name is None else name, type_name, options, steps)

    def _enricher(self, name: str, block: dict[str, Any]) -> Part:
        steps = ("enrich", name)
        known = components.names("enrichers")
        if name not in known:
            said = f"'{printable(name)}' is not an enricher"
            self._error(steps, said, hint=did_you_mean(name, known), key=True)
            return _UNUSABLE
        model = components.component("enrichers", name).config_class
        for key in model.takes.intersection(block):
            self._error((*steps, key), f"unknown key '{key}'", hint=f"it belongs at the top: {key}:", key=True)
        values = self._with_model(block, model, steps) if "model" in model.model_fields else block
        if isinstance(values.get("geocoder"), dict):
            values = values | {"geocoder": self._part("gazetteer", (*steps, "geocoder"), values["geocoder"])}
        return self._named(name, name, validate(model, values, self._document, steps), steps)

    def _with_model(self, block: dict[str, Any], enricher: type[Options], steps: Steps) -> dict[str, Any]:
        """The block of an enricher, the options of its model taken from among its own."""
        spec = block.get("model", ModelChoice().spec)
        if not isinstance(spec, str):
            return block
        try:
            known = components.component("models", components.model_type(spec)).config_class
        except ConfigError as error:
            self._error((*steps, "model"), error.message, hint=error.hint)
            return {key: block[key] for key in block if key in enricher.model_fields and key != "model"}
        own = {key: block[key] for key in block if key not in known.model_fields and key != "model"}
        theirs = {key: block[key] for key in block if key in known.model_fields}
        options = validate(known, theirs, self._document, steps)
        return own | {"model": ModelChoice(spec=spec, options=options or Options())}

    def _named(self, name: Any, type_name: str, options: Options | None, steps: Steps) -> Part:
        if options is None:
            return _UNUSABLE
        values = {"name": name, "type": type_name, "options": options}
        return validate(Part, values, self._document, steps) or _UNUSABLE

    def _warn(self, config: Config) -> Iterator[ConfigError]:
        spot = self._document.error
        if not config.sources:
            yield spot(("sources",), "there are no sources, so `tocsin run` has nothing to read")
        parts: list[tuple[Steps, Part]] = [(("sources", name), part) for name, part in config.sources.items()]
        parts += [(("alerts", "destinations", i), part) for i, part in enumerate(config.alerts.destinations)]
        parts += [(("queue",), config.queue), (("lake",), config.lake)]
        parts += [(("enrich", name), part) for name, part in config.enrich.items()]
        for steps, part in parts:
            for where, secret in _secrets(part.options, steps):
                self._redactor.add(secret)
                if where in self._document.spots and where not in self._references:
                    hint = "write ${env:NAME} or ${file:PATH} instead"
                    yield spot(where, f"the secret '{where[-1]}' is written in the file", hint=hint)


def _entries(block: Any, key: str | int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The blocks in the list `block[key]`, with their numbers, where there is such a list."""
    entries = block.get(key) if isinstance(block, dict) else None
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            yield number, entry


def _names(block: Any, key: str) -> list[str]:
    return [str(entry.get("name", entry.get("type"))) for _, entry in _entries(block, key)]


def _blocks(values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, block) for name, block in values.items() if isinstance(block, dict)]


def _secrets(value: Any, steps: Steps) -> Iterator[tuple[Steps, str]]:
    """The secrets in some options, and where they stand."""
    if isinstance(value, SecretStr):
        yield steps, value.get_secret_value()
    elif isinstance(value, Part):
        yield from _secrets(value.options, steps)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            inner = getattr(value, name)
            if isinstance(inner, ModelChoice):  # its options stand beside it
                yield from _secrets(inner.options, steps)
            else:
                yield from _secrets(inner, (*steps, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secrets(item, (*steps, name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _secrets(item, (*steps, number))
