#include "http/url.h"

#include <gtest/gtest.h>

namespace pgvigil::http {
namespace {

TEST(UrlTest, IsReadIntoItsParts) {
  struct Case {
    const char* text;
    const char* origin;
    const char* host_and_port;
    const char* path;
    const char* query;
  };
  for (const auto& [text, origin, host_and_port, path, query] : {
           Case{"https://S3.Example.net", "https://s3.example.net", "s3.example.net:443", "/", ""},
           Case{"HTTP://a:8080/x/y?z=1#part", "http://a:8080", "a:8080", "/x/y", "z=1"},
           Case{"https://a:443?q", "https://a", "a:443", "/", "q"},
           Case{"http://a:443/", "http://a:443", "a:443", "/", ""},
           Case{"http://[::1]:9000/b", "http://[::1]:9000", "[::1]:9000", "/b", ""},
           Case{"https://[fd00::1]/", "https://[fd00::1]", "[fd00::1]:443", "/", ""},
       }) {
    const auto url = ParseUrl(text);
    ASSERT_TRUE(url.ok()) << text;
    EXPECT_EQ(url->Origin(), origin);
    EXPECT_EQ(url->HostAndPort(), host_and_port);
    EXPECT_EQ(url->path, path);
    EXPECT_EQ(url->query, query);
  }
}

TEST(UrlTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "s3.example.net", "ftp://a/", "https://", "https:///x", "https://a:0/", "https://a:65536",
        "https://a:", "https://a b/", "https://[::1", "https://[::1]x/", "https://x[::1]/", "https://a\r\nb/"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
}

TEST(UrlTest, APasswordInItIsRefusedAndNotRepeated) {
  const auto url = ParseUrl("https://user:hunter2@host/");
  ASSERT_FALSE(url.ok());
  EXPECT_EQ((url.error().message + url.error().subject).find("hunter2"), std::string::npos);
}

TEST(PercentEncodeTest, LeavesTheUnreservedAlone) {
  const std::string unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(PercentEncode(unreserved), unreserved);
  EXPECT_EQ(PercentEncode("a b+c/d=\xC3\xA4%\n*'"), "a%20b%2Bc%2Fd%3D%C3%A4%25%0A%2A%27");
  EXPECT_EQ(PercentEncode("a/b c", Encode::kPath), "a/b%20c");
}

TEST(PercentDecodeTest, UndoesEncodingAndKeepsWhatIsNone) {
  for (const std::string text : {"a b+c/d=\xC3\xA4%\n*'", "", "%", "%2", "100%25"}) {
    EXPECT_EQ(PercentDecode(PercentEncode(text)), text);
  }
  EXPECT_EQ(PercentDecode("%zz%4%"), "%zz%4%");
  EXPECT_EQ(PercentDecode("a+b%2b%2F"), "a+b+/");
  EXPECT_EQ(PercentDecode("a+b%2b", true), "a b+");
}

}  // namespace
}  // namespace pgvigil::http
