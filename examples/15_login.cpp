// 15_login.cpp -- who is it? A session in a signed cookie, login and logout.
//
// The cookie holds the user's name, and a signature that only this server can make: nothing is kept
// here. csrf_guard() refuses what the pages of other sites make a browser send with that cookie.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "jot.hpp"

using namespace std::chrono_literals;

// Passwords are kept as slow, salted hashes (argon2, scrypt) where it counts; this is an example.
bool is_password_of(std::string_view user, std::string_view password) {
  const bool right = jot::equal_secrets(password, "correct horse");
  return right && user == "ann";
}

inline constexpr jot::ContextKey<std::string> current_user{"current_user"};

int main() {
  // A new key at each start: all sessions end with it. To keep them, read the key from a file.
  const jot::SignedCookies cookies(jot::random_token());
  jot::Router app;
  app.use(jot::csrf_guard());

  const jot::Middleware require_user = [&](jot::ResponseWriter& w, jot::Request& r,
                                           const jot::Handler& next) {
    const std::optional<std::string> user = cookies.get(r, "session");
    if (!user) return jot::redirect(w, r, "/login");
    r.set_value(current_user, *user);
    next(w, r);
  };

  app.get(
      "/{$}", require_user([](jot::Request& r) {
        return jot::HTML{"Hello, " + jot::html_escape(*r.value(current_user)) +
                         ".\n<form method=post action=/logout><button>Log out</button></form>\n"};
      }));
  app.get("/login", [] {
    return jot::HTML{
        "<form method=post><input name=user><input name=password type=password>"
        "<button>Log in</button></form>\n"};
  });
  app.post("/login", [&](jot::ResponseWriter& w, jot::Request& r) {
    const jot::Form& form = r.form();
    const std::string& user = form.get("user");
    if (!is_password_of(user, form.get("password")))
      return jot::error(w, 401, "wrong name or password");
    cookies.set(w, {.name = "session", .value = user, .max_age = 24h});
    jot::redirect(w, r, "/");
  });
  app.post("/logout", [](jot::ResponseWriter& w, jot::Request& r) {
    jot::delete_cookie(w, "session");
    jot::redirect(w, r, "/login");
  });

  jot::listen_and_serve(":8080", app);
}

// Try:    curl -si localhost:8080/
// Output: HTTP/1.1 303 See Other
//         Location: /login
// Try:    curl -s localhost:8080/login -d 'user=ann&password=guess'
// Output: wrong name or password
// Try:    curl -si localhost:8080/login -d 'user=ann&password=correct+horse'
// Output: HTTP/1.1 303 See Other
//         Set-Cookie: session={...}; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax
//         Location: /
// Try:    curl -sL -b '' localhost:8080/login -d 'user=ann&password=correct+horse'
// Output: Hello, ann.
// Try:    curl -si localhost:8080/logout -d '' -H 'Origin: https://elsewhere.example'
// Output: HTTP/1.1 403 Forbidden
// Try:    curl -si localhost:8080/logout -d ''
// Output: HTTP/1.1 303 See Other
//         Set-Cookie: session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax
// Try:    curl -si -b session=YW5u.2000000000.Zm9yZ2Vk localhost:8080/
// Output: HTTP/1.1 303 See Other
