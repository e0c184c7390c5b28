#include "coordinator/web_socket_offer.h"

#include <gtest/gtest.h>

namespace rn {
namespace {

TEST(WebSocketOffer, AHeaderThatIsTheKeyItselfIsNoSubprotocol) {
  const WebSocketOffer offer = ReadOffer("Bearer acme-key");
  EXPECT_EQ(offer.authorization, "Bearer acme-key");
  EXPECT_EQ(offer.subprotocol, "");
}

TEST(WebSocketOffer, ABrowsersListIsAnsweredWithTheProtocolAndNeverWithTheKey) {
  for (const char* header : {"bulk-jobs.v1, bearer.acme-key", "bearer.acme-key,bulk-jobs.v1"}) {
    const WebSocketOffer offer = ReadOffer(header);
    EXPECT_EQ(offer.authorization, "Bearer acme-key") << header;
    EXPECT_EQ(offer.subprotocol, "bulk-jobs.v1") << header;
  }
}

TEST(WebSocketOffer, OtherProtocolsAreNoneOfOurs) {
  const WebSocketOffer offer = ReadOffer("graphql-ws, mqtt");
  EXPECT_EQ(offer.authorization, "");
  EXPECT_EQ(offer.subprotocol, "");
  EXPECT_EQ(ReadOffer("").authorization, "");
}

}  // namespace
}  // namespace rn
