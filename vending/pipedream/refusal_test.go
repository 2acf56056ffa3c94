package pipedream_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// cut answers a body that ends before its declared length.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "4000")
	_, _ = w.Write([]byte(`{"id":"apn_1","external_id":"canary`))
}

// noHTTP answers what is no HTTP, and repeats what it was sent.
func noHTTP(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte("HTTP/1.1 abc " + r.Header.Get("Authorization") + "canary\r\n\r\n"))
	_ = conn.Close()
}

var huge = strings.Repeat(" ", 300<<10)

// TestRefusal: what both endpoints may answer, and what becomes of it.
func TestRefusal(t *testing.T) {
	for name, tt := range map[string]struct {
		answer         http.HandlerFunc
		token, account vending.Code
		logged         bool // as a refused client, by both
	}{
		"400": {says(400, `{"error":"invalid_client canary"}`), vending.InternalError, vending.InternalError,
			false},
		"401": {says(401, `{"error":"unauthorized canary"}`), vending.InternalError, vending.InternalError,
			true},
		"401 HTML": {says(401, "<html>canary"), vending.InternalError, vending.InternalError, true},
		"403":      {says(403, ""), vending.InternalError, vending.InternalError, true},
		"404":      {says(404, ""), vending.InternalError, vending.ConnectionDeleted, false},
		"405":      {says(405, ""), vending.InternalError, vending.InternalError, false},
		"408":      {says(408, ""), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"410":      {says(410, ""), vending.InternalError, vending.ConnectionDeleted, false},
		"418":      {says(418, "canary"), vending.InternalError, vending.InternalError, false},
		"429": {says(429, `{"error":"Throttled"}`, "Retry-After", "17"), vending.RateLimited,
			vending.RateLimited, false},
		"500":      {says(500, "canary"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"502 HTML": {says(502, "<html>"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"504":      {says(504, ""), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"599":      {says(599, ""), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"204":      {says(204, ""), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"302": {says(302, "", "Location", "/elsewhere"), vending.UpstreamUnavailable,
			vending.UpstreamUnavailable, false},
		"empty 200": {says(200, ""), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"HTML 200":  {says(200, "<html>canary"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"null":      {says(200, "null"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"list":      {says(200, `["canary"]`), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"text":      {says(200, `"canary"`), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"not UTF-8": {says(200, "{\"access_token\":\"canary\xff\"}"), vending.UpstreamUnavailable,
			vending.UpstreamUnavailable, false},
		"more after it": {says(200, passAnswer+"{}"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"cut":           {cut, vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"huge":          {says(200, "{"+huge+"}"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"huge error":    {says(401, huge), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"no HTTP":       {noHTTP, vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"empty object":  {says(200, "{}"), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"null data":     {says(200, `{"data":null}`), vending.UpstreamUnavailable, vending.UpstreamUnavailable, false},
		"data of a list": {says(200, `{"data":["canary"]}`), vending.UpstreamUnavailable, vending.UpstreamUnavailable,
			false},
		"an id of numbers": {says(200, `{"id":1,"external_id":"canary"}`), vending.UpstreamUnavailable,
			vending.UpstreamUnavailable, false},
	} {
		for call, s := range map[string]*stand{"token": serve(t, tt.answer, says(200, sheets), nil),
			"account": serve(t, nil, tt.answer, nil)} {
			t.Run(name+"/"+call, func(t *testing.T) {
				var logged bytes.Buffer
				source := newSource(t, s, func(o *pipedream.Options) { o.Logger = slog.New(slog.NewJSONHandler(&logged, nil)) })
				cred, err := vend(source, request())
				want := map[string]vending.Code{"token": tt.token, "account": tt.account}[call]
				e := refused(t, cred, err, want)
				clean(t, logged.String())
				told := strings.Contains(logged.String(),
					`"level":"ERROR","msg":"pipedream refused the OAuth client","call":"`+call+`","status":`)
				if wants := tt.logged || call == "token" && want == vending.InternalError; told != wants {
					t.Errorf("logged %s", logged.String())
				}
				if want == vending.RateLimited && e.RetryAfter != 17*time.Second {
					t.Errorf("retry after %s", e.RetryAfter)
				}
				if len(s.asked("/elsewhere")) > 0 {
					t.Error("a redirect was followed")
				}
			})
		}
	}
}

// TestTokenAnswers: a token that could not be used is not sent.
func TestTokenAnswers(t *testing.T) {
	for answer, ok := range map[string]bool{
		`{"access_token":"canary-t"}`:                                         true,
		`{"access_token":"canary-t","token_type":"bearer","expires_in":null}`: true,
		`{"access_token":"canary-t","expires_in":"3600"}`:                     true,
		`{"access_token":"canary-t","expires_in":1e300}`:                      true,
		`{"access_token":"canary-t","token_type":"mac"}`:                      false,
		`{"access_token":""}`:                                                 false,
		`{"access_token":" "}`:                                                false,
		`{"access_token":null}`:                                               false,
		`{"access_token":"canary\r\nX: y"}`:                                   false,
		`{"access_token":7}`:                                                  false,
		`{"token_type":"Bearer","expires_in":3600}`:                           false,
		`{"access_token":"canary-t","expires_in":0}`:                          false,
		`{"access_token":"canary-t","expires_in":-1}`:                         false,
		`{"access_token":"canary-t","expires_in":"soon"}`:                     false,
		`{"access_token":"canary-t","expires_in":"NaN"}`:                      false,
		`{"access_token":"canary-t","expires_in":{}}`:                         false,
	} {
		s := serve(t, says(200, answer), says(200, sheets), nil)
		cred, err := vend(newSource(t, s), request())
		if ok {
			vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
			continue
		}
		_ = refused(t, cred, err, vending.UpstreamUnavailable)
		if n := len(s.asked("/accounts/")); n != 0 {
			t.Errorf("%s: %d account calls", answer, n)
		}
	}
}

// TestRetryAfter: a refusal always says when to come back, within a second and a day.
func TestRetryAfter(t *testing.T) {
	soon := time.Now().Add(90 * time.Second)
	for name, tt := range map[string]struct {
		header   []string
		min, max time.Duration
	}{
		"seconds": {[]string{"Retry-After", "30", "X-RateLimit-Reset", "5"}, 30 * time.Second,
			30 * time.Second},
		"a date": {[]string{"Retry-After", soon.UTC().Format(http.TimeFormat)}, 80 * time.Second,
			91 * time.Second},
		"absent":           {nil, time.Second, time.Second},
		"negative":         {[]string{"Retry-After", "-5"}, time.Second, time.Second},
		"endless":          {[]string{"Retry-After", "999999999999999999999"}, 24 * time.Hour, 24 * time.Hour},
		"garbage":          {[]string{"Retry-After", "later"}, time.Second, time.Second},
		"reset in seconds": {[]string{"X-RateLimit-Reset", "45"}, 45 * time.Second, 45 * time.Second},
		"reset at a time": {[]string{"X-RateLimit-Reset", strconv.FormatInt(soon.Unix(), 10)}, 80 * time.Second,
			91 * time.Second},
		"reset in the past": {[]string{"X-RateLimit-Reset", "1500000000"}, time.Second, time.Second},
		"reset in milliseconds": {[]string{"X-RateLimit-Reset", strconv.FormatInt(soon.UnixMilli(), 10)}, 24 * time.Hour,
			24 * time.Hour},
		"reset of garbage": {[]string{"X-RateLimit-Reset", "soon"}, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			cred, err := vend(newSource(t, serve(t, nil, says(429, `{"error":"Throttled"}`, tt.header...), nil)), request())
			if e := refused(t, cred, err, vending.RateLimited); e.RetryAfter < tt.min || e.RetryAfter > tt.max {
				t.Errorf("retry after %s", e.RetryAfter)
			}
		})
	}
}

// TestRefusedToken: the account endpoint's 401 costs one fresh token and one more call, and no
// third.
func TestRefusedToken(t *testing.T) {
	fresh := says(200, strings.Replace(passAnswer, bearer, "canary-fresh", 1))
	accounts := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer canary-fresh" {
			says(401, "")(w, r)
			return
		}
		says(200, sheets)(w, r)
	}
	s := serve(t, inTurn(says(200, passAnswer), fresh), accounts, nil)
	source := newSource(t, s)
	for range 2 {
		cred, err := vend(source, request())
		vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
	}
	if token, account := len(s.asked("/token")), len(s.asked("/accounts/")); token != 2 || account != 3 {
		t.Errorf("%d token and %d account calls", token, account)
	}

	s = serve(t, nil, says(401, ""), nil)
	cred, err := vend(newSource(t, s), request())
	_ = refused(t, cred, err, vending.InternalError)
	if token, account := len(s.asked("/token")), len(s.asked("/accounts/")); token != 2 || account != 2 {
		t.Errorf("%d token and %d account calls", token, account)
	}
}

// TestUnreachable: where nobody listens, the vend is unavailable, and says no more than where.
func TestUnreachable(t *testing.T) {
	s := serve(t, nil, says(200, sheets), nil)
	source := newSource(t, s)
	s.Close()
	cred, err := vend(source, request())
	e := refused(t, cred, err, vending.UpstreamUnavailable)
	if !strings.Contains(fmt.Sprint(e.Err), "connection refused") {
		t.Errorf("cause %v", e.Err)
	}
}

// TestNobodyFound: that no account was ever found is logged, once, and that one is missing is not.
func TestNobodyFound(t *testing.T) {
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		lines   int
	}{
		"none":        {[]http.HandlerFunc{says(404, `{"error":"record not found"}`)}, 1},
		"none, gone":  {[]http.HandlerFunc{says(410, `{"error":{"account":["gone"]}}`)}, 1},
		"one at last": {[]http.HandlerFunc{says(404, ""), says(200, sheets), says(404, "")}, 1},
		"one before":  {[]http.HandlerFunc{says(200, sheets), says(404, "")}, 0},
	} {
		var log bytes.Buffer
		source := newSource(t, serve(t, nil, inTurn(c.answers...), nil), func(o *pipedream.Options) {
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		for range 4 {
			_, _ = vend(source, request())
		}
		if n := strings.Count(log.String(), "pipedream has found no account so far"); n != c.lines {
			t.Errorf("%s: %d lines in %s", name, n, &log)
		}
		if c.lines > 0 &&
			(!strings.Contains(log.String(), "project=proj_1") || !strings.Contains(log.String(), "environment=development")) {
			t.Errorf("%s: %s", name, &log)
		}
		clean(t, log.String())
	}
}
