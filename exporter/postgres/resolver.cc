#include "postgres/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

namespace pgvigil::postgres {

base::Result<std::vector<std::string>> Resolver::Resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int problem = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const auto* one = all.get(); problem == 0 && one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (std::find(addresses.begin(), addresses.end(), text.data()) == addresses.end())
      addresses.emplace_back(text.data());
  }
  const std::lock_guard lock(mutex_);
  if (!addresses.empty()) return last_good_[host] = addresses;
  if (const auto known = last_good_.find(host); known != last_good_.end()) return known->second;
  return base::Error{
      base::ErrorKind::kNotFound, std::string("the host name cannot be resolved: ") + gai_strerror(problem), host, {}};
}

}  // namespace pgvigil::postgres
