#include "base/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pgvigil::base {

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) close(number_);
}

Error FileError(int number, const std::string& path) {
  const bool missing = number == ENOENT || number == ENOTDIR || number == ELOOP;
  const bool forbidden = number == EACCES || number == EPERM || number == EROFS;
  const auto kind = missing ? ErrorKind::kNotFound : forbidden ? ErrorKind::kPermission : ErrorKind::kUnavailable;
  return {kind, std::strerror(number), path, std::to_string(number)};
}

}  // namespace pgvigil::base
