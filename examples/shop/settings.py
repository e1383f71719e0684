"""Where the shop finds what it needs, from the environment."""

import os

DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
SUPPLIER_URL = os.environ.get("SUPPLIER_URL", "http://127.0.0.1:9000")
# Per worker: the database allows a hundred, and the shop is not alone with it.
POOL_SIZE = 2
