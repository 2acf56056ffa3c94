package userapps

import (
	"strings"
	"testing"
)

// toUp and toExtra are the bytes of a call as the app media sends it; wiki's have no headers of the
// app's own.
func toUp(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: {up}\r\nUser-Agent: media/1\r\nApi-Version: 7\r\nX-Api-Key: " + canary +
		"\r\n\r\n"
}

func toExtra(target string) string {
	return strings.Replace(toUp(target), "Host: {up}", "Host: {extra}", 1)
}

func toWiki(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: {up}\r\nX-Api-Key: " + canary + "\r\n\r\n"
}

// TestExtraHost: a path behind ~ and a declared host arrives there and nowhere else, byte for byte,
// with the credential and with Host and address from one value.
func TestExtraHost(t *testing.T) {
	s := newStage(t, "")
	for name, c := range map[string]struct{ target, up, extra string }{
		"upstream": {"/proxy/media/media/a", toUp("/base/a?key=" + canary), ""},
		"extra":    {"/proxy/media/media/~{extra}/a/b", "", toExtra("/a/b?key=" + canary)},
		"extra, raw path and query": {"/proxy/media/media/~{extra}/a%2Fb%c3//c;d?x=%zz&key=mine&y=1;z", "",
			toExtra("/a%2Fb%c3//c;d?x=%zz&y=1;z&key=" + canary)},
		"extra, its root":             {"/proxy/media/media/~{extra}/", "", toExtra("/?key=" + canary)},
		"extra, nothing behind":       {"/proxy/media/media/~{extra}?a=1", "", toExtra("/?a=1&key=" + canary)},
		"extra, a path with ~":        {"/proxy/media/media/~{extra}/~{up}/a", "", toExtra("/~{up}/a?key=" + canary)},
		"~ not at the beginning":      {"/proxy/media/media/a/~{extra}/b", toUp("/base/a/~{extra}/b?key=" + canary), ""},
		"~ of an app without others":  {"/proxy/wiki/wiki/~alice/page", toWiki("/~alice/page"), ""},
		"%7e of an app without":       {"/proxy/wiki/wiki/%7Ealice", toWiki("/%7Ealice"), ""},
		"host of an app without such": {"/proxy/wiki/wiki/~{extra}/page", toWiki("/~{extra}/page"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := s.call(c.target, "Host-Override: {up}", "X-Api-Key: mine")
			if !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
				t.Errorf("answered %q", answer)
			}
			added := "Host-Override: {up}\r\n" // no header of ours, so it passes
			place := func(text string) string { return insertHeader(text, added) }
			s.sent(t, place(c.up), place(c.extra))
		})
	}
}

// insertHeader puts a line where net/http writes it: the headers are sorted behind Host and
// User-Agent.
func insertHeader(request, line string) string {
	if request == "" {
		return ""
	}
	before, after, _ := strings.Cut(request, "X-Api-Key: ")
	return before + line + "X-Api-Key: " + after
}

// TestExtraHostRefused: what is no declared host, letter for letter, is refused with the names of
// those that are, and nobody is called.
func TestExtraHostRefused(t *testing.T) {
	s := newStage(t, "")
	for name, path := range map[string]string{
		"another host": "/~evil.example/a", "the upstream's own": "/~{up}/a", "no host": "/~/a", "~ alone": "/~",
		"trailing dot": "/~{extra}./a", "another port": "/~{extra}1/a", "without its port": "/~127.0.0.1/a",
		"another name of it": "/~localhost/a",
		"userinfo":           "/~u@{extra}/a", "host as userinfo": "/~{extra}@evil.example/a", "%7e": "/%7e{extra}/a",
		"%7E": "/%7E{extra}/a", "%257e": "/%257e{extra}/a",
		"double slash": "//~{extra}/a", "encoded slash": "/~{extra}%2Fa", "encoded slash before": "/%2F~{extra}/a",
		"parameter":   "/~{extra};x/a",
		"encoded dot": "/~127%2E0.0.1/a", "encoded colon": "/~127.0.0.1%3A80/a", "two of them": "/~~{extra}/a",
		"scheme": "/~http://{extra}/a", "IPv6": "/~[::1]/a",
	} {
		t.Run(name, func(t *testing.T) {
			answer := s.call("/proxy/media/media" + path)
			if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, `"code":"invalid_request"`) ||
				!strings.Contains(answer, s.expand.Replace("~{extra}")) {
				t.Errorf("answered %q", answer)
			}
			s.sent(t, "", "")
		})
	}
	for _, path := range []string{"/~{extra}/../a", "/~{extra}/%2e%2e/a", "/~{extra}\\a", "/~..//a"} {
		if answer := s.call("/proxy/media/media" + path); !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
			t.Errorf("%s answered %q", path, answer)
		}
		s.sent(t, "", "")
	}
}

