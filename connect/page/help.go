package page

import "net/url"

// Help is HelpURL, or "" if it is none that a page would lead to.
func (a App) Help() string {
	u, err := url.Parse(a.HelpURL)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.String()
}
