#include <cstdlib>

#include "base/text.h"
#include "postgres/session.h"

namespace pgvigil::postgres {
namespace {

constexpr std::size_t kLargestPassword = 16 << 10;

class None final : public Credentials {
 public:
  base::Result<std::string> Password() const override { return std::string(); }
};

class File final : public Credentials {
 public:
  explicit File(std::string path) : path_(std::move(path)) {}
  base::Result<std::string> Password() const override {
    auto password = base::ReadFile(path_, kLargestPassword);
    if (password.ok() && password->empty())
      return base::Error{base::ErrorKind::kMalformed, "the password file is empty", path_, {}};
    return password;
  }

 private:
  const std::string path_;
};

class Variable final : public Credentials {
 public:
  explicit Variable(std::string name) : name_(std::move(name)) {}
  base::Result<std::string> Password() const override {
    const char* value = std::getenv(name_.c_str());
    if (value == nullptr)
      return base::Error{base::ErrorKind::kNotFound, "the environment variable is not set", name_, {}};
    return std::string(value);
  }

 private:
  const std::string name_;
};

}  // namespace

std::shared_ptr<const Credentials> NoPassword() {
  static const auto none = std::make_shared<const None>();
  return none;
}

std::shared_ptr<const Credentials> PasswordFile(std::string path) {
  return std::make_shared<const File>(std::move(path));
}

std::shared_ptr<const Credentials> PasswordVariable(std::string environment_variable) {
  return std::make_shared<const Variable>(std::move(environment_variable));
}

}  // namespace pgvigil::postgres
