package catalog

import (
	"net/http"
	"strings"
	"testing"
)

func TestRefusesCredential(t *testing.T) {
	app := &App{Refused: []Refused{
		{Statuses: []int{403, 400}, Body: []string{"Bad_OAuth_Token", "Session expired"}},
		{Statuses: []int{404}, When: map[string]string{"X-Error-Code": "17", "X-Error": "token"}},
		{Statuses: []int{409}, When: map[string]string{"X-Error": "token"}, Body: []string{"17"}},
		{Statuses: []int{498}},
	}}
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	none := header()
	for name, c := range map[string]struct {
		status          int
		header          http.Header
		body            string
		refuses, inBody bool
	}{
		"401":                      {401, none, "", true, false},
		"a text":                   {403, none, `[{"errorCode":"Bad_OAuth_Token"}]`, true, true},
		"another text":             {400, none, "Session expired or invalid", true, true},
		"another case":             {403, none, "bad_oauth_token", false, true},
		"no text":                  {403, none, "", false, true},
		"another status":           {500, none, "Bad_OAuth_Token", false, false},
		"200":                      {200, none, "Bad_OAuth_Token", false, false},
		"at the end of the prefix": {403, none, strings.Repeat(" ", 8<<10-15) + "Bad_OAuth_Token", true, true},
		"beyond the prefix":        {403, none, strings.Repeat(" ", 8<<10-14) + "Bad_OAuth_Token", false, true},
		"headers":                  {404, header("x-error", "token", "x-error-code", "17"), "", true, false},
		"one of the headers":       {404, header("X-Error", "token"), "", false, false},
		"another value":            {404, header("X-Error", "token", "X-Error-Code", "170"), "", false, false},
		"one of several values": {404, header("X-Error", "other", "X-Error", "token", "X-Error-Code", "17"), "", true,
			false},
		"header and text":     {409, header("X-Error", "token"), "17", true, true},
		"text without header": {409, none, "17", false, false},
		"status alone":        {498, none, "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := app.RefusesCredential(c.status, c.header, []byte(c.body)); got != c.refuses {
				t.Errorf("refuses %v, want %v", got, c.refuses)
			}
			if got := app.RefusalInBody(c.status, c.header); got != c.inBody {
				t.Errorf("in the body %v, want %v", got, c.inBody)
			}
		})
	}
	if plain := new(App); !plain.RefusesCredential(401, none, nil) || plain.RefusesCredential(403, none, nil) ||
		plain.RefusalInBody(403, none) {
		t.Error("an app that says nothing: want 401 alone")
	}
}

func TestCheckRefused(t *testing.T) {
	refused := func(r Refused) change { return func(a *App) { a.Refused = []Refused{{Statuses: []int{498}}, r} } }
	body := []string{"x"}
	alone := `: write the header (when) or the text (body) that shows it`
	text := `app acme: refused.body: each text must have 1 to 256 bytes and no control character: write what only such ` +
		`a body holds, like invalid_token`
	refuse(t, keyed, map[string]refusal{
		"nothing": {refused(Refused{}),
			`app acme: refused: statuses are missing: write statuses other than 401 that mean it, such as 403`},
		"401": {refused(Refused{Statuses: []int{401}, Body: body}),
			`app acme: refused.statuses: 401: write statuses other than 401 that mean it, such as 403`},
		"429": {refused(Refused{Statuses: []int{429}, Body: body}),
			`app acme: refused.statuses: 429: write statuses other than 401 that mean it, such as 403`},
		"101": {refused(Refused{Statuses: []int{101}, Body: body}),
			`app acme: refused.statuses: 101: write statuses other than 401 that mean it, such as 403`},
		"600": {refused(Refused{Statuses: []int{600}, Body: body}),
			`app acme: refused.statuses: 600: write statuses other than 401 that mean it, such as 403`},
		"403 alone": {refused(Refused{Statuses: []int{403}}),
			`app acme: refused.statuses: 403 has other causes than a refused credential` + alone},
		"200 alone": {refused(Refused{Statuses: []int{498, 200}}),
			`app acme: refused.statuses: 200 has other causes than a refused credential` + alone},
		"a header's name": {refused(Refused{Statuses: []int{403}, When: map[string]string{"X Error": "1"}}),
			`app acme: refused.when: "X Error" is an invalid header name: write it like X-Error-Code`},
		"an empty text": {refused(Refused{Statuses: []int{403}, Body: []string{"x", ""}}), text},
		"a long text":   {refused(Refused{Statuses: []int{403}, Body: []string{strings.Repeat("x", 257)}}), text},
		"two lines":     {refused(Refused{Statuses: []int{403}, Body: []string{"a\nb"}}), text},
	})
	for name, r := range map[string]Refused{
		"text":   {Statuses: []int{400, 403, 404, 200, 500}, Body: body},
		"header": {Statuses: []int{403}, When: map[string]string{"X-Error": "1"}},
		"alone":  {Statuses: []int{203, 419, 440, 498}},
	} {
		app := keyed("acme")
		refused(r)(&app)
		if err := app.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
