#include "archive/decompress.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "archive/snappy_frames.h"

namespace pgvigil::archive {
namespace {

using wal::Compression;

constexpr std::size_t kPiece = 256 << 10;

base::Error Malformed(Compression compression, std::string_view what) {
  return {base::ErrorKind::kMalformed, std::string(Name(compression)) + " stream: " + std::string(what), {}, {}};
}
base::Error CutShort(Compression compression) { return Malformed(compression, "it ends too early"); }

class Plain : public Decompressor {
 public:
  base::Status Feed(std::string_view bytes, const Sink& sink) override {
    sink(bytes);
    return base::Done{};
  }
  base::Status Finish() override { return base::Done{}; }
};

// What the libraries' streams have in common: one may follow another in the same file, and all need room for output.
class Streams : public Decompressor {
 public:
  explicit Streams(Compression compression) : compression_(compression), out_(kPiece, '\0') {}

  base::Status Feed(std::string_view bytes, const Sink& sink) override {
    while (!bytes.empty()) {
      if (ended_ && !Restart()) return Malformed(compression_, "cannot begin another stream");
      ended_ = false;
      std::size_t produced = 0;
      const auto before = bytes.size();
      if (!Step(bytes, out_.data(), out_.size(), produced)) return Malformed(compression_, "its bytes make no sense");
      if (produced > 0 && !sink(std::string_view(out_).substr(0, produced))) return base::Done{};
      if (!ended_ && produced == 0 && bytes.size() == before) return Malformed(compression_, "no progress");
    }
    return Drain(sink);
  }

  base::Status Finish() override {
    if (!ended_) return CutShort(compression_);
    return base::Done{};
  }

 protected:
  // Takes some of `in` away, writes at most `room` bytes, sets ended_ at the end of a stream. False: malformed.
  virtual bool Step(std::string_view& in, char* out, std::size_t room, std::size_t& produced) = 0;
  virtual bool Restart() = 0;

  const Compression compression_;
  bool ended_ = false;

 private:
  // Output that found no room is inside the library still.
  base::Status Drain(const Sink& sink) {
    for (;;) {
      if (ended_) return base::Done{};
      std::string_view nothing;
      std::size_t produced = 0;
      if (!Step(nothing, out_.data(), out_.size(), produced)) return Malformed(compression_, "its bytes make no sense");
      if (produced == 0 || !sink(std::string_view(out_).substr(0, produced))) return base::Done{};
    }
  }

  std::string out_;
};

class Gzip : public Streams {
 public:
  Gzip() : Streams(Compression::kGzip) { inflateInit2(&stream_, 15 + 16); }
  ~Gzip() override { inflateEnd(&stream_); }

 private:
  bool Step(std::string_view& in, char* out, std::size_t room, std::size_t& produced) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), kPiece));
    const auto given = stream_.avail_in;
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(given - stream_.avail_in);
    produced = room - stream_.avail_out;
    ended_ = code == Z_STREAM_END;
    return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
  }
  bool Restart() override { return inflateReset(&stream_) == Z_OK; }

  z_stream stream_{};
};

class Bzip2 : public Streams {
 public:
  Bzip2() : Streams(Compression::kBzip2) { BZ2_bzDecompressInit(&stream_, 0, 0); }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }

 private:
  bool Step(std::string_view& in, char* out, std::size_t room, std::size_t& produced) override {
    stream_.next_in = const_cast<char*>(in.data());
    stream_.avail_in = static_cast<unsigned>(std::min<std::size_t>(in.size(), kPiece));
    const auto given = stream_.avail_in;
    stream_.next_out = out;
    stream_.avail_out = static_cast<unsigned>(room);
    const int code = BZ2_bzDecompress(&stream_);
    in.remove_prefix(given - stream_.avail_in);
    produced = room - stream_.avail_out;
    ended_ = code == BZ_STREAM_END;
    return code == BZ_OK || code == BZ_STREAM_END;
  }
  bool Restart() override {
    BZ2_bzDecompressEnd(&stream_);
    stream_ = {};
    return BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
  }

  bz_stream stream_{};
};

