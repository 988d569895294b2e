// SPDX-License-Identifier: MIT
//
// client.hpp -- how does a program ask another server, and be sure that the call ends?
//
// In: a method, a URL, fields, a body. Out: a Response, or an Error that says what happened.
//
//     Client client{{.timeout = 5s}};
//     Result<Response> res = client.get("http://127.0.0.1:4200/get");
//     if (!res) return log.warn(res.error().message());    // "GET http://...: Connection refused"
//     Result<std::string> text = res->body.read_all();
//
// Nothing waits for ever: a call has a deadline, and so has every part of it. Nothing needs to be
// closed: a Response owns its connection, and gives it back or closes it when it goes.
// URLs: "http://host:port/path?query"; for a Unix socket "http+unix://%2Frun%2Fapp.sock/path", or
// base_url = "unix:/run/app.sock" and then "/path". https is not spoken here: the error says to put
// a TLS proxy in between.
// What the network does is a value, never an exception. Threads: see each class.
#pragma once

#include "config.hpp"
#include "context.hpp"     // Context, nanoseconds
#include "cookie_jar.hpp"  // CookieJar
#include "error.hpp"       // Result
#include "header.hpp"      // Header
#include "text.hpp"        // TextLike
#include "value.hpp"       // Value

#include <chrono>       // std::chrono::seconds
#include <cstddef>      // std::size_t
#include <cstdint>      // std::uint64_t
#include <functional>   // std::function
#include <memory>       // std::unique_ptr
#include <optional>     // std::optional
#include <span>         // std::span
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::is_invocable_r_v
#include <utility>      // std::move

namespace jot::inline v1 {

namespace detail {
class ClientCore;
class ResponseStream;
struct ClientAccess;
}  // namespace detail

// Fills the span, at least one byte of it; returns 0 at the end of the body. A std::system_error
// that it throws becomes the Error of the call, anything else comes out of Client::send(); in both
// cases the connection is closed.
using BodySource = std::function<std::size_t(std::span<char>)>;

// What a client sends. Copies are as good as the original, but for a source that can be read once.
class Payload {
 public:
  Payload() = default;  // nothing

  // Bytes, as they are. Their Content-Type is what the request's header says; none else.
  template <TextLike S>
  Payload(const S& bytes) : bytes_(std::string_view(bytes)), exists_(true) {}
  Payload(std::string&& bytes) : bytes_(std::move(bytes)), exists_(true) {}

  // As JSON, with its Content-Type unless the request's header has one.
  Payload(const Value& json);

  // Whatever the source gives, until it returns 0. Its length is not known, so it travels in
  // chunks; a source that ends at once sends no body at all. Read once: never sent a second time.
  template <class F>
  requires std::is_invocable_r_v<std::size_t, F&, std::span<char>> Payload(F source)
      : source_(std::move(source)), exists_(true) {}

  // The same with a length, which the source must keep: one that ends early fails the call
  // (std::errc::invalid_argument), and so does one that has more when it is asked for the last of
  // it. There it is asked for one byte more, and not again once it has given the length.
  static Payload sized(std::uint64_t length, BodySource source);

  // A body that can be sent again, on another connection or to another place: make is asked for a
  // new source each time. length: nullopt where it is not known.
  static Payload from(std::function<BodySource()> make, std::optional<std::uint64_t> length = {},
                      std::string content_type = {});

 private:
  friend struct detail::ClientAccess;
  std::string bytes_, content_type_;
  BodySource source_;                    // to be read once
  std::function<BodySource()> make_;     // or one that makes such
  std::optional<std::uint64_t> length_;  // of what a source gives
  bool exists_ = false;
};

// Copy it, change it, send it again: it is a value.
struct ClientRequest {
  std::string method = "GET";  // any token
  std::string url = {};

  // Host, User-Agent, Accept-Encoding (identity) and the body's framing are added where they are
  // not here. Content-Length is believed for a source without a length, and must be right for any
  // other body; Transfer-Encoding is refused: framing is the client's own work.
  Header header = {};

  Payload body = {};

  // Sends the head, and the body only once the server says 100 Continue, or nothing for
  // ClientOptions::continue_timeout. So does the field Expect: 100-continue.
  bool expect_continue = false;

