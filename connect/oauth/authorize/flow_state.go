package authorize

import (
	"errors"
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

var errMoved = errors.New(
	"the oauth client of today is for another address than the one at which the end user authorized")

// The names of what an attempt keeps in Request.Verifier, beside OAuth 1's temporary credentials.
const (
	keptVerifier = "code_verifier"
	keptAt       = "at_" // and the name of a field of the client
)

// begun is what an attempt keeps between Begin and Finish. Where the end user was sent is a part of
// it: a code, or a temporary token, must not go to another place because the client was set anew
// meanwhile.
type begun url.Values

// seal returns what Request.Verifier is. A verifier that is all there is to keep stands there by
// itself.
func (b begun) seal(app *catalog.App, client connect.OAuthClient) vending.Secret {
	for _, f := range client.AddressFields(app) {
		b[keptAt+f.Name] = []string{f.Value}
	}
	switch verifier, there := b[keptVerifier]; {
	case len(b) == 0:
		return vending.Secret{}
	case there && len(b) == 1:
		return vending.NewSecret(verifier[0])
	}
	return vending.NewSecret(url.Values(b).Encode())
}

// unseal reads what seal returned; what it cannot read is empty.
func unseal(s vending.Secret) begun {
	text := s.Reveal()
	if text != "" && !strings.ContainsRune(text, '=') { // which no verifier has (RFC 7636, section 4.1)
		return begun{keptVerifier: {text}}
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return begun{}
	}
	return begun(values)
}

func (b begun) get(name string) string { return url.Values(b).Get(name) }

// verifier is the PKCE code verifier; the zero Secret where there is none.
func (b begun) verifier() vending.Secret {
	if v := b.get(keptVerifier); v != "" {
		return vending.NewSecret(v)
	}
	return vending.Secret{}
}

// check refuses a client that is for another address than the one at which the attempt began.
func (b begun) check(app *catalog.App, client connect.OAuthClient) error {
	var at []vending.Field
	for _, name := range app.AddressFields() {
		at = append(at, vending.Field{Name: name, Value: b.get(keptAt + name)})
	}
	if client.Moved(app, at) {
		return about(app, Error{Kind: WrongIssuer, Err: errMoved})
	}
	return nil
}
