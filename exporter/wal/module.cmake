pgvigil_module(wal
  SOURCES commits.cc crc32c.cc file_name.cc record_reader.cc segment.cc segment_set.cc timeline.cc
  DEPENDS base
)
