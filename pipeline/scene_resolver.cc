#include "pipeline/scene_resolver.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "pipeline/clip_index.h"
#include "pipeline/media_length.h"
#include "pipeline/shared_work.h"
#include "template/unicode.h"

namespace rn {
namespace {

std::string InSeconds(absl::Duration t) {
  return absl::StrFormat("%.2f s", absl::ToDoubleSeconds(t));
}

bool IsSound(const ElementModel& element) {
  return std::holds_alternative<VoiceModel>(element.kind) ||
         std::holds_alternative<AudioModel>(element.kind);
}

// As it is painted; captions still lack their pages.
Element DrawnOf(const ElementModel& model) {
  Element drawn;
  drawn.pointer = model.pointer;
  drawn.box = model.box;
  drawn.anchor_x = model.anchor_x;
  drawn.anchor_y = model.anchor_y;
  drawn.blend = model.blend;
  drawn.shadow = model.shadow;
  drawn.mask = model.mask;
  if (const auto* image = std::get_if<ImageModel>(&model.kind)) drawn.content = image->content;
  if (const auto* shape = std::get_if<ShapeContent>(&model.kind)) drawn.content = *shape;
  if (const auto* text = std::get_if<TextContent>(&model.kind)) drawn.content = *text;
  if (const auto* video = std::get_if<VideoModel>(&model.kind)) {
    drawn.content = VideoContent{.path = video->file, .index = nullptr, .fit = video->fit};
  }
  if (std::holds_alternative<GroupModel>(model.kind)) drawn.content = GroupContent{};
  return drawn;
}

AudioCue CueFor(const ElementModel& element) {
  AudioCue cue;
  cue.pointer = element.pointer;
  cue.name = element.name.empty() ? element.pointer : element.name;
  return cue;
}

// All but when it is heard and how loud.
void SetSound(const AudioModel& sound, AudioCue* cue) {
  cue->file = sound.file;
  cue->trim_start = sound.trim.start;
  cue->trim_length = sound.trim.length;
  cue->speed = sound.trim.speed;
  cue->loudness = sound.loudness;
  cue->fade_in = sound.fade_in;
  cue->fade_out = sound.fade_out;
  cue->loop = sound.loop;
  cue->loop_crossfade = sound.loop_crossfade;
  cue->duck = sound.duck;
}

absl::StatusOr<std::shared_ptr<const ClipIndex>> ReadClip(const std::string& path) {
  ASSIGN_OR_RETURN(ClipIndex index, ClipIndex::Read(path));
  return std::make_shared<const ClipIndex>(std::move(index));
}

// A keyframed volume, as a factor and an envelope upon it.
void SetGain(const Curve& volume, double life_s, AudioCue* cue) {
  if (volume.constant()) {
    cue->gain = volume.At({0, life_s});
    return;
  }
  cue->gain = 1;
  constexpr int kStepsBetween = 16;  // of an eased way; nobody hears the corners
  const std::vector<Keyframe>& keys = volume.keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const double begin = keys[i].TimeIn(life_s);
    cue->envelope.push_back({absl::Seconds(begin), keys[i].value});
    if (i + 1 == keys.size()) break;
    const double step = (keys[i + 1].TimeIn(life_s) - begin) / kStepsBetween;
    for (int s = 1; step > 0 && s < kStepsBetween; ++s) {
      const double at = begin + s * step;
      cue->envelope.push_back({absl::Seconds(at), volume.At({at, life_s})});
    }
  }
}

}  // namespace

absl::StatusOr<Scene> SceneResolver::Resolve() {
  scene_.width_ = model_.output.width;
  scene_.height_ = model_.output.height;
  timeline_.width = scene_.width_;
  timeline_.height = scene_.height_;
  scene_.frame_rate_ = {model_.output.fps_num, model_.output.fps_den};
  PlaceScenes();
  CoverRootVoices();
  CheckTransitions();
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
    scene.transition = model.transition;
    scene.transition_frames = NearestFrame(model.transition.duration, scene_.frame_rate_);
    // The two overlap; the first scene comes in over black and overlaps nothing.
    const std::int64_t overlap = timeline_.scenes.empty() ? 0 : scene.transition_frames;
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
  const bool group = std::holds_alternative<GroupModel>(element.kind);
  const bool clip = std::holds_alternative<VideoModel>(element.kind);
  if (media_only && !IsSound(element) && !clip && !group) return {};
  if (group && (media_only || element.span.until == ElementSpan::Until::kEnd)) {
    absl::Duration end;
    for (const ElementModel& child : element.children) {
      end = std::max(end, ContentEnd(child, media_only));
    }
    return end > absl::ZeroDuration() ? element.span.begin + end : end;
  }
  switch (element.span.until) {
    case ElementSpan::Until::kEnd:
      return {};
    case ElementSpan::Until::kSeconds:
      return element.span.begin + element.span.length;
    case ElementSpan::Until::kMedia:
      return element.span.begin + MediaLengthOf(element);
  }
  return {};
}

