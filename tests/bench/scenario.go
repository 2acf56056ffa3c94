package main

import (
	"fmt"
	"regexp"
	"time"
)

// scenario is a comparison of contenders that do the same.
type scenario struct {
	id, title, note string
	contenders      []string
	columns         []metric
	setup
	callers int
	rounds  int
	turn    time.Duration
	// long is left out of a quick run.
	long    bool
	measure func(*bench, scenario, *table) error
}

var (
	everyone = []string{static, local, platform, onPostgres, reverseProxy, forwardAuth, nginx, plain, respond, empty}
	overTLS  = []string{static, local, platform, reverseProxy, forwardAuth, plain}

	perRequest = []metric{cpu, allocs, allocated, rate, p50, p99, resident, serverCPU}
	perMiB     = []metric{throughput, cpuMiB, rate, p50, resident}
)

// Ids of the scenarios that targets name.
const (
	http1Usual  = "http1-32"
	tls2Usual   = "tls-http2-1KiB"
	tls1Large   = "tls-http1-10MiB"
	tls2Large   = "tls-http2-10MiB"
	fixedRate   = "open-loop"
	growth      = "growth"
	growthStart = "growth-start"
	idleStreams = "idle-streams"
	idleMany    = "idle-streams-many"
	idleHTTP2   = "idle-streams-http2"
)

func scenarios() []scenario {
	list := []scenario{
		{id: http1Usual, title: "HTTP/1.1 upstream, 1 KiB, 32 callers", contenders: everyone, callers: 32, rounds: 9},
		{id: "http1-1", title: "HTTP/1.1 upstream, 1 KiB, 1 caller", contenders: everyone, callers: 1, rounds: 5,
			long: true},
		{id: "http1-256", title: "HTTP/1.1 upstream, 1 KiB, 256 callers", contenders: everyone, callers: 256, rounds: 5,
			long: true},
		{id: "access-log", title: "HTTP/1.1 upstream, 1 KiB, 32 callers, access log to a file", callers: 32, rounds: 7,
			contenders: []string{static, local, reverseProxy, forwardAuth}, setup: setup{log: true}},
	}
	for i := range list {
		list[i].upstream, list[i].path, list[i].columns, list[i].measure = inClear, kilobyte, perRequest, closedLoop
		list[i].turn = 2 * time.Second
		if list[i].long {
			list[i].turn = time.Second
		}
	}
	list = append(list, tlsScenarios()...)
	return append(list, otherScenarios()...)
}

// tlsScenarios are those of upstreams as providers are.
func tlsScenarios() (list []scenario) {
	for _, protocol := range []struct {
		protocol
		id, name string
	}{{tls1, "tls-http1", "HTTP/1.1"}, {tls2, "tls-http2", "HTTP/2"}} {
		for _, body := range []scenario{
			{id: "1KiB", contenders: overTLS, columns: perRequest, callers: 32, rounds: 7, setup: setup{path: kilobyte}},
			{id: "64KiB", contenders: overTLS, columns: append([]metric{cpu}, perMiB...), callers: 32, rounds: 5,
				long: true, setup: setup{path: sixtyFour}},
			{id: "10MiB", contenders: []string{local, reverseProxy, plain}, columns: perMiB, callers: 8, rounds: 9,
				setup: setup{path: tenMegabytes}},
		} {
			body.title = fmt.Sprintf("TLS upstream over %s, %s, %d callers", protocol.name,
				body.id[:len(body.id)-3]+" "+body.id[len(body.id)-3:], body.callers)
			body.id, body.upstream, body.turn, body.measure = protocol.id+"-"+body.id, protocol.protocol, 2*time.Second,
				closedLoop
			list = append(list, body)
		}
	}
	return list
}

func otherScenarios() []scenario {
	streaming := []string{local, reverseProxy, plain}
	return []scenario{
		{id: "sse", title: "Event streams, 100 at a time with 100 events a second each", rounds: 5, turn: 2 * time.Second,
			callers: 100, contenders: []string{static, local, reverseProxy, nginx, plain},
			columns: []metric{cpuEvent, allocsEvent, events, resident},
			setup:   setup{upstream: inClear, path: pacedEvents}, measure: eventStreams},
		{id: fixedRate, title: "Open loop, 1,000 requests a second, 1 KiB, HTTP/1.1 upstream", rounds: 7,
			turn: 3 * time.Second, callers: 128, note: openLoopNote,
			contenders: []string{direct, static, local, platform, reverseProxy, forwardAuth, nginx, plain},
			columns:    []metric{p50, p99, p999, addedP50, addedP99, addedP999, late, cpu},
			setup:      setup{upstream: inClear, path: kilobyte}, measure: atFixedRate},
		{id: growthStart, title: "Start of a gateway, by connections in its store", rounds: 5, note: growthStartNote,
			columns: []metric{start, resident}, setup: setup{upstream: inClear, path: kilobyte}, measure: starts},
		{id: growth, title: "Calls spread over 1,000 connections, by connections in the store", rounds: 9,
			turn: 2 * time.Second, callers: 32, note: growthNote, columns: perRequest,
			setup: setup{upstream: inClear, path: kilobyte}, measure: growing},
		{id: idleStreams, title: "Idle event streams, HTTP/1.1 upstream", callers: 5000, rounds: 3, contenders: streaming,
			columns: []metric{streamRSS, streamHeap, resident}, setup: setup{upstream: inClear, path: oneEvent},
			measure: idle},
		{id: idleMany, title: "Idle event streams, HTTP/1.1 upstream, as many as the file limit permits up to 10,000",
			callers: 10_000, rounds: 1, contenders: streaming, columns: []metric{streams, streamRSS, streamHeap, resident},
			setup: setup{upstream: inClear, path: oneEvent}, measure: idle, long: true},
		{id: idleHTTP2, title: "Idle event streams, TLS upstream over HTTP/2", callers: 10_000, rounds: 1,
			contenders: streaming, columns: []metric{streams, streamRSS, streamHeap, resident},
			setup: setup{upstream: tls2, path: oneEvent}, measure: idle, long: true},
	}
}

// choose leaves the contenders whose scenario and name match, as in "http1-32/vendgate, source
// local".
func (s *scenario) choose(only *regexp.Regexp, has func(contender string) bool) (some bool) {
	if len(s.contenders) == 0 {
		return only.MatchString(s.id + "/")
	}
	var left []string
	for _, name := range s.contenders {
		if has(name) && only.MatchString(s.id+"/"+name) {
			left = append(left, name)
		}
	}
	s.contenders = left
	return len(left) > 0
}
