package page

import "github.com/vendgate/vendgate/connect/web/page/asset"

// Update asks for the credentials that take the place of a connection's.
type Update struct {
	Session
	Row Row
	// Provider is what the app is called in a sentence.
	Provider string
	// Fields are those of the app. A secret is never shown, and entered again each time: else who
	// changes another field could send the secret where only its owner may.
	Fields []Field
	// Problem says in a sentence why the values were not accepted; empty the first time.
	Problem string
	// AskUnconfirmed offers to save what the app neither accepts nor refuses.
	AskUnconfirmed bool
}

// Updated says that a connection's credentials were replaced.
type Updated struct {
	Session
	Row Row
	// Provider is what the app is called in a sentence.
	Provider string
}

func (v Update) frame() frame {
	title := "Update connection data"
	if v.Failed() {
		title = "Error: " + title
	}
	f := dashboardFrame("update", "connections", title)
	if anyMasked(v.Fields) {
		f.script = asset.FormScript.Name
	}
	return f
}

func (Updated) frame() frame { return dashboardFrame("updated", "connections", "Connection updated") }

// Failed reports whether the form was sent before and not accepted.
func (v Update) Failed() bool { return failed(v.Fields, v.Problem) }
