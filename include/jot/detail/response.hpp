// SPDX-License-Identifier: MIT
//
// response.hpp -- the life of a write.
//
//   1. A handler's bytes go into body_. Nothing leaves; status and fields may still change.
//   2a. The handler returns: the length is known. Head and body go to out_, behind the answers to
//       earlier requests of a pipeline that wait there.
//   2b. Or the buffer is full, or flushed: the head is committed with the length unknown, and from
//       now on what is in body_ goes to out_ as a chunk each time.
//   3. out_ leaves in one send: now, or after the last answer of the pipeline.
//
// In: what the handler writes. Out: bytes in the socket. One per thread, used for one request after
// the other; only the thread that serves the request touches it.
#pragma once

#include "../mime.hpp"             // sniff_content_type
#include "../response_writer.hpp"  // ResponseWriter, Flusher
#include "chunked.hpp"             // write_chunk_head
#include "http_date.hpp"           // HttpDate
#include "request_state.hpp"       // ResponseLock
#include "response_head.hpp"       // BodyEnd, ResponseTerms
#include "socket.hpp"              // Socket

#include <cstddef>    // std::size_t
#include <cstdint>    // std::uint64_t
#include <ctime>      // std::time
#include <mutex>      // std::unique_lock
#include <stdexcept>  // std::invalid_argument
#include <string>     // std::string

namespace jot::inline v1::detail {

class Response final : public ResponseWriter, public Flusher {
 public:
  static constexpr std::size_t buffer_size = 16u << 10;     // of one response's body
  static constexpr std::size_t most_held_back = 64u << 10;  // of a pipeline's answers

  explicit Response(Socket& socket) : socket_(socket) {}

  Header& header() override { return header_; }
  int status() const override { return status_; }
  bool committed() const override { return committed_; }
  std::uint64_t bytes_written() const override { return written_; }
  Flusher* flusher() override { return this; }

  void write_header(int status) override {
    if (status < 100 || status > 999 || status == 101)
      throw std::invalid_argument("jot: write_header(" + std::to_string(status) + ")");
    if (committed_) return;
    if (status < 200) return interim(status, header_);
    status_ = status;
  }

  bool write_bytes(std::string_view bytes) override {
    written_ += bytes.size();
    if (socket_.gone() || broken_) return false;
    if (body_.size() + bytes.size() <= buffer_size && !(committed_ && !carries_body())) {
      body_ += bytes;
      return true;
    }
    if (!committed_) commit(length_unknown, bytes);
    return carries_body() ? send_body(bytes) : true;
  }

  // A small file goes through the buffer, so that head and body leave in one send, and so does one
  // whose type is to be sniffed. Of others the head leaves, and then the kernel sends them.
  bool write_file(int file, std::uint64_t offset, std::uint64_t length) override {
    const bool fits = length <= buffer_size && body_.size() + length <= buffer_size;
    if (fits || (!committed_ && !header_.has("Content-Type")))
      return ResponseWriter::write_file(file, offset, length);
    written_ += length;
    if (socket_.gone() || broken_) return false;
    if (!committed_) commit(length_unknown);
    return carries_body() ? send_file(file, offset, length) : true;
  }

  bool flush() override {
    if (broken_) return false;
    if (!committed_) commit(length_unknown);
    return send_body({});
  }

  bool reset() override {
    if (committed_) return false;
    HeaderAccess::clear(header_), body_.clear();
    status_ = 200, written_ = 0;
    return true;
  }

  // ---- for the engine ----

  // A new request: forget the last.
  void start(ResponseTerms terms) noexcept {
    committed_ = broken_ = lied_ = unread_body_closes_ = false;
    reset();
    terms_ = terms, end_ = BodyEnd::no_body;
    length_ = length_unknown, framed_ = 0;
    begin_ = out_.size();
  }

  // While another thread than the handler's may answer too: what the engine does to the response
  // while the handler runs holds this lock, as do both of them. nullptr: there is none.
  void share(ResponseLock* lock) noexcept { lock_ = lock; }

  // The connection will not be used again: says so in the head, if that has not left.
  void close_after() noexcept {
    const auto held = hold();
    terms_.keep_alive = false;
  }

