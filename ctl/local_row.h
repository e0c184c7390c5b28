// One row as a person names it on a command line, and the files that it needs.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ctl/local_job.h"
#include "proto/render.pb.h"

namespace rn {

struct LocalRowArgs {
  LocalJobArgs job;
  std::filesystem::path sheet;      // A CSV file; "": the values alone.
  int row = 0;                      // Of the sheet, as it numbers them; 0 without one.
  std::vector<std::string> values;  // "title=Hello"; they win over the sheet's.
};

// InvalidArgument: arguments or row are wrong. `samples`: values of variables that neither the row
// nor `values` name.
absl::StatusOr<rendernode::ItemSpec> ItemOf(const LocalRowArgs& args,
                                            const LocalJob& job,
                                            const std::map<std::string, std::string>& samples = {});

// Local paths of everything that the row needs; what must be fetched goes into `folder`.
absl::StatusOr<std::map<std::string, std::string>> Gather(const rendernode::JobSpec& job,
                                                          const rendernode::ItemSpec& item,
                                                          const std::filesystem::path& folder);

}  // namespace rn
