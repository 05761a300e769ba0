// What object stores, STS and metadata services answer, and the files of AWS's tools.
#include "base/timestamps.h"
#include "fuzz/input.h"
#include "http/url.h"
#include "objectstore/credential_endpoints.h"
#include "objectstore/list_xml.h"
#include "objectstore/location.h"
#include "objectstore/shared_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  const auto text = fuzz::Text(bytes, size);
  if (const auto page = objectstore::ParseListing(text); page.ok()) {
    fuzz::Expect(page->objects.size() + page->folders.size() <= 1000, "a page has at most 1,000 entries");
    for (std::size_t i = 1; i < page->objects.size(); ++i) {
      fuzz::Expect(page->objects[i - 1].key < page->objects[i].key, "keys ascend");
    }
  } else {
    fuzz::Expect(!page.error().message.empty(), "what is no listing is told why");
  }
  fuzz::Expect(objectstore::ParseErrorReply(text).message.size() <= 600, "a server's words are bounded");
  (void)objectstore::ParseAssumedRole(text);
  (void)objectstore::ParseCredentialDocument(text);
  (void)objectstore::ParseSharedFile(text, objectstore::SharedFile::kConfig);
  (void)objectstore::ParseSharedFile(text, objectstore::SharedFile::kCredentials);
  (void)base::ParseIsoTime(text);
  (void)base::ParseHttpDate(text);
  if (const auto location = objectstore::ParseLocation(text); location.ok()) {
    fuzz::Expect(!location->path.starts_with('/') && !location->path.ends_with('/'), "a path has no slash at its ends");
  }
  (void)http::ParseUrl(text);
  fuzz::Expect(http::PercentDecode(http::PercentEncode(text)) == text, "what was encoded can be decoded");
  return 0;
}
