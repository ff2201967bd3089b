"""A new SQLite file that is given whole documents."""

from __future__ import annotations

import asyncio
import sqlite3

from collab.errors import CollabError
from collab.stores import sqlite_inbox, sqlite_streams, sqlite_versions
from collab.stores import sqlite_rows as sql
from collab.stores.sqlite_place import Place
from collab.stores.sqlite_rows import checksum
from collab.stores.sqlite_schema import SchemaError, check_is_ours, connect, prepare
from collab.stores.whole import Whole


class SqliteTarget:
    """See :class:`~collab.stores.whole.Target`.

    Args:
        path: of a file that is not there, or holds no document.

    Raises:
        CollabError: ``storage_unavailable``: it holds some, a server has it open, or it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._place = Place(path)
        try:
            where = self._place.lock()
            check_is_ours(where)
            self._connection = connect(where)
            prepare(self._connection)
            if sql.usage(self._connection).documents:
                raise CollabError("storage_unavailable", f"{path} holds documents already.")
        except (sqlite3.Error, SchemaError, OSError) as error:
            self._place.unlock()
            raise CollabError("storage_unavailable", f"Cannot open {path}: {error}.") from None
        except CollabError:
            self._place.unlock()
            raise

    async def put(self, whole: Whole) -> None:
        """See :class:`~collab.stores.whole.Target`."""
        try:
            await asyncio.to_thread(self._put, whole)
        except sqlite3.Error as error:
            raise CollabError("storage_unavailable", f"Cannot write {whole.name}: {error}.") from None

    def _put(self, whole: Whole) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            id = sql.document_id(connection, whole.name, whole.created_at)
            connection.execute("UPDATE documents SET updated_at = ? WHERE id = ?", (whole.updated_at, id))
            if whole.state is not None:
                connection.execute(
                    "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)",
                    (id, whole.position, whole.updated_at, checksum(id, whole.position, whole.state), whole.state),
                )
            sql.join_history(connection, id, whole.history)
            for version, state in whole.versions:
                added = sqlite_versions.add(
                    connection, whole.name, state, version.position, version.name, version.participant, ""
                )
                connection.execute("UPDATE versions SET created_at = ? WHERE id = ?", (version.created_at, added.id))
            for stream in whole.streams:
                sqlite_streams.put(connection, id, stream.name, stream.last, stream.events)
            sqlite_inbox.put(connection, id, whole.inbox)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    async def close(self) -> None:
        """See :class:`~collab.stores.whole.Target`."""
        sql.shrink(self._connection)
        self._connection.close()
        self._place.unlock()
