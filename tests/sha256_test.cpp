// SPDX-License-Identifier: MIT
//
// sha256_test.cpp -- SHA-256, HMAC and base64, by the vectors that their papers publish.
#include "jot/detail/sha256.hpp"

#include "catch.hpp"
#include "jot/detail/base64.hpp"
#include "jot/detail/hmac.hpp"
#include "jot/detail/random_bytes.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace jot::detail;

std::string hex(const Sha256Digest& digest) {
  std::string to;
  for (const unsigned char b : digest)
    (to += "0123456789abcdef"[b >> 4]) += "0123456789abcdef"[b & 15];
  return to;
}

// FIPS 180-4's examples (abc, 448 and 896 bits, a million a), and those of NIST's CAVP with a
// length around the end of a block, where the padding needs another one.
TEST_CASE("SHA-256 of what NIST publishes") {
  struct Case {
    std::string_view name;
    std::string message;
    std::string_view want;
  };
  const Case cases[] = {
      {"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"448 bits", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"896 bits",
       "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmn"
       "opqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {"a million a", std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
      {"bd", "\xbd", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"},
      {"c98c8e55", "\xc9\x8c\x8e\x55",
       "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"},
      {"55 zeros", std::string(55, '\0'),
       "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
      {"56 zeros", std::string(56, '\0'),
       "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
      {"57 zeros", std::string(57, '\0'),
       "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"},
      {"64 zeros", std::string(64, '\0'),
       "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
      {"1000 zeros", std::string(1000, '\0'),
       "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"},
      {"1000 A", std::string(1000, 'A'),
       "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"},
      {"1005 U", std::string(1005, 'U'),
       "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0"},
  };
  for (const auto& [name, message, want] : cases) {
    INFO(name);
    CHECK(hex(sha256(message)) == want);
    for (const std::size_t piece : {1u, 3u, 63u, 64u, 65u}) {
      Sha256 hash;
      for (std::size_t at = 0; at < message.size(); at += piece)
        hash.add(std::string_view(message).substr(at, piece));
      CHECK(hex(hash.finish()) == want);
    }
  }
}

std::string counted(int first, int last) {
  std::string to;
  for (int i = first; i <= last; ++i) to += static_cast<char>(i);
  return to;
}

// RFC 4231 section 4, all seven; the fifth is cut to 128 bits there.
TEST_CASE("HMAC-SHA-256 of RFC 4231") {
  struct Case {
    int number;
    std::string key, message;
    std::string_view want;
  };
  const Case cases[] = {
      {1, std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {2, "Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {3, std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {4, counted(1, 25), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {5, std::string(20, '\x0c'), "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"},
      {6, std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {7, std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& [number, key, message, want] : cases) {
    INFO("case " << number);
    CHECK(hex(hmac_sha256(key, message)).substr(0, want.size()) == want);
  }
}

TEST_CASE("base64 that is safe in URLs, by RFC 4648 section 10") {
  struct Case {
    std::string bytes;
    std::string_view text;
  };
  const Case cases[] = {
      {"", ""},
      {"f", "Zg"},
      {"fo", "Zm8"},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg"},
      {"fooba", "Zm9vYmE"},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff\xfe", "-__-"},
      {std::string(3, '\0'), "AAAA"},
  };
  for (const auto& [bytes, text] : cases) {
    CHECK(base64url_encode(bytes) == text);
    CHECK(base64url_decode(text) == bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    CHECK(base64url_decode(base64url_encode(all)) == all);
  }
  for (const std::string_view bad : {"Z", "Zg==", "Zg=", "Zh", "Zm9", "Zm9vY", "+/+/", "Zm 9v",
                                     "Zm9v\n", "\xc3\xbc", "=", "====", "Zm9v."}) {
    INFO(bad);
    CHECK(base64url_decode(bad) == std::nullopt);
  }
  for (const std::string_view bad : {"Zg", "Zg=", "Zh==", "Zg===", "====", "-__-", "Zm9vZg"}) {
    INFO(bad);
    CHECK(base64_decode(bad) == std::nullopt);
  }
  CHECK(base64_decode("Zg==") == "f");
  CHECK(base64_decode("Zm8=") == "fo");
  CHECK(base64_decode("+/+/") == "\xfb\xff\xbf");
}

TEST_CASE("random bytes are as many as were asked for, and never the same") {
  std::set<std::string> seen;
  for (const std::size_t count : {16u, 32u, 255u, 256u, 257u, 100'000u}) {
    for (int i = 0; i < 20; ++i) {
      const std::string bytes = random_bytes(count);
      CHECK(bytes.size() == count);
      CHECK(seen.insert(bytes).second);
    }
  }
  const std::string many = random_bytes(100'000);
  CHECK(std::set<char>(many.end() - 10'000, many.end()).size() == 256);  // the end is filled, too
  CHECK(random_bytes(0).empty());
}

}  // namespace