absl::Duration SceneResolver::MediaLengthOf(const ElementModel& element) {
  if (const auto* voice = std::get_if<VoiceModel>(&element.kind)) {
    const auto track = tracks_.find(voice->cue);
    if (track == tracks_.end()) {
      Report(element.pointer, absl::StrCat("the voice \"", voice->cue, "\" was not spoken"));
      return {};
    }
    return track->second.audio.length();
  }
  if (const auto* video = std::get_if<VideoModel>(&element.kind)) {
    const auto clip = ClipOf(element);
    return clip == nullptr ? absl::ZeroDuration() : video->sound.trim.LengthOf(clip->length());
  }
  const auto* audio = std::get_if<AudioModel>(&element.kind);
  return audio == nullptr ? absl::ZeroDuration()
                          : audio->trim.LengthOf(FileLength(element, audio->file));
}

absl::Duration SceneResolver::FileLength(const ElementModel& element, const std::string& file) {
  if (const auto known = file_lengths_.find(file); known != file_lengths_.end()) {
    return known->second;
  }
  const auto length = MediaLength(file);
  if (!length.ok())
    Report(absl::StrCat(element.pointer, "/source"), std::string(length.status().message()));
  return file_lengths_[file] = length.value_or(absl::ZeroDuration());
}

std::shared_ptr<const ClipIndex> SceneResolver::ClipOf(const ElementModel& element) {
  const auto& video = std::get<VideoModel>(element.kind);
  const auto [known, added] = clips_.emplace(video.file, nullptr);
  if (!added) return known->second;
  auto index = shared_ != nullptr ? shared_->Clip(video.file) : ReadClip(video.file);
  if (!index.ok()) {
    Report(absl::StrCat(element.pointer, "/source"), std::string(index.status().message()));
    return nullptr;
  }
  return known->second = *std::move(index);
}

// Of what is said in it; zero when it is silent.
absl::Duration SceneResolver::VoiceEnd(const ElementModel& element) {
  if (std::holds_alternative<VoiceModel>(element.kind)) return ContentEnd(element, true);
  absl::Duration end;
  for (const ElementModel& child : element.children) end = std::max(end, VoiceEnd(child));
  return end > absl::ZeroDuration() ? element.span.begin + end : end;
}

