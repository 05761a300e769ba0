// Small readings of text that several modules share. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgvigil::base {

// "500ms" "30s" "5m" "26h" "7d": one whole number and one unit.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
// The shortest of those forms that says it exactly.
std::string FormatDuration(std::chrono::milliseconds span);

// "16MiB" "8GiB" "512KiB" "1024B" "2TiB" or a bare number of bytes.
Result<std::uint64_t> ParseSize(std::string_view text);
std::string FormatSize(std::uint64_t bytes);

// The whole of `text` as a number, or nothing. Accepts NaN, Infinity, inf and signs as PostgreSQL prints them.
std::optional<double> ParseDouble(std::string_view text);
template <typename Integer>
std::optional<Integer> ParseInteger(std::string_view text);  // decimal; instantiated for the 32 and 64 bit types

std::string_view Trim(std::string_view text);
std::vector<std::string_view> Split(std::string_view text, char separator);

// Shell pattern over the whole of `text`: * ? [a-z] [!a], with \ before a literal; no special treatment of '/'.
bool MatchesGlob(std::string_view pattern, std::string_view text);

// Lower-case hexadecimal of 64 bits of a stable hash (FNV-1a): names of prepared statements, page variants.
std::string ContentHash(std::string_view text);

// RFC 4648, padded, without line breaks; nothing if it is no such text.
std::optional<std::string> DecodeBase64(std::string_view text);

// Valid UTF-8, with U+FFFD in place of each byte that is not.
std::string ValidUtf8(std::string_view text);

// At most `limit` bytes of a small file such as a password, without its trailing newline.
Result<std::string> ReadFile(const std::string& path, std::size_t limit);

}  // namespace pgvigil::base