  // Instead of ClientOptions::body_timeout; 0: that.
  nanoseconds body_timeout = nanoseconds::zero();

  // Instead of ClientOptions::timeout; 0: that.
  nanoseconds timeout = nanoseconds::zero();
};

// The body of a Response, read as it arrives. Reading may block, within the call's deadline and
// ClientOptions::body_timeout; what goes wrong is an Error, and stays one: Errc::deadline_exceeded,
// canceled, connection_closed (cut short), bad_message, too_large.
// A body that is not read to its end is drained when it goes, where that is at most 64 KiB and
// takes a moment; else its connection is closed.
// Threads: one at a time. Lifetime: it may outlive its Client.
class ResponseBody {
 public:
  ResponseBody() noexcept;  // empty
  ResponseBody(ResponseBody&&) noexcept;
  ResponseBody& operator=(ResponseBody&&) noexcept;
  ~ResponseBody();

  // All that is left of it. Errc::too_large when that is more than limit bytes.
  Result<std::string> read_all(std::size_t limit = 10u << 20);

  // At least one byte into `to`, as many as have come. Returns 0 at the end.
  Result<std::size_t> read(std::span<char> to);

  // All that is left of it, into a file, a pipe or a socket. Returns how many bytes.
  Result<std::uint64_t> write_to(int fd);

  // The fields that came behind a chunked body, once it was read to its end; else none.
  const Header& trailer() const noexcept;

 private:
  friend struct detail::ClientAccess;
  std::unique_ptr<detail::ResponseStream> stream_;
};

// Moved, not copied: it owns the connection that its body comes from, until that has all come.
struct Response {
  int status = 0;
  Header header = {};  // owns its bytes
  ResponseBody body = {};
  std::string url = {};  // where it came from, without user and password

  bool ok() const noexcept { return status >= 200 && status < 300; }
};

// In alphabetical order, so that designated initializers are easy to order. Durations:
// nanoseconds::max() is as long as it takes; 0 and less are refused by the constructor of Client,
// but for min_interval.
struct ClientOptions {
  // "http://127.0.0.1:3000", "http://host/api", "unix:/run/app.sock": what a URL that begins with
  // a slash is appended to. With it, a URL that leads to another host is refused
  // (Errc::refused_by_policy), so that nobody who can choose the URL can choose the host.
  std::string base_url = {};

  // Between two bytes of a body, sent or received: Errc::deadline_exceeded.
  nanoseconds body_timeout = std::chrono::seconds(10);

  // Until there is a connection, the look-up of its address included.
  nanoseconds connect_timeout = std::chrono::seconds(5);

  // How long a server may leave Expect: 100-continue unanswered before it gets the body all the
  // same.
  nanoseconds continue_timeout = std::chrono::seconds(1);

  // Where Set-Cookie is kept, and what is sent from there: see cookie_jar.hpp. Without one cookies
  // are fields like others. Copies share the cookies, so several Clients may.
  std::optional<CookieJar> cookies = std::nullopt;

  // From the last byte of the request to the last of the response's head, 1xx ones included.
  nanoseconds head_timeout = std::chrono::seconds(10);

  // A connection that nobody used for so long is closed.
  nanoseconds idle_timeout = std::chrono::seconds(90);

  // Bytes of a response's head: more is Errc::too_large.
  std::size_t max_head = 64u << 10;

  // Idle connections that are kept, in all and to one host: the longest idle one goes.
  std::size_t max_idle = 100;
  std::size_t max_idle_per_host = 16;

  // Connections to one host, those in use and those still being made. 0: no limit. Calls beyond
  // wait for their turn, first come, first served, within their deadlines.
  std::size_t max_per_host = 0;

  // Redirects (301, 302, 303, 307, 308) that a call follows; one more is an Error
  // (Errc::refused_by_policy). 0: none is followed, the first is the answer. As in browsers POST
  // becomes GET after 301 to 303, and Authorization, Cookie and their like are not told to another
  // origin. One that would need the body a second time, which its source cannot give, is the
  // answer. base_url does not bind them: whom a server of yours sends you to, is its own decision.
  int max_redirects = 10;

  // How often a request is sent again, after a pause, when it failed in a way that may pass: no
  // connection or a broken one, a part that was too slow, 429, 502, 503 or 504. Only where the
  // method is idempotent and the body can be sent again. 0: never.
  int max_retries = 0;

