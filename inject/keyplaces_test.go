package inject

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

const ckA, ckB = "ck_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA", "ck_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbB"

func isTestKey(text string) bool { return text == ckA || text == ckB }

// keysOf lists what Keys finds in a request of a header, a path and a query.
func keysOf(p *Placement, h http.Header, path, query string) (found []string) {
	p.Keys(h, path, query, isTestKey, func(key, where string) { found = append(found, key[3:4]+" in "+where) })
	return found
}

func awsApp() *catalog.App {
	return &catalog.App{
		Slug: "app", AuthType: string(vending.APIKey), Upstream: "https://s3.example.com",
		Fields: []catalog.Field{{Name: "access_key_id"}, {Name: "secret_access_key", Secret: true}},
		Sign:   &catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "eu-west-1"},
	}
}

func TestKeys(t *testing.T) {
	both := keyApp("https://api.example.com", &catalog.Placement{
		Header: map[string]string{"X-Api-Key": "{api_key}", "X-Tier": "plugin", "Authorization": "Bot {api_key}"},
		Query:  map[string]string{"key": "{api_key}"},
	})
	declared := keyApp("https://api.example.com", headers("X-Api-Key", "{api_key}"))
	declared.KeyPlaces = &catalog.KeyPlaces{Headers: []string{"X-SFDC-Session", "Authorization"},
		Query: []string{"access_token"}}
	prefix := keyApp("https://api.example.com", &catalog.Placement{PathPrefix: "/v1/bot{api_key}-x"})
	byField := &catalog.App{
		Slug: "app", AuthType: string(vending.Header), Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "PLAID-CLIENT-ID"}, {Name: "PLAID-SECRET", Secret: true}},
	}
	for name, c := range map[string]struct {
		app   *catalog.App
		lines []string
		path  string
		query string
		want  string
	}{
		"header":             {both, []string{"X-Api-Key", ckA}, "", "", "a in the header X-Api-Key"},
		"header by a scheme": {both, []string{"X-Api-Key", "api-key " + ckA}, "", "", "a in the header X-Api-Key"},
		"header twice": {both, []string{"X-Api-Key", ckA, "X-Api-Key", ckB}, "", "",
			"a in the header X-Api-Key, b in the header X-Api-Key"},
		"header that is literal":  {both, []string{"X-Tier", ckA}, "", "", ""},
		"other header":            {both, []string{"X-Other", ckA}, "", "", ""},
		"query":                   {both, nil, "", "a=b&key=" + ckA, "a in the query parameter key"},
		"query as arrays":         {both, nil, "", "KEY%5B%5D=ck%5F" + ckA[3:], "a in the query parameter KEY"},
		"query with a key inside": {both, nil, "", "key[" + ckB + "]=" + ckA, "a in the query parameter key"},
		"query in two places": {both, nil, "", "key=" + ckA + ";key=" + ckB,
			"a in the query parameter key, b in the query parameter key"},
		"other query":        {both, nil, "", "token=" + ckA, ""},
		"declared header":    {declared, []string{"X-Sfdc-Session", ckA}, "", "", "a in the header X-Sfdc-Session"},
		"declared parameter": {declared, nil, "", "access_token=" + ckA, "a in the query parameter access_token"},
		"path prefix":        {prefix, nil, "/v1/bot" + ckA + "-x/me", "", "a in the path"},
		"path prefix alone":  {prefix, nil, "/v1/bot" + ckA + "-x", "", "a in the path"},
		"path prefix, more":  {prefix, nil, "/v1/bot" + ckA + "-xy/me", "", ""},
		"path prefix, later": {prefix, nil, "/a/v1/bot" + ckA + "-x/me", "", ""},
		"fields by auth type": {byField, []string{"Plaid-Client-Id", "x", "Plaid-Secret", ckA}, "", "",
			"a in the header Plaid-Secret"},
		"presigned": {awsApp(), nil, "/b/k", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + ckA +
			"%2F20261130%2Feu-west-1%2Fs3%2Faws4_request", "a in the query parameter X-Amz-Credential"},
		"session token": {awsApp(), []string{"X-Amz-Security-Token", ckA}, "", "",
			"a in the header X-Amz-Security-Token"},
		"OAuth 1 in the query": {oauth1App("https://api.example.com"), nil, "", "oauth_token=" + ckA + "&oauth_nonce=x",
			"a in the query parameter oauth_token"},
		"OAuth 1, another's name": {oauth1App("https://api.example.com"), nil, "", "oauth_nonce=" + ckA, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := make(http.Header)
			for i := 0; i < len(c.lines); i += 2 {
				h.Add(c.lines[i], c.lines[i+1])
			}
			p := mustPlace(t, c.app)
			found := keysOf(p, h, c.path, c.query)
			slices.Sort(found)
			if got := strings.Join(found, ", "); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if c.want != "" && !p.Fills(h, c.path, c.query) {
				t.Error("it would be logged")
			}
		})
	}
}

