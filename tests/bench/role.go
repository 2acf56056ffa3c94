package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// What the vending roles hand out, and the answer of the upstream: about a kilobyte of JSON.
const token = "ya29.a0AfB_byC-bench-token-of-a-usual-length-0123456789abcdefghijklmnopqrstuvwxyz"

var answer = []byte(`{"messages":[` + strings.Repeat(`{"id":"18c2f0","threadId":"18c2f0","snippet":"lorem ipsum"},`,
	16) + `{}]}`)

// play runs one of the servers around the contenders.
func play(role, addr, target string) error {
	var h http.Handler
	switch role {
	case "upstream":
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ya29.") {
				w.WriteHeader(http.StatusForbidden) // a contender that injects nothing must not win
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer)
		})
	case "platform":
		h = http.HandlerFunc(platform)
	case "auth":
		h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Vended", "Bearer "+token)
		})
	case "proxy":
		u, err := url.Parse(target)
		if err != nil {
			return err
		}
		h = &httputil.ReverseProxy{
			Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(u)
				r.Out.Header.Set("Authorization", "Bearer "+token)
			},
		}
	default:
		return fmt.Errorf("unknown role %q", role)
	}
	s := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: time.Minute}
	return s.ListenAndServe()
}

// platform answers as the Platform API does.
func platform(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/token") {
		_, _ = fmt.Fprintf(w,
			`{"status":"success","message":"ok","data":{"access_token":%q,"token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}}`, token)
		return
	}
	_, _ = fmt.Fprint(w,
		`{"status":"success","message":"ok","data":{"id":"c1","name":"n","app":{"id":"bench","slug":"bench","name":"Bench"},"status":"active"}}`)
}
