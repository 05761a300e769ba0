#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace pgvigil::base {
namespace {

bool IsOpen(int number) { return fcntl(number, F_GETFD) >= 0; }

TEST(FileDescriptorTest, ClosesWhatItOwnsOnce) {
  int number = -1;
  {
    FileDescriptor first(open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = first.get();
    ASSERT_TRUE(first.open());
    const FileDescriptor second(std::move(first));
    // What it is then is what is tested. NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
    EXPECT_FALSE(first.open());
    EXPECT_EQ(second.get(), number);
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(FileErrorTest, SaysWhatStandsInTheWay) {
  struct Case {
    int number;
    ErrorKind kind;
  };
  for (const auto& [number, kind] :
       {Case{ENOENT, ErrorKind::kNotFound}, Case{ENOTDIR, ErrorKind::kNotFound}, Case{ELOOP, ErrorKind::kNotFound},
        Case{EACCES, ErrorKind::kPermission}, Case{EPERM, ErrorKind::kPermission}, Case{EROFS, ErrorKind::kPermission},
        Case{ENOSPC, ErrorKind::kUnavailable}, Case{EIO, ErrorKind::kUnavailable}}) {
    const auto error = FileError(number, "/var/lib/x");
    EXPECT_EQ(error.kind, kind) << number;
    EXPECT_EQ(error.subject, "/var/lib/x");
    EXPECT_EQ(error.code, std::to_string(number));
    EXPECT_FALSE(error.message.empty());
  }
}

}  // namespace
}  // namespace pgvigil::base
