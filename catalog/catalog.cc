#include "catalog/catalog.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"
#include "catalog/template_outline.h"
#include "catalog/voices.h"
#include "proto/item_error.h"
#include "template/template_document.h"
#include "template/template_model.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

// In a sheet by convention, whatever the template makes of them.
const std::set<std::string>& StandardColumns() {
  static const std::set<std::string> columns = {"title", "script", "image_url"};
  return columns;
}

struct StoredAsset {
  fs::path path;
  std::string sha256;
};

template <typename Map>
std::vector<std::string> KeysOf(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map) {
    keys.push_back(entry.first);
  }
  return keys;
}

rendernode::Asset::Kind KindOfFile(const fs::path& path) {
  static const std::map<std::string, rendernode::Asset::Kind> kinds = {
      {".m4a", rendernode::Asset::AUDIO},
      {".mp3", rendernode::Asset::AUDIO},
      {".wav", rendernode::Asset::AUDIO},
      {".png", rendernode::Asset::IMAGE},
      {".jpg", rendernode::Asset::IMAGE},
      {".webp", rendernode::Asset::IMAGE},
      {".mp4", rendernode::Asset::VIDEO},
      {".srt", rendernode::Asset::SUBTITLES},
      {".vtt", rendernode::Asset::SUBTITLES}};
  const auto found = kinds.find(path.extension().string());
  return found == kinds.end() ? rendernode::Asset::KIND_UNSPECIFIED : found->second;
}

bool LooksLikeUrl(const std::string& value) {
  return absl::StartsWithIgnoreCase(value, "http://") ||
         absl::StartsWithIgnoreCase(value, "https://") ||
         absl::StartsWithIgnoreCase(value, "file://");
}

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file(error)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

struct Catalog::Impl {
  CatalogOptions options;
  std::map<std::string, CatalogTemplate> templates;
  std::map<std::string, rendernode::Voice> voices;
  std::map<std::string, StoredAsset> assets;  // "music:upbeat_corporate", "asset:intro.mp4"
  std::map<std::string, std::string, std::less<>> asset_names;  // by sha256
  std::vector<std::string> problems;                            // of the load

  void LoadTemplates();
  void LoadVoices();
  void LoadAssets(const char* subfolder, const char* prefix, bool stem);
  absl::Status AddTemplate(const std::string& id, const fs::path& file);
  void CheckOverrides(const JobRequest& request,
                      const TemplateOutline& outline,
                      std::vector<RequestProblem>* problems) const;
  void SetOutput(const JobRequest& request,
                 const TemplateOutline& outline,
                 rendernode::OutputSpec* output,
                 std::vector<RequestProblem>* problems) const;
  void AddAssets(const JobRequest& request,
                 const TemplateOutline& outline,
                 rendernode::JobSpec* spec,
                 std::vector<RequestProblem>* problems) const;
  void CheckNames(const nlohmann::json& value,
                  const std::string& pointer,
                  std::vector<RequestProblem>* problems) const;
  std::vector<std::string> Music() const;
};

absl::Status Catalog::Impl::AddTemplate(const std::string& id, const fs::path& file) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(file, options.template_bytes_max));
  absl::StatusOr<TemplateOutline> outline = OutlineTemplate(text);
  if (!outline.ok()) {
    return Annotate(outline.status(), file.string());
  }
  templates[id] = {std::move(text), *std::move(outline)};
  return absl::OkStatus();
}

void Catalog::Impl::LoadTemplates() {
  for (const fs::path& file : FilesIn(options.folder)) {
    const std::string name = file.filename().string();
    if (file.extension() != ".json" || name == "schema.json" || name == "voices.json") {
      continue;
    }
    if (static_cast<std::int64_t>(templates.size()) == options.templates_max) {
      problems.push_back(absl::StrCat("more than ", options.templates_max, " templates"));
      return;
    }
    if (const absl::Status status = AddTemplate(file.stem().string(), file); !status.ok()) {
      problems.emplace_back(status.message());
    }
  }
}

void Catalog::Impl::LoadVoices() {
  const fs::path file = options.folder / "voices.json";
  const auto text = ReadFile(file, options.template_bytes_max);
  auto read = text.ok() ? ReadVoices(*text)
                        : absl::StatusOr<std::map<std::string, rendernode::Voice>>(text.status());
  if (!read.ok()) {
    problems.push_back(absl::StrCat(file.string(), ": ", read.status().message()));
    return;
  }
  voices = *std::move(read);
}