  // The longest such pause. Where a server asks for a longer one (Retry-After), or the call has not
  // so much time left, the failure is the answer.
  nanoseconds max_retry_pause = std::chrono::seconds(10);

  // The least time between two requests to one host (name and port), whatever thread sends them:
  // each waits for its turn, first come, first served. Redirects and retries count. A call whose
  // turn would come after its time is over ends at once: Errc::deadline_exceeded.
  nanoseconds min_interval = nanoseconds::zero();

  // "http://127.0.0.1:3128", perhaps with user:password@: is asked for http URLs in absolute form.
  // Unix sockets are not asked by way of it.
  std::string proxy = {};

  // Without a proxy of its own, the one of the environment, read when the Client is made:
  // http_proxy, but for the hosts in no_proxy ("*", "example.org", ".example.org", "10.0.0.0/8",
  // each perhaps with a port) and this machine. HTTP_PROXY in capitals is not looked at: in a CGI
  // program it is what the client says.
  bool proxy_from_environment = false;

  // The first pause before a retry is between nothing and this; with each failure the bound
  // doubles, up to max_retry_pause. Retry-After is honoured besides.
  nanoseconds retry_pause = std::chrono::milliseconds(100);

  // A call from its beginning until its body was read, whatever happens in between.
  nanoseconds timeout = std::chrono::seconds(30);

  // "": the field is not sent.
  std::string user_agent = "jot";
};

// Numbers of one Client. Each is right by itself; together they are a moment's blur.
struct ClientStats {
  std::size_t open = 0;       // connections now
  std::size_t idle = 0;       // of these, waiting for the next call
  std::uint64_t reused = 0;   // calls that found a connection
  std::uint64_t dialled = 0;  // connections made since the beginning
  std::size_t waiting = 0;    // calls now, for one of max_per_host connections
};

// Keeps connections and uses them again. Make one and share it: a Client for each call would have
// nothing to keep.
//
// A request whose method is idempotent (GET HEAD PUT DELETE OPTIONS TRACE) and whose body can be
// sent again is sent once more, on a new connection, when a kept one turns out to be closed before
// the first byte of an answer. Nothing else is sent twice.
// Threads: from many at a time; it must outlive its calls, not its Responses.
class Client {
 public:
  // Throws: std::invalid_argument for a bad base_url, proxy, user_agent or duration.
  explicit Client(ClientOptions options = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  Result<Response> get(std::string_view url);
  Result<Response> get(const Context& ctx, std::string_view url);
  Result<Response> head(std::string_view url);
  Result<Response> head(const Context& ctx, std::string_view url);
  Result<Response> del(std::string_view url);
  Result<Response> del(const Context& ctx, std::string_view url);

  // content_type: "" is what the Payload says.
  Result<Response> post(std::string_view url, Payload body, std::string_view content_type = {});
  Result<Response> post(const Context& ctx, std::string_view url, Payload body,
                        std::string_view content_type = {});
  Result<Response> put(std::string_view url, Payload body, std::string_view content_type = {});
  Result<Response> put(const Context& ctx, std::string_view url, Payload body,
                       std::string_view content_type = {});
  Result<Response> patch(std::string_view url, Payload body, std::string_view content_type = {});
  Result<Response> patch(const Context& ctx, std::string_view url, Payload body,
                         std::string_view content_type = {});

  // Any method. Returns once the request was sent and the head of the response is there. An answer
  // that comes before all was sent ends the sending, unless it is 2xx or 303: then the rest
  // follows, and up to 256 KiB of the answer are taken in meanwhile. When ctx ends, so does the
  // call, whatever it waits for, and so does the reading of its body: with ctx.err() as the code.
  // What cannot be sent (a method that is no token, a URL with spaces or control characters) is
  // std::errc::invalid_argument before anything is.
  Result<Response> send(const ClientRequest& request);
  Result<Response> send(const Context& ctx, const ClientRequest& request);

  // Closes the connections that nobody uses.
  void close_idle();

  ClientStats stats() const;

 private:
  std::unique_ptr<detail::ClientCore> core_;
};

}  // namespace jot::inline v1

#if JOT_BODIES
#include "impl/client.ipp"
#endif
