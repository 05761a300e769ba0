pgvigil_module(metrics
  SOURCES block.cc descriptor.cc escape.cc families.cc gzip.cc process.cc self.cc text_writer.cc
  DEPENDS cluster wal base
  LIBRARIES prometheus-cpp::core ZLIB::ZLIB
)
