package pipedream_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/pipedream"
)

const (
	clientID     = "client-1"
	clientSecret = "pd-canary-secret-5501"
	account      = "apn_1"
	user         = "alice@example.com"
)

// raw is a client written by hand: it sends lines and reads what comes back.
type raw struct {
	*pipedream.StandIn
	t *testing.T
	// bearer is a token that holds.
	bearer string
}

func options() pipedream.Options {
	return pipedream.Options{Project: "proj_1", Environment: "development", ClientID: clientID, ClientSecret: clientSecret}
}

// newRaw starts an API with one OAuth account, whose API is at origin.
func newRaw(t *testing.T, o pipedream.Options, origin string) *raw {
	t.Helper()
	c := &raw{StandIn: pipedream.Start(t, o), t: t}
	c.Put(pipedream.OAuth(account, user, "slack", "xoxb-canary-5502").Behind(origin))
	c.bearer = c.token()
	return c
}

// reply is an answer whose body ended, well or not.
type reply struct {
	*http.Response
	body string
	err  error
}

// send sends a request on a connection of its own.
func (c *raw) send(request string) reply {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.Addr)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		c.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return reply{err: err}
	}
	body, err := io.ReadAll(res.Body)
	return reply{res, string(body), err}
}

// lines is a request of a head and a body, with its length.
func lines(body string, head ...string) string {
	if body != "" {
		head = append(head, "Content-Length: "+strconv.Itoa(len(body)))
	}
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

func tokenRequest(body string) string {
	return lines(body, "POST /v1/oauth/token HTTP/1.1", "Host: pd", "Content-Type: application/json")
}

const goodClient = `{"grant_type":"client_credentials","client_id":"` + clientID + `","client_secret":"` +
	clientSecret + `"}`

func (c *raw) token() string {
	c.t.Helper()
	got := c.send(tokenRequest(goodClient))
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.StatusCode != 200 || answer.AccessToken == "" ||
		answer.TokenType != "Bearer" {
		c.t.Fatalf("no token: %d %s", got.StatusCode, got.body)
	}
	return answer.AccessToken
}

// request is one with all that every call of the API needs.
func (c *raw) request(line, body string, more ...string) string {
	head := []string{line + " HTTP/1.1", "Host: pd", "Authorization: Bearer " + c.bearer, "x-pd-environment: development"}
	return lines(body, append(head, more...)...)
}

func (c *raw) account(id string, more ...string) reply {
	c.t.Helper()
	return c.send(c.request("GET /v1/connect/proj_1/accounts/"+id+"?include_credentials=true", "", more...))
}

const proxyQuery = "?external_user_id=alice%40example.com&account_id=" + account

func proxyPath(url string) string {
	return "/v1/connect/proj_1/proxy/" + base64.RawURLEncoding.EncodeToString([]byte(url)) + proxyQuery
}

func (c *raw) proxy(method, url string) reply {
	c.t.Helper()
	return c.send(c.request(method+" "+proxyPath(url), ""))
}

// refused expects an answer that says why, and a violation if outside.
func (c *raw) refused(name string, got reply, status int, outside bool) {
	c.t.Helper()
	if got.err != nil {
		c.t.Fatalf("%s: %v", name, got.err)
	}
	var said struct{ Error any } // a string, or an object
	if err := json.Unmarshal([]byte(got.body), &said); err != nil || said.Error == nil || said.Error == "" ||
		got.StatusCode != status {
		c.t.Errorf("%s: %d %q, want %d", name, got.StatusCode, got.body, status)
	}
	violations := c.Violations()
	if (len(violations) == 1) != outside {
		c.t.Errorf("%s: violations %q", name, violations)
	}
	for _, secret := range c.Secrets() {
		if strings.Contains(fmt.Sprint(violations, got.body), secret) {
			c.t.Errorf("%s: a secret in %q or %q", name, violations, got.body)
		}
	}
}

// parse reads a request from its bytes.
func parse(t *testing.T, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%v in %.300q", err, text)
	}
	return r
}
