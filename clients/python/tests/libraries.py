"""The base classes of the libraries: their own where they are installed, else one with hooks that do nothing."""

import importlib
import sys
import types


class _Callback:
    """All of a library's hooks do nothing."""

    def __getattr__(self, name):
        if name.startswith("on_"):
            return lambda *_, **__: None
        raise AttributeError(name)


def _stand_in(module, name):
    try:
        if hasattr(importlib.import_module(module), name):
            return
    except ImportError:
        pass
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        sys.modules[path] = types.ModuleType(path)
    setattr(sys.modules[module], name, type(name, (_Callback,), {}))


def stand_in():
    _stand_in("transformers", "TrainerCallback")
    _stand_in("lightning.pytorch.callbacks", "Callback")
