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
	inj := &Injection{placement: p, query: rawQuery, hasQuery: hasQuery, revend: revend}
	var err error
	if inj.at, inj.path, err = p.Split(rawPath); err != nil {
		return inj, err
	}
	if p.outside != nil && inj.at == p.outside.at {
		inj.placement = p.outside.placement
	}
	if inj.at == "" {
		inj.choosePrefix()
	}
	return inj, inj.use(cred)
}

// use makes cred the credential of the next request.
func (inj *Injection) use(cred vending.Credential) (err error) {
	inj.used[inj.vends] = cred
	inj.vends++
	inj.hidden = nil
	if inj.placed, err = inj.placement.carrying(cred); err != nil {
		return err
	}
	if len(inj.at) > len(extraPrefix) {
		inj.host, inj.base = inj.at[len(extraPrefix):], ""
		return inj.onePlace()
	}
	if inj.host, inj.base, err = inj.placed.upstream.resolve(cred); err != nil {
		return inj.forOperator(err)
	}
	if inj.at != "" { // outside of the API, and still at the site
		inj.base = strings.TrimSuffix(inj.base, inj.placement.upstream.path)
		return nil
	}
	filled, err := inj.prefix.fill(cred, pathSegment)
	inj.base += filled
	return inj.forOperator(err)
}

func (inj *Injection) credential() vending.Credential { return inj.used[inj.vends-1] }

// Refused reports whether the upstream's answer refuses the credential, by 401 or as the app's
// entry says. It is false where no other credential could be vended.
func (inj *Injection) Refused() bool { return inj.refused }

// Doubted returns the credential that was sent last, if its provider had refused it before.
func (inj *Injection) Doubted() (vending.Credential, bool) {
	return inj.credential(), inj.credential().Doubted()
}

// Refusal returns the error that replaces an answer that refuses the credential, if there
// is one: the source's own, or that the call could not be replayed with the fresh credential.
func (inj *Injection) Refusal() error { return inj.refusal }

// Ended reports whether a forced vend, after such an answer, found that the grant has ended.
func (inj *Injection) Ended() bool { return inj.ended }

// Sent reports whether a request of this call may have reached the provider, with or without an
// answer.
func (inj *Injection) Sent() bool { return inj.sent }

// Forget drops the credentials, once the answer has been sent.
func (inj *Injection) Forget() { *inj = Injection{} }

// SetHeader adds a header of the gateway's own, by its canonical name, to the requests that are
// made. The values are shared and must not be changed.
func (inj *Injection) SetHeader(name string, values []string) {
	inj.ownHeader, inj.ownValues = name, values
}

// Guard has every body that is held in memory searched for the key that the caller was let in by. A
// request that has it there is `invalid_request`.
func (inj *Injection) Guard(key Key) { inj.key = key }

// Outline is the request to the app without any credential: what error handlers and logs may see.
// The transport completes it.
func (inj *Injection) Outline(out *http.Request) {
	out.URL.Scheme, out.URL.Host = inj.placement.upstream.scheme, inj.placement.app.Slug
	out.Host = ""
}

// InjectionKey is the key of an *[Injection] in the context of its request. [WithInjection] sets
// it, and a context of another type may have it.
type InjectionKey struct{}

func injectionOf(ctx context.Context) *Injection {
	inj, _ := ctx.Value(InjectionKey{}).(*Injection)
	return inj
}

// WithInjection returns a context that carries inj to the transport.
func WithInjection(ctx context.Context, inj *Injection) context.Context {
	return context.WithValue(ctx, InjectionKey{}, inj)
}

// request makes the upstream request.
func (inj *Injection) request(r *http.Request, now time.Time) (*http.Request, error) {
	out, err := inj.complete(r, now)
	return out, inj.forOperator(err)
}

// complete does it on a copy: hygiene first, the credential last.
func (inj *Injection) complete(r *http.Request, now time.Time) (*http.Request, error) {
	p, cred := inj.placed, inj.credential()
	out := new(http.Request)
	*out = *r // shares Trailer, which the body's end fills in; everything changed below is replaced
	out.Header = p.cleanHeader(r.Header, len(p.headers)+len(p.defaults)+2)
	if inj.ownHeader != "" {
		out.Header[inj.ownHeader] = inj.ownValues
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
	query, err := inj.fullQuery(cred)
	if err != nil {
		return nil, err
	}
	out.URL, err = requestURL(p.upstream.scheme, inj.host, inj.base+inj.path, query, inj.hasQuery && inj.query == "")
	if err != nil {
		return nil, err
	}
	out.Host = inj.host
	if err := p.setHeaders(out.Header, cred); err != nil {
		return nil, err
	}
	if p.signer != nil {
		err = p.signer.sign(out, cred, now)
	}
	return out, err
}

// fullQuery appends the placement's parameters to what is left of the caller's.
func (inj *Injection) fullQuery(cred vending.Credential) (string, error) {
	p := inj.placed
	query := p.cleanQuery(inj.query)
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