void Catalog::Impl::LoadAssets(const char* subfolder, const char* prefix, bool stem) {
  for (const fs::path& file : FilesIn(options.folder / subfolder)) {
    if (KindOfFile(file) == rendernode::Asset::KIND_UNSPECIFIED) {
      continue;  // The scripts and notes that made them.
    }
    std::error_code error;
    if (static_cast<std::int64_t>(fs::file_size(file, error)) > options.asset_bytes_max) {
      problems.push_back(
          absl::StrCat(file.string(), ": larger than ", options.asset_bytes_max, " bytes"));
      continue;
    }
    const auto sha256 = Sha256File(file);
    if (!sha256.ok()) {
      problems.emplace_back(sha256.status().message());
      continue;
    }
    const std::string name =
        absl::StrCat(prefix, stem ? file.stem().string() : file.filename().string());
    assets[name] = {fs::absolute(file), *sha256};
    asset_names[*sha256] = name;
  }
}

std::vector<std::string> Catalog::Impl::Music() const {
  std::vector<std::string> names;
  for (const auto& asset : assets) {
    if (absl::StartsWith(asset.first, "music:")) {
      names.push_back(asset.first.substr(6));
    }
  }
  return names;
}

absl::StatusOr<Catalog> Catalog::Load(const CatalogOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->LoadTemplates();
  impl->LoadVoices();
  impl->LoadAssets("music", "music:", /*stem=*/true);
  impl->LoadAssets("assets", "asset:", /*stem=*/false);
  if (impl->templates.empty()) {
    impl->problems.push_back(absl::StrCat(options.folder.string(), ": no templates"));
  }
  if (!impl->problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(impl->problems, "\n"));
  }
  return Catalog(std::move(impl));
}

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

std::vector<std::string> Catalog::template_ids() const {
  return KeysOf(impl_->templates);
}
std::vector<std::string> Catalog::voice_names() const {
  return KeysOf(impl_->voices);
}
std::vector<std::string> Catalog::music_names() const {
  return impl_->Music();
}

const CatalogTemplate* Catalog::FindTemplate(const std::string& id) const {
  const auto found = impl_->templates.find(id);
  return found == impl_->templates.end() ? nullptr : &found->second;
}

const std::vector<std::string>& Catalog::resolutions() {
  static const std::vector<std::string> names = {"480p", "720p", "1080p", "1440p", "2160p"};
  return names;
}

absl::StatusOr<std::string> Catalog::AddTemplate(const fs::path& file) {
  const std::string id = file.stem().string();
  RETURN_IF_ERROR(impl_->AddTemplate(id, file));
  return id;
}

