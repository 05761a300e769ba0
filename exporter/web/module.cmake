pgvigil_module(web
  SOURCES server.cc tls.cc web_config.cc
  DEPENDS scrape observe verdict metrics yaml cluster wal base
  LIBRARIES civetweb::civetweb OpenSSL::SSL OpenSSL::Crypto ${CRYPT_LIBRARY} ${CMAKE_DL_LIBS}
)
