// Credentials that a server hands out for a while: STS, a container's agent, an instance's metadata service. Private to
// this module.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/client.h"
#include "objectstore/credentials.h"
#include "objectstore/environment.h"
#include "objectstore/request_counts.h"

namespace pgvigil::objectstore {

struct EndpointAccess {
  std::shared_ptr<http::Client> client;
  std::shared_ptr<RequestCounts> counts;  // may be empty
  const base::Clock* clock;
  Environment environment;
};

// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (and AWS_ROLE_SESSION_NAME), or web_identity_token_file and role_arn of
// the profile: IAM roles for service accounts. STS of the region, or AWS_ENDPOINT_URL_STS.
std::unique_ptr<CredentialSource> FromWebIdentity(EndpointAccess access, std::string region);

// AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE): ECS, EKS Pod
// Identity. Without TLS only loopback and the agents' own addresses are asked, as by the SDKs.
std::unique_ptr<CredentialSource> FromContainer(EndpointAccess access);

// IMDSv2 of 169.254.169.254, or AWS_EC2_METADATA_SERVICE_ENDPOINT; not with AWS_EC2_METADATA_DISABLED=true. Gives way
// to "no credentials found" where nobody answers within 1 s.
std::unique_ptr<CredentialSource> FromInstance(EndpointAccess access);

// The document of both; Malformed without any of its text.
base::Result<Credentials> ParseCredentialDocument(std::string_view json);

}  // namespace pgvigil::objectstore
