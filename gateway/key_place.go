package gateway

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// keyPlace is where in a request its key was found.
type keyPlace uint8

const (
	// inAuthorization is what HTTP clients strip when they follow a redirect to another host.
	inAuthorization keyPlace = iota
	// inKeyHeader is [policy.KeyHeader], which they carry along.
	inKeyHeader
	// inPlacement is a place of the app's own, other than Authorization.
	inPlacement
)

// foundKey is the key of a call, from the first place of several that it is in.
type foundKey struct {
	text string
	// in is the place that clients carry furthest, if it is in several.
	in keyPlace
	// where is what messages call the first place; other is one with a different key.
	where, other string
	// usual says that it is in a place in which tenant keys are read, too.
	usual bool
}

func (k *foundKey) add(text, where string, in keyPlace, usual bool) {
	switch {
	case k.text == "":
		*k = foundKey{text: text, in: in, where: where, usual: usual}
	case k.text != text:
		k.other = where
	default:
		k.usual = k.usual || usual
		if k.in == inAuthorization {
			k.in = in
		}
	}
}

// findKey finds the key of a call: the one in [policy.KeyHeader], else one in Authorization, else
// one where the app's placement, which is nil for no app, puts the credential. What else is in
// those places are values that SDKs cannot do without, and no keys.
func findKey(h http.Header, target *policy.Target, p *inject.Placement) (k foundKey, err error) {
	stated, err := policy.KeyOf(h)
	switch explicit := len(h[policy.KeyHeader]) > 0; {
	case err != nil && vending.AsError(err).Code == vending.InvalidRequest:
		return k, err
	case explicit && !policy.IsKey(stated):
		return foundKey{text: stated, in: inKeyHeader, usual: true}, nil
	case explicit:
		k.add(stated, policy.KeyHeader, inKeyHeader, true)
	case policy.IsKey(stated):
		k.add(stated, "Authorization", inAuthorization, true)
	}
	for _, v := range h["Authorization"] {
		k.authorization(v)
	}
	if p != nil {
		p.Keys(h, target.Path, target.RawQuery, policy.IsKey, func(text, where string) {
			k.add(text, where, inPlacement, false)
		})
	}
	switch {
	case k.text == "" && err == nil:
		k = foundKey{text: stated, usual: true}
	case k.text != "":
		err = nil
	}
	return k, err
}

// checkSingle refuses a second key. It is for a caller that was accepted by the first: one without
// a key must not learn in which places an app, if it exists, has its keys.
func (k *foundKey) checkSingle() error {
	if k.other == "" {
		return nil
	}
	return vending.Refuse(vending.InvalidRequest,
		"there are two different keys, one in "+k.where+" and one in "+k.other+": send one of them")
}

// authorization reads a value of Authorization under any scheme, and both halves of Basic.
func (k *foundKey) authorization(value string) {
	scheme, rest, _ := strings.Cut(value, " ")
	if rest == k.text && k.usual {
		return // of what nearly every call has, policy.KeyOf read all
	}
	if !strings.EqualFold(scheme, "Basic") {
		inject.KeysIn(value, policy.IsKey, func(text string) { k.add(text, "Authorization", inAuthorization, false) })
		return
	}
	decoded, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		decoded = []byte(rest) // some SDKs want to be given what is encoded already
	}
	user, password, _ := strings.Cut(string(decoded), ":")
	if policy.IsKey(user) {
		k.add(user, "the user name in Authorization", inAuthorization, false)
	}
	if policy.IsKey(password) {
		k.add(password, "the password in Authorization", inAuthorization, false)
	}
}
