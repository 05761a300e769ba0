// Single words and values: what servers, files and command lines write where a number, a position or a range
// is expected.
#include "base/text.h"
#include "fuzz/input.h"
#include "query/definition_reader.h"
#include "query/numbers.h"
#include "verdict/synchronous.h"
#include "wal/segment.h"
#include "web/listen_address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  constexpr std::uint32_t kTypes[] = {16, 20, 700, 701, 1114, 1184, 1186, 1700, 3220, 25};  // PQftype: bool … text
  const auto text = fuzz::Text(bytes, size);
  (void)base::ParseDuration(text);
  (void)base::ParseSize(text);
  (void)base::ParseDouble(text);
  (void)base::ParseInteger<std::int64_t>(text);
  (void)base::ValidUtf8(text);
  (void)query::ParseVersions(text);
  (void)query::SecondsFromText(text);
  (void)query::NumbersFromArray(text);
  for (const auto type : kTypes) (void)query::NumberFromText(type, text);
  (void)verdict::RequiredSynchronousStandbys(text);
  (void)web::ListeningPorts(std::string(text), false, true);
  if (const auto lsn = wal::ParseLsn(text); lsn.ok()) {
    const auto again = wal::ParseLsn(wal::Format(*lsn));
    fuzz::Expect(again.ok() && *again == *lsn, "a position written is the position read");
  }
  return 0;
}
