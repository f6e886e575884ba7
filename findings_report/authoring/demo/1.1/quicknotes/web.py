"""The HTTP face of quicknotes."""

from quicknotes import files


class Application:
    """Routes requests to the store."""

    def __init__(self, store, sessions):
        self.store = store
        self.sessions = sessions

    def handle(self, method, path, token, parameters):
        owner = self.sessions.owner(token)
        if owner is None:
            return 401, b"log in first"
        if (method, path) == ("GET", "/search"):
            found = self.store.search(owner, parameters["q"])
            return 200, "\n".join(body for _, body in found).encode()
        if (method, path) == ("GET", "/attachment"):
            return 200, files.read(parameters["note"], parameters["name"])
        if (method, path) == ("POST", "/delete"):
            self.store.delete(parameters["note"])
            return 200, b"deleted"
        return 404, b"no such page"
