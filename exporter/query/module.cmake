pgvigil_module(query
  SOURCES catalog.cc columns.cc definition.cc definition_reader.cc explain.cc numbers.cc rows_to_block.cc sql_text.cc
  DEPENDS postgres metrics yaml cluster wal base
)
