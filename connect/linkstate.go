package connect

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// LinkState is a link as its holder meets it.
type LinkState struct {
	Connection Connection
	// Status is the link's own: a link that renews is pending while its connection is active.
	Status    Status
	Renews    bool
	Accepted  bool
	ExpiresAt time.Time
	opened    bool
	// browser is the digest of the cookie of the browser that ended the link.
	browser Digest
}

// EndedBy reports whether the browser with this cookie's digest completed or rejected the link.
func (l *LinkState) EndedBy(browser Digest) bool {
	return l.browser != Digest{} && l.browser == browser
}

// Link returns the link of a token in whatever state it is. An unknown one is ErrLinkEnded.
func (s *Store) Link(ctx context.Context, digest Digest) (l LinkState, err error) {
	err = s.view(ctx, "reading a link", func(tx *sql.Tx) error {
		l, err = s.link(ctx, tx, digest)
		return err
	})
	return l, err
}

func (s *Store) link(ctx context.Context, tx *sql.Tx, digest Digest) (l LinkState, err error) {
	var id string
	var browser []byte
	var expires int64
	err = tx.QueryRowContext(ctx,
		`SELECT connection, status, renews, opened, accepted, expires_at, browser FROM links WHERE digest = ?`, digest[:]).
		Scan(&id, &l.Status, &l.Renews, &l.opened, &l.Accepted, &expires, &browser)
	if errors.Is(err, sql.ErrNoRows) {
		return l, ErrLinkEnded
	}
	if err != nil {
		return l, err
	}
	l.ExpiresAt = time.UnixMilli(expires).UTC()
	if l.Status == Pending && !l.ExpiresAt.After(s.now()) {
		l.Status = Expired
	}
	copy(l.browser[:], browser)
	l.Connection, err = s.describe(ctx, tx, "", "", id)
	return l, err
}

// pendingLink returns a link that can still be used, or ErrLinkEnded.
func (s *Store) pendingLink(ctx context.Context, tx *sql.Tx, digest Digest) (LinkState, error) {
	l, err := s.link(ctx, tx, digest)
	if err == nil && l.Status != Pending {
		err = ErrLinkEnded
	}
	return l, err
}

// OpenLink returns a link for the page that its holder opens, and records the first time. A link
// that cannot be used is ErrLinkEnded.
func (s *Store) OpenLink(ctx context.Context, digest Digest) (LinkState, error) {
	return s.passLink(ctx, digest, `UPDATE links SET opened = 1 WHERE digest = ?`, LinkOpened, func(l *LinkState) *bool {
		return &l.opened
	})
}

// AcceptLink records that the end user wants to go on, and returns the link. One that cannot be
// used is ErrLinkEnded.
func (s *Store) AcceptLink(ctx context.Context, digest Digest) (LinkState, error) {
	return s.passLink(ctx, digest, `UPDATE links SET accepted = 1 WHERE digest = ?`, LinkAccepted,
		func(l *LinkState) *bool {
			return &l.Accepted
		})
}

// passLink runs note once a pending link has come that far, which passed tells of it. It writes the
// first time only: pages are read far more often than they are first opened.
func (s *Store) passLink(ctx context.Context, digest Digest, note string, event Event,
	passed func(*LinkState) *bool) (LinkState, error) {
	var l LinkState
	read := func(tx *sql.Tx) (err error) {
		l, err = s.pendingLink(ctx, tx, digest)
		return err
	}
	if err := s.view(ctx, "reading a link", read); err != nil {
		return LinkState{}, err
	}
	if *passed(&l) {
		return l, nil
	}
	err := s.update(ctx, "noting the progress of a link", func(tx *sql.Tx) error {
		if err := read(tx); err != nil || *passed(&l) { // another request may have been first
			return err
		}
		if _, err := tx.ExecContext(ctx, note, digest[:]); err != nil {
			return err
		}
		*passed(&l) = true
		return s.record(ctx, tx, about(event, l.Connection))
	})
	if err != nil {
		return LinkState{}, err
	}
	return l, nil
}
