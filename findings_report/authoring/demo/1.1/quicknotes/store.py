"""Notes in SQLite."""

import sqlite3


class Store:
    """All notes of all users."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path)
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, owner TEXT, body TEXT)"
        )

    def add(self, owner, body):
        cursor = self.connection.execute(
            "INSERT INTO notes (owner, body) VALUES (?, ?)", (owner, body)
        )
        self.connection.commit()
        return cursor.lastrowid

    def search(self, owner, words):
        """Notes of `owner` that hold all the words."""
        wanted = words.split()
        query = "SELECT id, body FROM notes WHERE owner = ?" + " AND body LIKE ?" * len(wanted)
        return self.connection.execute(query, [owner, *(f"%{word}%" for word in wanted)]).fetchall()

    def delete(self, note):
        self.connection.execute("DELETE FROM notes WHERE id = ?", (note,))
        self.connection.commit()