// TestExtraHostLinks: links among an app's hosts lead through the gateway, whichever of them was
// called; others pass.
func TestExtraHostLinks(t *testing.T) {
	s := newStage(t, "")
	const own = "http://gateway.example/proxy/media/media"
	for name, c := range map[string]struct{ target, location, want string }{
		"upstream to extra":     {"/proxy/media/media/a", "http://{extra}/s?id=1&key=" + canary, own + "/~{extra}/s?id=1"},
		"upstream to itself":    {"/proxy/media/media/a", "http://{up}/base/s", own + "/s"},
		"upstream to a ~ path":  {"/proxy/media/media/a", "http://{up}/base/~{extra}/s", "http://{up}/base/~{extra}/s"},
		"extra to upstream":     {"/proxy/media/media/~{extra}/a", "http://{up}/base/s", own + "/s"},
		"extra to itself":       {"/proxy/media/media/~{extra}/a", "http://{extra}/s", own + "/~{extra}/s"},
		"extra, a path":         {"/proxy/media/media/~{extra}/a", "/s/1", "/proxy/media/media/~{extra}/s/1"},
		"extra to outside base": {"/proxy/media/media/~{extra}/a", "http://{up}/s", "http://{up}/s"},
		"to a stranger":         {"/proxy/media/media/~{extra}/a", "http://evil.example/s", "http://evil.example/s"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := s.expand.Replace("HTTP/1.1 201 Created\r\nLocation: " + c.location + "\r\nLink: <" + c.location +
				">; rel=next\r\nContent-Length: 0\r\n\r\n")
			s.up.Answer(func(string) string { return reply })
			s.extra.Answer(func(string) string { return reply })
			answer := s.call(c.target)
			for _, line := range []string{"\r\nLocation: " + c.want + "\r\n", "\r\nLink: <" + c.want + ">; rel=next\r\n"} {
				if !strings.Contains(answer, s.expand.Replace(line)) {
					t.Errorf("the answer lacks %q: %q", s.expand.Replace(line), answer)
				}
			}
		})
	}
}

// TestExtraHostRules: a path that a tenant may call at the upstream is none that it may call
// elsewhere.
func TestExtraHostRules(t *testing.T) {
	s := newStage(t, "rule media allow /v1/**\nrule media allow GET /~{extra}/files/**\nrule media deny /v1/secret")
	for target, allowed := range map[string]bool{
		"/proxy/media/media/v1/a": true, "/proxy/media/media/~{extra}/files/a": true,
		"/proxy/media/media/~{extra}/v1/a": false, "/proxy/media/media/files/a": false, "/proxy/media/media/v1/secret": false,
		"/proxy/media/media/~{extra}/files%2Fa": false, "/proxy/media/media/~{extra}/files;x/a": false,
	} {
		answer := s.call(target)
		if got := strings.HasPrefix(answer, "HTTP/1.1 200 "); got != allowed || !allowed &&
			!strings.Contains(answer, `"code":"policy_denied"`) {
			t.Errorf("%s answered %q", target, answer)
		}
		if n := len(s.up.Got()) + len(s.extra.Got()); (n > 0) != allowed {
			t.Errorf("%s: the providers got %d requests", target, n)
		}
	}
}
