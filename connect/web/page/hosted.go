package page

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// Brand is the tenant as its end users see it.
type Brand struct {
	// Name and Email are the requester's.
	Name, Email string
	// LogoURL is an `https` URL; anything else is left out, and a monogram is shown instead.
	LogoURL string
	// Accent is a colour as [asset.ParseAccent] takes it; anything else means the default.
	Accent string
}

// Logo returns the logo's URL, or "" where there is none that a page would load.
func (b Brand) Logo() string {
	if LogoOrigin(b.LogoURL) == "" {
		return ""
	}
	return b.LogoURL
}

// App is the app that a page is about.
type App struct {
	Slug, Name string
	// Choice is what a form of the dashboard takes for it: its name, or its slug where another app has
	// that name.
	Choice string
	// OAuth says that the end user signs in at the app's provider, rather than entering credentials
	// here.
	OAuth bool
	// HelpURL is a page of the app's that says where to find its credentials; may be empty.
	HelpURL string
	// Verified says that credentials which the app refuses are not stored. Not every app can be asked.
	Verified bool
	// Inconclusive says that the app's answer may leave it open whether it accepts them.
	Inconclusive bool
}

// Link is what the pages of one hosted link have in common.
type Link struct {
	Brand Brand
	App   App
	// Connection is the connection's name.
	Connection string
	// At is the address of the account or site that the connection has; empty without one
	// yet, or one for all.
	At string
	// Account is what the app calls the account that the connection holds; empty if it did not say.
	Account string
	// For says for whom the link was made; nothing where the tenant does not want it told.
	For []HintPart
	// Renews says that the connection exists already and the link renews its credentials.
	Renews bool
	// Lost says that the app no longer accepts the credentials that the link renews.
	Lost bool
	// Unverified says that the link made a connection whose credentials the app did not confirm.
	Unverified bool
	// Token is the request token, of which the forms' paths are made.
	Token vending.Secret
	// CSRF goes with every form.
	CSRF string
}

// HintPart is a part of the sentence that says for whom a link was made.
type HintPart struct {
	Text string
	// Address says that Text is the end user's address, masked, rather than words.
	Address bool
}

// FieldPrefix comes before a field's name in what Form posts, so that no app's field can take the
// place of another.
const FieldPrefix = "field."

// Invitation asks the end user whether to connect.
type Invitation struct {
	Link
	// ExpiresAt is when the link ends, and Now the time at which the page is drawn.
	ExpiresAt, Now time.Time
}

// Redirect takes the end user to an app's provider. The form before it may not answer with
// a redirect itself: browsers hold `form-action` against it.
type Redirect struct {
	Link
	// URL is the provider's authorization URL; `https`, or `http` where the operator allows it.
	URL string
}

// Success says that the connection is made, or its credentials renewed.
type Success struct {
	Link
	// Missing are the scopes that were asked for and that the app did not grant.
	Missing []string
}

// Refusal says that the end user rejected the link.
type Refusal struct{ Link }

// ProviderProblem says what went wrong at the app's provider. Nothing was stored, and the link can
// be used again.
type ProviderProblem struct {
	Link
	// Title is a short line, and Explanation a sentence or two. Empty ones say that the app could not
	// complete the request.
	Title, Explanation string
	// Description is the provider's own; may be empty.
	Description string
}

// Invalid is the one page for a link that is unknown, used or expired: it must not tell which, so
// it shows nothing of the link.
type Invalid struct{}

// BrowserProblem says that the browser did not send the cookie that binds the link's pages
// together.
type BrowserProblem struct {
	// Token, where it is known, lets the end user open the link again.
	Token vending.Secret
}

// Problem is a page for all else that can go wrong: a path that does not exist, a defect here.
type Problem struct {
	Title, Explanation string
	// Request is the request's id, for reporting the problem; may be empty.
	Request string
}

func (l Link) hosted(name, title string) frame {
	return frame{layout: hostedLayout, name: name, title: title, accent: l.Brand.Accent}
}

func (v Invitation) frame() frame {
	if v.Renews {
		return v.hosted("invitation", v.renewing())
	}
	return v.hosted("invitation", v.connecting())
}

// connecting and renewing are what a link is for, as titles: a browser has many tabs.
func (l Link) connecting() string { return "Connect " + l.App.Name + " to " + l.Brand.Name }
func (l Link) renewing() string {
	return "Renew your " + l.App.Name + " connection to " + l.Brand.Name
}

func (v Redirect) frame() frame {
	f := v.hosted("redirect", "Taking you to "+v.App.Name+" · "+v.connecting())
	f.refresh = v.Target()
	return f
}

func (v Success) frame() frame { return v.hosted("success", v.Title()+" · "+v.connecting()) }
func (v Refusal) frame() frame { return v.hosted("refusal", "You declined this request") }

func (v ProviderProblem) frame() frame {
	return v.hosted("provider-problem", v.Heading())
}

func (Invalid) frame() frame {
	return frame{layout: hostedLayout, name: "invalid", title: "This link cannot be used"}
}

func (BrowserProblem) frame() frame {
	return frame{layout: hostedLayout, name: "browser-problem", title: "Your browser did not keep this session"}
}

func (v Problem) frame() frame {
	return frame{layout: hostedLayout, name: "problem", title: v.Title}
}

// Left says how long the link lasts, in words.
func (v Invitation) Left() string {
	left := v.ExpiresAt.Sub(v.Now)
	switch {
	case v.Now.IsZero() || left <= 0:
		return ""
	case left < 2*time.Minute:
		return "less than 2 minutes left"
	case left < 2*time.Hour:
		return fmt.Sprintf("%d minutes left", int(left.Round(time.Minute).Minutes()))
	default: // of 48 hours, the first second must not take one
		return fmt.Sprintf("%d hours left", int(left.Round(time.Hour).Hours()))
	}
}

// Target returns the URL to go to, or "" if a browser must not be sent there.
func (v Redirect) Target() string {
	u, err := url.Parse(v.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return u.String()
}

// Host is where the end user is taken.
func (v Redirect) Host() string {
	u, err := url.Parse(v.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Title is the line that says it.
func (v Success) Title() string {
	if v.Renews {
		return "Credentials updated successfully"
	}
	return "Connection created successfully"
}

// Heading is the title, or the one for want of it.
func (v ProviderProblem) Heading() string {
	if strings.TrimSpace(v.Title) == "" {
		return v.App.Name + " could not complete the request"
	}
	return v.Title
}

// maxShownScopes is how many of the scopes that are missing a page names.
const maxShownScopes = 10

// Shown are the first of the scopes that are missing.
func (v Success) Shown() []string { return v.Missing[:min(len(v.Missing), maxShownScopes)] }

// More is how many scopes are missing besides those Shown.
func (v Success) More() int { return max(0, len(v.Missing)-maxShownScopes) }
