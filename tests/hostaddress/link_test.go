package hostaddress

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestLinks: links lead to the same form of address, on the port by which the caller came.
func TestLinks(t *testing.T) {
	s := newScene(t)
	const main, files = "http://key." + domain, "http://key--files." + domain
	for name, c := range map[string]struct{ host, path, location, want string }{
		"absolute": {"key." + domain, "/v1/x", "http://" + s.up.Addr + "/v1/y?p=2", main + "/v1/y?p=2"},
		"a port": {"Key." + domain + ".:8443", "/v1/x", "http://" + s.up.Addr + "/v1/y",
			main + ":8443/v1/y"},
		"another domain": {"key.gw.example.org", "/v1/x", "http://" + s.up.Addr + "/v1/y",
			"http://key.gw.example.org/v1/y"},
		"a path":          {"key." + domain, "/v1/x", "/v1/y", "/v1/y"},
		"relative":        {"key." + domain, "/v1/x", "y?p=2", "y?p=2"},
		"a labelled host": {"key." + domain, "/v1/x", "http://" + s.files.Addr + "/v1/f", files + "/v1/f"},
		"a host without a label": {"key." + domain, "/v1/x", "http://" + s.plain.Addr + "/f",
			main + "/~" + s.plain.Addr + "/f"},
		"back from a labelled host": {"key--files." + domain + ":80", "/x", "http://" + s.up.Addr + "/v1/y",
			main + ":80/v1/y"},
		"a path at a labelled host":  {"key--files." + domain, "/x", "/y", "/y"},
		"outside of the API":         {"key." + domain, "/v1/x", "/v2/y", "http://" + s.up.Addr + "/v2/y"},
		"another app":                {"key." + domain, "/v1/x", "https://bare." + domain + "/y", ""},
		"the gateway's own":          {"key." + domain, "/v1/x", "http://" + domain + "/connect/dashboard", ""},
		"another app, from the path": {domain, "/proxy/" + s.connection + "/key/x", "https://bare." + domain + "/y", ""},
		"by path, the form of paths": {domain, "/proxy/" + s.connection + "/key/x", "http://" + s.up.Addr + "/v1/y",
			"http://" + domain + "/proxy/" + s.connection + "/key/y"},
		"someone else's": {"key." + domain, "/v1/x", "https://other.example/y", "https://other.example/y"},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			answer := func(string) string {
				return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLocation: " + c.location + "\r\n\r\nok"
			}
			s.up.Answer(answer)
			s.files.Answer(answer)
			if got := s.get(c.host, c.path).header.Get("Location"); got != c.want {
				t.Errorf("%s became %q, want %q", c.location, got, c.want)
			}
		})
	}
}

// TestLinksBehindTLS: where a proxy in front ends TLS, public_url says so.
func TestLinksBehindTLS(t *testing.T) {
	s := newScene(t, "public_url https://gateway.example")
	for location, want := range map[string]string{
		"http://" + s.up.Addr + "/v1/y":      "https://key." + domain + "/v1/y",
		"https://gateway.example/connect/x":  "",
		"https://app.gateway.example/a":      "https://app.gateway.example/a",
		"https://GATEWAY.example.:99/proxy/": "",
	} {
		s.up.Answer(func(string) string {
			return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLocation: " + location + "\r\n\r\nok"
		})
		if got := s.get("key."+domain, "/v1/x").header.Get("Location"); got != want {
			t.Errorf("%s became %q, want %q", location, got, want)
		}
	}
}

// TestLoop: an app that leads back to the gateway by host ends at the second call.
func TestLoop(t *testing.T) {
	var gateway string
	var calls atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 20 {
			http.Error(w, "it goes on for ever", http.StatusTeapot)
			return
		}
		out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+gateway+r.RequestURI, nil)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header, out.Host = r.Header.Clone(), "loop."+domain
		res, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
		w.WriteHeader(res.StatusCode)
	}))
	defer front.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	loop := fmt.Sprintf("app loop {\n auth_type api_key\n field api_key \"API key\" secret\n header X-Vendgate-Key "+
		"{api_key}\n upstream %s\n allow_http\n allow_private 127.0.0.0/8\n}\n", front.URL)
	s := newScene(t, loop)
	gateway = s.Addr
	connection := s.connect("loop", "sk-later")
	s.key = s.mint(connection, nil)
	// The credential of the connection becomes the key that leads to it.
	second := s.connect("loop", s.key)
	s.key = s.mint(second, nil)
	a := s.get("loop."+domain, "/v1/x")
	if n := calls.Load(); n != 1 || a.status != http.StatusBadRequest {
		t.Errorf("%d calls came back, and the caller got %d %s", n, a.status, a.body)
	}
}

// TestLogs: a key in a host name is in no log, in whatever case, and what a call's address holds is
// redacted by the rules for calls.
func TestLogs(t *testing.T) {
	s := newScene(t)
	random := strings.TrimPrefix(s.key, "ck_")
	for _, host := range []string{s.key + "." + domain, strings.ToLower(s.key) + "." + domain,
		"ck-" + strings.ToUpper(random) + "." + domain, random + ".example"} {
		s.get(host, "/v1/x", "X-Marker: host")
		s.raw("GET /v1/x HTTP/1.1", "Host: "+host)
	}
	s.get("key."+domain, "/v1/x?key="+s.key)
	s.get("key."+domain, "/v1/"+s.key+"/x")
	s.get("key."+domain, "/v1/abcdefghijklmnopqrstuvwxyz0123456/x?plain=1")
	s.get("key."+domain, "/v1/x?token=abcdefghijklmnopqrstuvwxyz0123456")
	log := s.Log()
	if strings.Contains(strings.ToLower(log), strings.ToLower(random)) {
		t.Error("the log has the key")
	}
	for _, want := range []string{`"host":"REDACTED"`, `"uri":"/v1/x?REDACTED"`, `"uri":"/REDACTED"`,
		`"uri":"/v1/abcdefghijklmnopqrstuvwxyz0123456/x?plain=1"`, `"app":"key"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if strings.Contains(log, "token=abc") {
		t.Error("the log has what may be a token")
	}
}