namespace {

bool Holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

// Voices and files that the template names itself, at any depth.
void Catalog::Impl::CheckNames(const nlohmann::json& value,
                               const std::string& pointer,
                               std::vector<RequestProblem>* problems) const {
  if (problems->size() > kProblemsMax) {
    return;
  }
  const auto text = [&](const char* member) -> std::string {
    const bool has = value.is_object() && value.contains(member) && value[member].is_string();
    return has ? value[member].get<std::string>() : "";
  };
  const auto check =
      [&](const char* member, const char* kind, const std::vector<std::string>& valid) {
        if (!Holds(valid, text(member))) {
          problems->push_back(
              {absl::StrCat(pointer, "/", member), UnknownName(kind, text(member), valid)});
        }
      };
  if (absl::StartsWith(text("source"), "music:") || absl::StartsWith(text("source"), "asset:")) {
    check("source", "file", KeysOf(assets));
  }
  if (!text("voice").empty() && !absl::StrContains(text("voice"), "{{")) {
    check("voice", "voice", KeysOf(voices));
  }
  if (text("type") == "voice" && !text("default").empty()) {
    check("default", "voice", KeysOf(voices));
  }
  if (value.is_object()) {
    for (const auto& member : value.items()) {
      CheckNames(member.value(), absl::StrCat(pointer, "/", PointerStep(member.key())), problems);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      CheckNames(value[i], absl::StrCat(pointer, "/", i), problems);
    }
  }
}

std::optional<CatalogTemplate> Catalog::ReadTemplate(std::string json,
                                                     std::vector<RequestProblem>* problems) const {
  std::vector<Problem> found;
  const nlohmann::json document = ParseDocument(json, TemplateLimits(), &found);
  const bool readable = found.empty();
  if (readable) {
    found = CheckTemplate(document, /*fonts=*/nullptr);
  }
  const std::size_t before = problems->size();
  for (Problem& problem : found) {
    problems->push_back({std::move(problem.pointer), std::move(problem.message)});
  }
  if (readable) {
    impl_->CheckNames(document, "", problems);
  }
  if (problems->size() != before) {
    return std::nullopt;
  }
  absl::StatusOr<TemplateOutline> outline = OutlineTemplate(json);
  if (!outline.ok()) {
    problems->push_back({"", std::string(outline.status().message())});
    return std::nullopt;
  }
  return CatalogTemplate{std::move(json), *std::move(outline)};
}

void Catalog::Impl::CheckOverrides(const JobRequest& request,
                                   const TemplateOutline& outline,
                                   std::vector<RequestProblem>* out) const {
  std::vector<std::string> valid = {"style", "voice", "background_music", "color_scheme"};
  for (const auto& variable : outline.variables) {
    valid.push_back(variable.first);
  }
  for (const auto& [name, value] : request.overrides) {
    const std::string pointer = absl::StrCat("/template/overrides/", PointerStep(name));
    const auto one_of = [&, name = name, value = value](const std::vector<std::string>& names) {
      if (!value.empty() && !Holds(names, value)) {
        out->push_back({pointer, UnknownName(name, value, names)});
      }
    };
    const auto variable = outline.variables.find(name);
    if (!Holds(valid, name)) {
      out->push_back({pointer, UnknownName("override", name, valid)});
    } else if (name == "style") {
      one_of(outline.styles);
    } else if (name == "color_scheme") {
      one_of(outline.color_schemes);
    } else if (name == "background_music") {
      one_of(Music());
    } else if (name == "voice" || (variable != outline.variables.end() && variable->second.voice)) {
      one_of(KeysOf(voices));
    }
  }
}

void Catalog::Impl::SetOutput(const JobRequest& request,
                              const TemplateOutline& outline,
                              rendernode::OutputSpec* output,
                              std::vector<RequestProblem>* problems) const {
  output->set_output_bucket(request.output_bucket);
  output->set_aspect_ratio(request.aspect_ratio);
  double aspect = static_cast<double>(outline.width) / outline.height;
  if (!request.aspect_ratio.empty()) {
    double w = 0;
    double h = 0;
    const std::string text = absl::StrReplaceAll(request.aspect_ratio, {{":", "x"}});
    const std::size_t cross = text.find('x');
    if (cross == std::string::npos || !absl::SimpleAtod(text.substr(0, cross), &w) ||
        !absl::SimpleAtod(text.substr(cross + 1), &h) || !(w > 0) || !(h > 0)) {
      problems->push_back({"/output/aspect_ratio", "write it as \"16:9\" or \"9:16\""});
      return;
    }
    aspect = w / h;
  }
  if (request.resolution.empty()) {
    return;
  }
  int side = 0;
  if (!Holds(resolutions(), request.resolution) ||
      !absl::SimpleAtoi(request.resolution.substr(0, request.resolution.size() - 1), &side)) {
    problems->push_back(
        {"/output/resolution", UnknownName("resolution", request.resolution, resolutions())});
    return;
  }
  const auto even = [](double pixels) {
    return static_cast<std::uint32_t>(2 * std::lround(pixels / 2));
  };
  output->set_width(even(aspect >= 1 ? side * aspect : side));
  output->set_height(even(aspect >= 1 ? side : side / aspect));
}

void Catalog::Impl::AddAssets(const JobRequest& request,
                              const TemplateOutline& outline,
                              rendernode::JobSpec* spec,
                              std::vector<RequestProblem>* problems) const {
  std::vector<std::string> names = outline.sources;
  if (const auto music = request.overrides.find("background_music");
      music != request.overrides.end() && !music->second.empty()) {
    names.push_back(absl::StrCat("music:", music->second));  // Checked as an override.
  }
  std::set<std::string> added;
  for (const std::string& name : names) {
    const auto found = assets.find(name);
    if (!added.insert(name).second) {
      continue;
    }
    if (found == assets.end()) {
      if (Holds(outline.sources, name)) {
        problems->push_back({"/template/template_id", UnknownName("file", name, KeysOf(assets))});
      }
      continue;
    }
    rendernode::Asset& asset = *spec->add_assets();
    asset.set_name(name);
    asset.set_sha256(found->second.sha256);
    asset.set_kind(KindOfFile(found->second.path));
    asset.set_url(options.asset_url_base.empty()
                      ? absl::StrCat("file://", found->second.path.string())
                      : absl::StrCat(options.asset_url_base, "/", found->second.sha256));
  }
}

std::optional<rendernode::JobSpec> Catalog::BuildJobSpec(
    const JobRequest& request, std::vector<RequestProblem>* problems) const {
  const CatalogTemplate* used =
      request.uploaded != nullptr ? request.uploaded : FindTemplate(request.template_id);
  if (used == nullptr) {
    std::vector<std::string> valid = template_ids();
    valid.insert(valid.end(), request.uploaded_ids.begin(), request.uploaded_ids.end());
    problems->push_back(
        {"/template/template_id", UnknownName("template", request.template_id, valid)});
    return std::nullopt;
  }
  const std::size_t before = problems->size();
  const TemplateOutline& outline = used->outline;
  rendernode::JobSpec spec;
  spec.set_job_id(request.job_id);
  spec.set_template_id(request.template_id);
  spec.set_template_json(used->json);
  spec.mutable_overrides()->insert(request.overrides.begin(), request.overrides.end());
  spec.mutable_voices()->insert(impl_->voices.begin(), impl_->voices.end());
  for (const std::string& voice : outline.voices) {
    if (impl_->voices.count(voice) == 0) {
      problems->push_back(
          {"/template/template_id", UnknownName("voice", voice, KeysOf(impl_->voices))});
    }
  }
  impl_->CheckOverrides(request, outline, problems);
  impl_->SetOutput(request, outline, spec.mutable_output(), problems);
  impl_->AddAssets(request, outline, &spec, problems);
  return problems->size() == before ? std::optional(std::move(spec)) : std::nullopt;
}

void Catalog::CheckColumns(const std::string& template_id,
                           const std::vector<std::string>& variables,
                           std::vector<RequestProblem>* problems) const {
  if (const CatalogTemplate* found = FindTemplate(template_id)) {  // Else BuildJobSpec says so.
    CheckColumns(found->outline, variables, problems);
  }
}

void Catalog::CheckColumns(const TemplateOutline& outline,
                           const std::vector<std::string>& variables,
                           std::vector<RequestProblem>* problems) {
  for (const std::string& name : variables) {
    if (!name.empty() && outline.variables.count(name) == 0 && StandardColumns().count(name) == 0) {
      problems->push_back(
          {"/input_source", UnknownName("column", name, KeysOf(outline.variables))});
    }
  }
}

absl::StatusOr<rendernode::ItemSpec> Catalog::BuildItemSpec(
    const rendernode::JobSpec& job,
    std::uint32_t row,
    const std::map<std::string, std::string>& values) const {
  const CatalogTemplate* found = FindTemplate(job.template_id());
  if (found == nullptr) {
    return WithItemError(
        absl::NotFoundError(UnknownName("template", job.template_id(), KeysOf(impl_->templates))),
        rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  }
  return BuildItemSpec(job, found->outline, row, values);
}

absl::StatusOr<rendernode::ItemSpec> Catalog::BuildItemSpec(
    const rendernode::JobSpec& job,
    const TemplateOutline& outline,
    std::uint32_t row,
    const std::map<std::string, std::string>& values) {
  rendernode::ItemSpec item;
  item.set_row(row);
  std::vector<std::string> mistakes;
  for (const auto& [name, variable] : outline.variables) {
    const auto cell = values.find(name);
    // Blanks alone are nothing to the renderer either.
    const bool given = cell != values.end() && !absl::StripAsciiWhitespace(cell->second).empty();
    const auto override = job.overrides().find(name);
    const bool overridden = override != job.overrides().end() && !override->second.empty();
    if (variable.required && !given && !overridden) {
      mistakes.push_back(absl::StrCat(name, ": a value is required; the row has none"));
    }
    const std::string value = given ? cell->second : overridden ? override->second : "";
    if (given) {
      (*item.mutable_values())[name] = value;
    }
    if (variable.asset == rendernode::Asset::KIND_UNSPECIFIED || value.empty()) {
      continue;
    }
    if (!LooksLikeUrl(value)) {
      mistakes.push_back(absl::StrCat(
          name, ": \"", value, "\" is not a URL; valid: one that begins with http:// or https://"));
      continue;
    }
    rendernode::Asset& asset = *item.add_assets();
    asset.set_name(name);
    asset.set_url(value);
    asset.set_kind(variable.asset);
  }
  if (!mistakes.empty()) {
    return WithItemError(
        absl::InvalidArgumentError(absl::StrCat("row ", row, ": ", absl::StrJoin(mistakes, "; "))),
        rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  }
  return item;
}

std::optional<fs::path> Catalog::AssetPath(absl::string_view sha256) const {
  const auto found = impl_->asset_names.find(std::string(sha256));
  return found == impl_->asset_names.end() ? std::nullopt
                                           : std::optional(impl_->assets.at(found->second).path);
}

}  // namespace rn
