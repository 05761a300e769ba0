#include "objectstore/list_xml.h"

#include <algorithm>
#include <pugixml.hpp>

#include "base/text.h"
#include "base/timestamps.h"
#include "http/url.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMostEntries = 1000;
constexpr std::size_t kMostOfAMessage = 200;

// Keys are made of any bytes: nothing is trimmed, no line end is touched. Entities of a DTD are not expanded at all.
constexpr unsigned kParse = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_ws_pcdata_single;

bool Load(pugi::xml_document& document, std::string_view xml) {
  return document.load_buffer(xml.data(), xml.size(), kParse, pugi::encoding_utf8).status == pugi::status_ok;
}

std::string Text(const pugi::xml_node& node) {
  std::string text;
  for (const auto& part : node.children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) text += part.value();
  }
  return text;
}

Error Malformed(std::string message) { return {ErrorKind::kMalformed, std::move(message), {}, {}}; }

class Listing {
 public:
  base::Result<ListPage> Read(const pugi::xml_node& root) {
    is_encoded_ = Text(root.child("EncodingType")) == "url";
    for (const auto& node : root.children()) {
      const std::string_view name = node.name();
      if (name != "Contents" && name != "CommonPrefixes") continue;
      const auto taken = name == "Contents" ? TakeObject(node) : TakeFolder(node);
      if (!taken.ok()) return taken.error();
      if (page_.objects.size() + page_.folders.size() > kMostEntries) {
        return Malformed("a page of the listing has more than the 1,000 entries asked for");
      }
    }
    const auto truncated = Text(root.child("IsTruncated"));
    if (truncated != "true" && truncated != "false") return Malformed("the listing does not say whether it is whole");
    page_.next = truncated == "true" ? Text(root.child("NextContinuationToken")) : "";
    if (truncated == "true" && page_.next.empty()) {
      return Malformed("the listing goes on, but does not say how: is it an answer to ListObjectsV2?");
    }
    return std::move(page_);
  }

 private:
  // Space as "+" is what S3 writes.
  std::string Key(const pugi::xml_node& node) const {
    auto text = Text(node);
    return is_encoded_ ? http::PercentDecode(text, true) : text;
  }

  base::Status TakeObject(const pugi::xml_node& node) {
    Object object;
    object.key = Key(node.child("Key"));
    const auto size = base::ParseInteger<std::uint64_t>(Text(node.child("Size")));
    const auto modified = base::ParseIsoTime(Text(node.child("LastModified")));
    if (object.key.empty() || !size || !modified) {
      return Malformed("an entry of the listing has no Key, Size or LastModified that can be read");
    }
    if (!page_.objects.empty() && object.key <= page_.objects.back().key) return OutOfOrder();
    object.size = *size;
    object.modified = *modified;
    object.storage_class = Text(node.child("StorageClass"));
    page_.objects.push_back(std::move(object));
    return base::Done{};
  }

  base::Status TakeFolder(const pugi::xml_node& node) {
    auto folder = Key(node.child("Prefix"));
    if (folder.empty()) return Malformed("a common prefix of the listing has no name");
    if (!page_.folders.empty() && folder <= page_.folders.back()) return OutOfOrder();
    page_.folders.push_back(std::move(folder));
    return base::Done{};
  }

  static Error OutOfOrder() { return Malformed("the listing is not in byte order of its keys"); }

  bool is_encoded_ = false;
  ListPage page_;
};

}  // namespace

base::Result<ListPage> ParseListing(std::string_view xml) {
  pugi::xml_document document;
  if (!Load(document, xml)) return Malformed("the answer is no XML");
  const auto root = document.document_element();
  if (std::string_view(root.name()) != "ListBucketResult") return Malformed("the answer is no listing of a bucket");
  return Listing().Read(root);
}

ErrorReply ParseErrorReply(std::string_view xml) {
  pugi::xml_document document;
  if (!Load(document, xml)) return {};
  auto root = document.document_element();
  if (const auto inner = root.child("Error")) root = inner;  // STS wraps it
  if (std::string_view(root.name()) != "Error") return {};
  ErrorReply reply;
  reply.code = base::ValidUtf8(Text(root.child("Code")).substr(0, kMostOfAMessage));
  reply.message = base::ValidUtf8(Text(root.child("Message")).substr(0, kMostOfAMessage));
  reply.region = Text(root.child("Region"));
  return reply;
}

std::optional<Credentials> ParseAssumedRole(std::string_view xml) {
  pugi::xml_document document;
  if (!Load(document, xml)) return std::nullopt;
  const auto found = document.document_element().child("AssumeRoleWithWebIdentityResult").child("Credentials");
  Credentials credentials;
  credentials.key.id = Text(found.child("AccessKeyId"));
  credentials.key.secret = Text(found.child("SecretAccessKey"));
  credentials.key.session_token = Text(found.child("SessionToken"));
  credentials.expires = base::ParseIsoTime(Text(found.child("Expiration")));
  if (credentials.key.id.empty() || credentials.key.secret.empty() || !credentials.expires) return std::nullopt;
  return credentials;
}

}  // namespace pgvigil::objectstore
