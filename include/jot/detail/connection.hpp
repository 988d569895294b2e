// SPDX-License-Identifier: MIT
//
// connection.hpp -- the life of a connection.
//
//     accepted --> fresh --> idle <--> in service --> grave --> closed and freed
//                              ^          |   ^
//                              |          v   |
//                              '------- ready-'
//
// A connection has two sides. The lane side belongs to whoever drives its lane, and needs no
// atomic. The service side belongs to the one thread that serves it: at first the driver; when the
// lane is taken over in the middle of a handler, the thread that the handler keeps. That thread
// gives the side back by putting the connection on its lane's `returns`. Only the driver parks,
// closes, frees.
//
// Between requests it is parked: no thread, no buffer, only this struct and a place in epoll.
#pragma once

#include "../context.hpp"     // Clock
#include "context_state.hpp"  // ContextState
#include "framing.hpp"        // BodyDecoder
#include "input.hpp"          // Input
#include "parse_head.hpp"     // HeadScanner
#include "returns.hpp"        // Returns

#include <atomic>   // std::atomic
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint8_t, std::uint64_t
#include <memory>   // std::unique_ptr

namespace jot::inline v1::detail {

class Lane;
class DeadlineQueue;

// Lane side: where is it?
enum class Place : std::uint8_t { fresh, idle, ready, in_service, grave };

// Service side: what are the next bytes for?
enum class Phase : std::uint8_t {
  head,    // a request
  body,    // the rest of a small body, read before the handler is called
  drain,   // a body that no handler read: passed over
  linger,  // nothing: we have said goodbye and wait for the client to hear it (RFC 9112 §9.6)
};

// Service side: what shall the driver do with it?
enum class Sequel : std::uint8_t {
  go_on,   // the next request, or park
  close,   // nothing is left to say or to hear
  linger,  // half-close: an answer is on its way to a client that may still be sending
  abort,   // reset: the client must not take what it has for a whole response
};

// How far a message has been understood.
struct MessageProgress {
  HeadScanner scanner;
  BodyDecoder body;  // phase drain: of the rest; phase body: looks for a chunked body's end
  std::uint64_t drain_until = 0;  // phase drain: the total that we are ready to pass over
  Clock::time_point began;        // phases body and drain: since when
  std::size_t looked_at = 0;      // phase body: bytes behind the head that it has seen
  std::size_t wanted = 0;         // phase body: bytes in all, where the length is known
};

// What a parked connection keeps, if it was cut off in the middle of a message.
struct Kept {
  Input input;
  MessageProgress progress;
};

// What was counted while a connection was served, until its driver adds it to the lane's numbers.
struct Tally {
  std::uint64_t requests = 0, refused = 0, bytes_in = 0, bytes_out = 0;
};

struct Connection {
  Connection(int socket, Lane& home) noexcept : fd(socket), lane(&home) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Parked: is the next message under way? An empty line before a head is not its beginning.
  bool in_message() const noexcept {
    if (phase == Phase::head) return kept && kept->progress.scanner.started();
    return phase == Phase::body;
  }

  // ---- lane side: the driver only ----
  const int fd;
  Place place = Place::fresh;
  bool pending = false;  // an event came while it was ready or in service
  bool hang_up = false;  // the client has sent FIN, or is gone
  bool ended = false;    // its end has been read: nothing more will come
  bool expired = false;  // its time is up: it is in the ready list to be told so
  Lane* const lane;
  DeadlineQueue* queue = nullptr;                   // the one it stands in
  Connection *sooner = nullptr, *later = nullptr;   // its neighbours there
  Clock::time_point since;                          // when its time began to run
  Connection *previous = nullptr, *next = nullptr;  // of all connections of the lane
  Connection* behind = nullptr;                     // in the ready list, or among the graves

  // ---- service side: whoever serves it ----
  Phase phase = Phase::head;
  Sequel sequel = Sequel::go_on;
  bool drained = false;     // the last recv took all there was
  bool answerable = false;  // `kept` holds a whole request already
  std::unique_ptr<Kept> kept;
  Tally tally;
  Connection* below = nullptr;  // on the stack of returns

  // ---- both ----
  // The state of the Context of the request in service: nullptr until a handler asks for one;
  // gone() once the client has left. See Lane::hang_up(). The pointer holds a reference, which only
  // the driver drops. Release when set to a state, acquire when read: who cancels it sees it whole.
  std::atomic<CancelState*> context{nullptr};
};

// Not a state, but the word that the client has left: a Context made later is born cancelled.
inline CancelState* gone() noexcept { return reinterpret_cast<CancelState*>(std::uintptr_t{1}); }

}  // namespace jot::inline v1::detail
