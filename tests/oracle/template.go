// SPDX-License-Identifier: MIT

// template.go answers the cases of ../template_cases.inc by Go's own text/template and html/template:
//
//	go run template*.go < ../template_cases.inc > answers && mv answers ../template_cases.inc
//
// Each case is a line of JSON: {"t": template, "d": data}, "o" for an option, and "m": "html" for
// html/template. "l" and "r" are delimiters; "n" has the names and texts of templates that are parsed
// after "t": with "k", into a clone, and "k": "copy" or "original" is executed. Its answer is added as "w", the page, or "e", the error of executing it, or "p", the
// error of parsing it; "x" is the name of the code of an error of escaping. Whole numbers in the data
// are ints, others float64. All other lines are kept.
//
// With -random SEED COUNT it makes cases of text/template up instead, from the seed alone, and answers
// them; with -html SEED COUNT, pages for html/template; with -wide and -pieces, what is in
// template_wide.go; with -printf SEED COUNT, calls of printf, as in
// ../printf_cases.inc (seed 1, 400 calls).
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"text/template"
)

type Case struct {
	T string          `json:"t"`
	D json.RawMessage `json:"d,omitempty"`
	O string          `json:"o,omitempty"`
	M string          `json:"m,omitempty"`
	L string          `json:"l,omitempty"`
	R string          `json:"r,omitempty"`
	N [][2]string     `json:"n,omitempty"`
	K string          `json:"k,omitempty"`
	W *string         `json:"w,omitempty"`
	E string          `json:"e,omitempty"`
	X string          `json:"x,omitempty"`
	P string          `json:"p,omitempty"`
}

var funcs = template.FuncMap{
	"upper": func(s string) string {
		return strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 32
			}
			return r
		}, s)
	},
	"add":  func(a, b int) int { return a + b },
	"half": func(f float64) float64 { return f / 2 },
	"flip": func(b bool) bool { return !b },
	"same": func(v any) any { return v },
	"none": func() any { return nil },
	"fail": func(s string) (string, error) { return "", errors.New("failed: " + s) },
	"raw":  func(s string) htmltemplate.HTML { return htmltemplate.HTML(s) },
	"list": func(v ...any) []any { return v },

	"asHTML":   func(v any) htmltemplate.HTML { return htmltemplate.HTML(fmt.Sprint(v)) },
	"asCSS":    func(v any) htmltemplate.CSS { return htmltemplate.CSS(fmt.Sprint(v)) },
	"asJS":     func(v any) htmltemplate.JS { return htmltemplate.JS(fmt.Sprint(v)) },
	"asJSStr":  func(v any) htmltemplate.JSStr { return htmltemplate.JSStr(fmt.Sprint(v)) },
	"asURL":    func(v any) htmltemplate.URL { return htmltemplate.URL(fmt.Sprint(v)) },
	"asAttr":   func(v any) htmltemplate.HTMLAttr { return htmltemplate.HTMLAttr(fmt.Sprint(v)) },
	"asSrcset": func(v any) htmltemplate.Srcset { return htmltemplate.Srcset(fmt.Sprint(v)) },
}

// Numbers as jot's parse_json() has them.
func convert(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil && v != "-0" {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = convert(v[i])
		}
		return v[:len(v):len(v)]
	case map[string]any:
		for k := range v {
			v[k] = convert(v[k])
		}
	}
	return v
}

func answer(c *Case) {
	c.W, c.E, c.P, c.X = nil, "", "", ""
	var data any
	if c.D != nil {
		d := json.NewDecoder(bytes.NewReader(c.D))
		d.UseNumber()
		if err := d.Decode(&data); err != nil {
			panic(err)
		}
	}
	if c.M == "html" {
		answerPage(c, convert(data))
		return
	}
	t := template.New("t").Funcs(funcs).Delims(c.L, c.R)
	if c.O != "" {
		t.Option(c.O)
	}
	if _, err := t.Parse(c.T); err != nil {
		c.P = err.Error()
		return
	}
	more := t
	if c.K != "" {
		more = template.Must(t.Clone())
		if c.O != "" { // which Go forgets
			more.Option(c.O)
		}
	}
	for _, n := range c.N {
		// New() hides a template of that name until something is parsed; jot has no such state.
		to := more.Lookup(n[0])
		if to == nil {
			to = more.New(n[0])
		}
		if _, err := to.Parse(n[1]); err != nil {
			c.P = err.Error()
			return
		}
	}
	if c.K == "copy" {
		t = more
	}
	var out strings.Builder
	if err := t.Execute(&out, convert(data)); err != nil {
		c.E = err.Error()
		return
	}
	s := out.String()
	c.W = &s
}

