#include "pipeline/composition.h"

#include "pipeline/composition_model.h"

namespace rn {

const OutputSettings& Composition::output() const {
  return model_->output;
}
const std::vector<VoiceCue>& Composition::voices() const {
  return model_->voices;
}

}  // namespace rn
