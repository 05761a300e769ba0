pgvigil_module(http
  SOURCES client.cc transfer.cc url.cc
  DEPENDS base
  LIBRARIES CURL::libcurl
)
