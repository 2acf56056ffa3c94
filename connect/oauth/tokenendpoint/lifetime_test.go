package tokenendpoint

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
)

// TestExpirySpellings has the ends of tokens as providers write them. The clock is at noon of
// 2026-03-01.
func TestExpirySpellings(t *testing.T) {
	hour, ended := now.Add(time.Hour), now.Add(-time.Second)
	far := now.Add((1<<31 - 1) * time.Second)
	for members, want := range map[string]time.Time{
		// Square, https://developer.squareup.com/reference/square/o-auth-api/obtain-token
		`"expires_at":"2026-03-01T13:00:00Z"`:                     hour,
		`"expires_at":"2026-03-01T13:00:00.999Z"`:                 hour,
		`"expires_at":"2026-03-01t13:00:00z"`:                     hour,
		`"expires_at":"2026-03-01T15:00:00+02:00"`:                hour,
		`"expires_at":"2026-03-01T15:00:00.123+0200"`:             hour,
		`"expires_at":"2026-03-01T11:00:00-02"`:                   hour,
		`"expires_at":"2026-03-01T13:00:00"`:                      hour,
		`"expires_at":"2026-03-01 13:00:00"`:                      hour,
		`"expires_at":"2026-03-01 13:00:00.000000"`:               hour,
		`"expires_at":"2026-03-01 13:00:00 UTC"`:                  hour,
		`"expires_at":"2026-03-01 15:00:00 +0200"`:                hour,
		`"expires_at":"2026-03-01T13:00Z"`:                        hour,
		`"expires_at":" 2026-03-01T13:00:00Z "`:                   hour,
		`"expires":"Sun, 01 Mar 2026 13:00:00 GMT"`:               hour,
		`"expires":"2026-03-01T13:00:00Z"`:                        hour,
		`"expires_in":"2026-03-01T13:00:00Z"`:                     hour,
		`"expires_in":null,"expires_at":"2026-03-01T13:00:00Z"`:   hour,
		`"expires_in":0,"expires_at":"2026-03-01T13:00:00Z"`:      hour,
		`"expires_in":"soon","expires_at":"2026-03-01T13:00:00Z"`: hour,
		`"expires":"soon","expires_at":"2026-03-01T13:00:00Z"`:    hour,
		`"expires_on":"1772370000"`:                               hour,
		`"expires_at":1772370000.5`:                               hour,
		`"expires_at":1.772370e9`:                                 hour,
		`"expires_at":"1772370000000"`:                            hour,
		`"expires_at":1772370000000000`:                           hour,
		`"expires_at":1772370000000000000`:                        hour,
		`"expires_at":"2026-03-01T12:00:00Z"`:                     ended,
		`"expires_at":"2020-01-01"`:                               ended,
		`"expires_at":"9999-12-31T23:59:59Z"`:                     far,
		`"expires_at":1e300`:                                      far,
		`"expires_in":1e999`:                                      far,
		`"expires_in":99999999999999999999`:                       far,
		`"expires_in":0.5`:                                        now.Add(time.Second),
		`"expires_in":" 3600 "`:                                   hour,
		`"expires_in_sec":3600,"expires_in":3600000`:              hour, // zoho.com/crm/developer/docs, Refresh Access Tokens
		`"expire_in":3600`:                                        hour,
		`"expiresIn":"3600"`:                                      hour,
		`"expiresAt":"2026-03-01T13:00:00Z"`:                      hour,
		`"expiry":"2026-03-01T13:00:00.1Z"`:                       hour,
		// An end that cannot be read is an hour away.
		`"expires_at":"soon"`:            hour,
		`"expires_at":"NaN"`:             hour,
		`"expires_at":"Inf"`:             hour,
		`"expires_at":"0x7fffffffffff"`:  hour,
		`"expires_at":"2026-13-01"`:      hour,
		`"expires_at":{}`:                hour,
		`"expires_at":[]`:                hour,
		`"expires_at":true`:              hour,
		`"expires":false`:                hour,
		`"expires_on":"+-1"`:             hour,
		`"expires_in":0,"expires":"NaN"`: hour,
		// What says that there is none.
		`"expires_at":null`:                   {},
		`"expires_at":""`:                     {},
		`"expires_at":0`:                      {},
		`"expires_at":-1`:                     {},
		`"expires_at":"-1"`:                   {},
		`"expires_at":-1e999`:                 {},
		`"expires_at":"0001-01-01T00:00:00Z"`: {},
		`"expires_at":"1970-01-01T00:00:00Z"`: {},
	} {
		got, err := redeemPlain(t, start(t, answer{200, `{"access_token":"n",` + members + `}`, nil}))
		if err != nil || !got.Expiry.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", members, got.Expiry, err, want)
		}
	}
}

// TestUnreadableLifetime: an expires_in that is no number makes the answer invalid, and for another
// end that cannot be read the catalog's lifetime counts.
func TestUnreadableLifetime(t *testing.T) {
	for _, value := range []string{
		`"NaN"`, `"nan"`, `"Inf"`, `"-Infinity"`, `"0x10"`, `"1_000"`, `true`, `{}`, `[3600]`, `"3600 seconds"`,
	} {
		body := fmt.Sprintf(`{"access_token":"n","expires_in":%s}`, value)
		_, err := redeemPlain(t, start(t, answer{200, body, nil}))
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Class != Malformed {
			t.Errorf("%s: %v", value, err)
		}
	}
	body := `{"access_token":"n","expires_at":"soon"}`
	got, err := redeemPlain(t, start(t, answer{200, body, nil}, func(o *catalog.OAuth2) { o.TokenLifetime = 600 }))
	if err != nil || !got.Expiry.Equal(now.Add(10*time.Minute)) {
		t.Errorf("the catalog's lifetime: %v, %v", got.Expiry, err)
	}
}
