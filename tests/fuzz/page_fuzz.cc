// Label values and help texts of other people's making, onto a page that Prometheus takes: lines of valid UTF-8.
#include "base/text.h"
#include "fuzz/input.h"
#include "metrics/text_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  const auto text = fuzz::Text(bytes, size);
  metrics::BlockBuilder builder(std::make_shared<const std::vector<metrics::Column>>(
      std::vector<metrics::Column>{{"pg_x", "pg_x", metrics::Type::kGauge, std::string(text)}}));
  std::size_t rows = 0;
  for (const auto line : base::Split(text, '\x1e')) {
    std::string labels;
    metrics::AppendLabel(labels, "name", line);
    rows += builder.StartRow(labels) ? 1 : 0;
    builder.Set(0, static_cast<double>(size));
  }
  const metrics::PageEntry entry{std::move(builder).Finish(), {}};
  const auto page = metrics::WritePage({&entry, 1});
  fuzz::Expect(base::ValidUtf8(page.text) == page.text, "a page is valid UTF-8");
  const auto lines = base::Split(page.text, '\n').size() - 1;
  fuzz::Expect(lines == rows + (text.empty() ? 1 : 2), "a value is one line");
  return 0;
}
