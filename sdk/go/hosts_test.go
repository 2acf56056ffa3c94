package vendgate

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// shared are the vectors of all SDKs.
type shared struct {
	Gateway, Connection string
	Apps                map[string][]Host
	Vectors             []struct {
		Name, App, URL, To string
		Fields             map[string]string
		Refused            Reason
	}
}

func readShared(t *testing.T) (s shared) {
	t.Helper()
	text, err := os.ReadFile("../testdata/hosts.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHosts(t *testing.T) {
	s := readShared(t)
	root, err := parse(s.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			m := newHostMap(&Options{App: v.App, Connection: s.Connection}, root, s.Apps[v.App], v.Fields)
			to, err := m.find(v.URL)
			var refused *RefusedError
			switch {
			case v.Refused == "" && (err != nil || to != v.To):
				t.Errorf("%s: %v, want %s", to, err, v.To)
			case v.Refused != "" && (!errors.As(err, &refused) || refused.Reason != v.Refused):
				t.Errorf("%s: %v, want it refused as %s", to, err, v.Refused)
			}
		})
	}
}

func TestRefusalNamesHosts(t *testing.T) {
	s := readShared(t)
	m := newHostMap(&Options{App: "dropbox", Connection: "c"}, target{scheme: "https", host: "gw.example"},
		s.Apps["dropbox"], nil)
	_, err := m.find("https://evil.example:8443/x?key=canary")
	if err == nil || !strings.Contains(err.Error(), "evil.example:8443") ||
		!strings.Contains(err.Error(), "api.dropboxapi.com") || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestGatewayBelowPath(t *testing.T) {
	root, err := parse("http://gw.example:8080/behind/")
	if err != nil {
		t.Fatal(err)
	}
	m := newHostMap(&Options{App: "plain", Connection: "a/b c!'(é"}, root, readShared(t).Apps["plain"], nil)
	want := "http://gw.example:8080/behind/proxy/a%2Fb%20c%21%27%28%C3%A9/plain/x"
	for _, raw := range []string{"https://api.plain.example/x", want} {
		if got, err := m.find(raw); got != want || err != nil {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
}
