package pipedream_test

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// TestTwoReadings: an answer that two readers could understand differently is nobody's, and what is
// not read decides nothing.
func TestTwoReadings(t *testing.T) {
	for name, tt := range map[string]struct {
		replaced, by string
		ok           bool
	}{
		"end user twice":             {`"external_id":`, `"external_id":"bob@example.com","external_id":`, false},
		"end user twice, alike":      {`"external_id":`, `"external_id":"alice@example.com","external_id":`, false},
		"end user twice, escaped":    {`"external_id":`, `"\u0065xternal_id":"bob@example.com","external_id":`, false},
		"end user in capitals, too":  {`"external_id":`, `"External_ID":"bob@example.com","external_id":`, false},
		"end user in capitals alone": {`"external_id":`, `"EXTERNAL_ID":`, false},
		"dead in capitals":           {`"dead":false`, `"dead":false,"DEAD":true`, false},
		"dead twice":                 {`"dead":false`, `"dead":true,"dead":false`, false},
		"app twice":                  {`"app":`, `"app":{"name_slug":"slack"},"app":`, false},
		"name_slug twice":            {`"name_slug":`, `"name_slug":"slack","name_slug":`, false},
		"name_slug of another case":  {`"name_slug":`, `"Name_Slug":"slack","name_slug":`, false},
		"name_slug by a long s":      {`"name_slug":`, `"name_\u017flug":"slack","name_slug":`, false},
		"credentials twice":          {`"credentials":`, `"credentials":null,"credentials":`, false},
		"token twice": {`"oauth_access_token":`,
			`"oauth_access_token":"canary-other","oauth_access_token":`, false},
		"token of another case": {`"oauth_access_token":`,
			`"OAuth_Access_Token":"canary-other","oauth_access_token":`, false},
		"what is not read, in capitals": {`"name":`, `"Name":"x","name":`, true},
	} {
		t.Run(name, func(t *testing.T) {
			account := strings.Replace(sheets, tt.replaced, tt.by, 1)
			if account == sheets {
				t.Fatal("nothing was replaced")
			}
			for _, answer := range []string{account, `{"data":` + account + `}`} {
				cred, err := vend(newSource(t, serve(t, nil, says(200, answer), nil)), request())
				if tt.ok {
					vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
					continue
				}
				_ = refused(t, cred, err, vending.UpstreamUnavailable)
			}
		})
	}
	for _, answer := range []string{`{"data":null,"data":` + sheets + `}`, `{"DATA":` + sheets + `,"data":` + sheets + `}`,
		sheets + sheets} {
		cred, err := vend(newSource(t, serve(t, nil, says(200, answer), nil)), request())
		_ = refused(t, cred, err, vending.UpstreamUnavailable)
	}
}