var codes = []string{"OK", "ErrAmbigContext", "ErrBadHTML", "ErrBranchEnd", "ErrEndContext",
	"ErrNoSuchTemplate", "ErrOutputContext", "ErrPartialCharset", "ErrPartialEscape",
	"ErrRangeLoopReentry", "ErrSlashAmbig", "ErrPredefinedEscaper", "ErrJSTemplate"}

func answerPage(c *Case, data any) {
	t := htmltemplate.New("t").Funcs(funcs).Delims(c.L, c.R)
	if c.O != "" {
		t.Option(c.O)
	}
	if _, err := t.Parse(c.T); err != nil {
		c.P = err.Error()
		return
	}
	more := t
	if c.K != "" {
		more = htmltemplate.Must(t.Clone())
		if c.O != "" {
			more.Option(c.O)
		}
	}
	for _, n := range c.N {
		to := more.Lookup(n[0])
		if to == nil {
			to = more.New(n[0])
		}
		if _, err := to.Parse(n[1]); err != nil {
			c.P = err.Error()
			return
		}
	}
	if c.K == "copy" {
		t = more
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		c.E = err.Error()
		var escape *htmltemplate.Error
		if errors.As(err, &escape) {
			c.X = codes[escape.ErrorCode]
		}
		return
	}
	s := out.String()
	c.W = &s
}

// Does Go have an answer? {{1 | and}} is more than it can stand.
func answers(c *Case) (good bool) {
	defer func() { good = recover() == nil }()
	answer(c)
	return
}

func print(c *Case) {
	answer(c)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(c)
	os.Stdout.Write(b.Bytes())
}

// ---- made-up cases

type Maker struct {
	*rand.Rand
	inRow bool // within the template "row", which may call itself
}

func (m Maker) pick(s ...string) string { return s[m.Intn(len(s))] }

func (m Maker) word() string {
	return m.pick("a", "b", "List", "Map", "S", "N", "F", "T", "Null", "Gone", "Rows", "Name")
}

func (m Maker) variable() string { return m.pick("$", "$", "$x", "$x", "$y") }

func (m Maker) text() string {
	return m.pick("", "x", "<b>", "a & b", "\"q\"", "\u00e9\u4e16", "  ", "\n", "\\", "a\u2028b", "\x01", "`")
}

func (m Maker) literal() string {
	switch m.Intn(7) {
	case 0:
		return strconv.Quote(m.text())
	case 1:
		return m.pick("true", "false", "nil")
	case 2:
		return m.pick("0", "1", "-1", "2", "3", "10", "0x1F", "1_000", "0b11", "0o17", "'a'", "'\\n'")
	case 3:
		return m.pick("1.5", "0.0", "-2.25", "1e3", "1e6", "1e21", "1e-7", "0x1p4", "100000.0")
	case 4:
		return "`raw " + m.pick("x", "\"", "\\") + "`"
	default:
		return strconv.Itoa(m.Intn(5))
	}
}

func (m Maker) format() string {
	var b strings.Builder
	for n := 1 + m.Intn(3); n > 0; n-- {
		b.WriteString(m.pick("", " ", "x", ":"))
		b.WriteString("%")
		for m.Intn(3) == 0 {
			b.WriteString(m.pick("+", "-", "#", " ", "0"))
		}
		if m.Intn(8) == 0 {
			b.WriteString(m.pick("[1]", "[2]", "[3]", "[0]", "[x]", "["))
		}
		b.WriteString(m.pick("", "", "", "1", "5", "12", "*"))
		b.WriteString(m.pick("", "", "", ".0", ".2", ".7", ".", ".*"))
		b.WriteString(m.pick("v", "v", "d", "s", "q", "x", "X", "t", "f", "F", "e", "E", "g", "G", "c", "U", "b", "o", "O", "T", "%", "z", "", "w"))
	}
	return strconv.Quote(b.String())
}

