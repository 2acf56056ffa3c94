package inject

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"sort"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// Placement is an app's placement, compiled: where its requests go and how its credential gets into
// them. It is immutable and safe for parallel use.
type Placement struct {
	app      *catalog.App
	outside  *outsideAPI // nil where the app has nothing outside of its API
	apart    bool        // this is the placement of what lies there, and not that of the API
	upstream upstream
	headers  []named
	query    []named
	basic    *basic
	prefix   template
	// otherPrefixes are those that the beginning of a caller's path chooses.
	otherPrefixes []prefix
	signer        signer
	defaults      http.Header         // sent where the caller sends none of that name
	sets          nameSet             // header names that the placement sets, folded
	setsKeys      nameSet             // query keys that the placement sets, folded
	isRemoved     map[string]bool     // by canonical header names; see removes
	open          map[string]struct{} // fields that need not be kept from sight
	keys          keyPlaces           // where callers may put a key of ours
	// readsErrors says that the text of an answer may tell that it refuses the credential.
	readsErrors bool
	links       *linkPlaces // nil where the app declares none
}

type named struct {
	name  string
	value template
}

type basic struct{ username, password template }

// NewPlacement compiles the placement of app, which has passed its Check. Where app states none,
// the default of its auth type applies.
func NewPlacement(app *catalog.App) (*Placement, error) {
	p, err := newPlacement(app)
	if err == nil && app.Beside != nil {
		p.outside, err = newOutsideAPI(app, p)
	}
	return p, err
}

func newPlacement(app *catalog.App) (*Placement, error) {
	p := &Placement{app: app, sets: nameSet{}, setsKeys: nameSet{}, open: map[string]struct{}{vending.TokenType: {}}}
	known := map[string]bool{}
	for _, f := range app.Fields {
		known[f.Name] = true
		if !f.Secret {
			p.open[f.Name] = struct{}{}
		}
	}
	if app.AuthType == string(vending.OAuth) {
		known[vending.AccessToken], known[vending.TokenType] = true, true
	}
	p.defaults, p.links = defaultHeaders(app), newLinkPlaces(app.Links)
	p.readsErrors = slices.ContainsFunc(app.Refused, func(r catalog.Refused) bool { return len(r.Body) > 0 })
	if err := p.compile(func(name string) bool { return known[name] }); err != nil {
		return nil, fmt.Errorf("app %s: %w", app.Slug, err)
	}
	p.compileKeyPlaces()
	p.compileRemoved()
	return p, nil
}

func (p *Placement) compile(known func(string) bool) (err error) {
	if p.upstream, err = newUpstream(p.app, known); err != nil {
		return err
	}
	rules := p.app.Placement
	if rules == nil && p.app.Sign == nil && p.app.OAuth1 == nil {
		if rules, err = defaultPlacement(p.app); err != nil {
			return err
		}
	}
	if rules != nil {
		err = p.compileRules(rules, known)
	}
	if err == nil {
		err = p.compileSigner(known)
	}
	return err
}

// defaultPlacement is where the credential of an auth type goes if the app does not say.
func defaultPlacement(app *catalog.App) (*catalog.Placement, error) {
	switch vending.AuthType(app.AuthType) {
	case vending.OAuth:
		return &catalog.Placement{Header: map[string]string{"Authorization": "{token_type} {access_token}"}}, nil
	case vending.Basic:
		return &catalog.Placement{Basic: &catalog.Basic{Username: "{username}", Password: "{password}"}}, nil
	case vending.Header:
		headers := make(map[string]string, len(app.Fields))
		for _, f := range app.Fields {
			headers[f.Name] = "{" + f.Name + "}"
		}
		if len(headers) > 0 {
			return &catalog.Placement{Header: headers}, nil
		}
	}
	return nil, errors.New("no placement: say with header, query, basic or path_prefix where the credential goes")
}

func (p *Placement) compileRules(rules *catalog.Placement, known func(string) bool) (err error) {
	for _, name := range sortedKeys(rules.Header) {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("header %q is invalid: write a name like X-Api-Key", name)
		}
		t, err := parseTemplate(rules.Header[name], known)
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		p.headers = append(p.headers, named{textproto.CanonicalMIMEHeaderKey(name), t})
		p.sets.add(lenient.Header(name))
	}
	for _, key := range sortedKeys(rules.Query) {
		t, err := parseTemplate(rules.Query[key], known)
		if err != nil {
			return fmt.Errorf("query %s: %w", key, err)
		}
		p.query = append(p.query, named{url.QueryEscape(key), t})
		p.setsKeys.add(foldKey(key))
	}
	if rules.Basic != nil {
		p.basic = &basic{}
		p.sets.add("Authorization")
		if p.basic.username, err = parseTemplate(rules.Basic.Username, known); err != nil {
			return fmt.Errorf("basic user name: %w", err)
		}
		if p.basic.password, err = parseTemplate(rules.Basic.Password, known); err != nil {
			return fmt.Errorf("basic password: %w", err)
		}
	}
	return p.compilePrefixes(rules, known)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// setHeaders puts cred's headers into h, which holds nothing of the caller's under those names.
func (p *Placement) setHeaders(h http.Header, cred vending.Credential) error {
	for i := range p.headers {
		value, err := p.headers[i].value.fill(cred, headerText)
		if err != nil {
			return err
		}
		h[p.headers[i].name] = []string{value}
	}
	if p.basic == nil {
		return nil
	}
	pair, err := p.basicPair(cred)
	if err != nil {
		return err
	}
	h["Authorization"] = []string{"Basic " + pair}
	return nil
}

// basicPair encodes user name and password (RFC 7617). A colon in the user name would move the
// border between the two.
func (p *Placement) basicPair(cred vending.Credential) (string, error) {
	username, err := p.basic.username.fill(cred, func(v string) (string, error) {
		if strings.ContainsRune(v, ':') {
			return "", errors.New("holds a colon, which a user name cannot contain")
		}
		return headerText(v)
	})
	if err != nil {
		return "", err
	}
	password, err := p.basic.password.fill(cred, headerText)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password)), nil
}

// prefix is a path prefix, compiled; see [catalog.Prefix].
type prefix struct {
	head     string
	template template
}

// compilePrefixes reads the path prefixes of rules: that of all paths, which may be empty, and the
// others.
func (p *Placement) compilePrefixes(rules *catalog.Placement, known func(string) bool) error {
	for _, rule := range rules.Prefixes() {
		if rule.Template[0] != '/' {
			return fmt.Errorf("path prefix %q must begin with /", rule.Template)
		}
		t, err := parseTemplate(rule.Template, known)
		switch {
		case err != nil:
			return fmt.Errorf("path prefix: %w", err)
		case rule.Head == "":
			p.prefix = t
		default:
			p.otherPrefixes = append(p.otherPrefixes, prefix{rule.Head, t})
		}
	}
	return nil
}

// choosePrefix takes the head of another path prefix off the caller's path.
func (inj *Injection) choosePrefix() {
	inj.prefix = inj.placement.prefix
	for _, other := range inj.placement.otherPrefixes {
		if rest, ok := catalog.CutHead(inj.path, other.head); ok {
			inj.prefix, inj.path = other.template, rest
			return
		}
	}
}
