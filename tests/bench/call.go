// SPDX-License-Identifier: MIT
//
// call.go -- a peer: the same calls by Go's net/http. See call_jot.cpp.
//
// One Client, shared by a goroutine for each thread of the others; it may keep all connections.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func call(client *http.Client, url string) bool {
	res, err := client.Get(url)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return err == nil && string(body) == "Hello, World!"
}

func main() {
	threads, _ := strconv.Atoi(os.Args[2])
	seconds, _ := strconv.ParseFloat(os.Args[3], 64)
	transport := &http.Transport{MaxIdleConnsPerHost: threads, DisableCompression: true}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	var good, bad atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for i := 0; i < threads; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Since(start).Seconds() < seconds {
				if call(client, os.Args[1]) {
					good.Add(1)
				} else {
					bad.Add(1)
				}
			}
		}()
	}
	all.Wait()
	fmt.Println(good.Load(), bad.Load(), time.Since(start).Seconds())
}