func (m Maker) operand(depth int) string {
	switch k := m.Intn(12); {
	case k < 3:
		return m.literal()
	case k == 3:
		return "."
	case k < 7:
		s := "." + m.word()
		for m.Intn(4) == 0 {
			s += "." + m.word()
		}
		return s
	case k < 9:
		s := m.variable()
		for m.Intn(3) == 0 {
			s += "." + m.word()
		}
		return s
	case depth > 0:
		s := "(" + m.pipeline(depth-1) + ")"
		if m.Intn(4) == 0 {
			s += "." + m.word()
		}
		return s
	default:
		return ".S"
	}
}

func (m Maker) command(depth int) string {
	some := func(least, most int) string {
		s := ""
		for n := least + m.Intn(most-least+1); n > 0; n-- {
			s += " " + m.operand(depth)
		}
		return s
	}
	switch m.Intn(14) {
	case 0:
		return m.pick("eq", "ne", "lt", "le", "gt", "ge") + some(1, 3)
	case 1:
		return m.pick("and", "or") + some(1, 3)
	case 2:
		return m.pick("not", "len") + some(1, 1)
	case 3:
		return "index" + some(1, 3)
	case 4:
		return "slice " + m.pick(".S", ".List", ".", "\"abcdef\"") + m.pick("", " 1", " 0 2", " 1 3", " 2 1", " 0 1 2", " 9", " -1", " 1.0")
	case 5:
		return m.pick("print", "println", "html", "js", "urlquery") + some(0, 3)
	case 6, 7:
		return "printf " + m.format() + some(0, 3)
	case 8:
		return m.pick("upper", "half", "flip", "same", "fail", "raw", "none", "call", "list") + some(0, 1)
	case 9:
		return "add" + some(1, 3)
	default:
		return m.operand(depth)
	}
}

func (m Maker) pipeline(depth int) string {
	s := m.command(depth)
	for m.Intn(4) == 0 {
		s += " | " + m.pick("print", "println", "html", "js", "len", "not", "upper", "printf \"%v-%v\" 1", "eq 1", "and true", "or", "same", "index .List", "urlquery", "add 1")
	}
	return s
}

func (m Maker) body(depth int, inRange bool) string {
	s := ""
	for n := 1 + m.Intn(3); n > 0; n-- {
		s += m.pick("", "", "t ", "<p>", "\n", " ") + m.action(depth, inRange)
	}
	return s
}

// What a template is called with. "row" calls itself with a part of its data only: one that passed
// all on, twice as long each time, would end when memory does.
func (m Maker) argument() string {
	if m.inRow {
		return "$." + m.word()
	}
	return m.pipeline(0)
}

func (m Maker) action(depth int, inRange bool) string {
	open, shut := m.pick("{{", "{{", "{{", "{{- "), m.pick("}}", "}}", "}}", " -}}")
	if depth == 0 {
		return open + m.pipeline(1) + shut
	}
	other := ""
	if m.Intn(3) == 0 {
		other = "{{else}}" + m.body(depth-1, inRange)
	}
	switch m.Intn(12) {
	case 0, 1:
		if m.Intn(4) == 0 {
			other = "{{else if " + m.pipeline(1) + "}}" + m.body(depth-1, inRange) + other
		}
		return open + "if " + m.pick("", "", "$x := ") + m.pipeline(1) + shut + m.body(depth-1, inRange) + other + "{{end}}"
	case 2:
		return open + "with " + m.pick("", "$y := ") + m.pipeline(1) + shut + m.body(depth-1, inRange) + other + "{{end}}"
	case 3, 4:
		return open + "range " + m.pick("", "", "$x := ", "$x, $y := ", "$x, $y = ") + m.pick(".List", ".Rows", ".Map", ".", "$", "$x", m.pipeline(1)) + shut + m.body(depth-1, true) + other + "{{end}}"
	case 5:
		return open + m.variable() + m.pick(" := ", " = ") + m.pipeline(1) + shut
	case 6:
		return open + "template \"" + m.pick("row", "row", "gone") + "\" " + m.argument() + shut
	case 7:
		if inRange {
			return open + "if " + m.pipeline(0) + shut + m.pick("{{break}}", "{{continue}}") + "{{end}}"
		}
		return "{{/* nothing */}}"
	default:
		return open + m.pipeline(1) + shut
	}
}

