package inject

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// signer signs a finished upstream request: its URL, headers and every other placement are
// already what will be sent, and it belongs to the transport alone.
type signer interface {
	// headers names the headers that sign sets, so that hygiene removes the caller's.
	headers() []string
	// sign sets those headers. It may replace the body by a copy in memory, within the scheme's
	// bound; a larger body is a *vending.Error with `request_too_large`.
	sign(r *http.Request, cred vending.Credential, now time.Time) error
}

// newSigner compiles an app's signing rules, which have passed the catalog's check. known decides
// which fields exist.
func newSigner(s *catalog.Sign, known func(string) bool) (signer, error) {
	maxBody := s.MaxBody
	if maxBody == 0 {
		maxBody = defaultMaxBody
	}
	if maxBody < 0 {
		return nil, errors.New("sign: max_body is negative")
	}
	switch s.Scheme {
	case "aws_sigv4":
		return newSigV4(s, known, maxBody)
	case "hmac":
		return newHMACSigner(s, known, maxBody)
	}
	return nil, fmt.Errorf("sign: scheme %q is unknown: write aws_sigv4 or hmac", s.Scheme)
}

// signable reports whether name is a header that net/http sends as it is in the map. The others
// it makes itself, and would leave the signature out.
func signable(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
		return false
	}
	return httpguts.ValidHeaderFieldName(name)
}

func (p *Placement) compileSigner(known func(string) bool) (err error) {
	switch {
	case p.app.OAuth1 != nil:
		p.signer = newOAuth1Signer()
		p.open[catalog.ConsumerKey] = struct{}{} // a name, as a client id is
	case p.app.Sign != nil:
		if p.signer, err = newSigner(p.app.Sign, known); err != nil {
			return err
		}
	default:
		return nil
	}
	for _, name := range p.signer.headers() {
		p.sets.add(lenient.Header(name))
	}
	return nil
}

// signableQuery returns raw in a spelling that every server reads as the same parameters, which is
// what the signature covers. "+" becomes "%20": the specification reads it as a plus, servers as a
// space. Empty pairs go. All other bytes and the order stay. What does not parse is refused:
// net/url and the server would drop different parts of it. So is a key that signs reports to be a
// signature's own.
func signableQuery(raw string, signs func(key string) bool) (string, error) {
	if raw == "" {
		return raw, nil
	}
	parameters, err := url.ParseQuery(raw)
	if err != nil {
		return "", vending.Refuse(vending.InvalidRequest,
			"the query cannot be signed: it holds a semicolon, an invalid percent encoding or too many parameters")
	}
	for key := range parameters {
		if signs(key) {
			return "", vending.Refuse(vending.InvalidRequest, "the query holds a signature already: send the request unsigned")
		}
	}
	raw = strings.ReplaceAll(raw, "+", "%20")
	if !strings.HasPrefix(raw, "&") && !strings.HasSuffix(raw, "&") && !strings.Contains(raw, "&&") {
		return raw, nil
	}
	pairs := strings.FieldsFunc(raw, func(c rune) bool { return c == '&' })
	return strings.Join(pairs, "&"), nil
}