func TestKeysIn(t *testing.T) {
	for value, want := range map[string]string{
		ckA: ckA, "Bot " + ckA: ckA, "token " + ckA: ckA, "Token token=" + ckA: ckA, `Token token="` + ckA + `"`: ckA,
		"sso-key " + ckA + ":secret": ckA, "Outseta x:" + ckA: ckA,
		`OAuth realm="x", oauth_token="` + ckA + `",oauth_nonce="y"`:                           ckA,
		"AWS4-HMAC-SHA256 Credential=" + ckA + "/20261130/eu/s3/aws4_request, SignedHeaders=h": ckA,
		"Bot  " + ckA: "", "Bot x" + ckA: "", "Bot " + ckA + "0": "", "": "", "Bot": "", "Bot " + ckA + "\u00a0": "",
	} {
		got := ""
		KeysIn(value, isTestKey, func(key string) { got += key })
		if got != want {
			t.Errorf("in %q: %q", value, got)
		}
	}
}

func TestWithoutKey(t *testing.T) {
	bot := mustPlace(t, keyApp("https://api.example.com", &catalog.Placement{PathPrefix: "/bot{api_key}"}))
	aws := mustPlace(t, awsApp())
	signed := "x-id=GetObject&X-Amz-Algorithm=AWS4&X-Amz-Credential=" + ckA +
		"%2Fx&X-Amz-Signature=00&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&versionId=3"
	for _, c := range []struct {
		p                 *Placement
		path, query, want string
	}{
		{bot, "/bot" + ckA + "/getMe", "a=b", "/getMe?a=b"},
		{bot, "/bot" + ckA, "", "?"},
		{bot, "/bot" + ckB + "/getMe", "", "/bot" + ckB + "/getMe?"},
		{bot, "/getMe", "", "/getMe?"},
		{bot, "/bot" + ckA + "/bot" + ckA + "/x", "", "/bot" + ckA + "/x?"},
		{aws, "/b/k", signed, "/b/k?x-id=GetObject&versionId=3"},
		{aws, "/b/k", strings.ReplaceAll(signed, ckA, ckB), "/b/k?" + strings.ReplaceAll(signed, ckA, ckB)},
	} {
		path, query := c.p.WithoutKey(ckA, c.path, c.query)
		if got := path + "?" + query; got != c.want {
			t.Errorf("%s?%s became %s", c.path, c.query, got)
		}
	}
}

func TestRedactTarget(t *testing.T) {
	bot := mustPlace(t, keyApp("https://api.example.com",
		&catalog.Placement{PathPrefix: "/bot{api_key}", Query: map[string]string{"key": "{api_key}"}}))
	open := mustPlace(t, keyApp("https://api.example.com",
		&catalog.Placement{PathPrefix: "/{sub}", Query: map[string]string{"key": "{api_key}"}}))
	for _, c := range []struct {
		p                 *Placement
		path, query, want string
	}{
		{bot, "/bot" + ckA + "/getMe", "", "/getMe?"},
		{bot, "/bot77:AAx/getMe", "a=b&key=sk-1&K%65y=sk-2", "/REDACTED/getMe?a=b&key=REDACTED&Key=REDACTED"},
		{bot, "/getMe", "a=b;c", "/getMe?a=b&c"},
		{open, "/acme/x", "", "/acme/x?"},
		{open, "/" + ckA + "/x", "", "/x?"},
	} {
		path, query := c.p.RedactTarget(c.path, c.query, isTestKey)
		if got := path + "?" + query; got != c.want {
			t.Errorf("%s?%s is logged as %s", c.path, c.query, got)
		}
	}
}

func TestKeyIn(t *testing.T) {
	key := NewKey(ckA)
	for _, text := range []string{
		"x" + ckA + "y", "ck%5F" + ckA[3:], "ck%25255F" + ckA[3:], strings.Repeat("0123456789 ", 1000) + ckA,
		strings.Repeat("%20", 3000) + "c%6b_" + ckA[3:],
		`{"k":"\u0063k_` + ckA[3:] + `"}`, "&#99;k_" + ckA[3:], "ck&lowbar;" + ckA[3:],
	} {
		if !key.In(text) {
			t.Errorf("not found in %.80q", text)
		}
	}
	for _, text := range []string{"", ckA[:45], ckB, strings.ToLower(ckA), strings.Repeat("0123456789abcdef", 4),
		strings.Repeat("aZ0", 100), strings.Repeat("%41", 100)} {
		if key.In(text) {
			t.Errorf("found in %.80q", text)
		}
	}
	if new(Key).In("anything") || new(Key).inName("anything") {
		t.Error("no key is in everything")
	}
	if !key.inName("X-" + strings.ToLower(ckA)) {
		t.Error("not found in a header's name")
	}
}

// TestMuchToSearch: what a caller has searched for the rarer spellings of the key, before any
// budget is asked, has a bound.
func TestMuchToSearch(t *testing.T) {
	p := mustPlace(t, keyApp("https://api.example.com", headers("X-Api-Key", "{api_key}")))
	costly := strings.Repeat(strings.Repeat("QUFB", 25)+`=%41\u0041`, 36) // nearly 4 KiB
	cost := func(values int) float64 {
		h := http.Header{"X-A": slices.Repeat([]string{costly}, values)}
		return testing.AllocsPerRun(1, func() {
			if where := p.Elsewhere(NewKey(ckA), h, nil, "/x", ""); where != "" {
				t.Errorf("found in %s", where)
			}
		})
	}
	if few, many := cost(4), cost(100); many > 2*few+1000 {
		t.Errorf("100 values cost %.0f allocations, and 4 of them %.0f", many, few)
	}
}