func (m Maker) value(depth int) any {
	switch k := m.Intn(9); {
	case k == 0:
		return nil
	case k == 1:
		return m.Intn(2) == 0
	case k == 2:
		return m.Intn(7) - 1
	case k == 3:
		return json.RawMessage(m.pick("0.5", "-1.25", "1.0", "1e9", "1.5e-9", "123456.75"))
	case k < 6 || depth == 0:
		return m.text()
	case k == 6:
		list := []any{}
		for n := m.Intn(4); n > 0; n-- {
			list = append(list, m.value(depth-1))
		}
		return list
	default:
		return m.object(depth-1, m.Intn(4))
	}
}

func (m Maker) object(depth, n int) map[string]any {
	o := map[string]any{}
	for ; n > 0; n-- {
		o[m.word()] = m.value(depth)
	}
	return o
}

func (m Maker) Case() Case {
	data := m.object(2, 5)
	if m.Intn(3) > 0 {
		data["S"], data["N"], data["List"] = m.text(), m.Intn(5), []any{m.value(1), m.value(1), m.Intn(3)}
	}
	if m.Intn(3) > 0 {
		data["Rows"] = []any{m.object(1, 3), m.object(1, 3)}
	}
	var d any = data
	if m.Intn(20) == 0 {
		d = m.value(1)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	t := "{{define \"row\"}}" + Maker{m.Rand, true}.body(1, false) + "{{end}}" + m.pick("", "{{$x := 1}}", "{{$x := .S}}{{$y := .}}", "{{$x := .}}{{$y := 2}}") + m.body(2, false)
	return Case{T: t, D: raw, O: m.pick("", "", "", "", "missingkey=zero", "missingkey=error")}
}

// One made-up call of Sprintf: {"f": format, "d": operands, "w": text}.
func (m Maker) printf() {
	c := struct {
		F string          `json:"f"`
		D json.RawMessage `json:"d"`
		W string          `json:"w"`
	}{}
	c.F, _ = strconv.Unquote(m.format())
	operands := []any{}
	for n := m.Intn(4); n > 0; n-- {
		operands = append(operands, m.value(1))
	}
	c.D, _ = json.Marshal(operands)
	var d any
	decoder := json.NewDecoder(bytes.NewReader(c.D))
	decoder.UseNumber()
	decoder.Decode(&d)
	c.W = fmt.Sprintf(c.F, convert(d).([]any)...)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(c)
	os.Stdout.Write(b.Bytes())
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "-printf" {
		seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
		count, _ := strconv.Atoi(os.Args[3])
		for m := (Maker{Rand: rand.New(rand.NewSource(seed))}); count > 0; count-- {
			m.printf()
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "-html" {
		seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
		count, _ := strconv.Atoi(os.Args[3])
		for m := (Maker{Rand: rand.New(rand.NewSource(seed))}); count > 0; count-- {
			c := m.Page()
			print(&c)
		}
		return
	}
	if len(os.Args) == 4 && (os.Args[1] == "-wide" || os.Args[1] == "-pieces") {
		seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
		count, _ := strconv.Atoi(os.Args[3])
		for m := (Maker{Rand: rand.New(rand.NewSource(seed))}); count > 0; count-- {
			c := m.WidePage
			if os.Args[1] == "-wide" {
				c = m.Wide
			}
			made := c()
			if answers(&made) && (made.P == "" || m.Intn(8) == 0) {
				print(&made)
			} else {
				count++
			}
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "-random" {
		seed, _ := strconv.ParseInt(os.Args[2], 10, 64)
		count, _ := strconv.Atoi(os.Args[3])
		m := Maker{Rand: rand.New(rand.NewSource(seed))}
		for i := 0; i < count; {
			c := m.Case()
			answer(&c)
			if c.P == "" || m.Intn(20) == 0 { // mostly such as can be executed
				print(&c)
				i++
			}
		}
		return
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := in.Text()
		if !strings.HasPrefix(line, "{\"t\"") {
			fmt.Println(line)
			continue
		}
		var c Case
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			panic(err)
		}
		print(&c)
	}
}
