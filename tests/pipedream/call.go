package pipedream

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Kind is what a call asks for.
type Kind string

// The kinds of calls.
const (
	Token     Kind = "token"
	AccountOf Kind = "account"
	Proxy     Kind = "proxy"
	unknown   Kind = "unknown"
)

// call is a request by its parts.
type call struct {
	*http.Request
	kind             Kind
	project, subject string // subject is the account's id, or the url64, as escaped
	// query are the parameters, once they were checked.
	query map[string]string
	// outgoing is the call that the proxy makes.
	outgoing *http.Request
}

func newCall(r *http.Request) *call {
	c := &call{Request: r, kind: unknown}
	path := strings.Split(r.URL.EscapedPath(), "/")
	switch {
	case slices.Equal(path, []string{"", "v1", "oauth", "token"}):
		c.kind = Token
	case len(path) != 6 || !slices.Equal(path[:3], []string{"", "v1", "connect"}):
	case path[4] == "accounts":
		c.kind, c.project, c.subject = AccountOf, path[3], path[5]
	case path[4] == "proxy":
		c.kind, c.project, c.subject = Proxy, path[3], path[5]
	}
	return c
}

// form is what a call of a kind consists of.
type form struct {
	methods []string
	// headers are those that a call may have besides what every HTTP client sends, each once.
	headers []string
	// required are headers and parameters without which there is no call.
	required, parameters []string
	body                 bool
}

// everyone is what HTTP clients send by themselves.
var everyone = []string{"Accept", "Accept-Encoding", "User-Agent"}

// forms are the calls as the OpenAPI declares them: of an account retrieveAccount, of the proxy
// proxyGet to proxyDelete. x-pd-environment is required on both, account_id and external_user_id
// are on the proxy. HEAD and OPTIONS are not declared.
var forms = map[Kind]form{
	Token: {
		// Connection is between a client and the server that it talks to (RFC 9110, section 7.6.1):
		// no API sees it.
		methods: []string{"POST"}, headers: []string{"Content-Type", "Content-Length", "Connection"},
		required: []string{"Content-Type"}, body: true,
	},
	AccountOf: {
		methods: []string{"GET"}, headers: []string{"Authorization", "X-Pd-Environment"},
		required: []string{"Authorization", "X-Pd-Environment"},
	},
	Proxy: {
		methods:  []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
		headers:  []string{"Authorization", "X-Pd-Environment", "Content-Type", "Content-Length"},
		required: []string{"Authorization", "X-Pd-Environment"}, parameters: []string{"account_id", "external_user_id"},
		body: true,
	},
}

// check holds a call to its form.
func (c *call) check() *refusal {
	f, ok := forms[c.kind]
	if !ok || !strings.HasPrefix(c.RequestURI, "/") {
		return &refusal{status: http.StatusNotFound, text: "no such endpoint", outside: true}
	}
	if !slices.Contains(f.methods, c.Method) {
		return &refusal{status: http.StatusMethodNotAllowed, text: "no such method", outside: true}
	}
	if refused := c.checkHeaders(f); refused != nil {
		return refused
	}
	if !f.body {
		if n, _ := io.CopyN(io.Discard, c.Body, 1); n > 0 || len(c.TransferEncoding) > 0 {
			return outside("a body where none is expected")
		}
	}
	return c.checkQuery(f)
}

func (c *call) checkHeaders(f form) *refusal {
	for name, values := range c.Header {
		if strings.HasPrefix(name, proxyPrefix) && c.kind == Proxy {
			continue // has rules of its own
		}
		if !slices.Contains(f.headers, name) && !slices.Contains(everyone, name) {
			return outside("the header %s", name)
		}
		if len(values) != 1 {
			return outside("the header %s %d times", name, len(values))
		}
	}
	if len(c.Trailer) > 0 {
		return outside("trailers")
	}
	for _, name := range f.required {
		if c.Header.Get(name) == "" {
			refused := outside("no header %s", name)
			if name == "Authorization" {
				refused.status = http.StatusUnauthorized
			}
			return refused
		}
	}
	return nil
}

// checkQuery wants each parameter once, and nothing else. An account has one that may be left out.
func (c *call) checkQuery(f form) *refusal {
	query, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return outside("a query that is none")
	}
	c.query = make(map[string]string)
	for name, values := range query {
		if !slices.Contains(f.parameters, name) && (c.kind != AccountOf || name != "include_credentials") {
			return outside("the parameter %q", name)
		}
		if len(values) != 1 || values[0] == "" {
			return outside("the parameter %q with %d values, or none", name, len(values))
		}
		c.query[name] = values[0]
	}
	for _, name := range f.parameters {
		if c.query[name] == "" {
			return outside("no parameter %q", name)
		}
	}
	if v, ok := c.query["include_credentials"]; ok && v != "true" {
		return outside("include_credentials is %q", v)
	}
	return nil
}
