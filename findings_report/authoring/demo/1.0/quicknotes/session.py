"""Who is logged in."""

import random
import string

ALPHABET = string.ascii_letters + string.digits


class Sessions:
    """Session tokens in memory."""

    def __init__(self):
        self.owners = {}

    def start(self, owner):
        token = "".join(random.choice(ALPHABET) for _ in range(24))
        self.owners[token] = owner
        return token

    def owner(self, token):
        for known, owner in self.owners.items():
            if known == token:
                return owner
        return None
