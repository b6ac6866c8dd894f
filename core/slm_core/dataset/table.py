"""The generic importer, for any domain: a table and a map of its columns to rows (`table=PATH --map
map.toml`).

    task = "needs"                      # default: the domain's first task
    text = "message"                    # column of the user's text; a dotted name reaches one level down
    target = ["water", "food"] # 0/1 columns: the list of those that are 1; or one label column: "label" lang
    = "en" # a value, or {column = "language"}; so also licence, source and task licence = "CC-BY-4.0" group =
    "event" # column; what must stay on one side of a split id = "id" # column

    [values]                            # cell (or 0/1 column) to the name in the reply, where they differ
    food = "nutrition"

Instead of `text`, a request of several fields has `[request]` (field = column). Instead of `target`, a reply
of several fields has `[template]` (or `template = '''{...}'''` as JSON): its strings hold `{column}`; a value
that is exactly one `{column}` takes the cell as it is, and is left out where the cell is empty. `null` lists
the words that mean an empty cell (default: NULL, null, \\N, NaN, nan, N/A, #N/A).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from slm_core.dataset.contract import DomainShape, TaskShape
from slm_core.dataset.records import Record, read_records
from slm_core.dataset.row import Message, Row
from slm_core.dataset.source import Rejected, Source
from slm_core.errors import SlmError, UserError, did_you_mean

_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "t"})
_FALSE = frozenset({"0", "0.0", "false", "no", "n", "f", ""})
_HOLE = re.compile(r"\{([^{}]+)\}")
_ABSENT = object()


class Column(BaseModel):
    """A value that differs from record to record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str


class TableMap(BaseModel):
    """What the columns of a table mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lang: str | Column
    licence: str | Column
    task: str | Column | None = None
    source: str | Column | None = None
    text: str | None = None
    request: dict[str, str] = {}
    target: str | list[str] | None = None
    template: dict[str, Any] | list[Any] | None = None
    values: dict[str, Any] = {}
    field: str | None = None
    form: Literal["reply", "wire"] = "reply"
    group: str | None = None
    id: str | None = None
    header: list[str] | None = None
    records: str | None = None
    null: list[str] = ["NULL", "null", "\\N", "NaN", "nan", "N/A", "#N/A"]

    @field_validator("template", mode="before")
    @classmethod
    def _json_template(cls, template: Any) -> Any:
        return json.loads(template) if isinstance(template, str) else template

    @model_validator(mode="after")
    def _one_of_each(self) -> TableMap:
        if (self.text is None) == (not self.request):
            raise ValueError(
                "give the user's text as `text`, or the fields of the request as [request], one of both"
            )
        if (self.target is None) == (self.template is None):
            raise ValueError("give the answer as `target` or as `template`, one of both")
        return self

    def columns(self) -> list[str]:
        """Return every column that the map names."""
        ours = [self.text, self.group, self.id, *self.request.values()]
        ours += [self.target] if isinstance(self.target, str) else self.target or []
        ours += [v.column for v in (self.lang, self.licence, self.task, self.source) if isinstance(v, Column)]
        ours += _HOLE.findall(json.dumps(self.template, ensure_ascii=False)) if self.template else []
        return list(dict.fromkeys(name for name in ours if name))


def read_map(path: Path) -> TableMap:
    """Read a map.

    Raises:
        UserError: missing, not TOML, an unknown key (with the nearest known one) or a wrong value.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(
            "no such map", where=path, expected="a TOML file that says what the columns mean"
        ) from error
    except ValueError as error:
        line = re.search(r"line (\d+)", str(error))
        raise UserError(
            str(error), where=f"{path}:{line[1]}" if line else path, expected="a TOML file"
        ) from error
    for name in raw:
        if name not in TableMap.model_fields:
            known = ", ".join(TableMap.model_fields)
            near = did_you_mean(name, TableMap.model_fields)
            raise UserError(f"unknown key {name!r}", where=path, expected=known, mend=near)
    try:
        return TableMap.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"][:1]))
        what = first["msg"].removeprefix("Value error, ")
        raise UserError(
            f"{at}: {what}" if at else what, where=path, expected="see `slm dataset build --help`"
        ) from error


def import_table(domain: DomainShape, source: Source) -> Iterator[tuple[str, Row] | Rejected]:
    """Yield `(file:line, row)` of a table, or why a record gave none.

    Raises:
        UserError: no map, or one that does not go with the table or the domain.
    """
    if source.map is None or source.path is None:
        raise UserError(
            "a table needs a map of its columns", where="--source table=...", mend="add --map map.toml"
        )
    table = read_map(source.map)
    task = None if isinstance(table.task, Column) else domain.task(table.task)
    if task is not None and table.target is not None and table.form == "reply":
        _field(task, table)
    checked = False
    for record in read_records(source.path, header=table.header, list_key=table.records):
        if isinstance(record, Rejected):
            yield record
            continue
        if not checked:
            _check_columns(table, record, source.map)
            checked = True
        try:
            yield record.where, _row(domain, task, table, record, source.path)
        except (SlmError, ValueError) as error:
            yield Rejected(
                record.where, _reason(error), json.dumps(record.columns, ensure_ascii=False, default=str)
            )


