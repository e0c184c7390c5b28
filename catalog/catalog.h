// The templates folder: what may be rendered, in which voice, over which music.
//
//   <id>.json        a template; its id is the file's name
//   voices.json      {"<name>": {engine, voice, words_per_minute, pitch, volume, language}}
//   music/<name>.m4a what templates name as "music:<name>"
//   assets/<file>    what templates name as "asset:<file>"
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "catalog/template_outline.h"
#include "proto/render.pb.h"

namespace rn {

// One mistake of a client: where in its request, what, and what would be valid.
struct RequestProblem {
  std::string pointer;  // RFC 6901, from the root of a bulk-job request
  std::string message;
};

// A template's text and what a job needs to know of it.
struct CatalogTemplate {
  std::string json;
  TemplateOutline outline;
};

struct JobRequest {
  std::string job_id;
  std::string template_id;
  const CatalogTemplate* uploaded = nullptr;     // Instead of the folder's; outlives the request.
  std::vector<std::string> uploaded_ids;         // That would be valid besides the folder's.
  std::map<std::string, std::string> overrides;  // style, voice, background_music, color_scheme, …
  std::string resolution;    // "1080p": of the shorter side; "" = the template's
  std::string aspect_ratio;  // "9:16"; "" = the template's
  std::string output_bucket;
};

struct CatalogOptions {
  std::filesystem::path folder;
  std::string asset_url_base;  // Job assets are "<base>/<sha256>"; "" = file URLs.
  std::int64_t template_bytes_max = 1 << 20;
  std::int64_t templates_max = 1000;
  std::int64_t asset_bytes_max = std::int64_t{1} << 30;
};

// Read once; immutable, hence thread-safe.
class Catalog {
 public:
  // InvalidArgument: every file that cannot be used, a line each.
  static absl::StatusOr<Catalog> Load(const CatalogOptions& options);

  Catalog(Catalog&&) noexcept;
  ~Catalog();

  std::vector<std::string> template_ids() const;
  std::vector<std::string> voice_names() const;
  std::vector<std::string> music_names() const;
  static const std::vector<std::string>& resolutions();

  // The folder's; nullptr: it has none of this id.
  const CatalogTemplate* FindTemplate(const std::string& id) const;

  // A template that somebody sends; every mistake in `problems`, with its pointer, and nothing when
  // there is one: what CheckTemplate finds, and voices, music and files that are not here. What a
  // row would tell is the renderer's to find, and so is whether a node has the fonts.
  std::optional<CatalogTemplate> ReadTemplate(std::string json,
                                              std::vector<RequestProblem>* problems) const;

  // Adds a template that is not in the folder; its id is the file's name without extension.
  absl::StatusOr<std::string> AddTemplate(const std::filesystem::path& file);

  // Everything that the items share. Nothing, and every mistake in `problems`, when the request
  // names what the catalog or the template does not have.
  std::optional<rendernode::JobSpec> BuildJobSpec(const JobRequest& request,
                                                  std::vector<RequestProblem>* problems) const;

  // A sheet's columns, by the variables that they fill; "" fills none. The three that every sheet
  // has (title, script, image_url) need not be the template's. Mistakes point at /input_source.
  static void CheckColumns(const TemplateOutline& outline,
                           const std::vector<std::string>& variables,
                           std::vector<RequestProblem>* problems);
  // Of a template of the folder.
  void CheckColumns(const std::string& template_id,
                    const std::vector<std::string>& variables,
                    std::vector<RequestProblem>* problems) const;

  // One row. Empty values and those that are not the template's are left out; what names an image,
  // a video or a sound becomes an asset to be fetched. Errors are of this row alone and carry
  // ITEM_ERROR_TEMPLATE_RENDER_ERROR: a required value that neither the row nor the overrides give,
  // a value that should be a URL and is none.
  static absl::StatusOr<rendernode::ItemSpec> BuildItemSpec(
      const rendernode::JobSpec& job,
      const TemplateOutline& outline,
      std::uint32_t row,
      const std::map<std::string, std::string>& values);
  // Of a job with a template of the folder; another's is an error of the row.
  absl::StatusOr<rendernode::ItemSpec> BuildItemSpec(
      const rendernode::JobSpec& job,
      std::uint32_t row,
      const std::map<std::string, std::string>& values) const;

  // The file behind "<asset_url_base>/<sha256>".
  std::optional<std::filesystem::path> AssetPath(absl::string_view sha256) const;

 private:
  struct Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
