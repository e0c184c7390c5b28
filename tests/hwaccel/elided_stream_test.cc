#include "hwaccel/elided_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace rn {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A High profile stream of 2 × 1 macroblocks; frame_num of 4 bits, picture order counts of 5.
Rbsp Sps(std::uint32_t order_type = 0, bool progressive = true) {
  BitWriter sps;
  sps.Bits(0x67, 8);
  sps.Bits(100, 8);  // profile_idc
  sps.Bits(0, 8);    // constraints
  sps.Bits(10, 8);   // level_idc
  sps.Ue(0);         // seq_parameter_set_id
  sps.Ue(1);         // chroma_format_idc
  sps.Ue(0);         // bit depths
  sps.Ue(0);
  sps.Flag(false);     // qpprime_y_zero_transform_bypass
  sps.Flag(false);     // seq_scaling_matrix_present
  sps.Ue(0);           // log2_max_frame_num_minus4
  sps.Ue(order_type);  // pic_order_cnt_type
  sps.Ue(1);           // log2_max_pic_order_cnt_lsb_minus4
  sps.Ue(2);           // max_num_ref_frames
  sps.Flag(false);     // gaps_in_frame_num_value_allowed
  sps.Ue(1);           // width, height in macroblocks, minus 1
  sps.Ue(0);
  sps.Flag(progressive);
  sps.Bits(0x2AAAA, 18);  // whatever follows
  return sps.Finish();
}

Bytes Headers(const Rbsp& sps) {
  Bytes headers;
  AppendToByteStream(sps, &headers);
  AppendToByteStream({0x68, 0xCE, 0x38, 0x80}, &headers);
  return headers;
}

// A slice whose header ends in `order`, and then data.
AccessUnit Slice(std::int64_t n,
                 int nal_ref_idc,
                 std::uint32_t frame_num,
                 std::uint32_t order,
                 bool idr = false) {
  BitWriter slice;
  slice.Bits(static_cast<std::uint32_t>(nal_ref_idc << 5 | (idr ? 5 : 1)), 8);
  slice.Ue(0);  // first_mb_in_slice
  slice.Ue(5);  // slice_type
  slice.Ue(0);  // pic_parameter_set_id
  slice.Bits(frame_num, 4);
  if (idr) slice.Ue(3);  // idr_pic_id
  slice.Bits(order, 5);
  for (std::uint32_t i = 0; i < 40; ++i) slice.Bits(i * 11, 9);  // data
  AccessUnit unit{.n = n, .keyframe = idr};
  AppendToByteStream(slice.Finish(), &unit.bytes);
  return unit;
}

// What a decoder reads of a slice of the new stream.
struct Read {
  std::int64_t n = 0;
  std::uint32_t pps = 0, frame_num = 0, order = 0;
  bool reference = false, keyframe = false, data_is_intact = false;
};

class ElidedStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = ElidedStream::Create(Headers(Sps()), 60);
    ASSERT_TRUE(created.ok()) << created.status();
    stream_.emplace(*std::move(created));
  }

  absl::Status Keep(const AccessUnit& unit) {
    const Rbsp slice = SplitByteStream(unit.bytes).at(0);
    BitReader reader(slice);
    Read read{.n = unit.n, .reference = IsReference(slice), .keyframe = unit.keyframe};
    reader.Bits(8);
    reader.Ue();
    reader.Ue();
    read.pps = reader.Ue();
    read.frame_num = reader.Bits(4);
    if (TypeOf(slice) == NalType::kIdrSlice) reader.Ue();
    read.order = reader.Bits(13);
    read.data_is_intact = true;
    for (std::uint32_t i = 0; i < 40; ++i) {
      read.data_is_intact = read.data_is_intact && reader.Bits(9) == (i * 11 & 0x1FF);
    }
    read.data_is_intact = read.data_is_intact && reader.position() == EndOfData(slice);
    read_.push_back(read);
    return absl::OkStatus();
  }
  absl::Status Add(AccessUnit unit) {
    return stream_->Add(std::move(unit), [this](const AccessUnit& u) { return Keep(u); });
  }
  absl::Status Finish() {
    return stream_->Finish([this](const AccessUnit& u) { return Keep(u); });
  }
  std::vector<std::int64_t> Order() const {
    std::vector<std::int64_t> order;
    for (const Read& read : read_) order.push_back(read.n);
    return order;
  }

  std::optional<ElidedStream> stream_;
  std::vector<Read> read_;
};

