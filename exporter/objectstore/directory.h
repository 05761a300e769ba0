// A directory of this machine, or one that is mounted, as a store: files are objects, their paths below it the keys.
#pragma once

#include <memory>
#include <string>

#include "objectstore/store.h"

namespace pgvigil::objectstore {

// The directory need not exist yet; it may itself be a symbolic link. Below it, symbolic links are neither listed nor
// followed, and nothing but regular files is seen, so that no FIFO or device can block. Names that are "." or "..", or
// hold an empty part, are not_found.
//   - A page after the first goes on where the one before ended, without reading the folder again, as long as not more
//     than a few listings are under way; what appears or vanishes meanwhile may or may not be told. A folder is held in
//     memory as names: some 40 bytes a file.
//   - With `folders` a directory is told even if it is empty: to know would mean to look into it.
//   - What vanishes while it is listed is left out, unless the directory itself went: that is a failure, and so it is
//     while one object is looked for (`unavailable`). What may not be read is `permission`.
//   - Deadlines are looked at between files: a file server that hangs holds its caller as long as the kernel does.
std::shared_ptr<Store> OpenDirectory(const std::string& path, const base::Clock& clock = base::SystemClock());

}  // namespace pgvigil::objectstore
