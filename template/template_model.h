// The template language: strict, declarative JSON (templates/schema.json, docs/templates.md).
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/render.pb.h"
#include "template/composition.h"
#include "template/palette.h"
#include "template/problem.h"

namespace rn {

// "2 problems:\n  /scenes/0/elements/1/easing: unknown easing …\n  …", TEMPLATE_RENDER_ERROR.
absl::Status ProblemsToStatus(const std::vector<Problem>& problems);

// Every mistake of a template that shows without a row, once each, and not many more than
// kProblemsMax: what the schema refuses, and what the template's parts say of one another in each
// of the variants, styles and colour schemes that it offers. `document`: as ParseDocument gives it.
// `fonts`: the families that it may name; null where nobody knows, as on a coordinator: any.
std::vector<Problem> CheckTemplate(const nlohmann::json& document, const FontFamilies* fonts);

enum class VariableType { kString, kNumber, kColor, kImage, kVideo, kAudio, kVoice, kSubtitles };

struct VariableInfo {
  VariableType type = VariableType::kString;
  bool required = false;
  std::string default_value;
  std::size_t characters_max = 20'000;
};

struct BindInput {
  const rendernode::JobSpec& job;
  const rendernode::ItemSpec& item;
  const std::map<std::string, std::string>& asset_paths;  // Asset.name -> local file
};

class Template {
 public:
  // As CheckTemplate says; every problem is reported at once. `fonts` outlives the template.
  static absl::StatusOr<Template> Parse(absl::string_view json, const FontFamilies* fonts);

  Template(const Template&);
  Template(Template&&) noexcept;
  ~Template();

  const std::map<std::string, VariableInfo>& variables() const;
  // The constant files it names, "music:upbeat_corporate" or "asset:intro.mp4": a job's assets.
  const std::vector<std::string>& sources() const;

  // The row's values in place of variables, style, colour scheme, voice and music applied.
  absl::StatusOr<Composition> Bind(const BindInput& input) const;

 private:
  struct Impl;
  explicit Template(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace rn
