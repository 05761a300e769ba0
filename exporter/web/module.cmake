pgvigil_module(web
  SOURCES access.cc arrival.cc http_message.cc json.cc landing.cc listen_address.cc metrics_handler.cc openssl_forward.cc password_check.cc routes.cc server.cc
          status.cc status_archive.cc status_failover.cc status_html.cc status_json.cc status_lately.cc status_loss.cc status_primary.cc
          status_restore.cc tls.cc web_config.cc words.cc
  DEPENDS scrape observe failover verdict query archive objectstore postgres metrics yaml cluster wal base
  LIBRARIES nlohmann_json::nlohmann_json civetweb::civetweb OpenSSL::SSL OpenSSL::Crypto ${CRYPT_LIBRARY} ${CMAKE_DL_LIBS}
)
# openssl_forward.cc: the two functions must be seen by the library that looks for them.
target_link_options(pgvigil_web INTERFACE -Wl,--export-dynamic-symbol=dlopen -Wl,--export-dynamic-symbol=SSL_get_peer_certificate
                    -Wl,--undefined=SSL_get_peer_certificate)
