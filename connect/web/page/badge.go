package page

// Badge is the state of a connection as a word, a colour and an icon, so that neither colour nor
// icon is needed to tell it.
type Badge struct {
	// Kind is the colour's class: wait, link, bad, good or off.
	Kind string
	// Icon names a template `icon-…`.
	Icon string
	Text string
	// Hint says what it means.
	Hint string
}

// The badges of the guide, and those for the states that it has no badge for.
var (
	badgePending  = Badge{"wait", "hourglass", "Pending", "Waiting for the end user to use the link"}
	badgeRefresh  = Badge{"wait", "refresh", "Pending", "Refresh in progress: existing credentials still work"}
	badgeRepair   = Badge{"wait", "refresh", "Pending", "Refresh in progress"}
	badgeViaLink  = Badge{"link", "link", "Via Link", "Created by the end user through a link"}
	badgeDeclined = Badge{"bad", "close", "Refresh declined", "The end user declined the last link to refresh it"}
	badgeRejected = Badge{"bad", "close", "Rejected", "The end user declined the request"}
	badgeExpired  = Badge{"off", "clock", "Expired", "The link ended before it was used"}
	badgeActive   = Badge{"good", "check", "Active", "The credentials work"}
	badgeUnsure   = Badge{"good", "check", "Active", "Calls use the credentials"}
	badgeDoubt    = Badge{"wait", "alert", "Not verified", "The provider has not confirmed the credentials"}
	badgeRenew    = Badge{"bad", "alert", "Needs reconnection", "The provider no longer accepts the credentials"}
)

// Badges returns the row's badges, the state first.
func (r Row) Badges() (badges []Badge) {
	switch r.Status {
	case "pending":
		return []Badge{badgePending}
	case "rejected":
		return []Badge{badgeRejected}
	case "expired":
		return []Badge{badgeExpired}
	}
	switch {
	case r.NeedsReconnection:
		badges = append(badges, badgeRenew)
	case r.Unverified:
		badges = append(badges, badgeUnsure, badgeDoubt)
	default:
		badges = append(badges, badgeActive)
	}
	switch {
	case r.RefreshPending && r.NeedsReconnection:
		badges = append(badges, badgeRepair)
	case r.RefreshPending:
		badges = append(badges, badgeRefresh)
	case r.RefreshRejected:
		badges = append(badges, badgeDeclined)
	}
	if r.ViaLink {
		badges = append(badges, badgeViaLink)
	}
	return badges
}

// StillWorks reports whether a refresh is in progress and what the connection holds works until
// then.
func (r Row) StillWorks() bool {
	return r.Status == "active" && r.RefreshPending && !r.NeedsReconnection
}

// Expired reports whether the row's link ended unused, which the table says in a sentence.
func (r Row) Expired() bool { return r.Status == "expired" && !r.LinkExpiresAt.IsZero() }
