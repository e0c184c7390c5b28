#include "template/source_reader.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"

namespace rn {
namespace {

using nlohmann::json;

// Names of handed-in files that start like `source`: "music:…".
std::vector<std::string> SourcesLike(const ReadContext& context, absl::string_view source) {
  const absl::string_view scheme = source.substr(0, source.find(':') + 1);
  std::vector<std::string> names;
  for (const auto& [name, path] : context.input->asset_paths) {
    if (absl::StartsWith(name, scheme)) names.push_back(name);
  }
  return names;
}

const char* NameOf(VariableType type) {
  switch (type) {
    case VariableType::kString:
      return "string";
    case VariableType::kNumber:
      return "number";
    case VariableType::kColor:
      return "color";
    case VariableType::kImage:
      return "image";
    case VariableType::kVideo:
      return "video";
    case VariableType::kAudio:
      return "audio";
    case VariableType::kVoice:
      return "voice";
    case VariableType::kSubtitles:
      return "subtitles";
  }
  return "";
}

std::string NamedFile(const Fields& fields, std::string name) {
  const ReadContext& context = fields.context();
  if (absl::StartsWith(name, "music:") && !context.music.empty()) name = context.music;
  if (!absl::StartsWith(name, "music:") && !absl::StartsWith(name, "asset:")) {
    fields.Report("source",
                  absl::StrCat("\"",
                               name,
                               "\" is not a source. Valid: \"{{variable}}\" of a type that ",
                               "names files, \"asset:name\", \"music:name\""));
    return "";
  }
  if (context.checking_only()) return "";
  const auto& paths = context.input->asset_paths;
  const auto path = paths.find(name);
  if (path != paths.end()) return path->second;
  const absl::string_view kind = absl::StartsWith(name, "music:") ? "music" : "asset";
  fields.Report("source", UnknownName(kind, name, SourcesLike(context, name)));
  return "";
}

std::string VariableFile(const Fields& fields,
                         const std::string& name,
                         VariableType type,
                         VariableType wanted) {
  const ReadContext& context = fields.context();
  if (type != wanted) {
    fields.Report(
        "source",
        absl::StrCat(
            "variable \"", name, "\" is of type ", NameOf(type), "; this takes ", NameOf(wanted)));
    return "";
  }
  if (context.checking_only()) return "";
  const auto& paths = context.input->asset_paths;
  if (const auto path = paths.find(name); path != paths.end()) return path->second;
  const std::string& value = context.values->at(name);
  if (value.empty()) {
    fields.Report("source",
                  absl::StrCat("variable \"",
                               name,
                               "\" is empty; give it a value, or this element the condition ",
                               "\"{{",
                               name,
                               " != ''}}\""));
    return "";
  }
  return NamedFile(fields, value);
}

}  // namespace

std::string SourceFile(const Fields& fields, VariableType wanted) {
  std::string pointer;
  const json* source = fields.Find("source", &pointer);
  if (source == nullptr || !source->is_string()) return "";
  const auto expression = Expression::Parse(source->get_ref<const std::string&>());
  const std::string variable = expression.ok() ? expression->lone_variable() : "";
  const ReadContext& context = fields.context();
  if (const auto info = context.variables.find(variable); info != context.variables.end()) {
    return VariableFile(fields, info->first, info->second.type, wanted);
  }
  const auto name = fields.Text("source");
  return name ? NamedFile(fields, *name) : "";
}

Fit ReadFit(const Fields& fields) {
  return fields.Choice<Fit>("fit",
                            {{"cover", Fit::kCover},
                             {"contain", Fit::kContain},
                             {"fill", Fit::kFill},
                             {"none", Fit::kNone},
                             {"contain-blur", Fit::kContainBlur}},
                            Fit::kCover);
}

}  // namespace rn
