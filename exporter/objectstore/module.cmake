pgvigil_module(objectstore
  SOURCES credential_chain.cc credential_endpoints.cc credentials.cc directory.cc directory_walk.cc environment.cc list_xml.cc location.cc
          profile.cc s3.cc s3_address.cc s3_failure.cc shared_config.cc sigv4.cc store.cc
  DEPENDS http base
  LIBRARIES pugixml::pugixml nlohmann_json::nlohmann_json OpenSSL::Crypto
)
