// Connection strings, as they come from command lines, configuration files and environments.
#include "fuzz/input.h"
#include "postgres/dsn.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  const auto text = fuzz::Text(bytes, size);
  if (const auto parsed = postgres::ParseDsn(text); parsed.ok()) {
    fuzz::Expect(!parsed->empty(), "a good connection string names a server");
  } else {
    fuzz::Expect(!parsed.error().message.empty(), "a bad one is told why");
  }
  (void)postgres::ParseDsnsWithPasswords(text);
  return 0;
}
