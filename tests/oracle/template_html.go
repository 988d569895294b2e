// SPDX-License-Identifier: MIT

// template_html.go makes pages up for template.go: HTML with actions in every place that values can
// stand in, and with slips of the pen.
package main

import (
	"encoding/json"
	"strconv"
)

// A piece of the language that a place speaks.
type place func(m Maker, depth int) string

// {{.X}}, sometimes with a pipeline.
func (m Maker) value_() string {
	s := m.pick(".S", ".S", ".S", ".N", ".U", ".L", ".M", ".B", ".Z", ".Gone", ".F", "$x", ".", "\"<i>\"", "`a\"b`", "1", "true")
	switch m.Intn(9) {
	case 0:
		s += " | " + m.pick("asHTML", "asCSS", "asJS", "asJSStr", "asURL", "asAttr", "asSrcset")
	case 1:
		s += " | " + m.pick("html", "urlquery", "js", "print", "printf \"%v-%q\" 1", "len", "upper", "html | print", "urlquery | html", "print | urlquery")
	case 2:
		s = m.pick("html .S .N", "urlquery .S", "printf \"%s&%d\" .S .N", "index .L 0", "len .S", "js .S", "print .S .S", "html (print .S)", "(.M).a", "and .B .S")
	}
	return m.pick("{{", "{{", "{{", "{{- ") + s + m.pick("}}", "}}", "}}", " -}}")
}

// The piece, or actions with pieces of the same place in them.
func (m Maker) among(depth int, p place) string {
	if depth <= 0 || m.Intn(6) > 0 {
		return p(m, depth-1)
	}
	other := m.pick("", "", "{{else}}"+p(m, depth-1))
	switch m.Intn(7) {
	case 0, 1:
		return "{{if " + m.pick(".B", ".S", ".Gone", "true") + "}}" + p(m, depth-1) + other + "{{end}}"
	case 2:
		return "{{with .S}}" + p(m, depth-1) + other + "{{end}}"
	case 3, 4:
		jump := m.pick("", "", "", "{{break}}", "{{if .}}{{break}}{{end}}", "{{if .}}{{continue}}{{end}}"+p(m, depth-1))
		return "{{range " + m.pick(".L", ".M", ".L2", "2") + "}}" + p(m, depth-1) + jump + other + "{{end}}"
	case 5:
		return "{{template \"" + m.pick("value", "value", "text", "self", "quoted", "gone") + "\" " + m.pick(".", ".S", "1") + "}}"
	default:
		return "{{$x := .S}}" + p(m, depth-1)
	}
}

func (m Maker) several(depth, most int, p place) string {
	s := ""
	for n := m.Intn(most + 1); n > 0; n-- {
		if m.Intn(60) == 0 {
			s += m.pick("\"", "'", "`", "<", ">", "/", "=", "\\", "{", "}", "</script>", "<!--", "-->", "*/", "//", "\n", "&quot;", "\u2028", "${", "</style>")
		}
		s += m.among(depth, p)
	}
	return s
}

func textPiece(m Maker, depth int) string {
	if depth <= 0 {
		return m.pick("a", " ", "&amp;", "x < y", "<br>", "<br/>", "\n") + m.pick("", m.value_())
	}
	switch m.Intn(16) {
	case 0:
		return "<!-- " + m.pick("c", "-", ">", "<script>", m.value_()) + m.pick(" -->", " -->", "--!>", "->")
	case 1, 2, 3:
		return "<script" + m.pick("", "", "", " type=\"text/javascript\"", " type=text/template", " type='application/ld+json'", " type=\"module\"", " type=\"text/x{{.S}}\"", " TYPE = \"text/html\"", " async", " src=\"x.js\"") + ">" + m.several(depth-1, 5, jsPiece) + m.pick("</script>", "</script>", "</SCRIPT >", "</script\n>", "</scriptx></script>")
	case 4, 5:
		return "<style" + m.pick("", " media=print") + ">" + m.several(depth-1, 4, cssPiece) + "</style>"
	case 6:
		element := m.pick("textarea", "title")
		return "<" + element + ">" + m.several(depth-1, 3, func(m Maker, depth int) string {
			return m.pick("a", "<b>", "<script>", "</b>", "&lt;", m.value_(), m.value_())
		}) + "</" + element + ">"
	case 7:
		return m.pick("<!DOCTYPE html>", "<!doctype html>", "<?xml?>", "</ p>", "<3", "< b>", "<noscript>"+m.value_()+"</noscript>", "<a-b c:d=\"x\">", "<p/>", "<svg><title>"+m.value_()+"</title></svg>", "<iframe srcdoc=\""+m.value_()+"\">")
	case 8, 9, 10, 11, 12:
		s := "<" + m.pick("p", "a", "img", "INPUT", "x-y", "b", "meta", "link", "form", "script", "textarea")
		if s == "<script" || s == "<textarea" {
			return s + m.several(depth-1, 2, attributePiece) + ">" + m.value_() + "</" + s[1:] + ">"
		}
		return s + m.several(depth-1, 3, attributePiece) + m.pick(">", ">", ">", "/>", " >", "\n>")
	default:
		return m.pick("a", "b & c", " ", "\n", "</p>", "é", "<b>") + m.value_()
	}
}

