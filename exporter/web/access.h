// Who may ask: basic authentication and extra headers, from the web configuration file, taken up anew when it changes.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "web/file_stamp.h"
#include "web/password_check.h"
#include "web/server.h"
#include "web/web_config.h"

namespace pgvigil::web {

// Thread-safe.
class Access {
 public:
  // An empty path lets everybody in.
  static base::Result<std::unique_ptr<Access>> Load(const std::string& path);

  // The newest ones, or null without TLS. Whether TLS is on does not change while running, everything else does.
  std::shared_ptr<const TlsOptions> tls_options();

  // The answer to somebody who may not ask, or nothing.
  std::optional<Response> Check(const Request& request);
  std::vector<std::pair<std::string, std::string>> headers();

 private:
  explicit Access(std::string path) : path_(std::move(path)) {}
  std::shared_ptr<const WebConfig> Current();
  base::Result<WebConfig> Acceptable() const;

  const std::string path_;
  std::mutex mutex_;  // of the four below
  std::shared_ptr<const WebConfig> config_;
  FileStamp stamp_;    // of the file in use
  FileStamp refused_;  // of the one last said to be wrong
  base::SteadyTime looked_{};
  PasswordCheck passwords_;
};

}  // namespace pgvigil::web
