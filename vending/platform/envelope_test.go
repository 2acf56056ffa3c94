package platform_test

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// withStatus returns gmailToken with the JSON text of its status replaced.
func withStatus(text string) string { return strings.Replace(gmailToken, `"success"`, text, 1) }

// with returns gmailToken with members added to its envelope.
func with(members string) string { return strings.Replace(gmailToken, `{`, `{`+members+`,`, 1) }

// TestEnvelope: the guide gives `status` no value, so a 2xx with an object `data` is a success
// unless it states an error. Both calls are judged alike.
func TestEnvelope(t *testing.T) {
	tests := map[string]struct {
		body string
		code vending.Code // empty: a success
	}{
		"status in caps":         {body: withStatus(`"SUCCESS"`)},
		"status ok":              {body: withStatus(`"ok"`)},
		"status of another word": {body: withStatus(`"fulfilled"`)},
		"status empty":           {body: withStatus(`""`)},
		"status true":            {body: withStatus(`true`)},
		"status a number":        {body: withStatus(`200`)},
		"status null":            {body: withStatus(`null`)},
		"no status":              {body: strings.Replace(gmailToken, `"status":"success",`, ``, 1)},
		"data alone":             {body: strings.Replace(gmailToken, `"status":"success","message":"ok",`, ``, 1)},
		"no error":               {body: with(`"error":null,"errors":[],"success":true`)},
		"empty error":            {body: with(`"error":"","errors":{ }`)},
		"false error":            {body: with(`"error":false`)},
		"more members":           {body: with(`"meta":{"error":"x"},"code":7`)},

		"status error":       {withStatus(`"error"`), vending.UpstreamUnavailable},
		"status Failed":      {withStatus(`"Failed"`), vending.UpstreamUnavailable},
		"status false":       {withStatus(`false`), vending.UpstreamUnavailable},
		"status 401":         {withStatus(`401`), vending.UpstreamUnavailable},
		"success false":      {with(`"success":false`), vending.UpstreamUnavailable},
		"error as text":      {with(`"error":"oops"`), vending.UpstreamUnavailable},
		"error as an object": {with(`"error":{"message":"oops"}`), vending.UpstreamUnavailable},
		"errors":             {with(`"errors":["oops"]`), vending.UpstreamUnavailable},
		"error with a code":  {with(`"error":{"code":"needs_reconnection"}`), vending.NeedsReconnection},
		"error is the code":  {with(`"error":"needs_reconnection"`), vending.NeedsReconnection},
		"coded error": {`{"status":"error","message":"","data":{"code":"needs_reconnection"}}`,
			vending.NeedsReconnection},
		"rate limit":          {`{"status":"error","data":{"code":"rate_limited"}}`, vending.RateLimited},
		"code of the manager": {`{"status":"error","data":{"code":"connection_in_use"}}`, vending.UpstreamUnavailable},
		"null data":           {`{"status":"success","data":null}`, vending.UpstreamUnavailable},
		"no data":             {`{"status":"success"}`, vending.UpstreamUnavailable},
		"list of data": {`{"status":"success","data":[{"access_token":"` + secret + `"}]}`,
			vending.UpstreamUnavailable},
		"empty":       {``, vending.UpstreamUnavailable},
		"blank":       {` `, vending.UpstreamUnavailable},
		"HTML":        {`<!doctype html><title>` + secret + `</title>`, vending.UpstreamUnavailable},
		"garbage":     {gmailToken[:len(gmailToken)-9], vending.UpstreamUnavailable},
		"two values":  {gmailToken + gmailToken, vending.UpstreamUnavailable},
		"list":        {`[` + gmailToken + `]`, vending.UpstreamUnavailable},
		"text":        {`"` + secret + `"`, vending.UpstreamUnavailable},
		"null":        {`null`, vending.UpstreamUnavailable},
		"no envelope": {`{"access_token":"` + secret + `","auth_type":"o_auth"}`, vending.UpstreamUnavailable},
		"no UTF-8":    {strings.Replace(gmailToken, "ya29.", "ya29.\xff", 1), vending.UpstreamUnavailable},
	}
	const connection, token = `{"id":"c1","app":"gmail"}`, `{"access_token":"` + secret +
		`","token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}`
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), says(200, tt.body, "Content-Type", "application/json"))
			cred, err := vend(newSource(t, s), request())
			if tt.code == "" {
				vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
			} else {
				refused(t, cred, err, tt.code)
			}

			metadata := strings.ReplaceAll(strings.ReplaceAll(tt.body, token, connection), secret, "c1")
			s = serve(t, says(200, metadata), says(200, gmailToken))
			cred, err = vend(newSource(t, s), request())
			if tt.code == "" {
				vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
				return
			}
			refused(t, cred, err, tt.code)
			if s.asked("POST") != 0 {
				t.Error("a token was asked for without knowing the app")
			}
		})
	}
}
