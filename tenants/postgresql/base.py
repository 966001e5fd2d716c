"""django-tenants' backend, less the statements it repeats.

It sends `SET search_path` again after every change of schema, also when the connection is already there. Entering the
same organisation over and over is what the threads of `in_tenant` do, so the path in force is remembered.
"""

from __future__ import annotations

from typing import Any

from django_tenants.postgresql_backend import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Remembers the search path that the server holds. Whatever may undo a SET there makes us forget it."""

    search_path_set_schemas: list[str] | None
    _path_in_force: list[str] | None = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        if self.search_path_set_schemas is None and self._path_in_force is not None:
            wanted = self._get_cursor_search_paths()
            if wanted == self._path_in_force:
                self.search_path_set_schemas = wanted
        super()._handle_search_path(cursor)
        self._path_in_force = self.search_path_set_schemas

    def connect(self) -> None:
        self._path_in_force = None
        super().connect()

    def close(self) -> None:
        self._path_in_force = None
        super().close()

    def rollback(self) -> None:
        self._path_in_force = None
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:
            self._path_in_force = None
