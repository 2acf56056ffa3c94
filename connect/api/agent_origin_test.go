package api

import (
	"crypto/tls"
	"errors"
	"net/http"
	"testing"

	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/vending"
)

func TestAgentOrigin(t *testing.T) {
	const own = "https://gw.example"
	for name, tt := range map[string]struct {
		publicURL, host string
		tls             bool
		origins         []string
		ok              bool
	}{
		"none":                    {own, "other", false, nil, true},
		"own":                     {own, "other", false, []string{own}, true},
		"own, with its port":      {own, "other", false, []string{own + ":443"}, true},
		"own, in capitals":        {own, "other", false, []string{"HTTPS://GW.Example"}, true},
		"own, configured so":      {"https://GW.Example:443", "other", false, []string{own}, true},
		"own, another port":       {"https://gw.example:8443", "other", false, []string{"https://gw.example:8443"}, true},
		"own, IPv6":               {"http://[::1]:80", "other", false, []string{"http://[::1]"}, true},
		"foreign":                 {own, "gw.example", false, []string{"https://evil.example"}, false},
		"that of Host":            {own, "evil.example", true, []string{"https://evil.example"}, false},
		"null":                    {own, "gw.example", true, []string{"null"}, false},
		"empty":                   {own, "gw.example", true, []string{""}, false},
		"another scheme":          {own, "gw.example", true, []string{"http://gw.example"}, false},
		"another port than own":   {own, "gw.example", true, []string{"https://gw.example:8443"}, false},
		"a subdomain":             {own, "gw.example", true, []string{"https://a.gw.example"}, false},
		"own as a prefix":         {own, "gw.example", true, []string{"https://gw.example.evil.example"}, false},
		"own as user info":        {own, "gw.example", true, []string{"https://gw.example@evil.example"}, false},
		"own with user info":      {own, "gw.example", true, []string{"https://x@gw.example"}, false},
		"own with a path":         {own, "gw.example", true, []string{own + "/"}, false},
		"own with a query":        {own, "gw.example", true, []string{own + "?"}, false},
		"own with a fragment":     {own, "gw.example", true, []string{own + "#"}, false},
		"own twice":               {own, "gw.example", true, []string{own, own}, false},
		"own and foreign":         {own, "gw.example", true, []string{own, "https://evil.example"}, false},
		"a list":                  {own, "gw.example", true, []string{own + ", https://evil.example"}, false},
		"own with a space":        {own, "gw.example", true, []string{" " + own}, false},
		"of an extension":         {own, "gw.example", true, []string{"chrome-extension://gw.example"}, false},
		"of a file":               {own, "gw.example", true, []string{"file://"}, false},
		"Host's, without TLS":     {"", "127.0.0.1:8080", false, []string{"http://127.0.0.1:8080"}, true},
		"Host's, with TLS":        {"", "gw.example", true, []string{own}, true},
		"Host's, of another TLS":  {"", "gw.example", false, []string{own}, false},
		"foreign to Host":         {"", "127.0.0.1:8080", false, []string{"http://localhost:8080"}, false},
		"null without public_url": {"", "127.0.0.1:8080", false, []string{"null"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Host: tt.host}
			if tt.tls {
				r.TLS = new(tls.ConnectionState)
			}
			err := checkAgentOrigin(tt.origins, gateway.New(gateway.Options{PublicURL: tt.publicURL}).Origin(r))
			var refused *vending.Error
			if tt.ok && err != nil || !tt.ok && (!errors.As(err, &refused) || refused.Code != vending.PolicyDenied ||
				refused.Code.Status() != http.StatusForbidden) {
				t.Errorf("got %v", err)
			}
		})
	}
}
