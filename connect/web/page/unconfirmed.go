package page

import "github.com/vendgate/vendgate/vending"

// Unconfirmed asks whether to save credentials that the app neither accepts nor refuses. Nothing
// was stored so far.
type Unconfirmed struct {
	Link
	// Title is a short line, and Explanation a sentence.
	Title, Explanation string
	// Key stands for what was entered, which the page does not hold.
	Key vending.Secret
}

func (v Unconfirmed) frame() frame { return v.hosted("unconfirmed", v.Title) }
