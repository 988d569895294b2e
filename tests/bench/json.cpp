// SPDX-License-Identifier: MIT
//
// json.cpp -- how fast are JSON texts read and written, beside two other libraries?
//
// Five documents, the same at each run. Prints a line for each document and job: its name, and
// MB/s of jot, nlohmann/json and RapidJSON's DOM, the best of some rounds in which they take turns.
//
//   json [MILLISECONDS]   of each round, 100 if not given
#include "jot.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <nlohmann/json.hpp>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

// xorshift64: the same documents everywhere.
class Dice {
 public:
  std::uint64_t below(std::uint64_t n) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return state_ % n;
  }
  std::string word(std::size_t most) {
    std::string text;
    for (std::size_t i = 1 + below(most); i > 0; --i) text += static_cast<char>('a' + below(26));
    return text;
  }

 private:
  std::uint64_t state_ = 0x9E3779B97F4A7C15;
};

jot::Value record(Dice& dice) {
  return {{"id", dice.below(1'000'000)},
          {"name", dice.word(12)},
          {"active", dice.below(2) == 0},
          {"score", static_cast<double>(dice.below(100'000)) / 100},
          {"city", dice.word(20)}};
}

jot::Value nest(Dice& dice, int depth) {
  if (depth == 0) return dice.word(8);
  jot::List children;
  for (int i = 0; i < 4; ++i) children.push_back(nest(dice, depth - 1));
  return {{"name", dice.word(8)}, {"children", std::move(children)}};
}

jot::Value document(const std::string& name) {
  Dice dice;
  if (name == "nested") return nest(dice, 6);
  jot::List list;
  for (int i = 0; i < 4000; ++i) {
    if (name == "records") list.push_back(record(dice));
    if (name == "integers") list.push_back(dice.below(10'000'000'000));
    if (name == "doubles") list.push_back(static_cast<double>(dice.below(1ULL << 52)) / 1e9);
    if (name == "strings")
      list.push_back(dice.word(100) + (i % 8 == 0 ? "\n\"quoted\" \xC3\xB6" : ""));
  }
  return list;
}

// The time this thread had a CPU for: what else the machine does then counts for less.
std::chrono::nanoseconds cpu_time() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

// MB/s of a job that goes through so many bytes, repeated for so long.
template <class Job>
double speed(std::size_t bytes, std::chrono::milliseconds time, const Job& job) {
  const auto begin = cpu_time();
  double done = 0;
  do {
    if (job() == 0) throw std::runtime_error("json: a document came out empty");
    done += static_cast<double>(bytes);
  } while (cpu_time() - begin < time);
  return done / 1e6 / std::chrono::duration<double>(cpu_time() - begin).count();
}

template <class Jot, class Nlohmann, class Rapid>
void compare(const std::string& name, std::size_t bytes, std::chrono::milliseconds time,
             const Jot& jot, const Nlohmann& nlohmann, const Rapid& rapid) {
  double best[3] = {};
  for (int round = 0; round < 5; ++round) {
    best[0] = std::max(best[0], speed(bytes, time, jot));
    best[1] = std::max(best[1], speed(bytes, time, nlohmann));
    best[2] = std::max(best[2], speed(bytes, time, rapid));
  }
  std::printf("%s %.1f %.1f %.1f\n", name.c_str(), best[0], best[1], best[2]);
  std::fflush(stdout);
}

void measure(const std::string& name, std::chrono::milliseconds time) {
  const std::string text = jot::to_json(document(name));
  // Made before memory is in the disorder that the rounds leave.
  const jot::Value value = jot::parse_json(text);
  const nlohmann::json other = nlohmann::json::parse(text);
  rapidjson::Document third;
  third.Parse(text.data(), text.size());
  compare(
      "parse-" + name, text.size(), time, [&] { return jot::parse_json(text).size(); },
      [&] { return nlohmann::json::parse(text).size(); },
      [&] {
        rapidjson::Document parsed;
        parsed.Parse<rapidjson::kParseFullPrecisionFlag | rapidjson::kParseValidateEncodingFlag>(
            text.data(), text.size());
        return parsed.HasParseError() ? 0u : 1u;
      });
  compare(
      "write-" + name, text.size(), time, [&] { return jot::to_json(value).size(); },
      [&] { return other.dump().size(); },
      [&] {
        rapidjson::StringBuffer buffer;
        rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
        third.Accept(writer);
        return buffer.GetSize();
      });
}

}  // namespace

int main(int argc, char** argv) {
  const std::chrono::milliseconds time(argc > 1 ? std::atoi(argv[1]) : 100);
  for (const char* name : {"records", "integers", "doubles", "strings", "nested"})
    measure(name, time);
}
