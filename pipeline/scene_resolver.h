// Puts a Composition::Model on the timeline, once its voices have been spoken.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/scene.h"
#include "pipeline/timeline.h"
#include "template/composition_model.h"
#include "template/template_model.h"

namespace rn {

class SceneResolver {
 public:
  static constexpr absl::Duration kLengthMax = absl::Hours(4);
  // Pictures of one element that keyframes have laid out or painted anew: ten seconds at 60 fps.
  static constexpr int kChangesMax = 600;

  // `shared` (may be null) has what earlier items read of clips.
  SceneResolver(const Composition::Model& model, const SpeechTracks& tracks, SharedWork* shared)
      : model_(model), tracks_(tracks), shared_(shared) {}

  absl::StatusOr<Scene> Resolve();

 private:
  // Where an element's times count from and end.
  struct Stage {
    FrameRange frames;
    absl::Duration begin, end;
  };

  void PlaceScenes();
  std::int64_t FramesOf(const SceneModel& scene);
  void CoverRootVoices();
  void CheckTransitions();
  absl::Duration ContentEnd(const ElementModel& element, bool media_only);
  absl::Duration VoiceEnd(const ElementModel& element);
  // Of a voice, an audio or a video element; zero (and a problem) when it cannot be told.
  absl::Duration MediaLengthOf(const ElementModel& element);
  absl::Duration FileLength(const ElementModel& element, const std::string& file);
  // Null (and a problem) when the clip cannot be read.
  std::shared_ptr<const ClipIndex> ClipOf(const ElementModel& element);

  void NoteVoices(const std::vector<ElementModel>& elements, const Stage& stage);
  void PlaceElements(const std::vector<ElementModel>& elements,
                     const Stage& stage,
                     std::vector<Track>* placed);
  void PlaceVisual(const ElementModel& element, const Stage& stage, std::vector<Track>* placed);
  FrameRange FramesOf(const ElementModel& element, const Stage& stage);
  bool PlaceClip(const ElementModel& element, Element* drawn, Track* track);
  void PlaceClipSound(const ElementModel& element, const Track& track);
  void CheckKeyframes(const ElementModel& element, double life_s);
  void PlaceChanges(const ElementModel& element, Track* track);
  // Index among the scene's elements; the same element twice is one, from `first` on.
  int AddElement(Element element, int first);
  // Onto the track, whose frames are known; nothing (and a problem) when there are no words.
  std::vector<CaptionPage> PlaceCaptions(const ElementModel& element,
                                         const CaptionsModel& captions,
                                         Track* track);
  absl::StatusOr<std::vector<CaptionPage>> PagesOfVoice(const CaptionsModel& captions,
                                                        bool* estimated) const;
  absl::StatusOr<std::vector<CaptionPage>> PagesOfFile(const ElementModel& element,
                                                       const CaptionsModel& captions,
                                                       const Stage& stage,
                                                       bool* estimated);
  void PlaceSound(const ElementModel& element, const Stage& stage);
  void FinishCaptionPages();
  Stage StageOf(const FrameRange& frames) const;
  void Report(const std::string& pointer, std::string message) {
    problems_.push_back({pointer, std::move(message)});
  }

  const Composition::Model& model_;
  const SpeechTracks& tracks_;
  SharedWork* const shared_;
  Scene scene_;
  Timeline timeline_;
  std::map<std::string, absl::Duration> voice_starts_;              // by cue
  std::map<std::string, std::vector<CaptionPage>> pages_by_voice_;  // for the sidecars, as are
  std::map<std::string, std::vector<CaptionPage>> pages_by_file_;   // those of files at a time
  std::map<std::string, absl::Duration> file_lengths_;              // probed once each
  std::map<std::string, std::shared_ptr<const ClipIndex>> clips_;   // read once each
  std::vector<Problem> problems_;
};

}  // namespace rn
