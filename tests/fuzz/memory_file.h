// An input that the product reads by its path, without a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file.h"

namespace rn {

class MemoryFile {
 public:
  // Named for what the kernel lists; never a part of the path.
  explicit MemoryFile(const char* name);

  // In place of what it held.
  void Hold(const std::uint8_t* data, std::size_t size);

  // Each opening starts at the beginning.
  std::string path() const;

 private:
  const UniqueFd file_;
};

}  // namespace rn
