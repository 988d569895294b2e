// SPDX-License-Identifier: MIT

// template_wide.go makes up what template.go and template_html.go do not reach: several sources that
// redefine each other's templates, clones, delimiters, scopes of variables, literals of every shape,
// sources with slips of the pen, and pages whose pieces come in any order.
package main

import (
	"encoding/json"
	"strconv"
	"strings"
)

func (m Maker) number() string {
	return m.pick("0", "-0", "+0", "00", "07", "08", "0777", "-1", "+5", "1_000", "1__0", "_1", "1_", "0x1F", "0X1f", "0x", "0x_1", "0xg", "0b101", "0b2", "0o17", "0O8", "-0x10", "1.", ".5", "-.5", "1.e3", "1e3", "1E+3", "1e-3", "1e", "1e+", "1.5e300", "1e309", "1e-400", "0x1p4", "0x1.8p1", "0x1p-2", "0x.8p0", "0x1.8", "0x1P", "1p4", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e18", "1e19", "1.0", "100000000000000000000.0", "123456789.0", "0.1", "1.2.3", "1..2", "3x", "0_1", "0_", "0x1_F", "1_0.5_0", "1e1_0")
}

func (m Maker) character() string {
	return m.pick("'a'", "'é'", "'世'", "'\\n'", "'\\''", "'\"'", "'\\\"'", "'\\x41'", "'\\u00e9'", "'\\U0001F600'", "'\\101'", "'\\400'", "''", "'ab'", "'\\q'", "'\\uD800'", "'", "'a", "'\\", "'\n'", "'\\0'", "'\\x4'")
}

func (m Maker) quoted() string {
	return m.pick("\"\"", "\"a\"", "\"\\t\\\"\\\\\"", "\"\\x41\\u00e9\\U0001F600\\101\"", "\"\\q\"", "\"\\'\"", "\"\\xff\"", "\"\\uD800\"", "\"\n\"", "\"a", "\"\\", "\"}}\"", "\"{{\"", "`a\nb`", "`\\n`", "`}}`", "`a", "``", "\"\\400\"", "\"\\u12\"", "\"%v\"", "\"é\"", "\"<a href='/x'>\"")
}

func (m Maker) anyLiteral() string {
	switch m.Intn(9) {
	case 0, 1, 2:
		return m.quoted()
	case 3, 4:
		return m.character()
	case 5:
		return m.pick("true", "false", "nil", "True", "break", "continue", ".", "$", "..", ".5.5", "$.", ".a.", "a.b", "x", "$é", ".é", "$x.é", "$1", ".1a", "$x$y", "(1", "1)", "()", "(.)", "(nil)", "(1).a", "\"a\".b", "1.a", "true.a", "nil.a", "$.a.b", "len.a", "|", ",", ":=", "=", "==", "-", "- 1", "+", "!", "%", "#", "@", "\\", ";", "[", "]", "{", "}", "&", "\x00", "\u00a0", "\u2028", "é", "\xff")
	}
	return m.number()
}

// A verb with all that may stand before it.
func (m Maker) wideFormat() string {
	var b strings.Builder
	for n := 1 + m.Intn(3); n > 0; n-- {
		b.WriteString(m.pick("", " ", "x", "é") + "%")
		for m.Intn(2) == 0 {
			b.WriteString(m.pick("+", "-", "#", " ", "0"))
		}
		b.WriteString(m.pick("", "", "", "[1]", "[2]", "[3]", "[2]*", "[9]", "[-1]", "[1]2", "[1]["))
		b.WriteString(m.pick("", "", "1", "3", "8", "20", "007", "*", "1000001", "99999999999"))
		b.WriteString(m.pick("", "", ".", ".0", ".1", ".3", ".12", ".*", ".[1]*", ".-1", ".1000001", ".50"))
		b.WriteString(m.pick("", "", "", "[1]", "[2]"))
		b.WriteString(m.pick("v", "v", "d", "s", "q", "x", "X", "t", "f", "F", "e", "E", "g", "G", "c", "U", "b", "o", "O", "T", "%", "z", "", "é", "!", "i", "u"))
	}
	return strconv.Quote(b.String())
}

func (m Maker) wideOperand(depth int) string {
	switch m.Intn(10) {
	case 0:
		return m.anyLiteral()
	case 1:
		return m.number()
	case 2:
		return m.pick(".Map.a", ".Map.b.a", ".Gone.a", "$.Map.a.b", "$.Gone.Gone", ".S.a", ".List.a", ".Rows.a", "$x.a", "$y", "$z", "$.S", "$.List", ".T.x", ".Null.x", ".Null", "$.N")
	case 3:
		if depth > 0 {
			return "(" + m.widePipeline(depth-1) + ")" + m.pick("", "", ".a", ".b.a", ".S")
		}
	case 4:
		return m.pick("(index .Rows 0).a", "(index $.Rows 1).S", "(index .List 0)", "(index .Map \"a\")", "(slice .S 0 1)", "(list 1 \"a\" nil)", "(list)", "(same .Map).a", "(none)", "(same nil)", "(len .S)", "(add 1 2)", "(index \"a\" 0)")
	}
	return m.operand(depth)
}

func (m Maker) wideCommand(depth int) string {
	operands := func(least, most int) string {
		s := ""
		for n := least + m.Intn(most-least+1); n > 0; n-- {
			s += m.pick(" ", " ", " ", "  ", "\n", "\t") + m.wideOperand(depth)
		}
		return s
	}
	switch m.Intn(12) {
	case 0:
		return m.pick("eq", "ne", "lt", "le", "gt", "ge") + operands(0, 4)
	case 1:
		return m.pick("and", "or") + operands(0, 4)
	case 2:
		return m.pick("index .Map", "index .List", "index .Rows", "index .S", "index .Null", "index", "index .Rows 0", "index .Map.a") + operands(0, 2)
	case 3:
		return "slice" + operands(0, 4)
	case 4, 5:
		return "printf " + m.wideFormat() + operands(0, 4)
	case 6:
		return m.pick("print", "println", "html", "js", "urlquery", "not", "len", "call") + operands(0, 3)
	case 7:
		return m.pick("upper", "half", "flip", "same", "fail", "raw", "none", "list", "add", "absent", "asJS") + operands(0, 3)
	case 8:
		return m.wideOperand(depth) + operands(1, 2) // arguments to what is no function
	}
	return m.wideOperand(depth)
}

func (m Maker) widePipeline(depth int) string {
	s := m.wideCommand(depth)
	for m.Intn(4) == 0 {
		s += m.pick(" | ", " | ", "|", "\n|\t") + m.pick("print", "len", "not", "printf \"%5.1v|%q\" 1", "printf", "eq 1", "and true", "and false", "or 1", "index .List", "index .Map", "slice .S", "add 1", "list", "same", "none", "html", "js", "urlquery", "upper", "half", ".S", "1", "nil", "$x", "(print)", "call", "lt 1", "fail", m.wideCommand(0))
	}
	return s
}

func (m Maker) brackets() (string, string) {
	return m.pick("{{", "{{", "{{", "{{- ", "{{-\n", "{{ "), m.pick("}}", "}}", "}}", " -}}", "\n-}}", " }}")
}

func (m Maker) comment() string {
	return m.pick("{{/* c */}}", "{{- /* c */ -}}", "{{-/* c */}}", "{{/* c */-}}", "{{/*\n*/ -}}", "{{/* }} {{ */}}", "{{/* c */ }}", "{{ /* c */}}", "{{/**/}}", "{{/* * / */}}", "{{- /*c*/}}", "{{/*/}}", "{{/* \" ` */}}", "{{-  /* c */  -}}")
}

func (m Maker) wideText() string {
	return m.pick("", "", "t", " ", "\n", "  x\n ", "\t", "{", "}", "}}", "{ {", "<p>", "é", "- ", "-", "{{\"\"}}", "\r\n", "\v", "\u00a0")
}

func (m Maker) wideBody(depth int) string {
	s := m.wideText()
	for n := 1 + m.Intn(3); n > 0; n-- {
		s += m.wideAction(depth) + m.wideText()
	}
	return s
}

func (m Maker) name() string {
	return m.pick("a", "b", "a", "b", "c", "t", "row", "gone", "", "a b", "é")
}

func (m Maker) wideAction(depth int) string {
	open, shut := m.brackets()
	if depth <= 0 {
		if m.Intn(8) == 0 {
			return m.comment()
		}
		return open + m.pick("", "", "", "$x = ", "$y := ", "$x := ") + m.widePipeline(1) + shut
	}
	control := m.pick("if", "if", "with", "with", "range", "range", "range")
	declared := m.pick("", "", "", "$x := ", "$y := ", "$x, $y := ", "$x, $y = ", "$x = ", "$, $y := ", "$x, $x := ", "$x $y := ", "$x, := ", "$x, $y, $z := ")
	if control != "range" && m.Intn(8) > 0 {
		declared = m.pick("", "", "$x := ", "$y := ", "$x = ")
	}
	over := m.widePipeline(1)
	if control == "range" && m.Intn(4) > 0 {
		over = m.pick(".List", "$.List", ".Rows", "$.Rows", ".Map", "$.Map", ".", "$", ".Null", ".S", "(list 1 2 3)", "(list)", "(slice $.List 1)")
	}
	switch m.Intn(10) {
	case 0, 1, 2, 3:
		s := open + control + " " + declared + over + shut + m.wideBody(depth-1)
		if control == "range" && m.Intn(3) == 0 {
			s += m.pick("{{break}}", "{{continue}}", "{{- break -}}", "{{ continue }}", "{{if .}}{{break}}{{end}}", "{{with .}}{{continue}}{{else}}{{break}}{{end}}", "{{if eq . 1}}{{continue}}{{end}}{{.}}", "{{break 1}}", "{{break | print}}", "{{range $.List}}{{break}}{{end}}", "{{define \"c\"}}{{break}}{{end}}")
			s += m.wideText()
		}
		for m.Intn(4) == 0 {
			s += "{{else " + m.pick("if", "with", "if", "with", "range", "x") + " " + m.pick("", "$y := ", "$x = ") + m.widePipeline(0) + "}}" + m.wideBody(depth-1)
		}
		for m.Intn(3) == 0 {
			s += m.pick("{{else}}", "{{else}}", "{{- else -}}", "{{else 1}}", "{{else\n}}") + m.wideBody(depth-1)
			if m.Intn(10) > 0 {
				break
			}
		}
		return s + m.pick("{{end}}", "{{end}}", "{{end}}", "{{- end -}}", "{{ end }}", "{{end 1}}", "{{end | x}}")
	case 4:
		if m.Intn(3) > 0 { // at the top level only, mostly: elsewhere it is refused
			return open + "template " + strconv.Quote(m.name()) + m.pick("", " .", " $", " $x", " .Map", " .S", " (index .Rows 0)", " . .", " 1 | print") + shut
		}
		return open + m.pick("define", "block") + " " + m.pick(strconv.Quote(m.name()), "`a`", "a", "") + m.pick("", " .", " .S", " $x") + shut + m.wideBody(depth-1) + "{{end}}"
	case 5:
		return open + "block " + strconv.Quote(m.name()) + m.pick(" .", " .Map", " $x", " .S | print", "") + shut + m.wideBody(depth-1) + "{{end}}"
	case 6:
		return open + m.pick("$x", "$y", "$z", "$") + m.pick(" := ", " = ", ":=", "=", " = $y = ", " := $x := ") + m.widePipeline(1) + shut
	case 7:
		return m.comment()
	default:
		return open + m.widePipeline(1) + shut
	}
}

// Templates that know each other. None calls itself: "a" calls those that come after it in the
// alphabet only, unless it has a part of the data to go on with.
func (m Maker) definitions() string {
	s := ""
	for n := m.Intn(4); n > 0; n-- {
		name := m.pick("a", "b", "c", "row")
		body := m.pick("", " ", "\n{{/* c */}} ", "A{{.}}", "B{{.}}{{$}}", "{{range $i, $e := .}}{{$i}}={{$e}};{{end}}", "{{with .}}{{.}}{{else}}none{{end}}", "{{block \"c\" .}}C{{.}}{{end}}", "{{$x := 1}}{{$x}}", "{{$x}}", m.wideText(), m.wideAction(0))
		s += "{{define " + strconv.Quote(name) + "}}" + body + "{{end}}" + m.pick("", "", "\n", " ")
	}
	return s
}

// One slip of the pen.
func (m Maker) slip(s string) string {
	at := m.Intn(len(s) + 1)
	rest := s[at:]
	if m.Intn(2) == 0 && rest != "" {
		rest = rest[m.Intn(min(len(rest), 4)):]
	}
	return s[:at] + m.pick("", "", "{{", "}}", "{", "}", "-", " ", "\n", "\"", "`", "'", "(", ")", "|", ".", "$", ":=", "=", ",", "/*", "*/", "{{end}}", "{{else}}", "{{break}}", "{{define \"a\"}}", "0", "x", "\\", "é", "\x00", "<", ">", "<!--", "<script>", "</script>", "&") + rest
}

func (m Maker) wideData() json.RawMessage {
	data := m.object(2, 6)
	data["S"], data["N"] = m.text(), m.Intn(5)
	if m.Intn(4) > 0 {
		data["List"] = []any{m.value(1), m.Intn(3), m.value(1)}
		data["Map"] = map[string]any{"a": m.value(1), "b": m.object(1, 2), "10": 1, "9": 2, "A": nil}
		data["Rows"] = []any{m.object(1, 3), m.object(1, 3)}
	}
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return raw
}

func (m Maker) Wide() Case {
	c := Case{D: m.wideData(), O: m.pick("", "", "", "missingkey=zero", "missingkey=error", "missingkey=invalid", "missingkey=default")}
	before := m.pick("", "{{$x := 1}}", "{{$x := .S}}{{$y := .}}", "{{$x := .Map}}{{$y := 2}}", "{{$x := .Rows}}{{$y := nil}}", "{{$y := .List}}{{$x := $y}}")
	c.T = m.definitions() + before + m.wideBody(m.Intn(3))
	for m.Intn(3) == 0 {
		c.N = append(c.N, [2]string{m.pick("t", "a", "b", "c", "more"), m.definitions() + m.pick("", " ", "N{{.}}", "{{block \"a\" .}}new{{end}}", "{{template \"a\" .}}", m.wideAction(0))})
		c.K = m.pick("", "copy", "original")
	}
	if m.Intn(12) == 0 {
		c.L = m.pick("<<", "[[", "{", "<%", "%", "{{", "((", "${", "-", "<!--", "//")
		c.R = m.pick(">>", "]]", "}", "%>", "%", "}}", "))", "}", "-", "-->", "//")
		if m.Intn(8) > 0 {
			c.T = strings.NewReplacer("{{", c.L, "}}", c.R).Replace(c.T)
		}
	}
	if m.Intn(3) == 0 {
		c.T = m.slip(c.T)
	}
	if m.Intn(5) == 0 {
		c.M = "html"
	}
	c.T = strings.ToValidUTF8(c.T, "?") // as JSON would have it
	for i := range c.N {
		c.N[i][1] = strings.ToValidUTF8(c.N[i][1], "?")
	}
	return c
}

// ---- pages of pieces in any order

func (m Maker) pieces() string {
	var b strings.Builder
	open, loops := []string{}, 0
	language := m.Intn(6)
	for n := 2 + m.Intn(14); n > 0; n-- {
		switch m.Intn(12) {
		case 0:
			action := m.pick("{{if .B}}", "{{range .L}}", "{{with .S}}", "{{range .L2}}", "{{if .Gone}}")
			b.WriteString(action)
			open = append(open, action)
			if strings.HasPrefix(action, "{{range") {
				loops++
			}
		case 1:
			if len(open) > 0 && open[len(open)-1] != "else" {
				b.WriteString("{{else}}")
				if strings.HasPrefix(open[len(open)-1], "{{range") {
					loops--
				}
				open[len(open)-1] = "else"
			}
		case 2, 3:
			if len(open) > 0 {
				b.WriteString("{{end}}")
				if strings.HasPrefix(open[len(open)-1], "{{range") {
					loops--
				}
				open = open[:len(open)-1]
			}
		case 4:
			if loops > 0 {
				b.WriteString(m.pick("{{break}}", "{{continue}}", "{{if .}}{{break}}{{end}}"))
				break
			}
			b.WriteString(m.pick("{{template \"value\" .S}}", "{{template \"text\" .}}", "{{template \"quoted\" 1}}", "{{template \"self\" .}}"))
		case 5, 6, 7:
			b.WriteString(m.value_())
		default:
			common := []string{"<", ">", "</", "/>", "\"", "'", "`", "=", " ", "\n", "/", "a", "&quot;", "&amp;", "&", "<!--", "-->", "<b>", "</b>", "<script>", "</script>", "<style>", "</style>", "<title>", "</title>", "<p ", "\x00", "\r", "\f", "\u2028", "é", "<br", "<!DOCTYPE html>", "<textarea>", "</textarea>"}
			special := [][]string{
				{"<a href=", "\"", "'", ">", " ", "title=", "?", "#", "/", "javascript:", " onclick=", " style=", "x", "&#63;", "srcset=", "src=", "data-", "on", " ", "=\""},
				{"<script>", "</script>", "\"", "'", "`", "${", "}", "{", "/", "/*", "*/", "//", "\n", "\\", "[", "]", "(", ")", "+", "++", "-", "=", "return ", "x", "1", ".", ";", "<!--", "-->", "#!", "<script", ",", "typeof", "in ", "}`"},
				{"<style>", "</style>", "\"", "'", "url(", "url(\"", ")", "\\", "/*", "*/", "//", "\n", "{", "}", ":", ";", "@import ", "color", "?", "#", "(", "\\22 ", "URL( '"},
				{"<p onclick=\"", "<p onclick='", "\"", "'", ">", "f(", ")", "`", "${", "}", "/", "&quot;", "&#39;", "&lt;", "\\", "//", "/*", "*/"},
				{"<p style=\"", "<p style='", "<p style=", "\"", "'", ">", "color:", ";", "url(", ")", "&quot;", "&#39;", "\\", "/*", "*/", "expression("},
				{"<textarea>", "</textarea>", "<title>", "</title", ">", "<script type=\"text/template\">", "<script type=module>", "</script>", "<", "</", "<!--", "-->", "<svg>", "<style>", "</style>", "<b "},
			}
			if m.Intn(3) == 0 {
				b.WriteString(m.pick(common...))
			} else {
				b.WriteString(m.pick(special[language]...))
			}
		}
	}
	for range open {
		b.WriteString("{{end}}")
	}
	return b.String() + m.pick("", ">", "\">", "'>", "</script>", "\"</script>", "'</script>", "`</script>", "*/</script>", "/</script>", "</style>", "\"</style>", ")</style>", "*/</style>", "\n</script>", "-->", "</textarea>", "</title>")
}

func (m Maker) WidePage() Case {
	c := m.Page()
	from := strings.Index(c.T, "{{$x := ")
	c.T = c.T[:from] + "{{$x := 1}}" + m.pieces()
	if m.Intn(6) == 0 {
		c.T = m.slip(c.T)
	}
	if m.Intn(6) == 0 { // called twice, and in another place
		c.T += "{{define \"again\"}}" + m.pieces() + "{{end}}{{template \"again\" .}}" + m.pick("", "<p title=\"", "<script>", "<a href='") + "{{template \"again\" .}}" + m.pick("", "\">", "</script>", "'>")
	}
	c.T = strings.ToValidUTF8(c.T, "?")
	return c
}
