package catalog

import "testing"

// TestFactsOfRedirects: the libraries of these apps send Authorization along to another host.
func TestFactsOfRedirects(t *testing.T) {
	apps := embedded(t)
	for slug, source := range map[string]string{
		"salesforce":           "jsforce 3.10.16, lib/request.js",
		"salesforce-sandbox":   "jsforce 3.10.16, lib/request.js",
		"salesforce-developer": "jsforce 3.10.16, lib/request.js",
		"azure-devops":         "azure-devops-node-api 17.0.1, handlers: allowCrossOriginAuthentication = true",
	} {
		if apps[slug].Redirects != "refuse" {
			t.Errorf("%s: redirects are %q, want refuse: %s", slug, apps[slug].Redirects, source)
		}
	}
}
