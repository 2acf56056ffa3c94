package playground

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

var (
	printedLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/connect/[0-9A-Za-z]{33}`)
	printedKey  = regexp.MustCompile(`asks for an API key, and (demo_key_[0-9A-Z]+)`)
	ticket      = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
)

// clickThrough connects by the printed links as an end user would: once at the provider, once with
// a key after a wrong one.
func (p *program) clickThrough(t *testing.T) {
	t.Helper()
	links := printedLink.FindAllString(p.Stdout(), -1)
	key := printedKey.FindStringSubmatch(p.Stdout())
	if len(links) != 2 || key == nil {
		t.Fatalf("the text has %d links and the key %v", len(links), key)
	}
	v := harness.NewVisitor(t, nil)
	v.Open(links[0]).Sees("the first link", http.StatusOK, "The Playground")
	v.Submit("accept").Open(v.Onward().String()).Sees("the provider", http.StatusOK, "Allow access?")
	decision := url.Values{"ticket": {ticket.FindStringSubmatch(v.Page)[1]}, "account": {"carol"}, "decision": {"allow"}}
	v.Do(http.MethodPost, "http://"+v.At.Host+"/oauth/authorize", decision).Sees("back from the provider", http.StatusOK,
		harness.SaysCreated)
	v.Open(links[1]).Submit("accept").Submit("credentials", "field.api_key", "a-wrong-key").Sees("a wrong key",
		http.StatusUnprocessableEntity, "does not accept")
	v.Submit("credentials", "field.api_key", key[1]).Sees("the printed key", http.StatusOK, harness.SaysCreated)
	for _, link := range links {
		harness.NewVisitor(t, nil).Open(link).Sees("a used link", http.StatusNotFound, harness.SaysInvalid)
	}
	if strings.Contains(v.Page, key[1]) {
		t.Error("the page shows the key")
	}
}
