#include "proto/item_error.h"

#include <gtest/gtest.h>

#include "base/disk_full.h"

namespace rn {
namespace {

TEST(ItemErrorTest, TheInnermostCauseWinsOverWhateverItIsWrappedIn) {
  const absl::Status status =
      WithItemError(Annotate(WithItemError(absl::InvalidArgumentError("no such voice"),
                                           rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED),
                             "/scenes/0"),
                    rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  const rendernode::ItemResult result = FailedResult(status);
  EXPECT_EQ(result.error_code(), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  EXPECT_EQ(result.error_message(), "/scenes/0: no such voice");
  EXPECT_FALSE(result.retryable());
}

TEST(ItemErrorTest, AFullDiskIsNobodysMistakeWhateverFoundItOut) {
  for (const int error : {ENOSPC, EDQUOT}) {
    const absl::Status status = Annotate(WithItemError(WriteErrnoStatus(error, "write"),
                                                       rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR),
                                         "video.mp4");
    const rendernode::ItemResult result = FailedResult(status);
    EXPECT_EQ(result.error_code(), rendernode::ITEM_ERROR_QUOTA_EXCEEDED);
    EXPECT_TRUE(result.retryable());
  }
  EXPECT_FALSE(IsDiskFull(WriteErrnoStatus(ENOENT, "write")));
}

TEST(ItemErrorTest, AnEncoderThatTheMachineHasNoSessionForIsTheMachinesLoss) {
  const absl::Status refused =
      Annotate(WithItemError(absl::ResourceExhaustedError("avcodec_open2: Cannot allocate memory"),
                             rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR),
               "h264_nvenc");
  const rendernode::ItemResult lost = FailedResult(refused);
  EXPECT_EQ(lost.error_code(), rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  EXPECT_TRUE(lost.infrastructure());
  EXPECT_TRUE(lost.retryable());
  const rendernode::ItemResult failed = FailedResult(WithItemError(
      absl::InternalError("encoder died"), rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR));
  EXPECT_FALSE(failed.infrastructure());
  const rendernode::ItemResult too_much = FailedResult(
      WithItemError(absl::ResourceExhaustedError("the sounds are longer than 10 minutes"),
                    rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR));
  EXPECT_FALSE(too_much.infrastructure()) << "the item's own limit";
}

}  // namespace
}  // namespace rn
