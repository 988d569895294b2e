// 12_json_api.cpp -- a small JSON API, whole: make, list, read, change and delete.
//
// to_value() says how a Post becomes JSON, from_value() how it is made from it. A field that is
// missing or of the wrong type is 400, and named; what only we can judge is 422, all of it at once.
// A client that asks for JSON gets its errors as problem details (RFC 9457), too.
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jot.hpp"

struct Post {
  std::int64_t id = 0;
  std::string title;
  std::vector<std::string> tags;
};

jot::Value to_value(const Post& p) { return {{"id", p.id}, {"title", p.title}, {"tags", p.tags}}; }

void from_value(const jot::Value& v, Post& to) {
  to.title = v["title"].as_string();
  to.tags = jot::from_value<std::optional<std::vector<std::string>>>(v["tags"]).value_or(
      std::vector<std::string>());
}

// What is wrong with it, by field; empty: nothing.
jot::Map mistakes_in(const Post& p) {
  jot::Map mistakes;
  if (p.title.empty()) mistakes["title"] = "must not be empty";
  if (p.title.size() > 80) mistakes["title"] = "at most 80 bytes";
  if (p.tags.size() > 5) mistakes["tags"] = "at most 5";
  return mistakes;
}

class Posts {  // handlers run on many threads at once
 public:
  Post put(Post p) {
    std::lock_guard lock(mutex_);
    if (p.id == 0) p.id = ++last_;
    return posts_[p.id] = std::move(p);
  }
  Post find(std::int64_t id) {
    std::lock_guard lock(mutex_);
    const auto at = posts_.find(id);
    if (at == posts_.end()) throw jot::HttpError{404, "no such post"};
    return at->second;
  }
  std::vector<Post> all() {
    std::lock_guard lock(mutex_);
    std::vector<Post> posts;
    for (const auto& [id, post] : posts_) posts.push_back(post);
    return posts;
  }
  bool remove(std::int64_t id) {
    std::lock_guard lock(mutex_);
    return posts_.erase(id) != 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::int64_t, Post> posts_;
  std::int64_t last_ = 0;
};

int main() {
  Posts posts;
  jot::Router app;
  auto api = app.group("/api");

  // Stores what came, unless there are mistakes in it. id 0: as a new post.
  const auto store = [&](jot::ResponseWriter& w, jot::Request& r, std::int64_t id, int status) {
    Post post = r.json<Post>();
    post.id = id;
    const jot::Map mistakes = mistakes_in(post);
    if (!mistakes.empty())
      return jot::problem(w, r, 422, "some fields are not valid", {{"errors", mistakes}});
    post = posts.put(std::move(post));
    w.header().set("Location", app.url_for("post", {{"id", post.id}}));
    w.write_header(status);
    w.json(post);
  };

  api.get("/posts", [&] { return posts.all(); });
  api.post("/posts", [&](jot::ResponseWriter& w, jot::Request& r) { store(w, r, 0, 201); });
  api.get("/posts/{id:int}",
          [&](jot::Request& r) { return posts.find(r.path_value<std::int64_t>("id")); });
  api.put("/posts/{id:int}", [&](jot::ResponseWriter& w, jot::Request& r) {
    store(w, r, posts.find(r.path_value<std::int64_t>("id")).id, 200);
  });
  api.del("/posts/{id:int}", [&](jot::ResponseWriter& w, jot::Request& r) {
    if (!posts.remove(r.path_value<std::int64_t>("id"))) return jot::not_found(w, r);
    w.write_header(204);
  });
  app.name("post", "/api/posts/{id:int}");

  jot::listen_and_serve(":8080", app);
}

// Try:    curl -si --json '{"title": "Hello"}' localhost:8080/api/posts
// Output: HTTP/1.1 201 Created
//         Location: /api/posts/1
//         {"id":1,"tags":[],"title":"Hello"}
// Try:    curl -s -X PUT --json '{"title": "Hi", "tags": ["new"]}' localhost:8080/api/posts/1
// Output: {"id":1,"tags":["new"],"title":"Hi"}
// Try:    curl -s localhost:8080/api/posts
// Output: [{"id":1,"tags":["new"],"title":"Hi"}]
// Try:    curl -s --json '{"title": ""}' localhost:8080/api/posts
// Output: {"detail":"some fields are not valid","errors":{"title":"must not be empty"},...
// Try:    curl -s --json '{"title": "Hi", "tags": ["a", 1]}' localhost:8080/api/posts
// Output: {"detail":"tags[1]: want string, have int","instance":"/api/posts","status":400,...
// Try:    curl -s --json '{"title": ' localhost:8080/api/posts
// Output: {"detail":"line 1, column 11: want a value, but the text ends here",...
// Try:    curl -s -d 'title=Hi' localhost:8080/api/posts
// Output: want application/json
// Try:    curl -si -X DELETE localhost:8080/api/posts/1
// Output: HTTP/1.1 204 No Content
// Try:    curl -si -H 'Accept: application/json' localhost:8080/api/posts/1
// Output: HTTP/1.1 404 Not Found
//         Content-Type: application/problem+json
//         {"detail":"no such post","instance":"/api/posts/1","status":404,"title":"Not Found",...
