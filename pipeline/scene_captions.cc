// Captions on the timeline and in the sidecars: part of SceneResolver.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "pipeline/captions.h"
#include "pipeline/scene_resolver.h"
#include "pipeline/subtitles.h"

namespace rn {
namespace {

// How the pages of a voice are broken that no captions element shows.
CaptionSpec SidecarOnlySpec(const OutputSettings& output) {
  CaptionSpec spec;
  spec.box_w = output.width * 0.8;
  spec.box_h = output.height * 0.25;
  spec.style.font_size_px = std::min(output.width, output.height) * 0.05;
  return spec;
}

}  // namespace

std::vector<CaptionPage> SceneResolver::PlaceCaptions(const ElementModel& element,
                                                      const CaptionsModel& captions,
                                                      Track* track) {
  bool estimated = false;
  const bool from_file = captions.voice.empty();
  const Stage life = StageOf(track->frames);
  auto pages = from_file ? PagesOfFile(element, captions, life, &estimated)
                         : PagesOfVoice(captions, &estimated);
  if (!pages.ok()) {
    Report(absl::StrCat(element.pointer, "/source"), std::string(pages.status().message()));
    return {};
  }
  if (estimated && captions.spec.effect != CaptionEffect::kNone) {
    scene_.warnings_.push_back(
        absl::StrCat("words are timed by their length, as their source does not time them, in ",
                     element.pointer));
  }
  track->captions = CaptionTrack(captions.spec, *pages, scene_.frame_rate_);
  if (from_file) {
    const absl::Duration start = life.begin + captions.offset;
    pages_by_file_[absl::StrCat(captions.subtitles, "@", absl::FormatDuration(start))] = *pages;
  } else {
    pages_by_voice_[captions.voice] = *pages;
  }
  return *std::move(pages);
}

absl::StatusOr<std::vector<CaptionPage>> SceneResolver::PagesOfVoice(const CaptionsModel& captions,
                                                                     bool* estimated) const {
  const auto speech = tracks_.find(captions.voice);
  const auto start = voice_starts_.find(captions.voice);
  if (speech == tracks_.end() || start == voice_starts_.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the voice \"", captions.voice, "\" was not spoken"));
  }
  *estimated = speech->second.words_estimated;
  return PaginateCaptions(speech->second.words, start->second, captions.spec);
}

// What of the file falls into the element's life.
absl::StatusOr<std::vector<CaptionPage>> SceneResolver::PagesOfFile(const ElementModel& element,
                                                                    const CaptionsModel& captions,
                                                                    const Stage& stage,
                                                                    bool* estimated) {
  ASSIGN_OR_RETURN(const Subtitles subtitles, ReadSubtitles(captions.subtitles));
  for (const std::string& warning : subtitles.warnings) {
    scene_.warnings_.push_back(absl::StrCat("subtitles, ", warning, ", in ", element.pointer));
  }
  *estimated = subtitles.words_estimated;
  ASSIGN_OR_RETURN(std::vector<CaptionPage> pages,
                   PaginateCues(subtitles.cues, stage.begin + captions.offset, captions.spec));
  const auto late = std::find_if(
      pages.begin(), pages.end(), [&](const CaptionPage& page) { return page.begin >= stage.end; });
  if (late != pages.end()) {
    scene_.warnings_.push_back(
        absl::StrFormat("%d of %d subtitles begin after %.2f s, when it is over, in %s",
                        pages.end() - late,
                        pages.size(),
                        absl::ToDoubleSeconds(stage.end - stage.begin),
                        element.pointer));
    pages.erase(late, pages.end());
  }
  pages.erase(std::remove_if(pages.begin(),
                             pages.end(),
                             [&](const CaptionPage& page) { return page.end <= stage.begin; }),
              pages.end());
  for (CaptionPage& page : pages) {
    page.begin = std::max(page.begin, stage.begin);
    page.end = std::min(page.end, stage.end);
  }
  return pages;
}

// The sidecars tell everything that is said, shown on screen or not.
void SceneResolver::FinishCaptionPages() {
  // Subtitles that are shown tell it already, as somebody wrote it down.
  const bool wanted =
      (model_.output.sidecar.srt || model_.output.sidecar.vtt) && pages_by_file_.empty();
  for (const auto& [voice, start] : voice_starts_) {
    const auto speech = tracks_.find(voice);
    if (!wanted || pages_by_voice_.count(voice) > 0 || speech == tracks_.end()) continue;
    auto pages = PaginateCaptions(speech->second.words, start, SidecarOnlySpec(model_.output));
    if (pages.ok()) pages_by_voice_[voice] = *std::move(pages);
  }
  std::vector<CaptionPage>& all = scene_.caption_pages_;
  for (const auto* by_source : {&pages_by_voice_, &pages_by_file_}) {
    for (const auto& [source, pages] : *by_source) {
      all.insert(all.end(), pages.begin(), pages.end());
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const CaptionPage& a, const CaptionPage& b) {
    return a.begin < b.begin;
  });
  for (std::size_t i = 0; i + 1 < all.size(); ++i)
    all[i].end = std::min(all[i].end, all[i + 1].begin);
}

}  // namespace rn
