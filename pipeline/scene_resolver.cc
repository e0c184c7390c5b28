#include "pipeline/scene_resolver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "pipeline/media_length.h"

namespace rn {
namespace {

std::string InSeconds(absl::Duration t) {
  return absl::StrFormat("%.2f s", absl::ToDoubleSeconds(t));
}

bool IsSound(const ElementModel& element) {
  return std::holds_alternative<VoiceModel>(element.kind) ||
         std::holds_alternative<AudioModel>(element.kind);
}

// How the pages of a voice are broken that no captions element shows.
CaptionSpec SidecarOnlySpec(const OutputSettings& output) {
  CaptionSpec spec;
  spec.box_w = output.width * 0.8;
  spec.box_h = output.height * 0.25;
  spec.style.font_size_px = std::min(output.width, output.height) * 0.05;
  return spec;
}

}  // namespace

absl::StatusOr<Scene> SceneResolver::Resolve() {
  scene_.width_ = model_.output.width;
  scene_.height_ = model_.output.height;
  scene_.frame_rate_ = {model_.output.fps_num, model_.output.fps_den};
  PlaceScenes();
  CoverRootVoices();
  CheckFades();
  const Stage whole = StageOf({0, scene_.frame_count_});
  if (whole.end > kLengthMax) {
    Report(
        "/scenes",
        absl::StrCat("the video is ", InSeconds(whole.end), "; at most ", InSeconds(kLengthMax)));
  }
  if (!problems_.empty()) return ProblemsToStatus(problems_);

  for (std::size_t i = 0; i < model_.scenes.size(); ++i) {
    NoteVoices(model_.scenes[i].elements, StageOf(timeline_.scenes[i].frames));
  }
  NoteVoices(model_.elements, whole);
  for (std::size_t i = 0; i < model_.scenes.size(); ++i) {
    TimelineScene& scene = timeline_.scenes[i];
    PlaceElements(model_.scenes[i].elements, StageOf(scene.frames), &scene.tracks);
  }
  PlaceElements(model_.elements, whole, &timeline_.tracks);
  FinishCaptionPages();
  if (!problems_.empty()) return ProblemsToStatus(problems_);

  scene_.mix_.sample_frames = ToSampleFrames(whole.end);
  scene_.mix_.target_lufs = model_.target_lufs;
  scene_.mix_.true_peak_db = model_.true_peak_db;
  scene_.poster_frame_ = std::clamp<std::int64_t>(
      NearestFrame(model_.output.poster_time, scene_.frame_rate_), 0, scene_.frame_count_ - 1);
  scene_.timeline_ = std::make_shared<const Timeline>(std::move(timeline_));
  return std::move(scene_);
}

SceneResolver::Stage SceneResolver::StageOf(const FrameRange& frames) const {
  return {frames,
          FrameTime(frames.begin, scene_.frame_rate_),
          FrameTime(frames.end, scene_.frame_rate_)};
}

// ------------------------------------------------------------------- lengths
void SceneResolver::PlaceScenes() {
  std::int64_t end = 0;
  for (const SceneModel& model : model_.scenes) {
    TimelineScene scene;
    scene.background = model.background;
    scene.fade_in = NearestFrame(model.fade_in, scene_.frame_rate_);
    // The two overlap; the first scene fades in from black and overlaps nothing.
    const std::int64_t overlap = timeline_.scenes.empty() ? 0 : scene.fade_in;
    scene.frames.begin = std::max<std::int64_t>(0, end - overlap);
    end = scene.frames.begin + FramesOf(model);
    scene.frames.end = end;
    timeline_.scenes.push_back(std::move(scene));
  }
  scene_.frame_count_ = end;
}

std::int64_t SceneResolver::FramesOf(const SceneModel& scene) {
  if (scene.length == SceneModel::Length::kSeconds) {
    return std::max<std::int64_t>(1, NearestFrame(scene.seconds, scene_.frame_rate_));
  }
  absl::Duration end;
  for (const ElementModel& element : scene.elements) {
    end = std::max(end, ContentEnd(element, scene.length == SceneModel::Length::kMedia));
  }
  if (end <= absl::ZeroDuration()) {
    Report(absl::StrCat(scene.pointer, "/duration"),
           "nothing in the scene has a length of its own; give it a duration in seconds");
    return 1;
  }
  return FramesToCover(end + scene.tail, scene_.frame_rate_);
}

absl::Duration SceneResolver::ContentEnd(const ElementModel& element, bool media_only) {
  if (media_only && !IsSound(element)) return {};
  switch (element.span.until) {
    case ElementSpan::Until::kEnd:
      return {};
    case ElementSpan::Until::kSeconds:
      return element.span.begin + element.span.length;
    case ElementSpan::Until::kMedia:
      return element.span.begin + SoundLength(element);
  }
  return {};
}

absl::Duration SceneResolver::SoundLength(const ElementModel& element) {
  if (const auto* voice = std::get_if<VoiceModel>(&element.kind)) {
    const auto track = tracks_.find(voice->cue);
    if (track == tracks_.end()) {
      Report(element.pointer, absl::StrCat("the voice \"", voice->cue, "\" was not spoken"));
      return {};
    }
    return track->second.audio.length();
  }
  const auto* audio = std::get_if<AudioModel>(&element.kind);
  if (audio == nullptr) return {};
  if (const auto known = file_lengths_.find(audio->file); known != file_lengths_.end()) {
    return std::max(absl::ZeroDuration(), known->second - audio->trim_start);
  }
  const auto length = MediaLength(audio->file);
  if (!length.ok())
    Report(absl::StrCat(element.pointer, "/source"), std::string(length.status().message()));
  file_lengths_[audio->file] = length.value_or(absl::ZeroDuration());
  return std::max(absl::ZeroDuration(), length.value_or(absl::ZeroDuration()) - audio->trim_start);
}

// A narration over all scenes lengthens the last one, if that is free to grow.
void SceneResolver::CoverRootVoices() {
  absl::Duration end;
  std::string pointer;
  for (const ElementModel& element : model_.elements) {
    if (!std::holds_alternative<VoiceModel>(element.kind)) continue;
    const absl::Duration element_end = ContentEnd(element, true);
    if (element_end > end) pointer = element.pointer;
    end = std::max(end, element_end);
  }
  if (timeline_.scenes.empty() || FramesToCover(end, scene_.frame_rate_) <= scene_.frame_count_) {
    return;
  }
  const SceneModel& last = model_.scenes.back();
  if (last.length == SceneModel::Length::kSeconds) {
    Report(pointer,
           absl::StrCat("the voice ends at ",
                        InSeconds(end),
                        ", after the video; let the last scene's duration be \"auto\""));
    return;
  }
  scene_.frame_count_ = FramesToCover(end + last.tail, scene_.frame_rate_);
  timeline_.scenes.back().frames.end = scene_.frame_count_;
}

void SceneResolver::CheckFades() {
  for (std::size_t i = 0; i < timeline_.scenes.size(); ++i) {
    const TimelineScene& scene = timeline_.scenes[i];
    const std::int64_t out = i + 1 < timeline_.scenes.size() ? timeline_.scenes[i + 1].fade_in : 0;
    const std::int64_t length = scene.frames.end - scene.frames.begin;
    if (scene.fade_in + out <= length) continue;
    Report(model_.scenes[i].pointer,
           absl::StrCat("the scene is ",
                        InSeconds(FrameTime(length, scene_.frame_rate_)),
                        " long; its transitions need ",
                        InSeconds(FrameTime(scene.fade_in + out, scene_.frame_rate_))));
  }
}

// ------------------------------------------------------------------- elements
void SceneResolver::NoteVoices(const std::vector<ElementModel>& elements, const Stage& stage) {
  for (const ElementModel& element : elements) {
    if (const auto* voice = std::get_if<VoiceModel>(&element.kind)) {
      voice_starts_[voice->cue] = stage.begin + element.span.begin;
    }
  }
}

void SceneResolver::PlaceElements(const std::vector<ElementModel>& elements,
                                  const Stage& stage,
                                  std::vector<Track>* placed) {
  for (const ElementModel& element : elements) {
    if (stage.begin + element.span.begin >= stage.end) {
      Report(absl::StrCat(element.pointer, "/time"),
             absl::StrCat("it would appear after ",
                          InSeconds(element.span.begin),
                          ", when its scene of ",
                          InSeconds(stage.end - stage.begin),
                          " is over"));
    } else if (IsSound(element)) {
      PlaceSound(element, stage);
    } else {
      PlaceVisual(element, stage, placed);
    }
  }
}

void SceneResolver::PlaceVisual(const ElementModel& element,
                                const Stage& stage,
                                std::vector<Track>* placed) {
  const FrameRate rate = scene_.frame_rate_;
  Track track;
  track.element = static_cast<int>(scene_.elements_.size());
  track.opacity = element.opacity;
  track.frames.begin = stage.frames.begin + NearestFrame(element.span.begin, rate);
  track.frames.end = stage.frames.end;
  if (element.span.until == ElementSpan::Until::kSeconds) {
    const std::int64_t frames = std::max<std::int64_t>(1, NearestFrame(element.span.length, rate));
    track.frames.end = std::min(track.frames.end, track.frames.begin + frames);
  }
  for (const AnimationModel& animation : element.animations) {
    track.animations.push_back({NearestFrame(animation.duration, rate), animation});
  }
  Element drawn{element.pointer, element.box, {}};
  if (const auto* image = std::get_if<ImageModel>(&element.kind)) {
    drawn.content = image->content;
    track.ken_burns = image->ken_burns;
  } else if (const auto* shape = std::get_if<ShapeContent>(&element.kind)) {
    drawn.content = *shape;
  } else if (const auto* text = std::get_if<TextContent>(&element.kind)) {
    if (text->spec.text.empty()) return;  // Nothing to see, and no reason to fail the row.
    drawn.content = *text;
  } else if (const auto* captions = std::get_if<CaptionsModel>(&element.kind)) {
    PlaceCaptions(element, *captions, &track);
    drawn.content = CaptionContent{captions->spec, pages_by_voice_[captions->voice]};
  }
  scene_.elements_.push_back(std::move(drawn));
  placed->push_back(std::move(track));
}

void SceneResolver::PlaceCaptions(const ElementModel& element,
                                  CaptionsModel captions,
                                  Track* track) {
  track->captions = true;
  const auto speech = tracks_.find(captions.voice);
  const auto start = voice_starts_.find(captions.voice);
  if (speech == tracks_.end() || start == voice_starts_.end()) {
    Report(absl::StrCat(element.pointer, "/source"),
           absl::StrCat("the voice \"", captions.voice, "\" was not spoken"));
    return;
  }
  auto pages = PaginateCaptions(speech->second.words, start->second, captions.spec);
  if (!pages.ok()) {
    Report(element.pointer, std::string(pages.status().message()));
    return;
  }
  const FrameRate rate = scene_.frame_rate_;
  for (const CaptionPage& page : *pages) {
    TrackPage placed;
    placed.frames = {NearestFrame(page.begin, rate), NearestFrame(page.end, rate)};
    if (captions.spec.effect == CaptionEffect::kHighlight) {
      for (const SpokenWord& word : page.words) {
        placed.word_frames.push_back(NearestFrame(word.begin, rate));
      }
    }
    track->pages.push_back(std::move(placed));
  }
  pages_by_voice_[captions.voice] = *std::move(pages);
}

void SceneResolver::PlaceSound(const ElementModel& element, const Stage& stage) {
  AudioCue cue;
  cue.pointer = element.pointer;
  cue.name = element.name.empty() ? element.pointer : element.name;
  cue.start = stage.begin + element.span.begin;
  if (const auto* voice = std::get_if<VoiceModel>(&element.kind)) {
    cue.speech = voice->cue;
    cue.gain = voice->gain;
    const absl::Duration end = cue.start + SoundLength(element);
    // A frame's length of grace: scenes end on frames.
    if (end > stage.end + FrameTime(1, scene_.frame_rate_)) {
      Report(element.pointer,
             absl::StrCat("what it says takes ",
                          InSeconds(end - cue.start),
                          " and ends after its scene; let the scene's duration be \"auto\""));
    }
  } else if (const auto* audio = std::get_if<AudioModel>(&element.kind)) {
    cue.file = audio->file;
    cue.gain = audio->gain;
    cue.loop = audio->loop;
    cue.trim_start = audio->trim_start;
    cue.fade_in = audio->fade_in;
    cue.fade_out = audio->fade_out;
    cue.loop_crossfade = audio->loop_crossfade;
    cue.duck = audio->duck;
    if (element.span.until == ElementSpan::Until::kEnd) cue.length = stage.end - cue.start;
    if (element.span.until == ElementSpan::Until::kSeconds) {
      cue.length = std::min(element.span.length, stage.end - cue.start);
    }
  }
  scene_.mix_.cues.push_back(std::move(cue));
}

// The sidecars tell everything that is said, shown on screen or not.
void SceneResolver::FinishCaptionPages() {
  const bool wanted = model_.output.sidecar.srt || model_.output.sidecar.vtt;
  for (const auto& [voice, start] : voice_starts_) {
    const auto speech = tracks_.find(voice);
    if (!wanted || pages_by_voice_.count(voice) > 0 || speech == tracks_.end()) continue;
    auto pages = PaginateCaptions(speech->second.words, start, SidecarOnlySpec(model_.output));
    if (pages.ok()) pages_by_voice_[voice] = *std::move(pages);
  }
  std::vector<CaptionPage>& all = scene_.caption_pages_;
  for (const auto& [voice, pages] : pages_by_voice_)
    all.insert(all.end(), pages.begin(), pages.end());
  std::stable_sort(all.begin(), all.end(), [](const CaptionPage& a, const CaptionPage& b) {
    return a.begin < b.begin;
  });
  for (std::size_t i = 0; i + 1 < all.size(); ++i)
    all[i].end = std::min(all[i].end, all[i + 1].begin);
}

}  // namespace rn
