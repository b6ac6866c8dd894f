"""Messages in, text or typed objects out: `open_engine` gives an engine, `contract` says what it does.

The engines themselves are imported when one is opened, so that whoever only speaks of requests and replies
loads neither llama.cpp nor a template engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slm_core.engine.adapter import FILE, Adapter, read_adapter
from slm_core.settings import Settings

if TYPE_CHECKING:
    from slm_core.catalog import Progress
    from slm_core.engine.llama import LlamaEngine
    from slm_core.engine.remote import RemoteEngine

LOCAL = "llama"


def open_engine(
    settings: Settings,
    model: str | None = None,
    adapters: Mapping[str, Adapter | Path] | None = None,
    progress: Progress | None = None,
) -> LlamaEngine | RemoteEngine:
    """Load a base with its adapters, or connect to the server that the settings name.

    Args:
        settings: `engine`, `threads`, `context`, and where models lie.
        model: catalog name, path to a `.gguf` file, or the server's name of it; default `settings.model`.
        adapters: all that requests may name, by that name; a path is an adapter folder. A server has its own.
        progress: where a fetch of the model reports to.

    Raises:
        UserError: unknown model, an adapter of another base, a server that may not be asked offline.
        CouldNot: the model cannot be had or loaded, or the server does not answer.
    """
    if settings.engine != LOCAL:
        from slm_core.engine.remote import RemoteEngine

        wanted = model or (settings.model if settings.origin("model") != "default" else None)
        return RemoteEngine(settings.engine, model=wanted, offline=settings.offline)
    return open_local(settings, model or settings.model, adapters or {}, progress)


def open_local(
    settings: Settings,
    name: str,
    adapters: Mapping[str, Adapter | Path],
    progress: Progress | None = None,
) -> LlamaEngine:
    """Load a base with its adapters into this process, whatever server the settings name."""
    from slm_core.catalog import ensure, find_model
    from slm_core.catalog.verify import known_sha256
    from slm_core.engine.llama import LlamaEngine
    from slm_core.engine.threads import choose_threads

    path = ensure(name, settings, progress)
    model = find_model(name).name
    loaded = [
        read_adapter(given / FILE, domain, model, "path") if isinstance(given, Path) else given
        for domain, given in adapters.items()
    ]
    threads, threads_reason = choose_threads(settings)
    return LlamaEngine(
        path,
        adapters=loaded,
        model=model,
        model_sha256=known_sha256(path, settings),
        threads=threads,
        threads_reason=threads_reason,
        context=settings.context,
    )
