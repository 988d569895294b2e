// SPDX-License-Identifier: MIT

// content.go answers the cases of ../content_cases.inc by Go's own http.ServeContent:
//
//	go run content.go < ../content_cases.inc > answers && mv answers ../content_cases.inc
//
// "content TEXT" says what is served from then on, as a.txt with the tag "tag", last modified on
// Sun, 06 Nov 1994 08:49:37 GMT. "? METHOD FIELD: VALUE | FIELD: VALUE" asks. What stands behind
// " => " is the answer, and is replaced. All other lines are kept.
package main

import (
	"bufio"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"
)

func answer(w *httptest.ResponseRecorder) string {
	h := w.Header()
	body := w.Body.String()
	kind, params, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case w.Code == 304:
		return fmt.Sprintf("304 %s%s", h.Get("Etag"), h.Get("Last-Modified"))
	case w.Code == 416:
		return "416 " + h.Get("Content-Range")
	case w.Code == 206 && kind == "multipart/byteranges":
		body = strings.ReplaceAll(body, params["boundary"], "BOUNDARY")
		return "206 " + strings.ReplaceAll(body, "\r\n", "/")
	case w.Code == 206:
		return fmt.Sprintf("206 %s %s %s", h.Get("Content-Range"), h.Get("Content-Length"), body)
	case w.Code == 200:
		return fmt.Sprintf("200 %s %s %s", h.Get("Etag"), h.Get("Content-Length"), body)
	}
	return fmt.Sprint(w.Code)
}

func ask(content, method, fields string) string {
	r := httptest.NewRequest(method, "/a.txt", nil)
	for _, field := range strings.Split(fields, " | ") {
		if name, value, ok := strings.Cut(field, ": "); ok {
			r.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	w.Header().Set("Etag", `"tag"`)
	http.ServeContent(w, r, "a.txt", time.Unix(784111777, 5), strings.NewReader(content))
	return answer(w)
}

func main() {
	content := ""
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), " => ")
		if text, ok := strings.CutPrefix(line, "content "); ok {
			content = text
		} else if question, ok := strings.CutPrefix(line, "? "); ok {
			method, fields, _ := strings.Cut(question, " ")
			line += " => " + ask(content, method, fields)
		}
		fmt.Println(line)
	}
}
