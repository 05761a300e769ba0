#include "objectstore/list_xml.h"

#include <gtest/gtest.h>

namespace pgvigil::objectstore {
namespace {

std::string Listing(const std::string& content, const std::string& truncated = "false") {
  return R"(<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
         "<Name>b</Name><IsTruncated>" +
         truncated + "</IsTruncated>" + content + "</ListBucketResult>";
}

std::string Entry(const std::string& key) {
  return "<Contents><Key>" + key +
         "</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>7</Size></Contents>";
}

TEST(ListXmlTest, ReadsObjectsFoldersAndHowToGoOn) {
  const auto page = ParseListing(Listing(
      "<NextContinuationToken>1/a+b=</NextContinuationToken><Contents><Key>a/b</Key>"
      "<LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&#34;x&#34;</ETag><Size>18446744073709551615</Size>"
      "<StorageClass>GLACIER</StorageClass></Contents><CommonPrefixes><Prefix>a/c/</Prefix></CommonPrefixes>",
      "true"));
  ASSERT_TRUE(page.ok()) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "a/b");
  EXPECT_EQ(page->objects[0].size, ~std::uint64_t{0});
  EXPECT_EQ(page->objects[0].modified, base::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 2)) +
                                           std::chrono::milliseconds(11'045'678));
  EXPECT_TRUE(InArchiveTier(page->objects[0]));
  EXPECT_EQ(page->folders, std::vector<std::string>{"a/c/"});
  EXPECT_EQ(page->next, "1/a+b=");
}

TEST(ListXmlTest, KeysAreDecodedOnlyIfTheServerSaysSo) {
  const auto encoded = ParseListing(Listing("<EncodingType>url</EncodingType>" + Entry("a+b%2Bc%0A%C3%A4") +
                                            "<CommonPrefixes><Prefix>x%20y/</Prefix></CommonPrefixes>"));
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->objects[0].key, "a b+c\n\xC3\xA4");
  EXPECT_EQ(encoded->folders[0], "x y/");
  const auto raw =
      ParseListing(Listing("<EncodingType></EncodingType>" + Entry(" ") + Entry("a%20b+c&amp;&#10;&lt; ")));
  ASSERT_TRUE(raw.ok());
  EXPECT_EQ(raw->objects[0].key, " ");
  EXPECT_EQ(raw->objects[1].key, "a%20b+c&\n< ");
}

TEST(ListXmlTest, RefusesWhatIsNoListing) {
  std::string thousand_and_one;
  for (int i = 0; i <= 1000; ++i) thousand_and_one += Entry("k" + std::to_string(10'000 + i));
  for (const auto& xml : {
           std::string(), std::string("no XML"), std::string("<html><body>Login</body></html>"), Listing("", "perhaps"),
           Listing("", "true"),                                   // goes on, but how?
           Listing(Entry("")), Listing(Entry("b") + Entry("a")),  // out of order
           Listing(Entry("a") + Entry("a")),                      // twice
           Listing("<Contents><Key>a</Key><Size>1</Size></Contents>"),
           Listing("<Contents><Key>a</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Size>-1</Size></Contents>"),
           Listing("<CommonPrefixes><Prefix></Prefix></CommonPrefixes>"), Listing(thousand_and_one),
           Listing(Entry("a")).substr(0, 200),  // cut
       }) {
    const auto page = ParseListing(xml);
    ASSERT_FALSE(page.ok()) << xml.substr(0, 300);
    EXPECT_EQ(Name(page.error().kind), "malformed");
  }
}

TEST(ListXmlTest, EntitiesOfADocumentTypeAreNotExpanded) {
  const auto page = ParseListing("<!DOCTYPE x [<!ENTITY c \"aaaaaaaaaa\">]>" + Listing(Entry("k&c;")).substr(38));
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->objects[0].key, "k&c;");
}

TEST(ListXmlTest, ReadsTheReasonsOfS3AndOfSts) {
  const auto s3 =
      ParseErrorReply("<Error><Code>NoSuchBucket</Code><Message>gone</Message><Region>eu-west-1</Region></Error>");
  EXPECT_EQ(s3.code, "NoSuchBucket");
  EXPECT_EQ(s3.message, "gone");
  EXPECT_EQ(s3.region, "eu-west-1");
  const auto sts = ParseErrorReply("<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>");
  EXPECT_EQ(sts.code, "InvalidIdentityToken");
  for (const char* other : {"", "<html/>", "busy", "<Error>"}) EXPECT_EQ(ParseErrorReply(other).code, "") << other;
  EXPECT_EQ(
      ParseErrorReply("<Error><Code>c</Code><Message>" + std::string(5000, 'x') + "</Message></Error>").message.size(),
      200u);
}

}  // namespace
}  // namespace pgvigil::objectstore