func attributePiece(m Maker, depth int) string {
	space := m.pick(" ", " ", " ", "\n", "\t", "  ", "/", " \f")
	if m.Intn(10) == 0 {
		return space + m.pick(m.value_(), m.value_()+"=x", "checked", "on"+m.value_()+"=\"x\"", "data-"+m.value_()+"='y'", m.value_()+"=\""+m.value_()+"\"", "{{if .B}}checked{{end}}", "{{if .B}}title{{else}}href{{end}}=\"x{{.S}}\"", "=x", "a b=c")
	}
	name := m.pick("title", "class", "alt", "value", "href", "src", "action", "HREF", "data-href", "data-x", "data-url", "my:src", "xmlns:a", "xlink:href", "srcset", "imagesrcset", "style", "STYLE", "onclick", "onLoad", "data-onclick", "content", "http-equiv", "formaction", "srcdoc", "type", "poster", "ping", "x-style", "data-style", "svg:style", "on", "srclang", "background", "cite", "style2", "mysrc", "uri-x")
	var p place
	switch {
	case has(name, "style", "STYLE", "data-style", "svg:style"):
		p = cssPiece
	case has(name, "onclick", "onLoad", "data-onclick", "on"):
		p = jsPiece
	case has(name, "srcset", "imagesrcset"):
		p = srcsetPiece
	case m.Intn(4) == 0 || has(name, "title", "class", "alt", "value", "content"):
		p = plainPiece
	default:
		p = urlPiece
	}
	equals := m.pick("=", "=", "=", "=", " = ", "= ", " =")
	quote := m.pick("\"", "\"", "\"", "'", "'", "")
	if quote == "" {
		return space + name + equals + m.pick("", "", "x", "/") + m.among(depth, func(m Maker, depth int) string {
			return m.pick(m.value_(), m.value_(), "a", "b"+m.value_(), "/x?y="+m.value_(), "c"+m.value_()+"d")
		})
	}
	return space + name + equals + quote + m.several(depth-1, 4, p) + quote
}

func has(s string, any ...string) bool {
	for _, a := range any {
		if s == a {
			return true
		}
	}
	return false
}

func plainPiece(m Maker, depth int) string {
	return m.pick("a", " b ", "&amp;", "<", ">", "é", m.value_(), m.value_(), m.value_(), "`", "&#34;")
}

func urlPiece(m Maker, depth int) string {
	return m.pick("http://", "/", "a", "?q=", "&x=", "#", "javascript:", "mailto:", "//", " ", "%20", "&amp;", "&quest;", "&#63;", m.value_(), m.value_(), m.value_(), m.value_())
}

func srcsetPiece(m Maker, depth int) string {
	return m.pick("a.png 1x", ", ", ",", " 2x", "/b?c", m.value_(), m.value_(), m.value_())
}

func cssPiece(m Maker, depth int) string {
	return m.pick("color: ", "a", "; ", "width: ", "px", "{ ", "} ", "p", "/* "+m.pick("c", "*", m.value_())+" */", "// x\n", "// "+m.value_()+"\n",
		"url("+m.pick("", "\"", "'")+m.pick("", "/a?", "x")+m.value_()+")", "url( \""+m.value_()+"\" )", "url('/x?y="+m.value_()+"')", "URL(/a"+m.value_()+")", "\""+m.value_()+"\"", "'a\\27 "+m.value_()+"'",
		"content: \"\\\\"+m.value_()+"\"", "-->", "<!--", "@import ", "\\", "\\22 ", "(", ")", "background:", m.value_(), m.value_(), m.value_(), m.value_(), "'a\\"+m.value_()+"'", "\n", "&quot;"+m.value_()+"&quot;")
}

