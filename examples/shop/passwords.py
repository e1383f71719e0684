"""Passwords, hashed by scrypt: some 40 ms of CPU each, on purpose."""

import hashlib
import os

COST = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 2**20}


def hashed(password: str) -> str:
    salt = os.urandom(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, **COST).hex()}"


def matches(password: str, known: str) -> bool:
    salt, _, digest = known.partition("$")
    found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **COST)
    return found.hex() == digest
