#include "tests/fuzz/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {

MemoryFile::MemoryFile(const char* name) : file_(memfd_create(name, MFD_CLOEXEC)) {
  CHECK(file_.valid());
}

void MemoryFile::Hold(const std::uint8_t* data, std::size_t size) {
  CHECK(ftruncate(file_.get(), 0) == 0);
  for (std::size_t at = 0; at < size;) {
    const ssize_t written = pwrite(file_.get(), data + at, size - at, static_cast<off_t>(at));
    CHECK(written > 0);
    at += static_cast<std::size_t>(written);
  }
}

std::string MemoryFile::path() const {
  return absl::StrCat("/proc/self/fd/", file_.get());
}

}  // namespace rn
