package caddymodule_test

import (
	"strings"
	"testing"
)

// TestOAuthClientSpaces: the id and the secret are refused where they are configured, by an app of
// either version of OAuth.
func TestOAuthClientSpaces(t *testing.T) {
	for app, tt := range map[string]struct{ id, secret, want string }{
		"flickr": {"id", "NEVER ",
			"field client_secret of the oauth client for flickr begins or ends with a space: take it out"},
		"twitch": {" NEVER", "s", "field client_id of the oauth client for twitch begins or ends with a space: take it out"},
		"gmail":  {"NEVER ", "s", "field client_id of the oauth client for gmail begins or ends with a space: take it out"},
	} {
		t.Setenv("VG_SPACED", tt.secret)
		err := validate("{\n\tvendgate {\n\t\tsource static\n\t\toauth_client " + app + " {\n\t\t\tclient_id \"" + tt.id +
			"\"\n\t\t\tclient_secret {env.VG_SPACED}\n\t\t}\n\t}\n}\n")
		if err == nil || !strings.Contains(err.Error(), tt.want+", at Caddyfile:4") {
			t.Errorf("%s: configured: %v", app, err)
		}
	}
}

// TestClientHostOfNoForm: a host that no one could be sent to is refused when a server starts.
func TestClientHostOfNoForm(t *testing.T) {
	const want = "field host of the oauth client for gitea is invalid where the app uses it: write a public host name"
	for _, host := range []string{"https://git.example.com/", "127.0.0.1:80"} {
		err := validate("{\n\tvendgate {\n\t\tsource static\n\t\toauth_client gitea {\n\t\t\tclient_id id\n" +
			"\t\t\tfield host " + host + "\n\t\t}\n\t}\n}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a server with %s: %v", host, err)
		}
	}
}
