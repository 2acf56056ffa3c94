package inject

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// wire is a RoundTripper that keeps the bytes of each request and answers by host and path.
type wire struct {
	got     []string
	answers map[string]string
	closed  int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		return nil, err
	}
	w.got = append(w.got, r.URL.Scheme+" "+b.String())
	answer, ok := w.answers[r.URL.Host+r.URL.RequestURI()]
	if !ok {
		return nil, errors.New("nothing listens")
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), r)
	if err == nil {
		res.Body = &closing{res.Body, &w.closed}
	}
	return res, err
}

type closing struct {
	io.ReadCloser
	closed *int
}

func (c *closing) Close() error { *c.closed++; return c.ReadCloser.Close() }

func moved(status int, to string) string {
	return "HTTP/1.1 " + strconv.Itoa(status) + " Moved\r\nLocation: " + to +
		"\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\nmoved"
}

const fetched = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func follow(t *testing.T, method, location string, status int, w *wire) (*http.Response, error) {
	t.Helper()
	inj := injectionWith(t, keyApp("https://api.example.com/v1", headers("X-Key", "{api_key}")),
		testCredential("api_key", "the-secret/1"))
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), method, "http://app/x",
		strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Authorization", "Cookie", "X-User-Email", "X-Vendgate-Key", "Accept", "Accept-Encoding",
		"Range", "X-Custom"} {
		r.Header.Set(name, "the caller's")
	}
	first := &http.Response{StatusCode: status, Header: http.Header{"Location": {location}}, Request: r,
		Body: &closing{http.NoBody, &w.closed}}
	f := Follower{Base: w, Refuses: testGateway().IsOwn}
	return f.Follow(inj, first, location)
}

// TestFollow: what goes out has nothing of the caller's and nothing of the credential.
func TestFollow(t *testing.T) {
	const bare = " HTTP/1.1\r\nHost: "
	for _, c := range []struct {
		name, method, location string
		answers                map[string]string
		sent                   []string // as method, path and host
		status                 int
		err                    string
	}{
		{"to a file", "GET", "https://files.example.net/a?sig=1%2F",
			map[string]string{"files.example.net/a?sig=1%2F": fetched}, []string{"GET /a?sig=1%2F files.example.net"}, 200, ""},
		{"by HEAD", "HEAD", "https://files.example.net/a", map[string]string{"files.example.net/a": fetched},
			[]string{"HEAD /a files.example.net"}, 200, ""},
		{"five hops", "GET", "https://a.example/1", map[string]string{
			"a.example/1": moved(301, "https://b.example/2"), "b.example/2": moved(302, "//c.example/3"),
			"c.example/3": moved(303, "/4"),
			"c.example/4": moved(307, "https://api.example.com/v1/5"), "api.example.com/v1/5": fetched,
		}, []string{"GET /1 a.example", "GET /2 b.example", "GET /3 c.example", "GET /4 c.example",
			"GET /v1/5 api.example.com"}, 200, ""},
		{"six hops", "GET", "https://a.example/1", map[string]string{"a.example/1": moved(308, "https://a.example/1")},
			[]string{"GET /1 a.example", "GET /1 a.example", "GET /1 a.example", "GET /1 a.example", "GET /1 a.example"}, 0,
			"more than 5"},
		{"a refusal there", "GET", "https://a.example/1",
			map[string]string{"a.example/1": "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"}, []string{"GET /1 a.example"}, 401,
			""},
		{"the credential as a parameter", "GET", "https://a.example/1?t=the-secret%2F1&p=2",
			map[string]string{"a.example/1?p=2": fetched}, []string{"GET /1?p=2 a.example"}, 200, ""},
		{"user info", "GET", "https://u:p@a.example/1", map[string]string{"a.example/1": fetched},
			[]string{"GET /1 a.example"}, 200, ""},
		{"the credential in the path", "GET", "https://a.example/the-secret%2F1", nil, nil, 0, "holds the credential"},
		{"http", "GET", "http://a.example/1", nil, nil, 0, "without https"},
		{"http after https", "GET", "https://a.example/1", map[string]string{"a.example/1": moved(302, "http://a.example/2")},
			[]string{"GET /1 a.example"}, 0, "without https"},
		{"another scheme", "GET", "file:///etc/passwd", nil, nil, 0, "without https"},
		{"no host", "GET", "https:///a", nil, nil, 0, "without https"},
		{"no address", "GET", "https://[a/1", nil, nil, 0, "invalid"},
		{"the gateway", "GET", "https://a.example/1",
			map[string]string{"a.example/1": moved(302, "https://GW.example.:443/proxy/c/app/x")}, []string{"GET /1 a.example"},
			0, "the gateway itself"},
		{"nobody there", "GET", "https://a.example/1", nil, []string{"GET /1 a.example"}, 0, "nothing listens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &wire{answers: c.answers}
			res, err := follow(t, c.method, c.location, http.StatusFound, w)
			if c.err == "" && (err != nil || res.StatusCode != c.status) || c.err != "" &&
				(err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("answer %v, error %v", res, err)
			}
			if len(w.got) != len(c.sent) {
				t.Fatalf("%d requests: %q", len(w.got), w.got)
			}
			for i, sent := range c.sent {
				parts := strings.Fields(sent)
				if want := "https " + parts[0] + " " + parts[1] + bare + parts[2] +
					"\r\nUser-Agent: Vendgate\r\n\r\n"; w.got[i] != want {
					t.Errorf("sent %q, want %q", w.got[i], want)
				}
			}
			if res != nil {
				_ = res.Body.Close()
			}
			if want := 1 + len(c.sent) - strings.Count(c.err, "nothing listens"); w.closed < want {
				t.Errorf("%d bodies were closed of %d", w.closed, want)
			}
		})
	}
}

// TestFollowStatus: clients follow five statuses.
func TestFollowStatus(t *testing.T) {
	for _, status := range []int{300, 304, 305, 306, 399} {
		if _, err := follow(t, "GET", "https://a.example/1", status, &wire{}); !errors.Is(err, ErrNotFollowed) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestRedirectHost(t *testing.T) {
	inj := injectionWith(t, keyApp("https://api.example.com/v1", headers("X-Key", "{api_key}")),
		testCredential("api_key", "the-secret"))
	for location, want := range map[string]string{
		"https://Files.example.net:8443/a?sig=secret": "files.example.net:8443",
		"//u:p@files.example.net/a":                   "files.example.net",
		`https://evil.example\@api.example.com/a`:     "evil.example",
		"/v2/a":                             "api.example.com",
		"ftp:/a":                            "an address of the scheme ftp",
		"https://the-secret.evil.example/a": "[redacted].evil.example",
		"https://<b>.example/a":             "a host whose name is invalid",
		"https://[::1]:80/a":                "[::1]:80",
	} {
		if got := inj.RedirectHost(location); got != want {
			t.Errorf("%s leads to %q, want %q", location, got, want)
		}
	}
}