def _check_columns(table: TableMap, record: Record, path: Path) -> None:
    """A column that the first record lacks is a mistake in the map; optional JSON keys must be in the first
    record.
    """
    missing = next((name for name in table.columns() if name not in record.columns), None)
    if missing is not None and not (table.template is not None and _nested(record)):
        raise UserError(
            f"the table has no column {missing!r}",
            where=path,
            expected=", ".join(list(record.columns)[:40]),
            mend=did_you_mean(missing, record.columns),
        )


def _nested(record: Record) -> bool:
    return any(not isinstance(value, str) for value in record.columns.values())


def _row(domain: DomainShape, task: TaskShape | None, table: TableMap, record: Record, path: Path) -> Row:
    record = Record(record.where, {name: _known(cell, table.null) for name, cell in record.columns.items()})
    task = task or domain.task(_literal(table.task, record))
    request = task.parse_request(_user_text(table, record))
    return Row(
        messages=(
            *(Message.model_validate(message) for message in task.messages(request)),
            Message(role="assistant", content=_target(task, table, record, request)),
        ),
        task=task.name,
        lang=_literal(table.lang, record),
        source=_literal(table.source, record) if table.source else path.stem,
        licence=_literal(table.licence, record),
        group=str(record.columns.get(table.group, "") or "").strip() if table.group else "",
        id=str(_cell(record, table.id)).strip() if table.id else "",
    )


def _known(cell: Any, null: Sequence[str]) -> Any:
    """Return a cell, or an empty one where it holds the table's word for nothing."""
    return "" if isinstance(cell, str) and cell.strip() in null else cell


def _user_text(table: TableMap, record: Record) -> str:
    if table.text is None:
        return json.dumps(
            {field: _cell(record, name) for field, name in table.request.items()}, ensure_ascii=False
        )
    text = _cell(record, table.text)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(
            f"column {table.text!r} is empty" if text in ("", None) else f"{table.text!r} is no text"
        )
    return text.strip()


def _target(task: TaskShape, table: TableMap, record: Record, request: BaseModel) -> str:
    value = _template(table.template, record) if table.template is not None else _label(table, record)
    if table.template is None and table.form == "reply":
        value = {_field(task, table): value}
    if table.form == "wire":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return task.write(task.reply.model_validate(value), request)


def _field(task: TaskShape, table: TableMap) -> str:
    fields = list(task.reply.model_fields)
    if table.field in fields or (table.field is None and len(fields) == 1):
        return table.field or fields[0]
    mend = did_you_mean(table.field, fields) if table.field else "add field = ..., or use [template]"
    raise UserError(
        f"which field of the reply of {task.name} is the label?", expected=", ".join(fields), mend=mend
    )


def _label(table: TableMap, record: Record) -> Any:
    if isinstance(table.target, list):
        return [table.values.get(name, name) for name in table.target if _is_true(name, _cell(record, name))]
    name = table.target or ""
    cell = _cell(record, name)
    if cell is None or cell == "":
        raise ValueError(f"column {name!r} is empty")
    if isinstance(cell, list):
        return [table.values.get(str(item), item) for item in cell]
    return table.values.get(str(cell).strip(), cell.strip() if isinstance(cell, str) else cell)


def _is_true(name: str, cell: Any) -> bool:
    text = "" if cell is None else str(cell).strip().casefold()
    if text not in _TRUE | _FALSE:
        raise ValueError(f"column {name!r} holds {cell!r}, expected 0 or 1")
    return text in _TRUE


def _template(template: Any, record: Record) -> Any:
    """Fill the holes of a template; what is left out (`_ABSENT`) takes its key or place with it."""
    if isinstance(template, dict):
        filled = {name: _template(item, record) for name, item in template.items()}
        return {name: item for name, item in filled.items() if item is not _ABSENT}
    if isinstance(template, list):
        return [item for item in (_template(item, record) for item in template) if item is not _ABSENT]
    if not isinstance(template, str):
        return template
    whole = _HOLE.fullmatch(template)
    if whole is None:
        return _HOLE.sub(lambda hole: str(_cell(record, hole[1])), template)
    cell = record.columns.get(whole[1])
    return _ABSENT if cell is None or cell == "" else cell


def _literal(value: str | Column | None, record: Record) -> str:
    if not isinstance(value, Column):
        return value or ""
    cell = str(_cell(record, value.column) or "").strip()
    if not cell:
        raise ValueError(f"column {value.column!r} is empty")
    return cell


def _cell(record: Record, name: str) -> Any:
    columns: Mapping[str, Any] = record.columns
    if name not in columns:
        raise ValueError(f"no key {name!r}")
    return columns[name]


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return " ".join(str(error).split())
