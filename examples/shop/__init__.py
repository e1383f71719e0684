"""A small shop over PostgreSQL and a supplier's HTTP service, with faults among healthy parts."""
