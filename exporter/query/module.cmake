pgvigil_module(query
  SOURCES catalog.cc columns.cc definition.cc numbers.cc rows_to_block.cc
  DEPENDS postgres metrics yaml cluster wal base
)
