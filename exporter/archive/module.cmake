pgvigil_module(archive
  SOURCES backup_info.cc barman.cc base_backup.cc decompress.cc dump_file.cc dump_reader.cc last_commit.cc open.cc
          pgbackrest.cc pgbackrest_catalogue.cc pgbackrest_cipher.cc pgbackrest_info.cc plain.cc plain_backups.cc
          plain_folder.cc snappy_frames.cc wal_listing.cc walg.cc walg_sentinel.cc
  DEPENDS objectstore cluster wal base
  LIBRARIES ZLIB::ZLIB BZip2::BZip2 LibLZMA::LibLZMA PkgConfig::LZ4 PkgConfig::ZSTD Snappy::snappy
            nlohmann_json::nlohmann_json OpenSSL::Crypto
)
