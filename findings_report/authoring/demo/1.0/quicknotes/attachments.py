"""Files attached to notes."""

import os

FOLDER = "/var/lib/quicknotes/attachments"


def read(note, name):
    """The attachment `name` of a note."""
    path = os.path.join(FOLDER, str(note), name)
    with open(path, "rb") as file:
        return file.read()


def save(note, name, content):
    """Keeps an attachment."""
    folder = os.path.join(FOLDER, str(note))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, os.path.basename(name)), "wb") as file:
        file.write(content)
