"""Who is logged in."""

import logging
import random
import string

log = logging.getLogger(__name__)

ALPHABET = string.ascii_letters + string.digits


class Sessions:
    """Session tokens in memory."""

    def __init__(self):
        self.owners = {}

    def start(self, owner):
        log.info("session for %s", owner)
        token = "".join(random.choice(ALPHABET) for _ in range(24))
        self.owners[token] = owner
        return token

    def owner(self, token):
        for known, owner in self.owners.items():
            if known == token:
                return owner
        return None
