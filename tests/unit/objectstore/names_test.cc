// Locations, addresses and stamps: the small readings.
#include <gtest/gtest.h>

#include "objectstore/location.h"
#include "objectstore/s3_address.h"

namespace pgvigil::objectstore {
namespace {

TEST(LocationTest, IsABucketAndAPath) {
  struct Case {
    const char* text;
    const char* bucket;
    const char* path;
  };
  for (const auto& [text, bucket, path] :
       {Case{"s3://backups", "backups", ""}, Case{"s3://backups/", "backups", ""},
        Case{"s3://b.a-k_S/x/y/", "b.a-k_S", "x/y"}, Case{"s3://abc//x y?z", "abc", "x y?z"}}) {
    const auto location = ParseLocation(text);
    ASSERT_TRUE(location.ok()) << text;
    EXPECT_EQ(location->bucket, bucket);
    EXPECT_EQ(location->path, path);
  }
}

TEST(LocationTest, SaysWhatIsNotReadYetAndWhatIsNone) {
  for (const char* text : {"gs://bucket/path", "https://account.blob.core.windows.net/c/p", "azure://c/p"}) {
    const auto location = ParseLocation(text);
    ASSERT_FALSE(location.ok());
    EXPECT_EQ(Name(location.error().kind), "unsupported") << text;
    EXPECT_NE(location.error().message.find("not read yet"), std::string::npos);
  }
  EXPECT_EQ(ParseLocation("https://a.blob.core.windows.net/c?sig=secret").error().subject.find("secret"),
            std::string::npos);
  for (const char* text :
       {"", "backups", "s3://", "s3:///x", "s3://a", "s3://a..b/x", "s3://a b c/x", "http://s3/x", "s3://a@b.c/"}) {
    const auto location = ParseLocation(text);
    ASSERT_FALSE(location.ok()) << text;
    EXPECT_EQ(Name(location.error().kind), "malformed") << text;
  }
}

TEST(AddressTest, FollowsEndpointRegionAndSetting) {
  struct Case {
    const char* bucket;
    const char* endpoint;
    const char* region;
    Addressing addressing;
    const char* origin;
    const char* base_path;
  };
  using enum Addressing;
  for (const auto& [bucket, endpoint, region, addressing, origin, base_path] : {
           Case{"abc", "", "eu-west-1", kAutomatic, "https://abc.s3.eu-west-1.amazonaws.com", "/"},
           Case{"abc", "", "cn-north-1", kAutomatic, "https://abc.s3.cn-north-1.amazonaws.com.cn", "/"},
           Case{"a.c", "", "eu-west-1", kAutomatic, "https://s3.eu-west-1.amazonaws.com", "/a.c/"},
           Case{"abc", "", "eu-west-1", kPath, "https://s3.eu-west-1.amazonaws.com", "/abc/"},
           Case{"abc", "http://h:9000", "x", kAutomatic, "http://h:9000", "/abc/"},
           Case{"abc", "https://H/sub", "x", kAutomatic, "https://h", "/sub/abc/"},
           Case{"abc", "https://h:1/sub/", "x", kVirtualHost, "https://abc.h:1", "/sub/"},
       }) {
    const auto address = AddressOf(bucket, endpoint, region, addressing);
    ASSERT_TRUE(address.ok()) << endpoint;
    EXPECT_EQ(address->origin, origin);
    EXPECT_EQ(address->base_path, base_path);
    EXPECT_TRUE(address->origin.ends_with("//" + address->authority));
  }
  for (const char* endpoint : {"s3.example.net", "ftp://h", "https://h/?x=1", "https://u:p@h"}) {
    EXPECT_FALSE(AddressOf("abc", endpoint, "x", kAutomatic).ok()) << endpoint;
  }
}

TEST(AddressTest, ARegionIsNoPartOfAnotherHost) {
  for (const char* region : {"us-east-1", "garage", "fr-par"}) EXPECT_TRUE(IsRegionName(region)) << region;
  for (const char* region : {"", "evil.example.net/", "a.b", "-a", "a-", "US", "a\n"})
    EXPECT_FALSE(IsRegionName(region)) << region;
}

}  // namespace
}  // namespace pgvigil::objectstore
