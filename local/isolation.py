"""What makes one process look like many to the functions: own variables, own output, own copies of our modules.

A thread belongs to at most one execution environment, and threads that it starts belong to the same one.
``os.environ``, ``sys.stdout`` and ``sys.stderr`` are replaced by stand-ins that look at the thread's environment.
Modules of our own packages are imported anew for every environment; third-party modules are shared.
"""

import asyncio
import importlib
import io
import os
import sys
import threading
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Protocol, TextIO, cast

import botocore.loaders

from local.calls import Caller

_OWNER = "_local_owner"


class Owner(Caller, Protocol):
    """The environment that a thread belongs to."""

    @property
    def environ(self) -> MutableMapping[str, str]:
        """Its environment variables."""

    @property
    def log(self) -> TextIO:
        """Where its output goes."""

    @property
    def loops(self) -> list[asyncio.AbstractEventLoop]:
        """The event loops that its code has made."""


def owner() -> Owner | None:
    """The execution environment that the present thread works for; None outside of functions."""
    found: Owner | None = getattr(threading.current_thread(), _OWNER, None)
    return found


def adopt(thread: threading.Thread, environment: Owner) -> None:
    """Make a thread, and all that it will start, belong to an environment."""
    setattr(thread, _OWNER, environment)


class _Environ(MutableMapping[str, str]):
    """Stands in for ``os.environ``: the function's variables in a function's thread, the process's elsewhere."""

    def __init__(self, base: MutableMapping[str, str]) -> None:
        self._base = base

    def _here(self) -> MutableMapping[str, str]:
        environment = owner()
        return self._base if environment is None else environment.environ

    def __getitem__(self, name: str) -> str:
        return self._here()[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._here()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._here()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())

    def copy(self) -> dict[str, str]:
        """A plain dictionary of the present thread's variables, as ``os.environ.copy`` gives it."""
        return dict(self._here())


class _Output(io.TextIOBase):
    """Stands in for ``sys.stdout`` or ``sys.stderr``.

    It may outlive the run that installed it, because log handlers keep the stream that they were made with: outside of
    functions it then writes to whatever the process's stream is at that moment.
    """

    def __init__(self, name: str, base: TextIO) -> None:
        self._name = name
        self.base = base

    def _target(self) -> TextIO:
        environment = owner()
        if environment is not None:
            return environment.log
        present: Any = getattr(sys, self._name)
        return self.base if present is self else cast(TextIO, present)

    def write(self, text: str) -> int:
        return self._target().write(text)

    def flush(self) -> None:
        self._target().flush()

    def isatty(self) -> bool:
        return self._target().isatty()

    def fileno(self) -> int:
        return self._target().fileno()

    def writable(self) -> bool:
        return True


class Installation:
    """The stand-ins, put in place by ``install`` and taken away by ``remove``; one at a time in a process."""

    def install(self) -> None:
        """Replace ``os.environ`` and the standard streams, watch threads and loops, cache botocore's data files."""
        self._environ = os.environ
        self._start = threading.Thread.start
        self._load_file = botocore.loaders.JSONFileLoader.load_file
        self._list_services = botocore.loaders.Loader.list_available_services
        setattr(os, "environ", _Environ(self._environ))  # noqa: B010  every reader of the variable has to see the stand-in
        self._outputs = {name: _Output(name, getattr(sys, name)) for name in ("stdout", "stderr")}
        self.refresh()
        start = self._start

        def start_owned(thread: threading.Thread) -> None:
            environment = owner()
            if environment is not None:
                adopt(thread, environment)
            start(thread)

        make_loop = self._make_loop = BaseSelectorEventLoop.__init__

        def make_owned_loop(loop: BaseSelectorEventLoop, *args: Any, **options: Any) -> None:
            make_loop(loop, *args, **options)
            environment = owner()
            if environment is not None:
                environment.loops.append(loop)

        BaseSelectorEventLoop.__init__ = make_owned_loop  # type: ignore[method-assign,assignment]
        threading.Thread.start = start_owned  # type: ignore[method-assign,assignment]
        # Botocore walks directories and parses megabytes of JSON for each new session, and every environment makes one.
        botocore.loaders.JSONFileLoader.load_file = _cached(self._load_file)
        botocore.loaders.Loader.list_available_services = _cached(self._list_services)

    def refresh(self) -> None:
        """Put the stand-ins for the standard streams back when something, such as pytest, has replaced them."""
        for name, output in self._outputs.items():
            present = getattr(sys, name)
            if present is not output:
                output.base = present
                setattr(sys, name, output)

    def remove(self) -> None:
        """Put back what ``install`` replaced. Streams that somebody replaced since then stay."""
        botocore.loaders.JSONFileLoader.load_file = self._load_file
        botocore.loaders.Loader.list_available_services = self._list_services
        threading.Thread.start = self._start  # type: ignore[method-assign]
        BaseSelectorEventLoop.__init__ = self._make_loop  # type: ignore[method-assign]
        setattr(os, "environ", self._environ)  # noqa: B010
        for name, output in self._outputs.items():
            if getattr(sys, name) is output:
                setattr(sys, name, output.base)


