// SPDX-License-Identifier: MIT
//
// page_bench.go -- page.cpp with Go's html/template. Prints microseconds a page, best of the rounds.
//
//	page_bench [ROUNDS]   of 200 pages each
//	page_bench --show     prints the page instead
package main

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"strconv"
	"time"
)

const rows, pagesARound = 100, 200

const page = `<!doctype html><title>{{.Title}}</title><table>{{range .Rows}}
<tr><td><a href="/items?id={{.Id}}" title="{{.Title}}">{{.Name}}</a><td>{{.Note}}<td>{{.Price}}{{end}}
</table>
`

type Row struct{ Id, Title, Name, Note, Price string }

func row(i int) Row {
	n := strconv.Itoa(i)
	if i%4 == 0 {
		return Row{"item " + n, `the "best" of ` + n, "Smith & Sons " + n,
			"less than <b>it</b> was, number " + n, n + ".50"}
	}
	return Row{"item " + n, "the best of " + n, "Smith and Sons " + n,
		"less than what it was, number " + n, n + ".50"}
}

func main() {
	made := template.Must(template.New("page").Parse(page))
	var data struct {
		Title string
		Rows  []Row
	}
	data.Title = "All & everything"
	for i := 0; i < rows; i++ {
		data.Rows = append(data.Rows, row(i))
	}
	execute := func() *bytes.Buffer {
		var to bytes.Buffer
		if err := made.Execute(&to, data); err != nil {
			panic(err)
		}
		return &to
	}
	rounds := 25
	if len(os.Args) > 1 {
		if os.Args[1] == "--show" {
			fmt.Print(execute().String())
			return
		}
		rounds, _ = strconv.Atoi(os.Args[1])
	}
	best := 1e18
	for ; rounds > 0; rounds-- {
		begin := time.Now()
		for i := 0; i < pagesARound; i++ {
			execute()
		}
		best = min(best, float64(time.Since(begin).Nanoseconds())/1000/pagesARound)
	}
	fmt.Printf("%.1f\n", best)
}
