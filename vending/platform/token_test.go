package platform_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

var oauth = []string{"access_token", secret, "token_type", "Bearer"}

// tokens are the data of token answers and what they are worth.
var tokens = map[string]struct {
	data   string
	want   []string     // empty: refused with code
	code   vending.Code // upstream_unavailable where empty
	auth   vending.AuthType
	expiry time.Duration // 0: unknown
}{
	"OAuth": {data: `{"access_token":"` + secret +
		`","token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}`, want: oauth, auth: vending.OAuth,
		expiry: 3599 * time.Second},
	"lower-case type": {data: `{"access_token":"` + secret +
		`","token_type":"bearer","expires_in":3599,"auth_type":"o_auth"}`, want: oauth, auth: vending.OAuth,
		expiry: 3599 * time.Second},
	"other type": {data: `{"access_token":"` + secret +
		`","token_type":"Zoho-oauthtoken","auth_type":"o_auth"}`,
		want: []string{"access_token", secret, "token_type", "Zoho-oauthtoken"}, auth: vending.OAuth},
	"no type": {data: `{"access_token":"` + secret + `","auth_type":"o_auth"}`, want: oauth,
		auth: vending.OAuth},
	"null type": {data: `{"access_token":"` + secret + `","token_type":null,"auth_type":"o_auth"}`,
		want: oauth, auth: vending.OAuth},
	"OAuth with fields": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","fields":{"subdomain":"acme"}}`,
		want: append(oauth[:4:4], "subdomain", "acme"), auth: vending.OAuth},
	"OAuth, null fields": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","fields":null}`, want: oauth,
		auth: vending.OAuth},
	"expires_in absent": {data: `{"access_token":"` + secret + `","auth_type":"o_auth"}`, want: oauth,
		auth: vending.OAuth},
	"expires_in null": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":null}`,
		want: oauth, auth: vending.OAuth},
	"expires_in as text": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"3600"}`,
		want: oauth, auth: vending.OAuth, expiry: time.Hour},
	"expires_in fraction": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":1.5}`, want: oauth,
		auth: vending.OAuth, expiry: 1500 * time.Millisecond},
	"expires_in huge": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":1e300}`,
		want: oauth, auth: vending.OAuth, expiry: 100 * 365 * 24 * time.Hour},
	"expires_in zero":       {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":0}`},
	"expires_in text zero":  {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"0"}`},
	"expires_in negative":   {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":-1}`},
	"expires_in text minus": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"-3600"}`},
	"expires_in over range": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":1e999}`},
	"expires_in word":       {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"soon"}`},
	"expires_in NaN":        {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"NaN"}`},
	"expires_in hex":        {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"0x10"}`},
	"expires_in empty text": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":""}`},
	"expires_in text null":  {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":"null"}`},
	"expires_in bool":       {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":true}`},
	"expires_in object":     {data: `{"access_token":"` + secret + `","auth_type":"o_auth","expires_in":{}}`},
	"no access_token":       {data: `{"token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}`},
	"null access_token":     {data: `{"access_token":null,"auth_type":"o_auth"}`},
	"empty access_token":    {data: `{"access_token":"","auth_type":"o_auth"}`},
	"blank access_token":    {data: `{"access_token":" \n","auth_type":"o_auth"}`},
	"access_token a number": {data: `{"access_token":4711471147114711,"auth_type":"o_auth"}`},
	"access_token a list":   {data: `{"access_token":["` + secret + `"],"auth_type":"o_auth"}`},
	"token_type a number":   {data: `{"access_token":"` + secret + `","token_type":1,"auth_type":"o_auth"}`},
	"token among fields": {data: `{"access_token":"` + secret +
		`","auth_type":"o_auth","fields":{"access_token":"x","token_type":"y"}}`, want: oauth, auth: vending.OAuth},
	"OAuth, empty list": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","fields":[]}`, want: oauth,
		auth: vending.OAuth},
	"OAuth, null app": {data: `{"access_token":"` + secret + `","auth_type":"o_auth","app":null,"connection":null}`,
		want: oauth, auth: vending.OAuth},
	"token under fields": {data: `{"auth_type":"o_auth","fields":{"access_token":"` + secret + `"}}`},

	"API key": {data: `{"auth_type":"api_key","fields":{"api_key":"` + secret + `"},"expires_in":null}`,
		want: []string{"api_key", secret}, auth: vending.APIKey},
	"basic, order kept": {data: `{"auth_type":"basic","fields":{"username":"u","password":"` + secret + `","a":"1"}}`,
		want: []string{"username", "u", "password", secret, "a", "1"}, auth: vending.Basic},
	"empty password": {data: `{"auth_type":"basic","fields":{"username":"` + secret + `","password":""}}`,
		want: []string{"username", secret, "password", ""}, auth: vending.Basic},
	"header": {data: `{"auth_type":"header","fields":{"X-Api-Key":"` + secret + `"}}`,
		want: []string{"X-Api-Key", secret}, auth: vending.Header},
	"fields expire": {data: `{"auth_type":"header","fields":{"X-Api-Key":"` + secret + `"},"expires_in":60}`,
		want: []string{"X-Api-Key", secret}, auth: vending.Header, expiry: time.Minute},
	"fields expired":  {data: `{"auth_type":"header","fields":{"X-Api-Key":"` + secret + `"},"expires_in":0}`},
	"number as value": {data: `{"auth_type":"api_key","fields":{"api_key":12345678901234567890.10,"live":true,"eu":false}}`, want: []string{"api_key", "12345678901234567890.10", "live", "true", "eu", "false"}, auth: vending.APIKey},
	"escapes": {data: `{"auth_type":"api_key","fields":{"api_key":"\u00e4\/\"\u003c"}}`,
		want: []string{"api_key", `ä/"<`}, auth: vending.APIKey},
	"null value": {data: `{"auth_type":"api_key","fields":{"api_key":null,"b":"` + secret + `"}}`,
		want: []string{"b", secret}, auth: vending.APIKey},
	"null values": {data: `{"auth_type":"api_key","fields":{"api_key":null}}`},
	"null beside value": {data: `{"auth_type":"api_key","fields":{"api_key":null,"api_key":"` + secret + `"}}`,
		want: []string{"api_key", secret}, auth: vending.APIKey},
	"empty list":      {data: `{"auth_type":"api_key","fields":[]}`},
	"object as value": {data: `{"auth_type":"api_key","fields":{"api_key":{"value":"` + secret + `"}}}`},
	"list as value":   {data: `{"auth_type":"api_key","fields":{"api_key":["` + secret + `"]}}`},
	"unnamed field":   {data: `{"auth_type":"api_key","fields":{"":"` + secret + `"}}`},
	"field twice":     {data: `{"auth_type":"api_key","fields":{"api_key":"a","api_key":"` + secret + `"}}`},
	"empty fields":    {data: `{"auth_type":"api_key","fields":{}}`},
	"blank fields":    {data: `{"auth_type":"basic","fields":{"username":"","password":""}}`},
	"null fields":     {data: `{"auth_type":"api_key","fields":null}`},
	"no fields":       {data: `{"auth_type":"api_key"}`},
	"list of fields":  {data: `{"auth_type":"api_key","fields":["` + secret + `"]}`},
	"text as fields":  {data: `{"auth_type":"api_key","fields":"` + secret + `"}`},
	"token for a key": {data: `{"auth_type":"api_key","access_token":"` + secret + `"}`},

	"no auth_type":   {data: `{"access_token":"` + secret + `","token_type":"Bearer"}`, code: vending.InternalError},
	"null auth_type": {data: `{"access_token":"` + secret + `","auth_type":null}`, code: vending.InternalError},
	"unknown auth_type": {data: `{"access_token":"` + secret + `","auth_type":"oauth2","fields":{"a":"b"}}`,
		code: vending.InternalError},
	"auth_type a number": {data: `{"access_token":"` + secret + `","auth_type":1}`},
	"null data":          {data: `null`},
	"list data":          {data: `["` + secret + `"]`},
	"text data":          {data: `"` + secret + `"`},
}

// TestToken: both shapes of the guide's section 8 are vended; whatever is neither fails closed.
func TestToken(t *testing.T) {
	for name, tt := range tokens {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), says(200, `{"status":"success","message":"ok","data":`+tt.data+`}`))
			before := time.Now()
			cred, err := vend(newSource(t, s), request())
			if tt.want == nil {
				refused(t, cred, err, cmp.Or(tt.code, vending.UpstreamUnavailable))
				return
			}
			vended(t, cred, err, tt.want...)
			if cred.AuthType != tt.auth || cred.App != "gmail" {
				t.Errorf("credential is %s of %s", cred.AuthType, cred.App)
			}
			after := time.Now()
			switch {
			case tt.expiry == 0 && !cred.Expiry.IsZero():
				t.Errorf("expiry = %v, want none", cred.Expiry)
			case tt.expiry != 0 && (cred.Expiry.Before(before.Add(tt.expiry)) || cred.Expiry.After(after.Add(tt.expiry))):
				t.Errorf("expiry = %v, want %v from now", cred.Expiry, tt.expiry)
			}
		})
	}
}