TEST_F(ElidedStreamTest, HeadersHaveWiderOrderCountsAndASecondPictureSet) {
  const std::vector<Rbsp> units = SplitByteStream(stream_->headers());
  ASSERT_EQ(units.size(), 3U);
  BitReader sps(units[0]);
  sps.Bits(32);
  for (int i = 0; i < 4; ++i) sps.Ue();
  sps.Bits(2);
  EXPECT_EQ(sps.Ue(), 0U);
  EXPECT_EQ(sps.Ue(), 0U);
  EXPECT_EQ(sps.Ue(), 13U - 4);
  EXPECT_EQ(sps.Ue(), 2U);  // max_num_ref_frames
  sps.Flag();
  EXPECT_EQ(sps.Ue(), 1U);
  EXPECT_EQ(sps.Ue(), 0U);
  EXPECT_TRUE(sps.Flag());
  EXPECT_EQ(sps.Bits(18), 0x2AAAAU);
  EXPECT_EQ(sps.position(), EndOfData(units[0]));
  EXPECT_EQ(units[1], (Rbsp{0x68, 0xCE, 0x38, 0x80})) << "the encoder's own is left alone";
  BitReader pps(units[2]);
  pps.Bits(8);
  EXPECT_EQ(pps.Ue(), 1U);
  EXPECT_EQ(pps.Ue(), 0U);
}

TEST_F(ElidedStreamTest, SlicesCountShownFramesAndKeepTheirData) {
  ASSERT_TRUE(Add(Slice(0, 3, 0, 0, /*idr=*/true)).ok());
  ASSERT_TRUE(Add(Slice(7, 2, 1, 2)).ok());
  ASSERT_TRUE(Add(Slice(60, 3, 0, 0, /*idr=*/true)).ok());
  ASSERT_TRUE(Add(Slice(61, 2, 1, 2)).ok());
  ASSERT_EQ(read_.size(), 4U);
  for (const Read& read : read_) {
    EXPECT_TRUE(read.data_is_intact) << read.n;
  }
  EXPECT_EQ(read_[1].order, 7U);
  EXPECT_EQ(read_[2].order, 0U) << "every IDR picture counts anew";
  EXPECT_EQ(read_[3].order, 1U);
}

TEST_F(ElidedStreamTest, RepeatsFollowTheirPictureAndNothingRefersToThem) {
  for (const std::int64_t n : {1, 2, 4, 5}) stream_->Repeat(n);
  ASSERT_TRUE(Add(Slice(0, 3, 0, 0, /*idr=*/true)).ok());
  ASSERT_TRUE(Add(Slice(3, 2, 1, 2)).ok());
  ASSERT_TRUE(Finish().ok());
  EXPECT_EQ(Order(), (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
  for (const std::size_t repeat : {1U, 2U}) {
    EXPECT_FALSE(read_[repeat].reference);
    EXPECT_FALSE(read_[repeat].keyframe);
    EXPECT_EQ(read_[repeat].pps, 1U);
    EXPECT_EQ(read_[repeat].frame_num, 1U) << "one more than the last reference picture's";
    EXPECT_EQ(read_[repeat].order, repeat);
  }
  EXPECT_EQ(read_[5].frame_num, 2U);
}

TEST_F(ElidedStreamTest, RepeatsWaitForTheBFramesBeforeTheirPicture) {
  stream_->Repeat(4);
  ASSERT_TRUE(Add(Slice(0, 3, 0, 0, /*idr=*/true)).ok());
  ASSERT_TRUE(Add(Slice(3, 2, 1, 6)).ok());
  ASSERT_TRUE(Add(Slice(1, 0, 2, 2)).ok());
  ASSERT_TRUE(Add(Slice(2, 0, 2, 4)).ok());
  ASSERT_TRUE(Add(Slice(5, 2, 2, 8)).ok());
  EXPECT_EQ(Order(), (std::vector<std::int64_t>{0, 3, 1, 2, 4, 5}));
}

TEST_F(ElidedStreamTest, FrameNumbersOfRepeatsWrapAround) {
  stream_->Repeat(16);
  ASSERT_TRUE(Add(Slice(15, 2, 15, 30)).ok());
  ASSERT_TRUE(Finish().ok());
  EXPECT_EQ(read_.back().frame_num, 0U);
}

TEST_F(ElidedStreamTest, ARepeatOfAPictureThatIsNotTheReferenceIsABug) {
  stream_->Repeat(3);
  ASSERT_TRUE(Add(Slice(0, 3, 0, 0, /*idr=*/true)).ok());
  EXPECT_EQ(Finish().code(), absl::StatusCode::kInternal);
}

TEST_F(ElidedStreamTest, WhatItCannotRewriteIsRefusedByName) {
  const auto why = [](const Bytes& headers, int interval = 60) {
    const auto stream = ElidedStream::Create(headers, interval);
    EXPECT_EQ(stream.status().code(), absl::StatusCode::kUnimplemented);
    return std::string(stream.status().message());
  };
  EXPECT_NE(why(Headers(Sps(2))).find("by type 0"), std::string::npos);
  EXPECT_NE(why(Headers(Sps(0, /*progressive=*/false))).find("interlaced"), std::string::npos);
  EXPECT_NE(why({}).find("no sequence parameter set"), std::string::npos);
  EXPECT_NE(why(Headers(Sps()), 4096).find("up to 4095"), std::string::npos);
  Rbsp half = Sps();
  half.resize(5);
  EXPECT_NE(why(Headers(half)).find("elision"), std::string::npos);
}

}  // namespace
}  // namespace rn
