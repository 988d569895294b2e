// SPDX-License-Identifier: MIT
//
// context_bench.go -- context.cpp with Go's context.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

func measure(name string, times int, once func()) {
	best := 1e18
	for round := 0; round < 5; round++ {
		begin := time.Now()
		for i := 0; i < times; i++ {
			once()
		}
		best = min(best, float64(time.Since(begin).Nanoseconds())/float64(times))
	}
	fmt.Printf("%s %.1f\n", name, best)
}

func main() {
	times := 1_000_000
	if len(os.Args) > 1 {
		times, _ = strconv.Atoi(os.Args[1])
	}
	parent, endParent := context.WithCancel(context.Background())
	defer endParent()
	measure("cancel", times, func() { _, cancel := context.WithCancel(context.Background()); cancel() })
	measure("cancel_child", times, func() { _, cancel := context.WithCancel(parent); cancel() })
	measure("timeout_child", times, func() { _, cancel := context.WithTimeout(parent, time.Hour); cancel() })
	found := 0
	measure("done", times, func() {
		if parent.Err() != nil {
			found++
		}
	})
	measure("hundred_thousand_children", 1, func() {
		top, endTop := context.WithCancel(context.Background())
		children := make([]context.Context, 0, 100_000)
		for i := 0; i < 100_000; i++ {
			child, cancel := context.WithCancel(top)
			_ = cancel
			children = append(children, child)
		}
		endTop()
	})
	os.Exit(found)
}
