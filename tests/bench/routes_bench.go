// SPDX-License-Identifier: MIT
//
// routes_bench.go -- routes.cpp with Go's ServeMux. Needs Go 1.22 for its patterns.

//go:debug httpmuxgo121=0
package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

func edit(i int) string {
	if i%2 == 1 {
		return "/edit"
	}
	return ""
}

func main() {
	times := 1_000_000
	if len(os.Args) > 1 {
		times, _ = strconv.Atoi(os.Args[1])
	}
	for _, routes := range []int{10, 100, 1000, 10_000} {
		mux := http.NewServeMux()
		for i := 0; i < routes; i++ {
			mux.HandleFunc(fmt.Sprintf("GET /api/v1/things%d/{id}%s", i, edit(i)), func(http.ResponseWriter, *http.Request) {})
		}
		var requests []*http.Request
		for i := 0; i < 1000; i++ {
			route := i * 7919 % routes
			r, _ := http.NewRequest("GET", fmt.Sprintf("/api/v1/things%d/%d%s", route, i, edit(route)), nil)
			requests = append(requests, r)
		}
		best := 1e18
		for round := 0; round < 5; round++ {
			begin := time.Now()
			for i := 0; i < times; i++ {
				mux.Handler(requests[i%len(requests)])
			}
			best = min(best, float64(time.Since(begin).Nanoseconds())/float64(times))
		}
		fmt.Printf("%d %.1f\n", routes, best)
	}
}
