package main

import (
	"html/template"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
)

// authorize is the authorization endpoint (RFC 6749, section 3.1). It consents at once for the
// query parameter `login`, refuses for `consent=deny`, and asks with a form where there is neither.
func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	if !s.registered(r.Form.Get("redirect_uri")) {
		// Never redirect there, not even with an error (RFC 6749, section 4.1.2.1).
		http.Error(w, "the redirect_uri is not registered", http.StatusBadRequest)
		return
	}
	ctx := r.Context()
	s.mu.Lock()
	defer s.mu.Unlock()
	request, err := s.oauth.NewAuthorizeRequest(ctx, r)
	if err == nil && r.Form.Get("consent") == "deny" {
		err = fosite.ErrAccessDenied.WithHint("The end user refused.")
	}
	if err != nil {
		s.refused(r, err)
		s.oauth.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	login := r.Form.Get("login")
	if login == "" {
		s.askForLogin(w, r)
		return
	}
	response, err := s.consent(ctx, request, login)
	if err != nil {
		s.refused(r, err)
		s.oauth.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	s.oauth.WriteAuthorizeResponse(ctx, w, request, response)
}

func (s *server) askForLogin(w http.ResponseWriter, r *http.Request) {
	kept := url.Values{}
	for name, values := range r.Form {
		if name != "login" && name != "consent" {
			kept[name] = values
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := loginPage.Execute(w, kept); err != nil {
		s.log.ErrorContext(r.Context(), "writing the login form", "error", err)
	}
}

// loginPage repeats the authorization request together with what the end user decides.
var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Log in</title>
<h1>Log in and consent</h1>
<form method="get" action="/oauth2/auth">
{{range $name, $values := .}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<p><label>Email <input type="email" name="login" autofocus></label></p>
<p><button name="consent" value="allow">Allow</button> <button name="consent" value="deny">Deny</button></p>
</form>
</html>
`))
