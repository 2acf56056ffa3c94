package page

import "net/url"

// Help is HelpURL, or "" if a page would not lead to it.
func (a App) Help() string {
	u, err := url.Parse(a.HelpURL)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.String()
}
