package demoprovider

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

const (
	// maxEntries bounds each table of the memory; the oldest entries go first.
	maxEntries = 4096
	// codeLifetime bounds authorization codes and consent pages (RFC 6749, section 4.1.2).
	codeLifetime = 10 * time.Minute
)

// Grant is what an account's consent is worth to the client.
type Grant struct {
	AccessToken, RefreshToken string
	// Expiry is when the access token ends.
	Expiry time.Time
}

// digest is all that the memory holds of a token, code, ticket or key.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// fingerprint tells credentials apart without showing them: the first 12 hex digits of the SHA-256.
func fingerprint(secret string) string {
	d := digestOf(secret)
	return hex.EncodeToString(d[:])[:12]
}

// family is one consent; all tokens that came from it end together (RFC 9700, section 4.14.2).
type family struct {
	account string
	revoked bool
}

type accessToken struct {
	family *family
	expiry time.Time
}

type refreshToken struct {
	family *family
	used   bool
}

// request is an authorization request: first of a consent page, then of a code.
type request struct {
	redirectURI, state, challenge string
	account                       string
	expiry                        time.Time
	family                        *family // of the tokens, once the code was redeemed
}

// memory is all that the provider knows.
type memory struct {
	lifetime time.Duration

	mu      sync.Mutex
	access  table[accessToken]
	refresh table[refreshToken]
	tickets table[request] // of consent pages
	codes   table[request]
	keys    table[struct{}]
}

func newMemory(lifetime time.Duration) *memory { return &memory{lifetime: lifetime} }

// issue makes the first tokens of a new family.
func (l *memory) issue(account string) Grant {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.extend(&family{account: account})
}

// extend makes new tokens for f. The caller holds the lock.
func (l *memory) extend(f *family) Grant {
	g := Grant{
		AccessToken:  "demo_at_" + rand.Text(),
		RefreshToken: "demo_rt_" + rand.Text(),
		Expiry:       time.Now().Add(l.lifetime),
	}
	l.access.put(digestOf(g.AccessToken), accessToken{f, g.Expiry})
	l.refresh.put(digestOf(g.RefreshToken), refreshToken{family: f})
	return g
}

// account returns whose access token it is, while it is valid.
func (l *memory) account(token string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.access.get(digestOf(token))
	if !ok || t.family.revoked || !time.Now().Before(t.expiry) {
		return "", false
	}
	return t.family.account, true
}

// rotate trades a refresh token for new tokens. A token that comes a second time was stolen, or its
// successor was, and no one knows by whom: the family ends.
func (l *memory) rotate(token string) (Grant, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := digestOf(token)
	t, ok := l.refresh.get(key)
	if !ok || t.family.revoked {
		return Grant{}, false
	}
	if t.used {
		t.family.revoked = true
		return Grant{}, false
	}
	t.used = true
	l.refresh.set(key, t)
	return l.extend(t.family), true
}

// ask opens a consent page for r and returns its ticket.
func (l *memory) ask(r request) (ticket string) {
	ticket = rand.Text()
	r.expiry = time.Now().Add(codeLifetime)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tickets.put(digestOf(ticket), r)
	return ticket
}

// answer takes the request of a consent page; each ticket works once.
func (l *memory) answer(ticket string) (request, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := digestOf(ticket)
	r, ok := l.tickets.get(key)
	if !ok || !time.Now().Before(r.expiry) {
		return request{}, false
	}
	l.tickets.remove(key)
	return r, true
}

// consent makes a code for what account agreed to.
func (l *memory) consent(r request, account string) (code string) {
	code = "demo_code_" + rand.Text()
	r.account, r.expiry = account, time.Now().Add(codeLifetime)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes.put(digestOf(code), r)
	return code
}

// redeem trades a code for tokens if accepts agrees. A code works once, whatever comes of it; one
// that comes again ends what it was redeemed for (RFC 6749, section 4.1.2).
func (l *memory) redeem(code string, accepts func(request) bool) (Grant, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := digestOf(code)
	r, ok := l.codes.get(key)
	if !ok {
		return Grant{}, false
	}
	if r.family != nil {
		r.family.revoked = true
		return Grant{}, false
	}
	r.family = &family{account: r.account}
	l.codes.set(key, r)
	if !time.Now().Before(r.expiry) || !accepts(r) {
		return Grant{}, false
	}
	return l.extend(r.family), true
}

// end revokes the family of an access or refresh token.
func (l *memory) end(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := digestOf(token)
	if t, ok := l.access.get(key); ok {
		t.family.revoked = true
	}
	if t, ok := l.refresh.get(key); ok {
		t.family.revoked = true
	}
}

// expireAll ends every access token and returns how many were valid.
func (l *memory) expireAll() (expired int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for key, t := range l.access.entries {
		if !t.family.revoked && now.Before(t.expiry) {
			expired++
			l.access.set(key, accessToken{t.family, now})
		}
	}
	return expired
}

// endAccount revokes all families of account and returns how many there were.
func (l *memory) endAccount(account string) (revoked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.refresh.entries {
		if t.family.account == account && !t.family.revoked {
			t.family.revoked = true
			revoked++
		}
	}
	return revoked
}

func (l *memory) addKey() string {
	key := "demo_key_" + rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys.put(digestOf(key), struct{}{})
	return key
}

func (l *memory) hasKey(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.keys.get(digestOf(key))
	return ok
}
