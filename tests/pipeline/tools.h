// Programs that look at our files from outside: ffmpeg and ffprobe.
#pragma once

#include <string>
#include <vector>

namespace rn {

// What /usr/bin/<tool> printed, stdout and stderr together. A test failure when it does not end
// with 0.
std::string RunTool(const std::string& tool, const std::vector<std::string>& arguments);

}  // namespace rn
