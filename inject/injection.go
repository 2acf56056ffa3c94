package inject

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/vendgate/vendgate/internal/secretscan"
	"github.com/vendgate/vendgate/vending"
)

// Injection is one call as the transport sees it: where it goes and with which credential. It
// belongs to one request and is forgotten with it. Its credential is unexported and never leaves
// but through the request that the transport makes.
type Injection struct {
	placement *Placement
	placed    *Placement // what of it the credential in use takes; see carrying
	path      string
	query     string
	hasQuery  bool
	revend    Revend

	// at is where the call goes, empty for the upstream itself; see [Placement.Split].
	at   string
	host string
	// prefix is the path prefix that path chose.
	prefix template
	// base is the raw path that the upstream's base URL and the path prefix put before the caller's.
	base  string
	used  [2]vending.Credential // the one vended and, after a forced vend, the fresh one
	vends int
	// hidden is what must not come back; see secrets.
	hidden *secretscan.Set

	// ownHeader is one that the gateway itself sends, empty for none.
	ownHeader string
	ownValues []string
	// key must be in no body that is held.
	key Key

	// refused says that the upstream's last answer refuses the credential.
	refused bool
	// refusal says why such an answer was not the last word: see Transport.
	refusal error
	// ended says that a forced vend found the grant to have ended.
	ended bool
	// sent says that a request may have reached the provider.
	sent bool
	// held is of the answer's body; nil where nothing of it may be rewritten.
	held *heldBody
}

// Revend obtains a credential in place of one that the upstream refused.
type Revend func(ctx context.Context, refused vending.Credential) (vending.Credential, error)

// NewInjection prepares a call to p's app: rawPath is empty or begins with "/", rawQuery is without
// "?". It resolves the host, which rawPath may begin with (see [Placement.Split]), and fills the
// path prefix, so that what cannot be placed is refused before anything is dialled. revend may be
// nil.
func NewInjection(p *Placement, cred vending.Credential, rawPath, rawQuery string, hasQuery bool,
	revend Revend) (*Injection, error) {
	x := &Injection{placement: p, query: rawQuery, hasQuery: hasQuery, revend: revend}
	var err error
	if x.at, x.path, err = p.Split(rawPath); err != nil {
		return x, err
	}
	if p.beside != nil && x.at == p.beside.at {
		x.placement = p.beside.placement
	}
	if x.at == "" {
		x.choosePrefix()
	}
	return x, x.use(cred)
}

// use makes cred the credential of the next request.
func (x *Injection) use(cred vending.Credential) (err error) {
	x.used[x.vends] = cred
	x.vends++
	x.hidden = nil
	if x.placed, err = x.placement.carrying(cred); err != nil {
		return err
	}
	if len(x.at) > len(extraPrefix) {
		x.host, x.base = x.at[len(extraPrefix):], ""
		return x.onePlace()
	}
	if x.host, x.base, err = x.placed.upstream.resolve(cred); err != nil {
		return x.forOperator(err)
	}
	if x.at != "" { // beside the API, and still at the site
		x.base = strings.TrimSuffix(x.base, x.placement.upstream.path)
		return nil
	}
	filled, err := x.prefix.fill(cred, pathSegment)
	x.base += filled
	return x.forOperator(err)
}

func (x *Injection) credential() vending.Credential { return x.used[x.vends-1] }

// Refused reports whether the upstream's answer refuses the credential, by 401 or as the app's
// entry says. It is false where no other credential could be vended.
func (x *Injection) Refused() bool { return x.refused }

// Doubted returns the credential that was sent last, if its provider had refused it before.
func (x *Injection) Doubted() (vending.Credential, bool) {
	return x.credential(), x.credential().Doubted()
}

// Refusal returns the error that stands instead of an answer that refuses the credential, if there
// is one: the source's own, or that the call could not be replayed with the fresh credential.
func (x *Injection) Refusal() error { return x.refusal }

// Ended reports whether a forced vend, after such an answer, found that the grant has ended.
func (x *Injection) Ended() bool { return x.ended }

// Sent reports whether a request of this call may have reached the provider, with or without an
// answer.
func (x *Injection) Sent() bool { return x.sent }

// Forget drops the credentials, once the answer has been sent.
func (x *Injection) Forget() { *x = Injection{} }

// SetHeader adds a header of the gateway's own, by its canonical name, to the requests that are
// made. The values are shared: nobody writes to them.
func (x *Injection) SetHeader(name string, values []string) { x.ownHeader, x.ownValues = name, values }

// Guard has every body that is held in memory searched for the key that the caller was let in by. A
// request that has it there is `invalid_request`.
func (x *Injection) Guard(key Key) { x.key = key }

// Outline is the request to x's app without any credential: what error handlers and logs may see.
// The transport completes it.
func (x *Injection) Outline(out *http.Request) {
	out.URL.Scheme, out.URL.Host = x.placement.upstream.scheme, x.placement.app.Slug
	out.Host = ""
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *Injection {
	x, _ := ctx.Value(exchangeKey{}).(*Injection)
	return x
}

// WithInjection returns a context that carries x to the transport.
func WithInjection(ctx context.Context, x *Injection) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// request makes the upstream request.
func (x *Injection) request(r *http.Request, now time.Time) (*http.Request, error) {
	out, err := x.complete(r, now)
	return out, x.forOperator(err)
}

// complete does it on a copy: hygiene first, the credential last.
func (x *Injection) complete(r *http.Request, now time.Time) (*http.Request, error) {
	p, cred := x.placed, x.credential()
	out := new(http.Request)
	*out = *r // shares Trailer, which the body's end fills in; everything changed below is replaced
	out.Header = p.cleanHeader(r.Header, len(p.headers)+len(p.defaults)+2)
	if x.ownHeader != "" {
		out.Header[x.ownHeader] = x.ownValues
	}
	p.addDefaults(out.Header)
	if p.readsErrors {
		acceptOnly(out.Header, readable)
	}
	if p.links.hasMembers() {
		acceptOnly(out.Header, editable)
	}
	if r.Method == http.MethodGet {
		askStreamPlain(out.Header)
	}
	query, err := x.fullQuery(cred)
	if err != nil {
		return nil, err
	}
	out.URL, err = requestURL(p.upstream.scheme, x.host, x.base+x.path, query, x.hasQuery && x.query == "")
	if err != nil {
		return nil, err
	}
	out.Host = x.host
	if err := p.setHeaders(out.Header, cred); err != nil {
		return nil, err
	}
	if p.signer != nil {
		err = p.signer.sign(out, cred, now)
	}
	return out, err
}

// fullQuery appends the placement's parameters to what is left of the caller's.
func (x *Injection) fullQuery(cred vending.Credential) (string, error) {
	p := x.placed
	query := p.cleanQuery(x.query)
	if len(p.query) == 0 {
		return query, nil
	}
	var b strings.Builder
	b.WriteString(query)
	for i := range p.query {
		value, err := p.query[i].value.fill(cred, queryValue)
		if err != nil {
			return "", err
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.query[i].name)
		b.WriteByte('=')
		b.WriteString(value)
	}
	return b.String(), nil
}
