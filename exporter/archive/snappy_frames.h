// The snappy framing format (google/snappy, framing_format.txt): chunks of at most 64 KiB with masked CRC-32C.
#pragma once

#include <string>

#include "archive/decompress.h"

namespace pgvigil::archive {

class SnappyFrames : public Decompressor {
 public:
  base::Status Feed(std::string_view compressed, const Sink& sink) override;
  base::Status Finish() override;

 private:
  base::Result<bool> Chunk(unsigned char type, std::string_view body, const Sink& sink);

  std::string pending_;  // the beginning of a chunk
  std::string plain_;
  bool identified_ = false;
};

}  // namespace pgvigil::archive
