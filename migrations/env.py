"""Runs the store's migrations on the connection its caller opened (`proxy.ledger.store_format`); never opens one itself."""

from alembic import context

from proxy.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
