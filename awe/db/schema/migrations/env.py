"""How alembic runs the steps: on our connection, they and what follows in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

connect = context.config.attributes["connect"]
finish = context.config.attributes["finish"]
engine = create_engine("postgresql+psycopg2://", creator=connect, poolclass=NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        version_table="alembic_version",
        version_table_schema="awe",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
        finish(connection.connection.cursor())
engine.dispose()
