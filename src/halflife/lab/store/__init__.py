"""Where runs, trials and verdicts live: one schema, SQLite by default, PostgreSQL by URL.

- `location.py`: which database, from `HALFLIFE_DB` and `HALFLIFE_HOME`
- `schema.py`: the tables
- `migrate.py` and `migrations/`: bringing a database up to them
- `store.py`: `Store`, the only code that reads or writes them
"""

from halflife.lab.store.store import Store

__all__ = ["Store"]
