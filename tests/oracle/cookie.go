// SPDX-License-Identifier: MIT

// cookie.go answers the cases of ../cookie_cases.inc by Go's own http.Cookie (1.23 or newer):
//
//	go run cookie.go < ../cookie_cases.inc > answers && mv answers ../cookie_cases.inc
//
// "< FIELD" reads a Cookie field, "> NAME VALUE PATH DOMAIN MAX_AGE EXPIRES FLAGS" writes a cookie.
// Words are percent-encoded, "-" is an empty one. EXPIRES is in seconds since the epoch. FLAGS are
// s(ecure), h(ttp only), p(artitioned) and L(ax), S(trict) or N(one). What stands behind " => " is
// the answer, and is replaced. All other lines are kept.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

func encode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func decode(s string) string {
	if s == "-" {
		return ""
	}
	text, err := url.PathUnescape(s)
	if err != nil {
		panic(err)
	}
	return text
}

func read(field string) (answer string) {
	r := http.Request{Header: http.Header{"Cookie": {field}}}
	for _, c := range r.Cookies() {
		answer += " " + encode(c.Name) + "=" + encode(c.Value)
	}
	return strings.TrimPrefix(answer, " ")
}

func write(words []string) string {
	c := http.Cookie{Name: decode(words[0]), Value: decode(words[1]), Path: decode(words[2]), Domain: decode(words[3])}
	if words[4] != "-" {
		c.MaxAge, _ = strconv.Atoi(words[4])
		if c.MaxAge == 0 {
			c.MaxAge = -1 // Go's way to say 0
		}
	}
	if words[5] != "-" {
		seconds, _ := strconv.ParseInt(words[5], 10, 64)
		c.Expires = time.Unix(seconds, 0)
	}
	c.Secure = strings.Contains(words[6], "s")
	c.HttpOnly = strings.Contains(words[6], "h")
	c.Partitioned = strings.Contains(words[6], "p")
	modes := map[byte]http.SameSite{'L': http.SameSiteLaxMode, 'S': http.SameSiteStrictMode, 'N': http.SameSiteNoneMode}
	c.SameSite = modes[words[6][len(words[6])-1]]
	if c.Valid() != nil {
		return "refused"
	}
	return c.String()
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), " => ")
		words := strings.Split(line, " ")
		switch {
		case words[0] == "<" && len(words) == 2:
			line += " => " + read(decode(words[1]))
		case words[0] == ">" && len(words) == 8:
			line += " => " + write(words[1:])
		}
		fmt.Println(line)
	}
}
