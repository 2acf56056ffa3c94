package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const wrkOutput = `Running 2s test @ http://127.0.0.1:8080/v1
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.91ms    2.38ms  31.42ms   81.53%
    Req/Sec     8.52k   412.04     9.20k    75.00%
  Latency Distribution
     50%  950.00us
     75%    4.87ms
     90%    6.84ms
     99%    1.20s 
  16997 requests in 2.01s, 21.52MB read
`

func TestParseWrk(t *testing.T) {
	got, err := parseWrk([]byte(wrkOutput + "Requests/sec:   8456.21\nTransfer/sec:     10.71MB\n"))
	want := count{requests: 16997, bytes: 22_565_356, took: 2010 * time.Millisecond, p50: 950 * time.Microsecond,
		p99: 1200 * time.Millisecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseWrkErrors(t *testing.T) {
	got, err := parseWrk([]byte(wrkOutput + "  Socket errors: connect 1, read 2, write 3, timeout 4\n" +
		"  Non-2xx or 3xx responses: 90\n"))
	if err != nil || got.errors != 100 {
		t.Errorf("%d errors, %v, want 100", got.errors, err)
	}
	if _, err := parseWrk([]byte("unable to connect")); !errors.Is(err, errWrk) {
		t.Errorf("no output: %v", err)
	}
}

func TestWrkScript(t *testing.T) {
	script := wrkScript([]string{"/a", "/b"})
	for _, want := range []string{`wrk.format(nil, "/a")`, `wrk.format(nil, "/b")`, "request = function()"} {
		if !strings.Contains(script, want) {
			t.Errorf("%s is missing in %s", want, script)
		}
	}
}
