package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// token is what the vending roles hand out, in the form and length of Google's.
const token = "ya29.a0AfB_byC-bench-token-of-a-usual-length-0123456789abcdefghijklmnopqrstuvwxyz"

// What the upstream answers, by path.
const (
	kilobyte      = "/v1/bytes/1024"
	sixtyFour     = "/v1/bytes/65536"
	tenMegabytes  = "/v1/bytes/10485760"
	pacedEvents   = "/v1/events/10ms"
	oneEvent      = "/v1/events/"
	eventEnd      = '~' // nothing else that the upstream sends has one
	eventsASecond = 100
)

var event = []byte(`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lorem ipsum"}}` +
	string(eventEnd) + "\n\n")

// upstream is the provider.
type upstream struct{ body []byte }

func newUpstream() *upstream {
	item := []byte(`{"id":"18c2f0","threadId":"18c2f0","snippet":"lorem ipsum dolor sit"},` + "\n")
	return &upstream{body: bytes.Repeat(item, 10<<20/len(item)+1)}
}

// ServeHTTP implements http.Handler. A contender that injects nothing must not win.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if size, ok := strings.CutPrefix(r.URL.Path, "/v1/bytes/"); ok {
		n, _ := strconv.Atoi(size)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", size)
		_, _ = w.Write(u.body[:min(n, len(u.body))])
		return
	}
	u.stream(w, r)
}

// stream sends an event as often as the path says, or one and no more.
func (*upstream) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	every, err := time.ParseDuration(strings.TrimPrefix(r.URL.Path, oneEvent))
	if err != nil {
		every = time.Hour
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		if _, err := w.Write(event); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-ticks.C:
		case <-r.Context().Done():
			return
		}
	}
}

// answerPlatform answers as the Platform API does.
func answerPlatform(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/token") {
		_, _ = fmt.Fprintf(w,
			`{"status":"success","message":"ok","data":{"access_token":%q,"token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}}`, token)
		return
	}
	_, _ = fmt.Fprint(w,
		`{"status":"success","message":"ok","data":{"id":"c1","name":"n","app":{"id":"bench","slug":"bench","name":"Bench"},"status":"active"}}`)
}

func answerAuth(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Vended", "Bearer "+token) }

// answerEmpty answers by itself a body as long as the upstream's, which no proxy can undercut.
func answerEmpty(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(emptyAnswer)
}

var emptyAnswer = bytes.Repeat([]byte("a"), 1024)
