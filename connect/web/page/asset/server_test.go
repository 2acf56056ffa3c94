package asset

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestServer answers for each kind of asset, and leaves every other path to the pages.
func TestServer(t *testing.T) {
	s := Server{AppName: func(slug string) (string, bool) { return "Gmail", slug == "gmail" }}
	for _, c := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "vendgate-connect.js", 200, JavaScript},
		{"GET", "assets/dashboard.js", 200, JavaScript},
		{"HEAD", "assets/style.css", 200, CSS},
		{"GET", "assets/mark.svg", 200, SVG},
		{"GET", "assets/icon/gmail.svg", 200, SVG},
		{"GET", "assets/accent/0a66c2.css", 200, CSS},
		{"GET", "assets/icon/gmail", 404, ""},
		{"GET", "assets/icon/other.svg", 404, ""},
		{"GET", "assets/accent/blue.css", 404, ""},
		{"GET", "assets/", 404, ""},
		{"POST", "assets/style.css", 404, ""},
		{"GET", "dashboard.js", 0, ""},
		{"GET", "callback", 0, ""},
	} {
		w := httptest.NewRecorder()
		served := s.Serve(w, httptest.NewRequest(c.method, "/connect/"+c.path, nil), c.path)
		if served != (c.status != 0) || served && w.Code != c.status {
			t.Errorf("%s %s: served %v with %d, want %d", c.method, c.path, served, w.Code, c.status)
		}
		if got := w.Header().Get("Content-Type"); c.status == http.StatusOK && got != c.contentType {
			t.Errorf("%s %s: is %q, want %q", c.method, c.path, got, c.contentType)
		}
	}
}
