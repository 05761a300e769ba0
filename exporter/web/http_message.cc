#include "web/http_message.h"

#include <civetweb.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace pgvigil::web {
namespace {

std::string LowerCase(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// application/x-www-form-urlencoded: '+' is a space. What is no escape stays as it is.
std::string Decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::vector<std::pair<std::string, std::string>> Parameters(const char* query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string_view rest = query == nullptr ? "" : query;
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty()) {
      parameters.emplace_back(Decoded(pair.substr(0, equals)),
                              equals == std::string_view::npos ? "" : Decoded(pair.substr(equals + 1)));
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return parameters;
}

// RFC 9110 section 5.6.7.
std::string HttpDate() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc))};
}

}  // namespace

Request ReadRequest(const mg_request_info& info, base::SteadyTime received) {
  Request request;
  request.received = received;
  request.method = info.request_method == nullptr ? "" : info.request_method;
  request.path = info.local_uri == nullptr ? "" : info.local_uri;
  request.parameters = Parameters(info.query_string);
  for (int i = 0; i < info.num_headers; ++i) {
    auto& value = request.headers[LowerCase(info.http_headers[i].name)];
    value += (value.empty() ? "" : ", ") + std::string(info.http_headers[i].value);  // RFC 9110, 5.3
  }
  return request;
}

// RFC 9112 section 9.3. What HTTP/1.0 has for it is not worth its trouble.
bool WantsToKeepAlive(const mg_request_info& info) {
  if (info.http_version == nullptr || std::strcmp(info.http_version, "1.1") != 0 || info.content_length > 0)
    return false;
  for (int i = 0; i < info.num_headers; ++i) {
    const auto& [name, value] = info.http_headers[i];
    if (strcasecmp(name, "Transfer-Encoding") == 0) return false;
    if (strcasecmp(name, "Connection") == 0 && LowerCase(value).find("close") != std::string::npos) return false;
  }
  return true;
}

std::string HeadOf(const Response& response, const std::vector<std::pair<std::string, std::string>>& more,
                   const char* reason, bool keep_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + ' ' + reason + "\r\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  const auto add_ours = [&](const std::string& name, std::string_view value) {
    const auto same = [&](const auto& header) { return strcasecmp(header.first.c_str(), name.c_str()) == 0; };
    if (std::none_of(more.begin(), more.end(), same)) add(name, value);
  };
  add("Content-Type", response.content_type);
  add("Content-Length", std::to_string(response.body ? response.body->size() : 0));
  add("Cache-Control", "no-store");
  add_ours("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) add_ours(name, value);
  for (const auto& [name, value] : more) add(name, value);
  add("Date", HttpDate());
  add("Connection", keep_alive ? "keep-alive" : "close");
  return text + "\r\n";
}

}  // namespace pgvigil::web
