// 20_polite_crawler.cpp -- reads a site without being a burden to it.
//
// What is polite is in the options: at least so long between two requests to one host, whatever the
// number of threads; a pause as long as the server asks for (Retry-After); not more of a page than
// one wants to read; a name by which one can be known. What robots.txt forbids is not asked for.
#include <chrono>
#include <cstdio>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jot.hpp"

using namespace std::chrono_literals;

// Whoever asks twice within 20 ms is told to come back later.
jot::Handler busy_site(std::atomic<int>& impolite) {
  jot::Router site;
  site.get("/robots.txt", [] { return "User-agent: *\nDisallow: /private\n"; });
  site.get("/{$}", [] { return jot::HTML{"<a href='a/'>a</a> <a href='/private/x'>x</a>"}; });
  site.get("/a/{$}", [] { return jot::HTML{"<a href='../b?page=1#top'>b</a> <a href='.'>.</a>"}; });
  site.get("/b",
           [] { return jot::HTML{"<a href='https://example.org/'>away</a> <a href='/'>/</a>"}; });
  site.use([&, last = std::make_shared<std::atomic<jot::Clock::time_point>>()](
               jot::ResponseWriter& w, jot::Request& r, const jot::Handler& next) {
    const auto now = jot::Clock::now();
    if (now - last->exchange(now) >= 20ms) return next(w, r);
    ++impolite;
    throw jot::HttpError{429, "not so fast", {{"Retry-After", "1"}}};
  });
  return site;
}

std::vector<std::string> links_of(std::string_view page, std::string_view url) {
  std::vector<std::string> links;
  for (std::size_t at = 0; (at = page.find("href=", at)) != page.npos;) {
    const char quote = page[at += 5];
    const std::string_view link = page.substr(at + 1, page.find(quote, at + 1) - at - 1);
    links.push_back(jot::resolve_url(url, link.substr(0, link.find('#'))));
  }
  return links;
}

int main(int argc, char** argv) {
  std::atomic<int> impolite = 0;
  jot::TestServer site(busy_site(impolite));
  const std::string start = argc > 1 ? argv[1] : site.url("/");

  jot::Client client{{.max_retries = 3,
                      .min_interval = 30ms,  // for strangers rather a second or two
                      .user_agent = "example-crawler (+https://example.org/bot)"}};
  std::string forbidden = "none";
  if (auto robots = client.get(jot::resolve_url(start, "/robots.txt")); robots && robots->ok()) {
    const std::string text = robots->body.read_all(64 << 10).value_or("");
    const std::size_t at = text.find("Disallow: ");  // a real one reads more of it
    if (at != text.npos) forbidden = text.substr(at + 10, text.find('\n', at) - at - 10);
  }

  std::deque<std::string> to_do{start};
  std::set<std::string> known{start};
  for (int pages = 0; !to_do.empty() && pages < 100; ++pages, to_do.pop_front()) {
    auto res = client.get(to_do.front());
    auto page = res ? res->body.read_all(1 << 20) : jot::Result<std::string>(res.error());
    std::printf("%s: %s\n", to_do.front().c_str(),
                page ? jot::text(res->status).c_str() : page.error().message().c_str());
    for (std::string& link : page ? links_of(*page, res->url) : std::vector<std::string>()) {
      if (!link.starts_with(jot::resolve_url(start, "/"))) continue;  // of somebody else
      if (link.starts_with(jot::resolve_url(start, forbidden))) continue;
      if (known.insert(link).second) to_do.push_back(std::move(link));
    }
  }
  std::printf("%d requests were too fast\n", impolite.load());
}

// Run:    ./polite_crawler
// Output: http://127.0.0.1:{...}/: 200
//         http://127.0.0.1:{...}/a/: 200
//         http://127.0.0.1:{...}/b?page=1: 200
//         0 requests were too fast
