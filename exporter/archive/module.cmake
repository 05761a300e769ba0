pgvigil_module(archive
  SOURCES backup_info.cc barman.cc decompress.cc last_commit.cc open.cc snappy_frames.cc wal_listing.cc
  DEPENDS objectstore cluster wal base
  LIBRARIES ZLIB::ZLIB BZip2::BZip2 LibLZMA::LibLZMA PkgConfig::LZ4 PkgConfig::ZSTD Snappy::snappy
)