func jsPiece(m Maker, depth int) string {
	v := m.value_()
	inner := ""
	if depth > 0 {
		inner = m.several(depth-1, 2, jsPiece)
	}
	return m.pick("var x = ", "f(", ")", "; ", "\n", "return ", "x", "y ", "1", "1.", "42 ", "a.b", "in ", "typeof ", "++", "--", "+", "-", "*", "% ", "= ", ", ", "[", "]", "{", "}", "? ", ": ", "!", "x++ ", "i-- ",
		v, v, v, v, " / ", "/", " /a"+v+"/g", "/[/]"+v+"/", "/["+v+"]/", "/\\/"+v+"/", "= /x/.test("+v+")", "/=",
		"\"a"+v+"\"", "'"+v+"b'", "\"\\\""+v+"\"", "\"\\"+v+"\"", "'\\n"+v+"'", "\"</script>"+v+"\"", "'<!-- <script>"+v+"'", "\"]]>\"", "\"a\\\nb"+v+"\"",
		"`a"+v+"`", "`${"+inner+v+"}`", "`a${ {b:"+v+"} }"+v+"`", "`${`"+v+"${"+v+"}`}"+inner+"`", "`\\`"+v+"`", "`$"+v+"`", "`</script>"+v+"`", "`${", "`",
		"// c "+v+"\n", "//c\r", "// c\u2028", "/* c */", "/* \n "+v+" */", "/**/", "<!-- c\n", "--> c"+v+"\n", "#! x\n", "x = 5 /2/ "+v+"\n",
		"&quot;"+v+"&quot;", "&#39;"+v+"&#39;", "</script", "é", "if (x) /"+v+"/.y", "\u2029", "a\u00a0/ "+v, "x\f/ "+v, "import("+v+")", "JSON.parse("+v+")", "{a: "+v+"}", "["+v+", "+v+"]", "function(){}", inner)
}

func (m Maker) nasty() string {
	return m.pick("", "a", "O'Reilly", "<b>x</b>", "a & b", "\"q\"", "javascript:alert(1)", "JavaScript:alert(1)", "http://x.y/z?a=b&c=d#e", "/p/q r", "a b", "x=y", "</script>", "<!--", "]]>", "*/ alert(1)", "\\", "a\nb", "\u2028", "é世", "\x00", "`${x}`", "expression(alert(1))", "red", "10px", "#fff", "-moz-binding:url(x)", "a.png 2x, b.png", "%41%zz", "data:text/html,x", "onclick", "href", "title", "style", "12", "-1.5", "+1", "a;b", "(a)", "a{b}", "x:y", "//e.com", " ", "\u00a0", "&lt;b&gt;", "mailto:a@b", "\t", "<script>alert(1)</script>", "\ufeff", "\ufdd0", "dir=\"ltr\"", "é`\"'", "\u0001", "\u007f", "foo/bar:baz", "$", "{{", "alert`1`")
}

// A page that is made up.
func (m Maker) Page() Case {
	data := map[string]any{
		"S": m.nasty(), "U": m.nasty(), "N": m.Intn(20) - 3, "B": m.Intn(2) == 0, "Z": nil,
		"F":  json.RawMessage(m.pick("0.5", "-1.25", "1.0", "1e21", "1e-7", "3.5e20")),
		"L":  []any{m.nasty(), m.nasty(), m.Intn(5)},
		"L2": []any{},
		"M":  map[string]any{"a": m.nasty(), "b": m.Intn(3)},
	}
	if m.Intn(3) == 0 {
		data["S"] = m.value(1)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	self := m.pick("{{define \"self\"}}{{.}}{{end}}", "{{define \"self\"}}a{{if .Gone}}{{template \"self\" .Gone}}{{end}}{{end}}", "{{define \"self\"}}"+m.value_()+"{{template \"quoted\" 1}}{{end}}")
	t := "{{define \"value\"}}{{.}}{{end}}{{define \"text\"}}" + m.pick("<b>{{.}}</b>", "t", "<p title=\"{{.}}\">") + "{{end}}" + self +
		"{{define \"quoted\"}}" + m.pick("\"{{.}}\"", "'{{.}}'", "({{.}})", "x", "`{{.}}`", "/{{.}}/", "{{.}}{") + "{{end}}{{$x := " + strconv.Quote(m.nasty()) + "}}" +
		m.several(3, 4, textPiece)
	return Case{T: t, D: raw, M: "html"}
}