// A narration over all scenes lengthens the last one, if that is free to grow.
void SceneResolver::CoverRootVoices() {
  absl::Duration end;
  std::string pointer;
  for (const ElementModel& element : model_.elements) {
    const absl::Duration element_end = VoiceEnd(element);
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

void SceneResolver::CheckTransitions() {
  for (std::size_t i = 0; i < timeline_.scenes.size(); ++i) {
    const TimelineScene& scene = timeline_.scenes[i];
    const std::int64_t out =
        i + 1 < timeline_.scenes.size() ? timeline_.scenes[i + 1].transition_frames : 0;
    const std::int64_t length = scene.frames.end - scene.frames.begin;
    if (scene.transition_frames + out <= length) continue;
    Report(model_.scenes[i].pointer,
           absl::StrCat("the scene is ",
                        InSeconds(FrameTime(length, scene_.frame_rate_)),
                        " long; its transitions need ",
                        InSeconds(FrameTime(scene.transition_frames + out, scene_.frame_rate_))));
  }
}

// ------------------------------------------------------------------- elements
void SceneResolver::NoteVoices(const std::vector<ElementModel>& elements, const Stage& stage) {
  for (const ElementModel& element : elements) {
    if (const auto* voice = std::get_if<VoiceModel>(&element.kind)) {
      voice_starts_[voice->cue] = stage.begin + element.span.begin;
    }
    if (!element.children.empty()) NoteVoices(element.children, StageOf(FramesOf(element, stage)));
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

FrameRange SceneResolver::FramesOf(const ElementModel& element, const Stage& stage) {
  const FrameRate rate = scene_.frame_rate_;
  FrameRange frames{stage.frames.begin + NearestFrame(element.span.begin, rate), stage.frames.end};
  if (element.span.until != ElementSpan::Until::kEnd) {
    // A clip's last frame stays to the end of its last frame here, as scenes do.
    const bool media = element.span.until == ElementSpan::Until::kMedia;
    const std::int64_t length = media ? FramesToCover(MediaLengthOf(element), rate)
                                      : NearestFrame(element.span.length, rate);
    frames.end = std::min(frames.end, frames.begin + std::max<std::int64_t>(1, length));
  }
  return frames;
}

void SceneResolver::PlaceVisual(const ElementModel& element,
                                const Stage& stage,
                                std::vector<Track>* placed) {
  if (!element.seen && element.changes == nullptr) return;
  const FrameRate rate = scene_.frame_rate_;
  Track track;
  track.rate = rate;
  track.motion = element.motion;
  track.frames = FramesOf(element, stage);
  for (const AnimationModel& animation : element.animations) {
    track.animations.push_back(
        {NearestFrame(animation.duration, rate), NearestFrame(animation.at, rate), animation});
  }
  Element drawn = DrawnOf(element);
  if (const auto* image = std::get_if<ImageModel>(&element.kind)) {
    track.ken_burns = image->ken_burns;
  } else if (const auto* text = std::get_if<TextContent>(&element.kind)) {
    if (text->spec.text.empty()) return;  // Nothing to see, and no reason to fail the row.
    track.graphemes = static_cast<int>(GraphemeCount(text->spec.text));
  } else if (const auto* captions = std::get_if<CaptionsModel>(&element.kind)) {
    drawn.content = CaptionContent{captions->spec, PlaceCaptions(element, *captions, &track)};
  } else if (std::holds_alternative<VideoModel>(element.kind)) {
    if (!PlaceClip(element, &drawn, &track)) return;
  } else if (std::holds_alternative<GroupModel>(element.kind)) {
    track.group = true;
    PlaceElements(element.children, StageOf(track.frames), &track.children);
  }
  CheckKeyframes(element, FrameSeconds(track.frames.end - track.frames.begin, rate));
  track.element = static_cast<int>(scene_.elements_.size());
  scene_.elements_.push_back(std::move(drawn));
  if (element.changes != nullptr) PlaceChanges(element, &track);
  placed->push_back(std::move(track));
}

// False where it cannot be seen; a problem says why.
bool SceneResolver::PlaceClip(const ElementModel& element, Element* drawn, Track* track) {
  const auto& video = std::get<VideoModel>(element.kind);
  const Trim& trim = video.sound.trim;
  const auto index = ClipOf(element);
  if (index == nullptr) return false;
  const absl::Duration used = trim.LengthOf(index->length()) * trim.speed;
  if (used <= absl::ZeroDuration()) {
    Report(absl::StrCat(element.pointer, "/trim_start"),
           absl::StrCat("nothing is left of the clip, which is ", InSeconds(index->length())));
    return false;
  }
  track->clip = ClipTiming{index, trim.start, used, trim.speed, video.sound.loop};
  std::get<VideoContent>(drawn->content).index = index;
  if (!video.mute && index->has_sound()) PlaceClipSound(element, *track);
  return true;
}

// In step with the pictures: from the frame on which they begin, in rounds as long as theirs.
void SceneResolver::PlaceClipSound(const ElementModel& element, const Track& track) {
  const AudioModel& sound = std::get<VideoModel>(element.kind).sound;
  const ClipTiming& clip = *track.clip;
  AudioCue cue = CueFor(element);
  SetSound(sound, &cue);
  cue.start = FrameTime(track.frames.begin, track.rate);
  cue.length = FrameTime(track.frames.end, track.rate) - cue.start;
  cue.trim_start = clip.begin;
  cue.trim_length = clip.length;
  cue.may_run_out = true;
  cue.speed = clip.speed;
  if (sound.loop) cue.loop_round = clip.length / clip.speed;
  SetGain(sound.gain, absl::ToDoubleSeconds(cue.length), &cue);
  scene_.mix_.cues.push_back(std::move(cue));
}

// Those that are set from the end of the life too, now that it is known.
void SceneResolver::CheckKeyframes(const ElementModel& element, double life_s) {
  const auto check = [&](const Curve& curve, const std::string& pointer) {
    const auto misplaced = curve.Misplaced(life_s);
    if (!misplaced) return;
    Report(absl::StrCat(pointer, "/", *misplaced, "/time"),
           absl::StrFormat("comes before the keyframe in front of it: the element lives %.2f s",
                           life_s));
  };
  const Motion& motion = element.motion;
  const std::pair<const char*, const Curve*> moving[] = {{"x", &motion.dx},
                                                         {"y", &motion.dy},
                                                         {"scale", &motion.scale},
                                                         {"x_scale", &motion.x_scale},
                                                         {"y_scale", &motion.y_scale},
                                                         {"rotation", &motion.rotation_deg},
                                                         {"opacity", &motion.opacity}};
  for (const auto& [key, curve] : moving) check(*curve, absl::StrCat(element.pointer, "/", key));
  if (element.changes == nullptr) return;
  for (const KeyedProperty& property : element.changes->properties) {
    check(property.curve, property.pointer);
  }
}

void SceneResolver::PlaceChanges(const ElementModel& element, Track* track) {
  const double life_s = FrameSeconds(track->frames.end - track->frames.begin, scene_.frame_rate_);
  const auto& properties = element.changes->properties;
  double last_change = 0;
  for (const KeyedProperty& property : properties) {
    last_change = std::max(last_change, property.curve.LastChange(life_s));
  }
  const int first = track->element;
  std::vector<double> values, before;
  bool done = false;
  for (std::int64_t k = 0; !done && k < track->frames.end - track->frames.begin; ++k) {
    const Moment moment{FrameSeconds(k, scene_.frame_rate_), life_s};
    done = moment.at_s >= last_change;
    values.clear();
    for (const KeyedProperty& property : properties) values.push_back(property.curve.At(moment));
    if (k > 0 && values == before) {
      track->changing.push_back(track->changing.back());
      continue;
    }
    before = values;
    std::vector<Problem> problems;
    const ElementModel changed = element.changes->at(moment, &problems);
    if (!changed.seen) {
      track->changing.push_back(-1);
      continue;
    }
    for (Problem& problem : problems) {
      Report(problem.pointer, absl::StrFormat("%s (%.2f s in)", problem.message, moment.at_s));
    }
    if (!problems.empty()) return;
    Element drawn = DrawnOf(changed);
    if (auto* video = std::get_if<VideoContent>(&drawn.content)) video->index = track->clip->index;
    if (std::holds_alternative<CaptionsModel>(element.kind)) {
      const auto& resting = std::get<CaptionContent>(scene_.elements_[track->element].content);
      drawn.content = CaptionContent{std::get<CaptionsModel>(changed.kind).spec, resting.pages};
    }
    track->changing.push_back(AddElement(std::move(drawn), first));
    if (std::ssize(scene_.elements_) - first > kChangesMax) {
      Report(properties.front().pointer,
             absl::StrCat("its keyframes give more than ",
                          kChangesMax,
                          " different pictures to paint; move, scale or turn the element instead, "
                          "or let them be shorter"));
      return;
    }
  }
}

int SceneResolver::AddElement(Element element, int first) {
  for (int i = first; i < std::ssize(scene_.elements_); ++i) {
    if (scene_.elements_[i] == element) return i;
  }
  scene_.elements_.push_back(std::move(element));
  return static_cast<int>(scene_.elements_.size()) - 1;
}

void SceneResolver::PlaceSound(const ElementModel& element, const Stage& stage) {
  AudioCue cue = CueFor(element);
  cue.start = stage.begin + element.span.begin;
  if (const auto* voice = std::get_if<VoiceModel>(&element.kind)) {
    cue.speech = voice->cue;
    cue.loudness = voice->loudness;
    const absl::Duration length = MediaLengthOf(element);
    SetGain(voice->gain, absl::ToDoubleSeconds(length), &cue);
    const absl::Duration end = cue.start + length;
    // A frame's length of grace: scenes end on frames.
    if (end > stage.end + FrameTime(1, scene_.frame_rate_)) {
      Report(element.pointer,
             absl::StrCat("what it says takes ",
                          InSeconds(end - cue.start),
                          " and ends after its scene; let the scene's duration be \"auto\""));
    }
  } else if (const auto* audio = std::get_if<AudioModel>(&element.kind)) {
    SetSound(*audio, &cue);
    if (element.span.until == ElementSpan::Until::kEnd) cue.length = stage.end - cue.start;
    if (element.span.until == ElementSpan::Until::kSeconds) {
      cue.length = std::min(element.span.length, stage.end - cue.start);
    }
    const bool whole = element.span.until == ElementSpan::Until::kMedia;
    const absl::Duration life =
        whole && !audio->gain.constant() ? MediaLengthOf(element) : cue.length;
    SetGain(audio->gain, absl::ToDoubleSeconds(life), &cue);
  }
  scene_.mix_.cues.push_back(std::move(cue));
}

}  // namespace rn