  // More of the request's body is still to come than we care to read when nobody asks for it.
  // While it is so, a head that leaves says that the connection closes.
  void set_unread_body_closes(bool closes) noexcept {
    const auto held = hold();
    unread_body_closes_ = closes;
  }

  bool keep_alive() const noexcept {
    return terms_.keep_alive && !unread_body_closes_ && !broken_ && !socket_.gone();
  }

  // The client must see this response cut short: it was given up, or has not the length it
  // declared.
  bool broken() const noexcept { return broken_; }

  // The handler declared a Content-Length and wrote another: worth a line in the log.
  bool lied() const noexcept { return lied_; }
  bool ends_by_close() const noexcept { return end_ == BodyEnd::connection_close; }

  // 2a: the handler is done. Nothing is sent yet: see send_held().
  void finish() {
    if (broken_) return give_up();
    if (!committed_) {
      if (lies()) answer_lie();
      commit(header_.has("Trailer") ? length_unknown : written_);
    }
    frame(0);
    if (end_ == BodyEnd::chunked) {
      out_ += "0\r\n";
      append_trailers(out_, header_);
      out_ += "\r\n";
    }
    if (end_ == BodyEnd::length && framed_ != length_) broken_ = lied_ = true;
  }

  // The handler failed after the head had left: what is held back of this response never leaves.
  // Earlier ones do: their answers are whole.
  void give_up() noexcept { broken_ = true, out_.resize(begin_), body_.clear(); }

  // 3: sends what is held back of this and earlier responses. While a send waits for a full
  // socket, its bytes are on their way already: nothing to do.
  bool send_held() noexcept {
    const auto held = hold();
    if (out_.empty() || sending_) return !socket_.gone();
    return send({});
  }
  bool holds_much() const noexcept { return out_.size() > most_held_back; }

  // Sends a 1xx at once, behind what is held back. HTTP/1.0 clients do not know them.
  void interim(int status, const Header& fields) {
    const auto held = hold();
    if (terms_.http_1_0 || committed_) return;
    append_status_line(out_, status);
    append_fields(out_, fields);
    out_ += "\r\n";
    send({});
  }

 private:
  std::unique_lock<ResponseLock> hold() const {
    return lock_ ? std::unique_lock(*lock_) : std::unique_lock<ResponseLock>();
  }

  // Nothing has left yet, and the Content-Length that the handler set is not what it wrote.
  bool lies() const {
    std::string_view declared = header_.get("Content-Length");
    return !declared.empty() && carries_body() && !opens_tunnel() &&
           declared != std::to_string(written_);
  }

  void answer_lie() {
    reset();
    lied_ = true;
    status_ = 500;
    write_bytes("Internal Server Error\n");
  }

  bool carries_body() const noexcept {
    return !terms_.head_only && status_has_body(status_) && status_ != 205;
  }

  // Behind a 2xx to CONNECT comes no body, but whatever the tunnel brings (RFC 9112 §6.3).
  bool opens_tunnel() const noexcept { return terms_.connect && status_ >= 200 && status_ < 300; }

  // 2b, or the first half of 2a: decides the framing and writes the head to out_. `more` follows
  // what is in body_.
  void commit(std::uint64_t length, std::string_view more = {}) {
    committed_ = true;
    append_status_line(out_, status_);
    FieldNotes notes = append_fields(out_, header_);
    if (notes.length != length_unknown) length = notes.length;
    if (status_ == 205) length = notes.length = 0;  // has a body, an empty one (RFC 9110 §15.3.6)
    if (!notes.type && body_.size() + more.size() > 0 && status_has_body(status_) && status_ != 205)
      append_field(out_, "Content-Type", sniff(more));
    if (!notes.date) append_field(out_, "Date", date_.at(std::time(nullptr)));
    append_framing(length, notes);
    out_ += "\r\n";
    if (!carries_body()) end_ = BodyEnd::no_body, body_.clear();
  }

  std::string_view sniff(std::string_view more) const {
    constexpr std::size_t enough = 512;
    if (more.empty() || body_.size() >= enough) return sniff_content_type(body_);
    return sniff_content_type(body_ + std::string(more.substr(0, enough)));
  }

