package asset

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestServer answers for each kind of asset, and leaves every other path to the pages.
func TestServer(t *testing.T) {
	picture := NewPicture("gmail", "image/png", []byte("\x89PNG"))
	s := Server{
		AppName: func(slug string) (string, bool) { return "Gmail", slug == "gmail" },
		Icon: func(slug string) *Asset {
			if slug == "gmail" {
				return picture
			}
			return nil
		},
	}
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
		{"GET", "assets/icon/gmail." + picture.Hash + ".png", 200, "image/png"},
		{"GET", "assets/icon/gmail." + picture.Hash + ".svg", 404, ""},
		{"GET", "assets/icon/gmail.0123456789abcdef.png", 404, ""},
		{"GET", "assets/icon/other." + picture.Hash + ".png", 404, ""},
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

// TestPictureHeaders: an operator's file is kept for good by its name, and may do nothing.
func TestPictureHeaders(t *testing.T) {
	a := NewPicture("acme", SVG, []byte("<svg/>"))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/connect/assets/icon/"+a.Name, nil))
	for name, want := range map[string]string{
		"Content-Type":            "image/svg+xml",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "public, max-age=31536000, immutable",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if want := "acme." + a.Hash + ".svg"; a.Name != want {
		t.Errorf("its name is %q, want %q", a.Name, want)
	}
}
