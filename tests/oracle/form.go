// SPDX-License-Identifier: MIT

// form.go answers the cases of ../form_cases.inc by Go's own ParseForm and
// ParseMultipartForm (1.23 or newer):
//
//	go run form.go < ../form_cases.inc > answers && mv answers ../form_cases.inc
//
// "u BODY" is an urlencoded body, "m BODY" a multipart one whose boundary is b, "t TYPE BODY" one of
// that Content-Type. Words are percent-encoded, "-" is an empty one. What stands behind " => " is
// the answer, and is replaced: the fields, then the files as name@file_name=bytes, or refused. Names
// are sorted. All other lines are kept.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
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

func ask(contentType, body string) (answer string) {
	r, _ := http.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	err := r.ParseForm()
	if err == nil && strings.HasPrefix(strings.ToLower(contentType), "multipart/") {
		err = r.ParseMultipartForm(1 << 20)
	}
	if err != nil {
		return "refused"
	}
	var names []string
	for name := range r.PostForm {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, value := range r.PostForm[name] {
			answer += " " + encode(name) + "=" + encode(value)
		}
	}
	if r.MultipartForm == nil {
		return strings.TrimPrefix(answer, " ")
	}
	names = nil
	for name := range r.MultipartForm.File {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, file := range r.MultipartForm.File[name] {
			opened, _ := file.Open()
			bytes, _ := io.ReadAll(opened)
			answer += " " + encode(name) + "@" + encode(file.Filename) + "=" + encode(string(bytes))
		}
	}
	return strings.TrimPrefix(answer, " ")
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), " => ")
		words := strings.Split(line, " ")
		switch {
		case words[0] == "u" && len(words) == 2:
			line += " => " + ask("application/x-www-form-urlencoded", decode(words[1]))
		case words[0] == "m" && len(words) == 2:
			line += " => " + ask("multipart/form-data; boundary=b", decode(words[1]))
		case words[0] == "t" && len(words) == 3:
			line += " => " + ask(decode(words[1]), decode(words[2]))
		}
		fmt.Println(line)
	}
}
