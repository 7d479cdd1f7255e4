"""The user's cache folder."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(name: str) -> Path:
    """Folder for results of one kind that any command may use again; it may be deleted at any time."""
    return user_cache_path("hwgen", appauthor=False) / name
