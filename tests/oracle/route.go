// SPDX-License-Identifier: MIT

// route.go answers the cases of ../router_cases.inc by Go's own http.ServeMux (1.22 or newer):
//
//	go run route.go < ../router_cases.inc > answers && mv answers ../router_cases.inc
//
// "+ PATTERN" registers, "? METHOD HOST TARGET" asks, "set NAME" begins with an empty mux. What
// stands behind " => " is the answer, and is replaced. All other lines are kept.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
)

var name = regexp.MustCompile(`\{([^}.$]+)(\.\.\.)?\}`)

func encode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func register(mux *http.ServeMux, pattern string) (answer string) {
	defer func() {
		if p := recover(); p != nil {
			answer = "bad"
			if strings.Contains(fmt.Sprint(p), "conflicts with") {
				answer = "conflict"
			}
		}
	}()
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Matched", pattern)
		for _, m := range name.FindAllStringSubmatch(pattern, -1) {
			fmt.Fprintf(w, " %s=%s", m[1], encode(r.PathValue(m[1])))
		}
	})
	return "ok"
}

func ask(mux *http.ServeMux, method, host, target string) string {
	raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, target, host)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return "400"
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	switch {
	case w.Code == 200:
		return "200 " + w.Header().Get("Matched") + w.Body.String()
	case w.Code == 405:
		return "405 " + w.Header().Get("Allow")
	case w.Code >= 300 && w.Code < 400:
		return fmt.Sprint(w.Code, " ", w.Header().Get("Location"))
	}
	return fmt.Sprint(w.Code)
}

func main() {
	mux := http.NewServeMux()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), " => ")
		words := strings.Split(line, " ")
		switch {
		case words[0] == "set":
			mux = http.NewServeMux()
		case words[0] == "+":
			line += " => " + register(mux, line[2:])
		case words[0] == "?" && len(words) == 4:
			line += " => " + ask(mux, words[1], words[2], words[3])
		}
		fmt.Println(line)
	}
}
