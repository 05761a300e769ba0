pgvigil_module(archive
  SOURCES backup_info.cc bandwidth.cc barman.cc base_backup.cc checksum.cc content.cc control_file.cc decompress.cc dump_file.cc dump_reader.cc object_failure.cc open.cc
          pgbackrest.cc pgbackrest_catalogue.cc pgbackrest_cipher.cc pgbackrest_file.cc pgbackrest_info.cc pgbackrest_manifest.cc plain.cc plain_backups.cc
          plain_folder.cc snappy_frames.cc start_files.cc tar_reader.cc verify_barman.cc verify_base.cc verify_dump.cc verify_pgbackrest.cc wal_listing.cc wal_reading.cc walg.cc walg_sentinel.cc
  DEPENDS objectstore json cluster wal base
  LIBRARIES ZLIB::ZLIB BZip2::BZip2 LibLZMA::LibLZMA PkgConfig::LZ4 PkgConfig::ZSTD Snappy::snappy
            nlohmann_json::nlohmann_json OpenSSL::Crypto
)