  void append_framing(std::uint64_t length, const FieldNotes& notes) {
    if (opens_tunnel()) {
      end_ = BodyEnd::connection_close, terms_.keep_alive = false;
    } else if (status_has_body(status_) || notes.length != length_unknown) {
      bool empty_answer_to_head = terms_.head_only && notes.length == length_unknown && length == 0;
      if (length != length_unknown && !empty_answer_to_head) {
        out_ += "Content-Length: ";
        append_decimal(out_, length);
        out_ += "\r\n";
        end_ = BodyEnd::length;
      } else if (length == length_unknown && terms_.http_1_0) {
        end_ = BodyEnd::connection_close;
        if (carries_body()) terms_.keep_alive = false;
      } else if (length == length_unknown) {
        out_ += "Transfer-Encoding: chunked\r\n";
        end_ = BodyEnd::chunked;
      }
    }
    length_ = length;
    if (notes.close || unread_body_closes_) terms_.keep_alive = false;
    if (!terms_.keep_alive)
      out_ += "Connection: close\r\n";
    else if (terms_.http_1_0)
      out_ += "Connection: keep-alive\r\n";
  }

  // Moves body_ to out_, framed; so many more bytes follow it in the same frame.
  void frame(std::uint64_t more) {
    const std::uint64_t size = body_.size() + more;
    framed_ += size;
    if (size == 0) return;
    if (end_ == BodyEnd::chunked) {
      char head[longest_chunk_head];
      out_.append(head, write_chunk_head(head, size));
    }
    out_ += body_;
    body_.clear();
    if (end_ == BodyEnd::chunked && more == 0) out_ += "\r\n";
  }

  // Sends body_ and more. Bytes beyond the declared length are not sent: the client would take them
  // for the next response.
  bool send_body(std::string_view more) {
    if (exceeds_length(more.size())) return send({}), lied_ = true, give_up(), false;
    frame(more.size());
    bool sent = send(more);
    if (!more.empty() && end_ == BodyEnd::chunked) out_ += "\r\n";  // goes with the next bytes
    return sent;
  }

  // Sends body_ and a part of a file.
  bool send_file(int file, std::uint64_t offset, std::uint64_t length) {
    if (exceeds_length(length)) return send({}), lied_ = true, give_up(), false;
    frame(length);
    sending_ = true;
    const bool begun = socket_.send_all(out_, {}, MSG_MORE);
    const std::uint64_t sent = begun ? socket_.send_file(file, offset, length) : 0;
    sending_ = false;
    out_.clear(), begin_ = 0;
    if (sent < length && !socket_.gone()) send_by_hand(file, offset + sent, length - sent);
    if (end_ == BodyEnd::chunked) out_ += "\r\n";
    return !socket_.gone();
  }

  // What the kernel does not send: the file system cannot do it, or the file has become shorter.
  // Then no byte may follow: the client counts, and would take it for one of the file's.
  void send_by_hand(int file, std::uint64_t offset, std::uint64_t length) {
    struct Rest final : WriterProxy {
      explicit Rest(Response& to) : WriterProxy(to), socket(to.socket_) {}
      bool write_bytes(std::string_view bytes) override { return socket.send_all(bytes); }
      Socket& socket;
    } rest(*this);
    broken_ = true;
    rest.ResponseWriter::write_file(file, offset, length);
    broken_ = false;
  }

  bool exceeds_length(std::uint64_t more) const noexcept {
    return end_ == BodyEnd::length && framed_ + body_.size() + more > length_;
  }

  bool send(std::string_view more) noexcept {
    sending_ = true;
    bool sent = socket_.send_all(out_, more);
    sending_ = false;
    out_.clear(), begin_ = 0;
    return sent;
  }

  Socket& socket_;
  ResponseLock* lock_ = nullptr;
  HttpDate date_;
  Header header_;
  std::string body_;       // of this response, not framed yet
  std::string out_;        // framed, not sent yet
  std::size_t begin_ = 0;  // in out_: of this response; before it, answers to earlier requests
  ResponseTerms terms_;
  BodyEnd end_ = BodyEnd::no_body;
  int status_ = 200;
  bool unread_body_closes_ = false;
  bool committed_ = false, broken_ = false, lied_ = false, sending_ = false;
  std::uint64_t written_ = 0;              // by the handler
  std::uint64_t framed_ = 0;               // of these, in frames
  std::uint64_t length_ = length_unknown;  // as declared in the head
};

}  // namespace jot::inline v1::detail