def close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Close an event loop whose maker is gone, with its connections."""
    if loop.is_running():
        loop.call_soon_threadsafe(loop.stop)
    elif not loop.is_closed():
        for transport in list(getattr(loop, "_transports", {}).values()):
            transport.abort()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


_results: dict[tuple[Any, ...], Any] = {}


def _cached(method: Any) -> Any:
    """A method whose result follows from its arguments and is the same for all instances; the result is not to be changed."""

    def cached(self: Any, *arguments: Any, **named: Any) -> Any:
        key = (method, *arguments, *named.items())
        if key not in _results:
            _results[key] = method(self, *arguments, **named)
        return _results[key]

    return cached


_code: dict[tuple[str, int], CodeType] = {}


class _CachedCode(SourceFileLoader):
    """Compiles each version of a source file once in the process's life."""

    def get_code(self, fullname: str) -> CodeType | None:
        key = (self.path, os.stat(self.path).st_mtime_ns)
        if key not in _code:
            code = super().get_code(fullname)
            if code is None:
                return None
            _code[key] = code
        return _code[key]


class _Finder:
    """Finds the private packages below the given roots only, and nothing else."""

    def __init__(self, roots: Sequence[Path], packages: frozenset[str]) -> None:
        self._roots = [str(root) for root in roots]
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The import system's hook."""
        if fullname.partition(".")[0] not in self._packages:
            return None
        spec = PathFinder.find_spec(fullname, self._roots if path is None else path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _CachedCode(spec.loader.name, spec.loader.path)
        return spec


_import_lock = threading.Lock()


class PrivateModules:
    """Imports our own packages afresh.

    Args:
        roots: the directories that hold the packages.
        packages: names of the top-level packages of which every environment gets its own copy.
        patches: module -> attribute -> value, set as soon as the module is loaded, before others take the attribute.
    """

    def __init__(
        self, roots: Sequence[Path], packages: frozenset[str], patches: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._finder = _Finder(roots, packages)
        self._packages = packages
        self._patches = patches

    def load(self, name: str) -> tuple[ModuleType, dict[str, ModuleType]]:
        """Import a module and all of our own that it needs.

        Returns the module and the private copies by name, which the caller keeps as long as the module is used.
        Whatever copies the rest of the process has are back in ``sys.modules`` afterwards.
        """
        with _import_lock:
            aside = self._take_away()
            sys.meta_path.insert(0, self._finder)
            try:
                for patched, values in self._patches.items():
                    if self._finder.find_spec(patched.partition(".")[0], None) is not None:
                        module = importlib.import_module(patched)
                        for attribute, value in values.items():
                            setattr(module, attribute, value)
                return importlib.import_module(name), self._take_away()
            finally:
                sys.meta_path.remove(self._finder)
                self._take_away()
                sys.modules.update(aside)

    def _take_away(self) -> dict[str, ModuleType]:
        names = [name for name in list(sys.modules) if name.partition(".")[0] in self._packages]
        return {name: sys.modules.pop(name) for name in names}