class Xz : public Streams {
 public:
  Xz() : Streams(Compression::kXz) { Restart(); }
  ~Xz() override { lzma_end(&stream_); }

 private:
  bool Step(std::string_view& in, char* out, std::size_t room, std::size_t& produced) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out);
    stream_.avail_out = room;
    const auto code = lzma_code(&stream_, LZMA_RUN);
    in.remove_prefix(in.size() - stream_.avail_in);
    produced = room - stream_.avail_out;
    ended_ = code == LZMA_STREAM_END;
    return code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR;
  }
  bool Restart() override { return lzma_stream_decoder(&stream_, kMemoryAtMost, 0) == LZMA_OK; }

  static constexpr std::uint64_t kMemoryAtMost = 128 << 20;
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Lz4 : public Streams {
 public:
  Lz4() : Streams(Compression::kLz4) { LZ4F_createDecompressionContext(&context_, LZ4F_VERSION); }
  ~Lz4() override { LZ4F_freeDecompressionContext(context_); }

 private:
  bool Step(std::string_view& in, char* out, std::size_t room, std::size_t& produced) override {
    std::size_t taken = in.size();
    produced = room;
    const auto hint = LZ4F_decompress(context_, out, &produced, in.data(), &taken, nullptr);
    if (LZ4F_isError(hint)) return false;
    in.remove_prefix(taken);
    ended_ = hint == 0 && (taken > 0 || produced > 0);
    return true;
  }
  bool Restart() override {
    LZ4F_resetDecompressionContext(context_);
    return true;
  }

  LZ4F_dctx* context_ = nullptr;
};

class Zstd : public Streams {
 public:
  Zstd() : Streams(Compression::kZstd), context_(ZSTD_createDCtx()) {}
  ~Zstd() override { ZSTD_freeDCtx(context_); }

 private:
  bool Step(std::string_view& in, char* out, std::size_t room, std::size_t& produced) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const auto hint = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(hint)) return false;
    in.remove_prefix(input.pos);
    produced = output.pos;
    ended_ = hint == 0 && (input.pos > 0 || output.pos > 0);
    return true;
  }
  bool Restart() override { return !ZSTD_isError(ZSTD_DCtx_reset(context_, ZSTD_reset_session_only)); }

  ZSTD_DCtx* context_;
};

}  // namespace

std::unique_ptr<Decompressor> MakeDecompressor(Compression compression) {
  switch (compression) {
    case Compression::kNone: return std::make_unique<Plain>();
    case Compression::kGzip: return std::make_unique<Gzip>();
    case Compression::kBzip2: return std::make_unique<Bzip2>();
    case Compression::kXz: return std::make_unique<Xz>();
    case Compression::kSnappy: return std::make_unique<SnappyFrames>();
    case Compression::kLz4: return std::make_unique<Lz4>();
    case Compression::kZstd: return std::make_unique<Zstd>();
  }
  return std::make_unique<Plain>();
}

base::Result<std::string> Decompress(std::string_view bytes, Compression compression, std::uint64_t most) {
  std::string plain;
  bool too_much = false;
  const auto stream = MakeDecompressor(compression);
  const auto fed = stream->Feed(bytes, [&](std::string_view piece) {
    too_much = plain.size() + piece.size() > most;
    if (!too_much) plain.append(piece);
    return !too_much;
  });
  if (too_much)
    return base::Error{
        base::ErrorKind::kLimit, "expected at most " + std::to_string(most) + " plain bytes, found more", {}, {}};
  if (!fed.ok()) return fed.error();
  if (const auto ended = stream->Finish(); !ended.ok()) return ended.error();
  return plain;
}

}  // namespace pgvigil::archive
