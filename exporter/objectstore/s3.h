// A bucket of Amazon S3, or of a server that speaks as it does (MinIO, Ceph, versitygw, ...), as a store.
// Signed with Signature Version 4, over connections that are kept. ListObjectsV2, GetObject and HeadObject are all that
// is ever sent.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "objectstore/credentials.h"
#include "objectstore/environment.h"
#include "objectstore/request_counts.h"
#include "objectstore/s3_address.h"
#include "objectstore/store.h"

namespace pgvigil::objectstore {

// As the configuration says it. Two that are equal name the same store with the same rights.
struct S3Options {
  std::string bucket;
  std::string path;      // the store's root in the bucket; "/" at its ends is ignored
  std::string endpoint;  // "https://s3.example.net[:port]"; empty: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, Amazon's
  std::string region;    // empty: AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1; the bucket's own is found
  Addressing addressing = Addressing::kAutomatic;
  std::string ca_file;          // PEM; empty: the system's authorities
  CredentialFiles credentials;  // empty: environment, web identity, profile, container, instance, in this order

  friend bool operator==(const S3Options&, const S3Options&) = default;
};

// How tries that failed are repeated, within the caller's deadline. A wait that does not fit into it is not begun, and
// the last failure is the answer.
struct RetryPolicy {
  base::SteadyTime::duration first_wait = std::chrono::milliseconds(200);
  base::SteadyTime::duration longest_wait = std::chrono::seconds(5);
  int tries = 6;
  std::chrono::seconds silence{20};  // after which a try is given up
};

// What stores share. The client and the counts outlive the stores through these pointers; the clock has to.
struct Surroundings {
  std::shared_ptr<http::Client> client;   // empty: one of its own
  std::shared_ptr<RequestCounts> counts;  // empty: not counted
  const base::Clock* clock = &base::SystemClock();
  Environment environment = ProcessEnvironment();
  RetryPolicy retries;
};

// Checks the options and sends nothing. Malformed: no bucket, no such addressing, an endpoint that is none.
// The store finds the bucket's region by what the server answers, and the difference of the clocks by the header Date:
// a request refused because of either is repeated once, corrected, and later ones are right from the start.
base::Result<std::shared_ptr<Store>> OpenS3(const S3Options& options, Surroundings surroundings = {});

}  // namespace pgvigil::objectstore
