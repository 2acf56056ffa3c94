package pipedream_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestTokens: one form of request, and tokens that end.
func TestTokens(t *testing.T) {
	c := newRaw(t, options(), "")
	with := func(line string) string {
		return lines(goodClient, "POST /v1/oauth/token HTTP/1.1", "Host: pd", line)
	}
	for name, request := range map[string]string{
		"a form": lines("grant_type=client_credentials", "POST /v1/oauth/token HTTP/1.1", "Host: pd",
			"Content-Type: application/x-www-form-urlencoded"),
		"no content type": lines(goodClient, "POST /v1/oauth/token HTTP/1.1", "Host: pd"),
		"no body":         tokenRequest(""),
		"not JSON":        tokenRequest("x"),
		"cut":             tokenRequest(goodClient[:40]),
		"two objects":     tokenRequest(goodClient + goodClient),
		"an array":        tokenRequest(`["grant_type","client_id"]`),
		"nested":          tokenRequest(`{"grant_type":{"client_id":"x","client_secret":"y"}}`),
		"a number":        tokenRequest(`{"grant_type":1,"client_id":"x","client_secret":"y"}`),
		"a key is gone":   tokenRequest(`{"grant_type":"client_credentials","client_id":"x"}`),
		"a wrong key":     tokenRequest(`{"grant_type":"client_credentials","client_id":"x","secret":"y"}`),
		"one key more":    tokenRequest(strings.Replace(goodClient, "}", `,"scope":"*"}`, 1)),
		"a key twice":     tokenRequest(strings.Replace(goodClient, "}", `,"client_id":"x"}`, 1)),
		"another grant":   tokenRequest(strings.Replace(goodClient, "client_credentials", "password", 1)),
		"another header":  with("Content-Type: application/json\r\nAuthorization: Basic eDp5"),
		"an environment":  with("Content-Type: application/json\r\nx-pd-environment: development"),
		"a query":         strings.Replace(tokenRequest(goodClient), "/token ", "/token?a=b ", 1),
	} {
		c.refused(name, c.send(request), 400, true)
	}
	c.refused("GET", c.send(strings.Replace(tokenRequest(goodClient), "POST", "GET", 1)), 405, true)
	c.refused("elsewhere", c.send(strings.Replace(tokenRequest(goodClient), "/v1/oauth/token", "/v1/oauth/token/", 1)),
		404, true)
	for _, part := range []string{clientID, clientSecret} {
		c.refused("a wrong client", c.send(tokenRequest(strings.Replace(goodClient, part, part+"x", 1))), 401, false)
	}
	if got := c.send(tokenRequest(goodClient)); got.StatusCode != 200 ||
		got.Header.Get("Content-Type") != "application/json" ||
		!strings.Contains(got.body, `"expires_in":3600,"token_type":"Bearer"`) {
		t.Errorf("answered %d %s", got.StatusCode, got.body)
	}
	if got := c.Got("token"); len(got) != 22 || got[0] != tokenRequest(goodClient) {
		t.Errorf("%d requests for a token, the first %q", len(got), got[0])
	}
}

// TestBearers: every other call needs a token that has been issued and not ended.
func TestBearers(t *testing.T) {
	o := options()
	c := newRaw(t, o, "")
	if got := c.account(account); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	first := c.bearer
	c.Change(func(o *pipedream.Options) { o.ExpiresIn = time.Nanosecond })
	c.bearer = c.token()
	c.refused("expired", c.account(account), 401, false)
	c.Change(func(now *pipedream.Options) { now.ExpiresIn = o.ExpiresIn })
	c.bearer = c.token()
	if got := c.account(account); got.StatusCode != 200 || c.bearer == first {
		t.Errorf("with a new token: %d", got.StatusCode)
	}
	c.Revoke()
	c.refused("revoked", c.account(account), 401, false)
	c.bearer = "unknown"
	c.refused("unknown", c.account(account), 401, false)
	c.refused("unknown, for the proxy", c.proxy("GET", "https://slack.com/"), 401, false)
	for name, header := range map[string]string{
		"none": "", "basic": "Authorization: Basic eDp5\r\n", "in lower case": "Authorization: bearer x\r\n",
	} {
		request := strings.Replace(c.request("GET /v1/connect/proj_1/accounts/"+account, ""),
			"Authorization: Bearer unknown\r\n", header, 1)
		c.refused(name, c.send(request), 401, true)
	}
}

// TestLimit: so many calls of each kind in each window, whatever they ask for.
func TestLimit(t *testing.T) {
	o := options()
	o.Reads, o.Calls, o.Window = 2, 1, time.Minute
	c := newRaw(t, o, "")
	c.Put(pipedream.OAuth(account, user, "slack", "xoxb-canary-5502").Unproxied())
	c.account(account)
	c.refused("the second", c.account("apn_0"), 404, false)
	c.refused("the proxy's own", c.proxy("GET", "/x"), 400, true)
	for limit, got := range map[string]reply{"2": c.account(account), "1": c.proxy("GET", "/x")} {
		if got.StatusCode != 429 || got.body != `{"error":"Throttled"}`+"\n" {
			t.Errorf("%d %q", got.StatusCode, got.body)
		}
		for name, want := range map[string]string{"X-Ratelimit-Limit": limit, "X-Ratelimit-Remaining": "0"} {
			if v := got.Header.Get(name); v != want {
				t.Errorf("%s is %q", name, v)
			}
		}
		if v, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || v < 1 || v > 60 {
			t.Errorf("Retry-After is %q", got.Header.Get("Retry-After"))
		}
		if got.Header.Get("X-Ratelimit-Reset") == "" {
			t.Error("no X-RateLimit-Reset")
		}
	}
	if got := c.token(); got == "" {
		t.Error("tokens are not limited")
	}
	c.Change(func(o *pipedream.Options) { o.Window = time.Nanosecond }) // it is over
	if got := c.account(account); got.StatusCode != 200 {
		t.Errorf("in the next window: %d", got.StatusCode)
	}
}
