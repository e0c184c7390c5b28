// What a request may say about a template: the part of a template that does not take all of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/render.pb.h"

namespace rn {

struct VariableOutline {
  bool required = false;  // by the row or the job: it has no default
  bool voice = false;
  rendernode::Asset::Kind asset = rendernode::Asset::KIND_UNSPECIFIED;  // Set: names a file.
};

struct TemplateOutline {
  int width = 0, height = 0;
  std::map<std::string, VariableOutline> variables;
  std::vector<std::string> styles, color_schemes, variants;
  std::vector<std::string> sources;  // "music:…", "asset:…" that it names, without repeats
  std::vector<std::string> voices;   // Names that it speaks in by itself.
};

// Whether the template is valid as a whole is CheckTemplate's to say: it has every rule. Here only
// what stands in the way of an outline is an error: InvalidArgument, with its JSON pointer in
// front.
absl::StatusOr<TemplateOutline> OutlineTemplate(absl::string_view json);

}  // namespace rn
